//! Compares the contents of places: by checksum, and row by row.

mod diff;
mod digest;
mod unwritten;

pub(crate) use diff::compare;
pub(crate) use digest::{describe_copy, digest, digest_copy};
pub(crate) use unwritten::compare_unwritten;
