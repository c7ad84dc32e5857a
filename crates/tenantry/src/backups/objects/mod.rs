//! The objects of a backup in the backup store: made, streamed, described by a manifest, fetched and verified.

pub(in crate::backups) mod archive;
pub(in crate::backups) mod catalog_file;
pub(in crate::backups) mod fetch;
mod heads;
pub mod manifest;
pub(in crate::backups) mod read_back;
pub(in crate::backups) mod store;
pub mod stream;
pub(in crate::backups) mod take;
pub(in crate::backups) mod verify;
