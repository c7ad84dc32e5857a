//! Single files with the rows of one tenant and store: takes and reads copies, and creates databases from copies or
//! directly from places.

mod adopt;
mod blank;
mod direct;
pub(crate) mod file;
mod foreign;
mod read;
mod take;

pub(crate) use adopt::adopt;
pub(crate) use blank::blank;
pub(crate) use direct::{begin_file, fill_pages, finish_file};
pub(crate) use file::{check_copy, identity, inspect_copy, open_copy};
pub(crate) use foreign::foreign;
pub(crate) use read::rows;
pub(crate) use take::{copy_out, finish_copy, migrate_copy, new_copy};
