//! Schema changes as portable data: the contents of a migration, the models after it, and how the next one is found.
//!
//! The platform calls it (`migrate make`, `migrate`, `check`), and so do the engines, which translate operations to
//! their own statements. Nothing here depends on a database.

mod conversion;
mod convertible;
mod diff;
mod order;
mod overrides;
mod parse;
mod rename;
mod state;
mod write;

pub(crate) use conversion::{Cast, Must, conversion};
pub use convertible::fill_value;
pub(crate) use convertible::{convertible, convertible_in};
pub use diff::diff;
pub(crate) use order::fingerprint_of;
pub use order::{dependencies, fingerprint, order};
pub use rename::{Answers, Choice, Question, Undecided};
pub use state::State;

use crate::{
    model::{Field, Index, Model},
    name::{AppName, FieldName, ModelName, StoreName},
};
use serde_json::Value as Json;

/// Error for a migration that contradicts the models before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// One migration of an app: operations that are applied together or not at all in each database.
#[derive(Debug, Clone, PartialEq)]
pub struct Migration {
    /// The app it belongs to.
    pub app: AppName,
    /// Name such as `0001_initial`: a number, then what it does. Migrations of an app run in order of their names.
    pub name: String,
    /// Migrations of other apps that must run before it, as `app/name`.
    pub depends: Vec<String>,
    /// Its operations, in order.
    pub ops: Vec<Op>,
}

/// Statements for each kind of engine, run unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statements {
    /// For SQLite.
    pub sqlite: Vec<String>,
    /// For PostgreSQL.
    pub postgres: Vec<String>,
    /// For MongoDB: commands as JSON.
    pub mongo: Vec<String>,
}

/// One schema change. Its models and fields carry only what the database knows (see [`Model::schema`]); labels and
/// permissions are never migrated.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Creates a table.
    CreateModel {
        /// The model; its store is the store of the operation.
        model: Box<Model>,
    },
    /// Drops a table with its rows.
    DropModel {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
    },
    /// Renames a table; references follow.
    RenameModel {
        /// Store.
        store: StoreName,
        /// Old name.
        from: ModelName,
        /// New name.
        to: ModelName,
    },
    /// Adds a column.
    AddField {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
        /// The field.
        field: Field,
        /// Value for existing rows, if the field has no default.
        fill: Option<Json>,
    },
    /// Changes a column: type, options, flags. The field keeps its name.
    AlterField {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
        /// The field after the change.
        field: Field,
        /// Value for rows in which it is null, if it becomes required.
        fill: Option<Json>,
    },
    /// Renames a column.
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
    /// Drops a column with its values.
    DropField {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
        /// Field.
        field: FieldName,
    },
    /// Creates a composite index.
    AddIndex {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
        /// The index.
        index: Index,
    },
    /// Drops a composite index.
    DropIndex {
        /// Store.
        store: StoreName,
        /// Model.
        model: ModelName,
        /// The index.
        index: Index,
    },
    /// Runs statements that change schema objects other than models (views, triggers).
    Raw {
        /// Store.
        store: StoreName,
        /// The statements to run.
        statements: Statements,
        /// The statements that undo it.
        reverse: Option<Statements>,
    },
    /// Runs statements that change rows.
    Data {
        /// Store.
        store: StoreName,
        /// The statements to run.
        statements: Statements,
    },
}

impl Op {
    /// Returns the store whose databases this changes.
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
    /// Returns `app/name`, which other migrations use in `depends`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.app, self.name)
    }

    /// Returns true if any of its operations is for the store.
    pub fn touches(&self, store: &StoreName) -> bool {
        self.ops.iter().any(|op| op.store() == store)
    }
}
