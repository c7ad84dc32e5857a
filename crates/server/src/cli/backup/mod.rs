//! Commands for backups and restores.

pub(in crate::cli) mod backup_args;
pub(in crate::cli) mod backups;
pub(in crate::cli) mod restore;
