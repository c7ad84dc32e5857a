//! SQLite: one file per database, in a server's directory.
//!
//! Only [`crate::engine`] calls it, which selects the server. Every connection of the process to a database is opened
//! here. No other code may open a live database file, not even to read it: closing any descriptor of the file would
//! silently drop SQLite's POSIX locks. `connection::base` has the one exception, for files that this process does not have open.

mod cells;
mod connection;
mod error;
mod files;
mod functions;
mod identity;
pub(crate) mod records;
mod sandbox;
pub(crate) mod schema;
mod session;
mod site;
mod system;
mod tables;
pub(crate) mod transfer;
mod wal_index;

pub(crate) use connection::{Cache, Handles, LongWork, Mode, WriteTurn};
pub(crate) use error::{free_bytes, is_loss, located};
pub use files::{DatabaseFile, Template};
pub(crate) use files::{
    Server, TemporaryFile, attach, change_identity, check_all_pages, check_rows, check_search, generation_in,
    highest, inspect_file, list_files, migrate_file, name_prepared, pooled_bytes, prepare, provision,
    rehearse_file, repair, residents, scrub, sweep,
};
pub(crate) use identity::enrol;
pub use schema::Script;
pub(crate) use session::{Session, operator_sql};
pub(crate) use site::Site;
pub use system::{SqlRow, SystemDb, Tx};
pub(crate) use wal_index::allow_files as allow_shm_files;
