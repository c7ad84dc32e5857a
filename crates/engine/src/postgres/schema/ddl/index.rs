//! Indexes of a model. In a pool, each index except that of the search begins with the tenant column.
//!
//! Nulls come first, even in columns without nulls, because lists ask for that order. Only the tenant and the id have
//! PostgreSQL's own order. An index that is not unique ends with the id, so that a list reads rows with equal values in
//! the order in which it returns them.

use super::{Layout, quoted};
use crate::{
    model::{Field, Index},
    postgres::{schema::names, search::COLUMN},
};

/// An index that is to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewIndex {
    pub(crate) name: String,
    pub(crate) table: String,
    unique: bool,
    /// Columns of the index, in parentheses.
    columns: String,
}

impl NewIndex {
    /// Returns the statement that creates the index. Writes to the table wait for it.
    pub(crate) fn create(&self) -> String {
        self.statement("INDEX", &quoted(&self.table))
    }

    /// Returns the statement that creates the index while writes continue. It must run outside transactions. The table
    /// is in `schema`, which is quoted.
    pub(crate) fn create_concurrently(&self, schema: &str) -> String {
        self.statement("INDEX CONCURRENTLY", &format!("{schema}.{}", quoted(&self.table)))
    }

    fn statement(&self, what: &str, table: &str) -> String {
        let unique = if self.unique { "UNIQUE " } else { "" };
        format!("CREATE {unique}{what} {} ON {table} {}", quoted(&self.name), self.columns)
    }
}

impl Layout<'_> {
    /// Returns `CREATE INDEX` for every index of the model.
    pub(super) fn indexes(&self) -> Vec<String> {
        let own = self.model.fields.iter().filter_map(names::own_index);
        let all = own.chain(self.model.indexes.iter().cloned());
        let mut out: Vec<String> = all.map(|index| self.new_index(&index).create()).collect();
        if self.is_searched() {
            out.push(self.search_index());
        }
        out
    }

    /// Returns the statement that creates the index of one field, if it has one.
    pub(super) fn field_index(&self, field: &Field) -> Option<String> {
        names::own_index(field).map(|index| self.new_index(&index).create())
    }

    /// Returns an index on its fields.
    pub(super) fn new_index(&self, index: &Index) -> NewIndex {
        let mut columns: Vec<String> = self.tenant().map(quoted).into_iter().collect();
        columns.extend(index.fields.iter().map(|field| match field.as_str() {
            "id" => quoted("id"),
            field => format!("{} NULLS FIRST", quoted(field)),
        }));
        if !index.unique && index.fields.iter().all(|field| field.as_str() != "id") {
            columns.push(quoted("id"));
        }
        NewIndex {
            name: names::index(self.model, index),
            table: self.model.name.to_string(),
            unique: index.unique,
            columns: format!("({})", columns.join(", ")),
        }
    }

    /// Returns the statement that drops an index.
    pub(super) fn drop_index(&self, index: &Index) -> String {
        format!("DROP INDEX {}", quoted(&names::index(self.model, index)))
    }

    /// Returns the statement that creates the index of the search.
    pub(super) fn search_index(&self) -> String {
        let name = quoted(&names::search(self.model));
        format!("CREATE INDEX {name} ON {} USING gin ({})", self.table(), quoted(COLUMN))
    }
}
