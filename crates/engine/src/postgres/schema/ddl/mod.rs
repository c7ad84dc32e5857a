//! Translates portable operations to PostgreSQL statements, for own databases and schemas and for pools. Names of
//! tables are not qualified, because migrations run with a search path.
//!
//! `migrate` uses it, and so does the comparison with a newly created schema. This module runs no statement.

mod convert;
mod fields;
mod index;
mod literal;
mod ops;
mod table;

pub(crate) use index::NewIndex;
pub(crate) use literal::literal;
pub(crate) use ops::{Step, Steps, steps};

use crate::{
    cell::Storage,
    error::{Error, Kind, Result},
    migration::{Invalid, State},
    model::{FieldKind, Model},
    refused::NAMED_MAX,
};

/// A model and the layout of the databases that hold it.
#[derive(Clone, Copy)]
pub(crate) struct Layout<'a> {
    pub(crate) model: &'a Model,
    /// Models that this one may refer to.
    pub(crate) state: &'a State,
    /// Whether tenants share the table.
    pub(crate) pooled: bool,
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

fn statement(detail: String) -> Error {
    Error::new(Kind::Statement(detail.clone()), detail)
}

impl Layout<'_> {
    /// Returns the name of the table as SQL.
    pub(crate) fn table(&self) -> String {
        quoted(self.model.name.as_str())
    }

    /// Returns the tenant column if rows of many tenants share the table.
    pub(crate) fn tenant(&self) -> Option<&str> {
        self.pooled.then(|| self.model.tenant_field.as_str())
    }

    /// Returns the columns of the primary key.
    pub(crate) fn key(&self) -> impl Iterator<Item = &str> {
        self.tenant().into_iter().chain(["id"])
    }

    /// Returns the storage of a field.
    pub(crate) fn storage(&self, kind: &FieldKind) -> Result<Storage> {
        self.state.storage(self.model, kind).map_err(|Invalid(why)| statement(why))
    }

    /// Returns the model that a reference field refers to, if it is in the same store. Such a reference is a foreign
    /// key.
    fn target(&self, kind: &FieldKind) -> Result<Option<&Model>> {
        self.state.target(self.model, kind).map_err(|Invalid(why)| statement(why))
    }

    /// Returns the query for the tenant (or null) and the id of the rows where `condition` holds. Its limit is one row
    /// more than messages name.
    fn refused_rows(&self, condition: &str) -> String {
        let tenant = self.tenant().map_or("NULL".to_owned(), quoted);
        format!(
            "SELECT {tenant}::bigint, m.\"id\"::text FROM {} AS m WHERE {condition} ORDER BY 1, m.\"id\" LIMIT {}",
            self.table(),
            NAMED_MAX + 1
        )
    }

    /// Returns true if the model has a full-text search.
    pub(crate) fn is_searched(&self) -> bool {
        self.model.search_fields().next().is_some()
    }
}
