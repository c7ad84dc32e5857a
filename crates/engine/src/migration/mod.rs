//! Schema changes as portable data: what a migration says, what models are after it, how it is found.
//!
//! Called by the platform (`makemigrations`, `migrate`, `check`) and by the engines, which turn operations
//! into their own statements. Nothing here knows a database.

mod convertible;
mod diff;
mod order;
mod overrides;
mod parse;
mod rename;
mod state;
mod write;

pub use convertible::fill_value;
pub(crate) use convertible::{convertible, convertible_in};
pub use diff::diff;
pub use order::{dependencies, fingerprint, order};
pub use rename::{Answers, Choice, Question, Undecided};
pub use state::State;

use crate::model::{Field, Index, Model};
use crate::name::{AppName, FieldName, ModelName, StoreName};
use serde_json::Value as Json;

/// A migration that makes no sense: it contradicts the models as they are before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// One migration of an app: operations that are applied together or not at all in each database.
#[derive(Debug, Clone, PartialEq)]
pub struct Migration {
    /// App it belongs to.
    pub app: AppName,
    /// `0001_initial`: number, then what it does. Migrations of an app run in the order of their names.
    pub name: String,
    /// Migrations of other apps that must come before, as `app/name`.
    pub depends: Vec<String>,
    /// What it does, in order.
    pub ops: Vec<Op>,
}

/// Statements for each kind of engine, run as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statements {
    /// For SQLite.
    pub sqlite: Vec<String>,
    /// For PostgreSQL.
    pub postgres: Vec<String>,
    /// For MongoDB: commands as JSON.
    pub mongo: Vec<String>,
}

/// One schema change. Models and fields inside carry only what the database knows of
/// (see [`Model::schema`]); labels and permissions are never migrated.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// New table.
    CreateModel {
        /// The model; its store is the store of the operation.
        model: Box<Model>,
    },
    /// Table gone, with its rows.
    DropModel {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
    },
    /// Table renamed; references follow.
    RenameModel {
        /// Store.
        store: StoreName,
        /// Old name.
        from: ModelName,
        /// New name.
        to: ModelName,
    },
    /// New column.
    AddField {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
        /// The field.
        field: Field,
        /// Value for rows that exist already, when the field has no default.
        fill: Option<Json>,
    },
    /// Column changed: type, options, flags. The field keeps its name.
    AlterField {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
        /// The field as it shall be.
        field: Field,
        /// Value for rows where it is null, when it becomes required.
        fill: Option<Json>,
    },
    /// Column renamed.
    RenameField {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
        /// Old name.
        from: FieldName,
        /// New name.
        to: FieldName,
    },
    /// Column gone, with its values.
    DropField {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
        /// Field.
        field: FieldName,
    },
    /// New composite index.
    AddIndex {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
        /// The index.
        index: Index,
    },
    /// Composite index gone.
    DropIndex {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
        /// The index.
        index: Index,
    },
    /// Statements that change the schema beside the models (views, triggers).
    Raw {
        /// Store.
        store: StoreName,
        /// What to run.
        statements: Statements,
        /// What takes it back.
        reverse: Option<Statements>,
    },
    /// Statements that change rows.
    Data {
        /// Store.
        store: StoreName,
        /// What to run.
        statements: Statements,
    },
}

impl Op {
    /// The store whose databases this changes.
    pub fn store(&self) -> &StoreName {
        match self {
            Self::CreateModel { model } => &model.store,
            Self::DropModel { store, .. }
            | Self::RenameModel { store, .. }
            | Self::AddField { store, .. }
            | Self::AlterField { store, .. }
            | Self::RenameField { store, .. }
            | Self::DropField { store, .. }
            | Self::AddIndex { store, .. }
            | Self::DropIndex { store, .. }
            | Self::Raw { store, .. }
            | Self::Data { store, .. } => store,
        }
    }
}

impl Migration {
    /// `app/name`, as others depend on it.
    pub fn id(&self) -> String {
        format!("{}/{}", self.app, self.name)
    }

    /// Whether anything in it concerns a store.
    pub fn touches(&self, store: &StoreName) -> bool {
        self.ops.iter().any(|op| op.store() == store)
    }
}
