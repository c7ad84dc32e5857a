//! How people get and leave accounts and tenants: registration, invitations, confirmed addresses, forgotten passwords.
//!
//! Called by the server's routes. All of it follows one rule: what one person types gives no access to anything of
//! another person. A person who joins a tenant follows a link sent to the invited address, and an address is trusted
//! only after such a link.

mod addresses;
mod invitations;
mod memberships;
mod passwords;
mod register;

pub use invitations::{Answerer, Invitation, Invitations, Invited, Inviter};
pub use register::{Founder, Registration};

use crate::Platform;

/// What people do with their own accounts.
pub struct Accounts<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Accounts of people: register, confirm an address, set a password, leave or cancel a tenant.
    pub fn accounts(&self) -> Accounts<'_> {
        Accounts { platform: self }
    }
}
