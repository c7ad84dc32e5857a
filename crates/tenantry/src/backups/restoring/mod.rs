//! Restores of a tenant, of all lost tenants, of the platform itself, and of samples; also adds backups from the backup
//! store to the catalog again.

pub mod drills;
mod own;
pub(crate) mod purged;
pub(in crate::backups) mod rescan;
pub(in crate::backups) mod restore_all;
pub(in crate::backups) mod restore_newest;
pub(in crate::backups) mod restore_verbs;
pub mod restores;
pub mod system;
