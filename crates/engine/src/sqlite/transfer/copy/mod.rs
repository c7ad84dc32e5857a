//! Copies: single files with the rows of one tenant and store. Taking them, reading them, and making databases from them.

mod adopt;
mod blank;
pub(crate) mod file;
mod foreign;
mod read;
mod take;

pub(crate) use adopt::adopt;
pub(crate) use blank::blank;
pub(crate) use file::{at_end, check_copy, identity, inspect_copy, open_copy};
pub(crate) use foreign::foreign;
pub(crate) use read::rows;
pub(crate) use take::{copy_out, finish_copy, migrate_copy, new_copy};
