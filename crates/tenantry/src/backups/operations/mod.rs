//! The operations of backups and restores.

pub(crate) mod backup;
pub(crate) mod backup_run;
pub(crate) mod backup_verify;
pub(crate) mod restore;
pub(crate) mod restore_discard;
pub(crate) mod restore_swap;
