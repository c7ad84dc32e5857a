//! Changes to records: what limits a write, what it returns, and the checks before any database is asked.

mod activity;
mod condition;
pub(crate) mod detail;
pub(crate) mod doubt;
mod limits;
pub(crate) mod prepare;
mod queue;
mod request;

pub use activity::Activity;
pub use condition::WriteCondition;
pub use doubt::{Act as DoubtAct, Doubt, NotADoubt, Outcome};
pub use limits::Usage;
pub(crate) use prepare::{Act, ID_MAX, Ready};
pub(crate) use queue::{Queue, Waiting};
pub(crate) use request::{Request, SMALL_CHANGES};

use crate::{name::ModelName, position::Position, query::RecordId, value::Value};

/// Limits that apply to a write, and the user that does it.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Maximum number of rows of the tenant in this store.
    pub max_rows: Option<u64>,
    /// Maximum number of bytes of the tenant in this store.
    pub max_bytes: Option<u64>,
    /// The acting user, for the activity log.
    pub actor: String,
    /// The user that impersonates the actor.
    pub impersonator: Option<String>,
    /// Log the activity of every model, even of those that do not ask for it.
    pub log_all: bool,
    /// Check everything, then roll back instead of committing.
    pub dry_run: bool,
}

/// A row as a change left it; for a delete, as it was before.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Model.
    pub model: ModelName,
    /// Its id.
    pub id: RecordId,
    /// Its version.
    pub version: i64,
    /// All columns in order: id, fields, created_at, updated_at, version.
    pub row: Vec<Value>,
    /// Where the log of the server had arrived when the change was committed. None if the server has no read replicas.
    pub position: Option<Position>,
}
