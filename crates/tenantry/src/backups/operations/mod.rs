//! The operations of backups and restores. Each file has the name of the kind in the journal. An operation with many
//! steps has a folder, with its state in `mod.rs` and its steps in `steps.rs`.
//!
//! The verbs of `backups` start them, and `platform::kinds` lists them. `objects` copies, packs and verifies the bytes.

pub(crate) mod backup;
pub(crate) mod backup_run;
pub(crate) mod backup_verify;
pub(crate) mod restore;
pub(crate) mod restore_discard;
pub(crate) mod restore_swap;
pub(crate) mod upkeep;
