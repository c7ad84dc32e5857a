//! Connections to database files: opening, pooling, caching and closing them, the queue of small writes, work on
//! blocking threads, and the maintenance thread.

pub(crate) mod base;
mod cache;
mod database;
mod handles;
mod long_work;
mod maintenance;
pub(crate) mod open;
mod pool;
mod presence;
pub(crate) mod queue;

pub(crate) use base::Apart;
pub(crate) use cache::Cache;
pub(crate) use database::{Database, WriteTurn};
pub(crate) use handles::Handles;
pub(crate) use long_work::{LongWork, Stop};
pub(crate) use open::{BUSY_WAIT, Durability, Mode};
pub(crate) use pool::Lease;
