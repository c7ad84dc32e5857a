//! Databases, schemas and pooled rows on PostgreSQL servers.
//!
//! Called by the engine's facade only. No other module names a PostgreSQL driver.

mod cells;
pub mod connections;
mod names;
mod server;
mod site;

pub(crate) use server::{Server, ServerOptions};
