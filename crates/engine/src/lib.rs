//! Everything that a database does inside one placement: model schema, migration operations, queries as data.
//!
//! Only the `tenantry` crate uses it. It never decides *which* placement a request may touch. It receives a
//! [`place::Place`] and confines every statement to it.

mod carry;
mod cell;
pub mod descriptors;
pub mod engine;
pub mod error;
mod identity;
pub mod input;
mod joins;
mod ledger;
pub mod list;
pub mod migration;
pub mod model;
#[cfg(feature = "mongodb")]
mod mongo;
pub mod name;
pub mod overrides;
pub mod place;
mod position;
#[cfg_attr(
    not(feature = "internals"),
    allow(dead_code, unreachable_pub, reason = "public for the engine's own tests only")
)]
mod postgres;
pub mod query;
mod refused;
pub mod row;
pub mod schema;
mod search;
mod sql;
#[cfg_attr(
    not(feature = "internals"),
    allow(dead_code, unreachable_pub, reason = "public for the engine's own tests only")
)]
mod sqlite;
mod statement;
mod system;
pub mod value;
pub mod write;

/// Parts of the databases that the engine's own tests use without an [`Engine`]. No other crate may use it.
#[cfg(feature = "internals")]
pub mod internals {
    pub use crate::postgres::connections;
    pub use crate::sqlite::{
        records::{list, merge, read, usage, write},
        schema::{ddl, inspect, migrate},
    };
}

pub use cell::Storage;
pub use descriptors::Descriptors;
pub use engine::{
    Activity, AdoptOptions, AttachedAt, AttachedSpec, Blanked, CacheLimits, CaughtUp, ConnectionCounts,
    ConnectionLimits, Copy, CopyInfo, CopyOptions, DatabaseFile, Digest, Drift, Engine, Fault, Filled,
    FindAttached, ForeignDocuments, FoundColumn, FoundTable, Inspection, MigrateReport, ModelDiff, PlaceInfo,
    PlaceState, PostgresOptions, Prepared, ReplicaOptions, ReplicaReport, ReplicaStanding, Replication,
    Resident, Script, Secret, ServerSpec, Session, SqlLimits, SqlRow, SqlRows, Survey, SystemColumn,
    SystemDb, TableDigest, Template, Tx, Usage, WorkLimits, sole_name,
};
pub use error::{Error, Kind, Result};
pub use identity::proof::{Breach, Proof, Rule};
pub use joins::SharedStore;
#[cfg(feature = "mongodb")]
pub use mongo::ServerOptions as MongoOptions;
pub use position::{NotAPosition, Position};
pub use postgres::PostgresUrl;
pub use refused::RefusedRows;
pub use sqlite::LocalCopy;
