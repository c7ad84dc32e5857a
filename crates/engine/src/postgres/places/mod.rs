//! Places as a whole: making them, who may reach them, what a server says about them, and removing them.

mod home;
mod make;
mod remove;
pub(crate) mod roles;
mod state;
mod survey;
mod template;
mod transaction;
mod upkeep;
mod verify;

pub(crate) use make::Rows;
pub(crate) use transaction::{How, Transaction};
pub(crate) use upkeep::is_loss;
