//! Changes to records: the limits and the result of a write, and the checks before any database is involved.

mod activity;
mod condition;
pub(crate) mod detail;
pub(crate) mod doubt;
mod effects;
mod group;
mod limits;
pub(crate) mod prepare;
mod queue;
mod request;
mod row_state;
mod submit;

pub use activity::Activity;
pub use condition::WriteCondition;
pub use doubt::{Act as DoubtAct, Doubt, NotADoubt, Outcome};
pub(crate) use effects::Effects;
pub(crate) use group::{Trouble, Write};
pub use limits::Usage;
pub(crate) use prepare::{Act, ID_MAX, Ready, number};
pub(crate) use queue::{Queue, Waiting};
pub(crate) use request::{Request, SMALL_CHANGES};
pub(crate) use row_state::RowState;
pub(crate) use submit::{Writer, submit};

use crate::{
    name::{FieldName, ModelName},
    position::Position,
    query::RecordId,
    value::Value,
};
use std::sync::Arc;

/// Limits that apply to a write, and the user that makes it.
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
    /// Whether to log the activity of every model, including models without `audit`.
    pub log_all: bool,
    /// The tenant's own fields of the model with personal data, whose values the activity log does not copy.
    pub personal: Arc<[FieldName]>,
    /// Whether to check everything and then roll back instead of committing.
    pub dry_run: bool,
}

/// A row after a change; for a delete, the row before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Name of the model.
    pub model: ModelName,
    /// Id of the record.
    pub id: RecordId,
    /// Version of the record.
    pub version: i64,
    /// All columns in order: id, fields, created_at, updated_at, version.
    pub row: Vec<Value>,
    /// Position of the server's log when the change was committed; `None` if the server has no read replicas.
    pub position: Option<Position>,
}
