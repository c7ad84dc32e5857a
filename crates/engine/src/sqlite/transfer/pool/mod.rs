//! Adds a tenant to a pool and removes it from one, in batches, so that other writers never wait long.

mod batches;
mod filling;
mod withdraw;

pub(crate) use batches::Queue;
pub(crate) use filling::{Filling, Wanted};
pub(crate) use withdraw::withdraw;
