//! How people get and leave accounts and tenants: registration, invitations, confirmed addresses, forgotten passwords.
//!
//! Called by the server's routes. All of it follows one rule: what one person types gives no access to anything of
//! another person. A person who joins a tenant follows a link sent to the invited address, and an address is trusted
//! only after such a link.

mod addresses;
mod invitations;
mod leave;
mod passwords;
mod register;

pub use invitations::{Answerer, Invitation, Invited, Inviter};
pub use register::{Founder, Registration};

use crate::{Platform, Result, mail};

impl Platform {
    /// Sends the letters that are due. Returns how many were sent. Servers do this automatically.
    ///
    /// # Errors
    /// Those of the control store. A letter that cannot be sent is not an error.
    pub async fn send_mail(&self) -> Result<usize> {
        self.0.mailer.send_due().await
    }

    /// Lists letters of the outbox, newest first. The route has already authorised the caller.
    ///
    /// # Errors
    /// When the control store cannot be read.
    pub async fn letters(&self, filter: &mail::Filter) -> Result<Vec<mail::Letter>> {
        mail::list(&mut self.control().snapshot().await?, filter).await
    }
}
