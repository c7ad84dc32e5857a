//! Backups of tenants and of the platform's own stores: where they lie, what they say of themselves,
//! when they are made and how long they are kept.

mod archive;
pub mod catalog;
pub mod id;
pub mod manifest;
pub mod retention;
pub mod runs;
pub mod schedule;
mod store;
pub mod stream;

pub use id::BackupId;
