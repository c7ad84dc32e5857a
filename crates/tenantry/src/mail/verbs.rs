//! The verbs on letters: `platform.letters().list()`.
//!
//! The staff API and the background task that sends letters call them.

use super::{Filter, Letter, list::LetterState};
use crate::{Error, Platform, Result, access::Actor, control::params};
use serde_json::json;

/// The letters of an installation, in its outbox.
pub struct Outbox<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Returns the letters: list, send those that are due.
    pub fn letters(&self) -> Outbox<'_> {
        Outbox { platform: self }
    }
}

impl Outbox<'_> {
    /// Sends the letters that are due. Returns the number of letters sent. Servers do this automatically.
    ///
    /// # Errors
    /// Returns the errors of the control store. A letter that cannot be sent is not an error.
    pub async fn send_due(&self) -> Result<usize> {
        self.platform.0.mailer.send_due().await
    }

    /// Returns letters of the outbox, newest first.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff.
    pub async fn list(&self, actor: &Actor, filter: &Filter) -> Result<Vec<Letter>> {
        actor.require_staff()?;
        super::list(&mut self.platform.control().snapshot().await?, filter).await
    }

    /// Returns a letter of the outbox.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, and when there is no such letter.
    pub async fn show(&self, actor: &Actor, id: i64) -> Result<Letter> {
        actor.require_staff()?;
        super::list::by_id(&mut self.platform.control().snapshot().await?, id).await
    }

    /// Sends a letter again that was sent or given up. A new link replaces the former one.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, and when there is no such letter; [`Error::Conflict`] if
    /// the letter is still waiting, its link was used, or its subject is gone.
    pub async fn send_again(&self, actor: &Actor, id: i64) -> Result<Letter> {
        actor.require_staff()?;
        let mut write = self.platform.control().begin().await?;
        let letter = super::list::by_id(&mut write, id).await?;
        let refused = match letter.state {
            LetterState::Waiting => Some("this letter waits to be sent already"),
            LetterState::Dropped => Some("what this letter was about is gone"),
            LetterState::Sent | LetterState::Failed if letter.is_used => {
                Some("the link of this letter was used")
            }
            LetterState::Sent | LetterState::Failed => None,
        };
        if let Some(why) = refused {
            return Err(Error::Conflict(why.into()));
        }
        let sql = "UPDATE mails SET state = 'waiting', attempts = 0, next_at = ?, error = NULL, token_hash = NULL, \
            charged = 0 WHERE id = ?";
        let at = write.at_us();
        write.execute(sql, params![at, id]).await?;
        write.audit(&actor.by(), None, "mail.send_again", json!({ "mail": id, "kind": letter.kind })).await?;
        let letter = super::list::by_id(&mut write, id).await?;
        write.commit().await?;
        self.platform.0.mailer.wake();
        Ok(letter)
    }
}
