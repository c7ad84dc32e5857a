//! Puts a tenant into a pool and removes it from one, in batches that other writers need not wait long for.

mod batches;
mod filling;
mod withdraw;

pub(crate) use batches::Queue;
pub(crate) use filling::{Filling, Wanted};
pub(crate) use withdraw::withdraw;
