//! The verbs on letters: `platform.letters().list()`.
//!
//! Called by the staff API and by the background task that sends them.

use super::{Filter, Letter};
use crate::{Platform, Result};

/// The letters of an installation, in its outbox.
pub struct Outbox<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Letters: list, send those that are due.
    pub fn letters(&self) -> Outbox<'_> {
        Outbox { platform: self }
    }
}

impl Outbox<'_> {
    /// Sends the letters that are due. Returns how many were sent. Servers do this automatically.
    ///
    /// # Errors
    /// Those of the control store. A letter that cannot be sent is not an error.
    pub async fn send_due(&self) -> Result<usize> {
        self.platform.0.mailer.send_due().await
    }

    /// Lists letters of the outbox, newest first. The route has already authorised the caller.
    ///
    /// # Errors
    /// When the control store cannot be read.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Letter>> {
        super::list(&mut self.platform.control().snapshot().await?, filter).await
    }
}
