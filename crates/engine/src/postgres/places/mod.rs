//! Places as a whole: making them, who may reach them, what a server says about them, and removing them.

pub(crate) mod roles;
mod transaction;
mod verify;

pub(crate) use transaction::{How, Transaction};
