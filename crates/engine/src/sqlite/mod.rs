//! SQLite: one file per database, in a server's directory.
//!
//! Only [`crate::engine`] calls it, which selects the server. Every connection of the process to a database is opened
//! here. No other code may open a live database file, not even to read it: closing any descriptor of the file would
//! silently drop SQLite's POSIX locks. `base` has the one exception, for files that this process does not have open.

mod activity;
mod base;
pub mod bind;
mod birth;
mod cache;
mod database;
pub mod ddl;
mod deadline;
mod error;
mod functions;
mod handles;
mod identity;
pub mod inspect;
mod known;
pub mod list;
pub(crate) mod lying;
mod maintenance;
pub mod merge;
pub mod migrate;
mod open;
pub mod plan;
mod pool;
mod present;
mod provision;
mod queue;
pub mod read;
mod repair;
mod rest;
mod sandbox;
pub mod search;
mod server;
mod session;
mod share;
pub(crate) mod shm;
mod stop;
mod system;
pub(crate) mod transfer;
mod upkeep;
pub mod usage;
mod watch;
pub mod write;

pub use activity::Activity;
pub(crate) use cache::Cache;
pub(crate) use deadline::LongWork;
pub(crate) use error::{free_bytes, is_loss, located};
pub(crate) use handles::Handles;
pub(crate) use identity::{Platform, enrol, set_fence};
pub use lying::{DatabaseFile, Resident};
pub(crate) use open::Mode;
pub use provision::Template;
pub(crate) use provision::{Half, place_prepared, prepare, provision, sweep};
pub(crate) use repair::repair;
pub use sandbox::{SqlLimits, SqlRows};
pub(crate) use server::{Server, Site};
pub(crate) use session::{Session, sql_at_any_schema};
pub use system::{SqlRow, SystemDb, Tx};
pub use transfer::{
    AdoptOptions, Blanked, CaughtUp, Copy, CopyInfo, CopyOptions, Digest, ModelDiff, Standing, TableDigest,
};
pub(crate) use upkeep::{attach, change_identity, inspect_file, look, migrate_file, pooled_bytes, scrub};
