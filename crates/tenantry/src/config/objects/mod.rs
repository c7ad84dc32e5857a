//! Stores of objects: where backups and uploaded files are kept.

pub(super) mod backups;
pub(crate) mod buckets;
pub(super) mod files;
pub(super) mod target;
