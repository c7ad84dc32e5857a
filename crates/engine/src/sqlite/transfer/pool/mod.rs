//! Puts a tenant into a pool and removes it from one, in batches that other writers need not wait long for.

mod absorb;
mod batches;
mod withdraw;

pub(crate) use absorb::absorb;
pub(crate) use withdraw::withdraw;
