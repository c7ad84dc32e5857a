//! The ways in which people get and leave accounts and tenants: registration, invitations, confirmed addresses,
//! forgotten passwords.
//!
//! The server's routes call it. One rule holds throughout: the input of one person gives no access to anything of
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

/// The actions of people on their own accounts.
pub struct Accounts<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Returns the actions of people on their own accounts: register, confirm an address, set a password, leave or
    /// cancel a tenant.
    pub fn accounts(&self) -> Accounts<'_> {
        Accounts { platform: self }
    }
}
