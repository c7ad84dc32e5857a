//! The archive a company takes away: one zip that opens on any computer and that this or another
//! installation reads back.
//!
//! Written by `export`, read by the import operation. A zip and not a tar: whoever gets it opens it
//! with a double click, and it is written in one pass all the same. It holds for each store a plain
//! SQLite file, for each model a CSV file, the uploaded files under names people know, `README.txt`,
//! and `manifest.json` last, so that an archive that was cut off is never taken for a whole one.

mod files;
mod manifest;
mod names;
mod pack;
mod readme;
mod unpack;

pub(crate) use files::{FileLine, FileList, read_files};
pub use manifest::{AppFacts, Entry, FieldFacts, FilesFacts, Manifest, ModelFacts, StoreFacts, TenantFacts};
pub(crate) use manifest::{FORMAT, PRODUCT};
pub(crate) use names::file_path;
pub(crate) use pack::{Out, Packer};
pub(crate) use readme::readme;
pub(crate) use unpack::{Unpacker, bad, damaged};

/// Names inside the archive.
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const README: &str = "README.txt";
pub(crate) const FILES: &str = "files.csv";
pub(crate) const MEMBERS: &str = "members.csv";
