//! SQLite: one file per database, in a server's directory.
//!
//! Only [`crate::engine`] calls it; the engine selects the server. Every connection of the process to a database is
//! opened here. No other code may open a live database file, not even to read it: closing any descriptor of the file
//! would silently drop SQLite's POSIX locks. `connection::base` has the one exception, for files that this process does
//! not have open.

mod backend;
mod cells;
mod connection;
mod error;
mod files;
mod functions;
mod identity;
mod local_copy;
pub(crate) mod records;
mod sandbox;
pub(crate) mod schema;
mod session;
mod site;
mod system;
mod tables;
pub(crate) mod transfer;
mod wal_index;

pub(crate) use backend::{Backend, Preparing, Shared, blocking};
pub(crate) use connection::{Cache, Handles, LongWork, Mode, WriteTurn};
pub(crate) use error::{free_bytes, is_loss, located};
pub(crate) use files::{Server, TemplateImage, TemporaryFile, sweep};
pub(crate) use identity::enrol;
pub use local_copy::LocalCopy;
pub(crate) use sandbox::Beside;
pub(crate) use session::{Asked, Session, operator_sql};
pub(crate) use site::Site;
pub(crate) use system::{COLUMNS, LAST_IDS, SystemDb, Tx};
pub(crate) use wal_index::allow_files as allow_shm_files;
