//! Copies: single files with the rows of one tenant and store. Taking them, reading them, and making databases from them.

mod adopt;
mod blank;
mod extract;
pub(crate) mod file;
mod foreign;
mod read;
mod take;

pub(crate) use adopt::adopt;
pub(crate) use blank::blank;
pub(crate) use extract::open_source;
pub(crate) use file::{at_end, identity, inspect_copy, open_copy};
pub(crate) use foreign::foreign;
pub(crate) use read::rows;
pub(crate) use take::{copy_out, migrate_copy};
