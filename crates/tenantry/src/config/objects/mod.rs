//! Object stores: the targets of backups and uploaded files.

pub(super) mod backups;
pub(crate) mod buckets;
pub(super) mod files;
pub(super) mod target;
