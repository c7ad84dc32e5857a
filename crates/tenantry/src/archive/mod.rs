//! The archive of a tenant: one zip file that opens on any computer and that this or another installation can import.
//!
//! `export/` writes it; the import operation reads it. It is a zip instead of a tar because users can open it with a
//! double click, and it can still be written in one pass. It contains a plain SQLite file for each store, a CSV file
//! for each model, the uploaded files under their given names, and `README.txt`. `manifest.json` comes last, so a
//! truncated archive is never taken for a complete one.

pub(crate) mod export;
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
