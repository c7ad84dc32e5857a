//! SQLite: everything that is particular to it. Called by the engine facade and the platform's migrations.

pub mod bind;
pub mod ddl;
mod error;
pub mod plan;
pub mod read;
pub mod usage;
pub mod write;
