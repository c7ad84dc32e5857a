//! Whole databases and schemas: provisioning, the roles that reach them, surveys of a server, and removal.

mod attached;
mod blank;
mod describe;
mod home;
mod make;
mod proof;
mod reads;
mod remove;
pub(crate) mod roles;
mod state;
mod survey;
mod template;
mod transaction;
mod upkeep;
mod verify;

pub use describe::{FoundColumn, FoundTable};
pub(crate) use make::Rows;
pub(crate) use transaction::{How, Transaction, begin_as_owner};
pub(crate) use upkeep::is_loss;
