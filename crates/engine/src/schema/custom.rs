//! A tenant's own fields as columns that lists filter, sort and group by. Their values are members of the JSON object in
//! one column of the model, so these columns are expressions, which each database writes in its own way.

use super::{Column, Plan, Schema};
use crate::{
    cell::Storage,
    error::{Error, Kind, Result},
    model::{Field, IdKind, custom},
    name::FieldName,
};

/// A tenant's own field as a column.
#[derive(Debug, Clone)]
pub(crate) struct CustomColumn {
    /// The column. Its name is `custom.NAME`.
    pub(crate) column: Column,
    /// Path of the value in the documents of MongoDB.
    #[cfg(feature = "mongodb")]
    pub(crate) path: String,
}

impl Schema {
    /// Returns this schema with a tenant's own fields of one model, as columns for lists and groups.
    ///
    /// # Errors
    /// Returns `NotFound` if there is no such model or the model has no custom fields.
    pub fn with_custom(&self, model: &str, fields: &[Field]) -> Result<Self> {
        let plan = self.require(model)?;
        if !plan.model.has_custom_fields() {
            return Err(Error::new(Kind::NotFound, format!("{model} has no custom fields")));
        }
        let mut plan = plan.clone();
        plan.custom = fields.iter().map(column).collect();
        Ok(self.with(plan))
    }
}

fn column(field: &Field) -> CustomColumn {
    let storage = Storage::of(&field.kind, IdKind::Integer);
    let column = Column {
        name: field.name.custom(),
        storage,
        nullable: true,
        indexed: false,
        most_bytes: None,
        unique: false,
    };
    CustomColumn {
        #[cfg(feature = "mongodb")]
        path: documents::path(field, storage),
        column,
    }
}

impl Plan {
    /// Returns the column at a position that [`Plan::require`] returned.
    pub(crate) fn at(&self, position: usize) -> &Column {
        match position.checked_sub(self.columns.len()) {
            None => &self.columns[position],
            Some(own) => &self.custom[own].column,
        }
    }

    /// Returns the tenant's own field at a position; `None` for a column of the model.
    pub(crate) fn custom_at(&self, position: usize) -> Option<&CustomColumn> {
        self.custom.get(position.checked_sub(self.columns.len())?)
    }
}

/// Returns the storage in which statements of lists compare a column. A tenant's own dates and instants are members of
/// JSON, so they are texts, whose order is the order of time.
pub(crate) fn compared(name: &FieldName, storage: Storage) -> Storage {
    match storage {
        Storage::Date | Storage::Datetime if name.of_custom().is_some() => Storage::Text,
        storage => storage,
    }
}

impl Column {
    /// Returns the storage in which statements of lists compare the column.
    pub(crate) fn compared(&self) -> Storage {
        compared(&self.name, self.storage)
    }
}

/// Name of the column that holds the JSON object with the values.
pub(crate) const COLUMN: &str = custom::FIELD;

/// The members of MongoDB's documents that hold the values.
#[cfg(feature = "mongodb")]
pub(crate) mod documents {
    use crate::{cell::Storage, model::Field};

    /// Name of the field of MongoDB's documents that holds the values of the tenant's own fields, each in a form that
    /// MongoDB compares as lists do.
    pub(crate) const DOCUMENT: &str = "_custom";
    /// Suffixes of the members of [`DOCUMENT`] that hold integers, booleans, and decimals without their point. A text has
    /// none. So a condition on a field finds no value of another type.
    pub(crate) const INTEGER: &str = ":i";
    pub(crate) const BOOLEAN: &str = ":b";
    pub(crate) const SCALED: &str = ":d";

    /// Returns the path of the value of a field.
    pub(super) fn path(field: &Field, storage: Storage) -> String {
        let suffix = match storage {
            Storage::Integer => INTEGER,
            Storage::Boolean => BOOLEAN,
            Storage::Decimal(_) => SCALED,
            _ => "",
        };
        format!("{DOCUMENT}.{}{suffix}", field.name)
    }
}
