//! Restores: of a tenant, of all that are lost, of the platform itself, of samples; and what the catalog takes up again.

pub mod drills;
mod own;
pub(crate) mod purged;
pub(in crate::backups) mod rescan;
pub(in crate::backups) mod restore_all;
pub(in crate::backups) mod restore_newest;
pub(in crate::backups) mod restore_verbs;
pub mod restores;
pub mod system;
