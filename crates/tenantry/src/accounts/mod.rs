//! How people come to accounts and tenants, and leave: registration, invitations, confirmed addresses, forgotten
//! passwords.
//!
//! Called by the server's routes. The rule behind all of it: what one person typed opens nothing of another. Whoever
//! joins a tenant follows a link sent to the address that was invited, and an address is believed only after such a link.

mod addresses;
mod invitations;
mod leave;
mod passwords;
mod register;

pub use invitations::{Answerer, Invitation, Invited};
pub use register::{Founder, Registration};

use crate::{Platform, Result, mail};

impl Platform {
    /// Sends the letters whose time has come; how many left. Serving processes do so by themselves.
    pub async fn send_mail(&self) -> Result<usize> {
        self.0.mailer.send_due().await
    }

    /// Letters of the outbox, newest first. Whether the caller may see them is decided by the route.
    ///
    /// # Errors
    /// When the control store cannot be read.
    pub async fn letters(&self, filter: &mail::Filter) -> Result<Vec<mail::Letter>> {
        mail::list(&mut self.control().snapshot().await?, filter).await
    }
}
