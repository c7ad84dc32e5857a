//! Connections to database files: opening, pooling, caching and closing them, the queue of small writes, work on
//! blocking threads, and the maintenance thread.

pub(crate) mod base;
mod cache;
mod closing;
mod database;
pub(crate) mod group_commit;
mod handles;
mod lease;
mod long_work;
mod maintenance;
pub(crate) mod open;
mod pool;
mod presence;
mod wal_file;

pub(crate) use base::Dedicated;
pub(crate) use cache::Cache;
pub(crate) use closing::ClosesAlone;
pub(crate) use database::{Database, WriteTurn};
pub(crate) use handles::{Handles, Ticket};
pub(crate) use lease::Lease;
pub(crate) use long_work::{LongWork, Stop};
pub(crate) use open::{BUSY_WAIT, Durability, Mode};
