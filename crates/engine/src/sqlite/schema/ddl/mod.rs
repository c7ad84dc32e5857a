//! Translates portable operations to SQLite statements, for both isolations.
//!
//! `migrate` uses it, and so does drift inspection, which compares with a newly created schema. This module runs no
//! statement.

mod convert;
mod fields;
mod fts;
mod index;
mod literal;
mod ops;
mod rebuild;
mod table;

pub use literal::literal;
pub(crate) use ops::{Step, Steps, steps};
pub(crate) use table::Layout;

use crate::{
    cell::Storage,
    error::Result,
    migration::{Invalid, State},
    model::{FieldKind, IdKind, Model},
    place::Isolation,
};

/// Returns every statement that creates a new model, in order: table, indexes, full-text search. `state` must contain
/// the models that it refers to.
///
/// # Errors
/// Returns `Statement` if the model refers to a model that `state` does not know.
pub fn create(model: &Model, state: &State, isolation: Isolation) -> Result<Vec<String>> {
    let layout = Layout { model, state, isolation };
    let mut out = vec![layout.create(model.name.as_str())?];
    out.extend(layout.indexes());
    out.extend(layout.fts());
    Ok(out)
}

/// Returns a name as SQL. It is always quoted, so keywords are valid names. Names are validated when they are parsed,
/// so they contain no quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Returns quoted names separated by commas.
pub(crate) fn list<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// Returns the query for the tenant (or null) and the id of the rows where `condition` holds. Its limit is one row more
/// than messages name.
pub(crate) fn refused_rows(layout: &Layout<'_>, condition: &str) -> String {
    let tenant = layout.tenant().map_or("NULL".to_owned(), quoted);
    let (table, limit) = (quoted(layout.model.name.as_str()), crate::refused::NAMED_MAX + 1);
    format!("SELECT {tenant}, \"id\" FROM {table} WHERE {condition} ORDER BY 1, 2 LIMIT {limit}")
}

impl Layout<'_> {
    /// Returns the tenant column if rows of many tenants share the table.
    pub(crate) fn tenant(&self) -> Option<&str> {
        (self.isolation == Isolation::Pooled).then(|| self.model.tenant_field.as_str())
    }

    /// Returns the column that is SQLite's rowid: `id` for integer ids in a tenant's own database, otherwise `_row`.
    pub(crate) fn rowid(&self) -> &'static str {
        match (self.isolation, self.model.id) {
            (Isolation::Schema | Isolation::Database, IdKind::Integer) => "id",
            _ => "_row",
        }
    }

    /// Returns the model that a reference field refers to, if it is in the same store. Such a reference is a real
    /// foreign key.
    pub(crate) fn target(&self, kind: &FieldKind) -> Result<Option<&Model>> {
        self.state.target(self.model, kind).map_err(|Invalid(why)| convert::statement(why))
    }

    /// Returns how the values of a field are stored.
    pub(crate) fn stored(&self, kind: &FieldKind) -> Result<Storage> {
        self.state.storage(self.model, kind).map_err(|Invalid(why)| convert::statement(why))
    }
}
