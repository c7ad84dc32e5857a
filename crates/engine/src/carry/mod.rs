//! Carries rows from one place to another, whatever their databases.
//!
//! A [`Source`] is one state of a place or copy. A [`Sink`] is a transaction on the receiving side. A [`Page`] of
//! neutral cells goes from one to the other. Filling, catching up, comparing and checksums are written once in these
//! terms. Each database has its own statements for its sources and sinks.

mod catch_up;
mod compare;
mod copy;
mod diff;
mod digest;
mod ends;
mod fill;
mod mobile;
mod page;
mod table;

pub(crate) use catch_up::copy_changes;
pub(crate) use compare::{compare, compare_unwritten, digest};
pub use copy::{AdoptOptions, Blanked, CaughtUp, Copy, CopyInfo, CopyOptions, Filled};
pub use diff::ModelDiff;
pub(crate) use digest::TableHash;
pub use digest::{Digest, TableDigest};
pub(crate) use ends::{End, Sink, Source, Touched, check_copy, copy_rows};
pub(crate) use fill::{Contents, declared, require_same};
pub(crate) use mobile::Mobile;
pub(crate) use page::Page;
pub(crate) use table::{LINE, Table, Tables};
