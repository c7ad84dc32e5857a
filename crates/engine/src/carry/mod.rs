//! Rows on their way from one place to another, whatever the databases: what a copy says of itself, how far another place
//! has caught up, and how contents are compared.
//!
//! Plain data and rules. Each database has its own statements for them.

mod copy;
mod diff;
mod digest;

pub use copy::{AdoptOptions, Blanked, CaughtUp, Copy, CopyInfo, CopyOptions};
pub use diff::ModelDiff;
pub(crate) use diff::next_row;
pub(crate) use digest::TableHash;
pub use digest::{Digest, TableDigest};
