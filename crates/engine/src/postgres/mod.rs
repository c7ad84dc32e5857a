//! Databases, schemas and pooled rows on PostgreSQL servers.
//!
//! Called by the engine's facade only. No other module names a PostgreSQL driver.

pub mod connections;
