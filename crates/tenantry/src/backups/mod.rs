//! Backups of tenants and of the platform's own stores: their storage, manifests, schedules and retention.
//!
//! Called by the operations that make and restore backups, by the background pass, and by the verbs in `verbs`. Each
//! backup is its own folder in the backup store. It contains each database as a compressed SQLite file, the files as
//! one archive, and the manifest, which is written last. Nothing here writes to a tenant's database.

pub mod catalog;
pub mod id;
mod objects;
pub(crate) mod operations;
mod own;
mod restoring;
pub(crate) mod service;
pub(crate) mod upkeep;
mod verbs;

pub(crate) use expire::{expired, remove_all, remove_expired};
pub(crate) use fetch::{
    Fetched, Keep, believed, corrupt, damaged, fetch, files_are_whole, manifest_of, put_files_back,
};
pub use id::BackupId;
use objects::{archive, catalog_file, fetch, read_back, store, take, verify};
pub use objects::{manifest, stream};
pub use restore_all::{Done as RestoreAllDone, Event as RestoreAllEvent, RestoredAll};
pub use restore_newest::Newest;
pub use restore_verbs::{Difference, ModelChange, Restores};
pub(crate) use restoring::purged;
pub use restoring::{drills, restores, system};
use restoring::{rescan, restore_all, restore_newest, restore_verbs};
use service::BackupService;
pub(crate) use store::{Store, make_default_directory};
pub(crate) use take::{Wanted, take};
use upkeep::expire;
pub use upkeep::{retention, runs, schedule, status};
pub use verbs::{Asked, Backups, Rescanned, Selection};
pub use verify::Verified;
pub(crate) use verify::verify;
