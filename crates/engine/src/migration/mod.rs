//! Schema changes as portable data: the contents of a migration, the models after it, and the search for the next one.
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

/// One migration of an app. In each database, its operations are applied together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Migration {
    /// The app that the migration belongs to.
    pub app: AppName,
    /// Name such as `0001_initial`: a number, then a description. Migrations of an app run in order of their names.
    pub name: String,
    /// Migrations of other apps that must run before it, as `app/name`.
    pub depends: Vec<String>,
    /// Operations in order.
    pub ops: Vec<Op>,
}

/// Statements for each kind of database, which run unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statements {
    /// Statements for SQLite.
    pub sqlite: Vec<String>,
    /// Statements for PostgreSQL.
    pub postgres: Vec<String>,
    /// Commands for MongoDB, as JSON.
    pub mongo: Vec<String>,
}

/// One schema change. Its models and fields contain only what databases know (see [`Model::schema`]). Labels and
/// permissions are never migrated.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Creates a table.
    CreateModel {
        /// The new model. Its store is the store of the operation.
        model: Box<Model>,
    },
    /// Drops a table with its rows.
    DropModel {
        /// Store of the model.
        store: StoreName,
        /// Name of the model to drop.
        model: ModelName,
    },
    /// Renames a table. References follow.
    RenameModel {
        /// Store of the model.
        store: StoreName,
        /// Old name of the model.
        from: ModelName,
        /// New name of the model.
        to: ModelName,
    },
    /// Adds a column.
    AddField {
        /// Store of the model.
        store: StoreName,
        /// Name of the model that gets the field.
        model: ModelName,
        /// The new field.
        field: Field,
        /// Value for existing rows if the field has no default.
        fill: Option<Json>,
    },
    /// Changes a column: type, options, flags. The field keeps its name.
    AlterField {
        /// Store of the model.
        store: StoreName,
        /// Name of the model that has the field.
        model: ModelName,
        /// The field after the change.
        field: Field,
        /// Value for rows in which the field is null, if it becomes required.
        fill: Option<Json>,
    },
    /// Renames a column.
    RenameField {
        /// Store of the model.
        store: StoreName,
        /// Name of the model that has the field.
        model: ModelName,
        /// Old name of the field.
        from: FieldName,
        /// New name of the field.
        to: FieldName,
    },
    /// Drops a column with its values.
    DropField {
        /// Store of the model.
        store: StoreName,
        /// Name of the model that has the field.
        model: ModelName,
        /// Name of the field to drop.
        field: FieldName,
    },
    /// Creates a composite index.
    AddIndex {
        /// Store of the model.
        store: StoreName,
        /// Name of the model that gets the index.
        model: ModelName,
        /// The new index.
        index: Index,
    },
    /// Drops a composite index.
    DropIndex {
        /// Store of the model.
        store: StoreName,
        /// Name of the model that has the index.
        model: ModelName,
        /// The index to drop.
        index: Index,
    },
    /// Runs statements that change schema objects other than models (views, triggers).
    Raw {
        /// Store whose databases run the statements.
        store: StoreName,
        /// The statements to run.
        statements: Statements,
        /// The statements that undo them.
        reverse: Option<Statements>,
    },
    /// Runs statements that change rows.
    Data {
        /// Store whose databases run the statements.
        store: StoreName,
        /// The statements to run.
        statements: Statements,
    },
}

impl Op {
    /// Returns the store whose databases the operation changes.
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

    /// Returns true if any operation of the migration is for the store.
    pub fn touches(&self, store: &StoreName) -> bool {
        self.ops.iter().any(|op| op.store() == store)
    }
}
