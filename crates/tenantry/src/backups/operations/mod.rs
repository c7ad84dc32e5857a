//! The operations of backups and restores. Each file is named after the kind in the journal; an operation with many steps
//! has a folder, with its state in `mod.rs` and its steps in `steps.rs`.
//!
//! Started by the verbs of `backups`, listed in `platform::kinds`. Bytes are copied, packed and verified by `objects`.

pub(crate) mod backup;
pub(crate) mod backup_run;
pub(crate) mod backup_verify;
pub(crate) mod restore;
pub(crate) mod restore_discard;
pub(crate) mod restore_swap;
