//! Everything that a database does inside one placement: model schema, migration operations, queries as data.
//!
//! Only the `tenantry` crate uses it. It never decides *which* placement a request may touch: it is given a
//! [`place::Place`] and confines every statement to it.

pub mod descriptors;
pub mod engine;
pub mod error;
pub mod migration;
pub mod model;
pub mod name;
pub mod place;
pub mod query;
pub mod row;
mod session;
pub mod sqlite;
pub mod value;

pub use descriptors::Descriptors;
pub use engine::{
    AdoptOptions, CacheLimits, CaughtUp, Copy, CopyInfo, CopyOptions, Digest, Engine, ModelDiff, Prepared,
    ServerSpec, Session, SqlLimits, SqlRow, SqlRows, Standing, SystemDb, TableDigest, Template, Tx,
    WorkLimits,
};
pub use error::{Error, Kind, Result};
pub use sqlite::Activity;
