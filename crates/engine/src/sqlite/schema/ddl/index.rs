//! Indexes of a model. If tenants share its table, each index begins with the tenant column.

use super::{list, quoted, table::Layout};
use crate::model::{Field, Index};

impl Layout<'_> {
    /// Returns `CREATE INDEX` for every index of the model: first those of single fields, then composite ones.
    pub(crate) fn indexes(&self) -> Vec<String> {
        let own = self.model.fields.iter().filter_map(|f| self.field_index(f));
        let composite = self.model.indexes.iter().map(|i| self.create_index(i));
        own.chain(composite).collect()
    }

    /// Returns the statement that creates the index of one field, if it has one.
    pub(crate) fn field_index(&self, field: &Field) -> Option<String> {
        of_field(field).map(|index| self.create_index(&index))
    }

    /// Returns the statement that drops the index of one field, if it has one.
    pub(crate) fn drop_field_index(&self, field: &Field) -> Option<String> {
        of_field(field).map(|index| self.drop_index(&index))
    }

    /// Returns the statement that creates an index on its fields.
    pub(crate) fn create_index(&self, index: &Index) -> String {
        let unique = if index.unique { "UNIQUE " } else { "" };
        let columns = self.tenant().into_iter().chain(index.fields.iter().map(|f| f.as_str()));
        let table = quoted(self.model.name.as_str());
        format!("CREATE {unique}INDEX {} ON {table} ({})", self.index_name(index), list(columns))
    }

    /// Returns the statement that drops an index.
    pub(crate) fn drop_index(&self, index: &Index) -> String {
        format!("DROP INDEX {}", self.index_name(index))
    }

    fn index_name(&self, index: &Index) -> String {
        let suffix = if index.unique { "uniq" } else { "idx" };
        quoted(&format!("{}__{}__{suffix}", self.model.name, index.stem()))
    }
}

fn of_field(field: &Field) -> Option<Index> {
    field.has_index().then(|| Index { fields: vec![field.name.clone()], unique: field.unique })
}
