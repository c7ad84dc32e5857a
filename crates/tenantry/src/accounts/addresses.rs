//! The actor's own account: its name, language and time zone, and the confirmation of its e-mail address. A person who knows
//! the account's password confirms the address by following a link that was sent to it.
//!
//! The link alone is not enough. Otherwise an attacker could register with another person's address and wait until that
//! person follows the link out of curiosity.

use super::Accounts;
use crate::{
    Error, Result,
    access::{Actor, passwords::Password, sessions::Origin},
    audit::By,
    locale::ProfileChange,
    mail::{self, Kind},
    users::{self, User},
};

impl Accounts<'_> {
    /// Sends another link for confirming the actor's address, unless one is already waiting to be sent.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for an actor who is not a signed-in person; [`Error::Conflict`] if the address is
    /// already confirmed.
    pub async fn request_confirmation(&self, actor: &Actor) -> Result<()> {
        let user = self.own_account(actor).await?;
        if user.is_confirmed() {
            return Err(Error::Conflict("your address is confirmed already".into()));
        }
        let mut write = self.platform.control().begin().await?;
        if !mail::ask_to_confirm(&mut write, user.id, &user.email, actor.bound()).await? {
            return Ok(());
        }
        let detail = serde_json::json!({ "user": user.id });
        write.audit(&actor.by(), None, "user.request_confirmation", detail).await?;
        write.commit().await?;
        self.platform.0.mailer.wake();
        Ok(())
    }

    /// Changes the name, the language and the time zone of the actor's own account.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for an actor who is not a signed-in person; [`Error::Denied`] while impersonating;
    /// [`Error::Invalid`] for an invalid value, or if nothing is to be changed.
    pub async fn change_profile(&self, actor: &Actor, change: &ProfileChange<'_>) -> Result<User> {
        let user = self.own_account(actor).await?;
        change.check()?;
        if change.name.is_none() && !change.has_locale() {
            return Err(Error::invalid("name", "name something to change"));
        }
        let mut write = self.platform.control().begin().await?;
        if let Some(name) = change.name {
            users::set_name(&mut write, &actor.by(), user.id, name).await?;
        }
        if change.has_locale() {
            users::set_locale(&mut write, &actor.by(), user.id, change).await?;
        }
        let changed = users::by_id(&mut write, user.id).await?;
        write.commit().await?;
        self.platform.control().refresh().await?;
        Ok(changed)
    }

    /// Confirms the address of the account for which a link was sent, with that account's password.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for a link that is unknown, used or expired; [`Error::Unauthenticated`] for a wrong
    /// password; [`Error::RateLimited`] if the limit is used up.
    pub async fn confirm_address(&self, token: &str, password: Password, origin: &Origin) -> Result<()> {
        let control = self.platform.control();
        let link = mail::link(&mut control.snapshot().await?, token, Kind::Verify, control.now_us()).await?;
        let id = link.user.ok_or(Error::NotFound("link"))?;
        let proven = self.platform.access().prove_again(id, password, origin).await?;
        let mut write = control.begin().await?;
        users::require_credentials(&mut write, id, proven).await?;
        mail::use_link(&mut write, &link).await?;
        let by = By::actor(format!("user:{id}"));
        let user = users::by_id(&mut write, id).await?;
        if user.email != link.address {
            return Err(Error::NotFound("link"));
        }
        users::confirm(&mut write, &by, id, &self.platform.owner_role()?).await?;
        if user.is_confirmed() {
            write.found_nothing_to_do();
        }
        write.commit().await?;
        control.refresh().await
    }

    /// Returns the account of a person who acts as themselves.
    pub(super) async fn own_account(&self, actor: &Actor) -> Result<User> {
        actor.may_change_credentials()?;
        let id = actor.user_id().ok_or(Error::NotFound("user"))?;
        users::by_id(&mut self.platform.control().snapshot().await?, id).await
    }
}
