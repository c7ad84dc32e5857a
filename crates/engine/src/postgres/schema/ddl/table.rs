//! The table of a model: columns and constraints, for both layouts.

use super::{Layout, list, literal, quoted};
use crate::{
    cell::Storage,
    error::Result,
    model::Field,
    postgres::{cells::column_type, schema::names, search::COLUMN},
};

impl Layout<'_> {
    /// Returns the statements that create the table with its indexes and references.
    pub(crate) fn create(&self) -> Result<Vec<String>> {
        let mut out = self.create_alone()?;
        out.extend(self.references()?);
        Ok(out)
    }

    /// Returns the statements that add the references to the table.
    pub(crate) fn references(&self) -> Result<Vec<String>> {
        let mut out = vec![];
        for field in &self.model.fields {
            out.extend(self.add_reference(field)?);
        }
        Ok(out)
    }

    /// Returns the statement that adds the reference of a field, if it has one.
    pub(super) fn add_reference(&self, field: &Field) -> Result<Option<String>> {
        let reference = self.reference(field)?;
        Ok(reference.map(|reference| format!("ALTER TABLE {} ADD {reference}", self.table())))
    }

    /// Returns the statements that create the table with its indexes.
    pub(crate) fn create_alone(&self) -> Result<Vec<String>> {
        let parts = self.definitions()?.join(",\n  ");
        let mut out = vec![format!("CREATE TABLE {} (\n  {parts}\n)", self.table())];
        out.extend(self.indexes());
        Ok(out)
    }

    fn definitions(&self) -> Result<Vec<String>> {
        let mut parts: Vec<String> =
            self.tenant().map(|tenant| format!("{} bigint NOT NULL", quoted(tenant))).into_iter().collect();
        parts.push(format!("\"id\" {} NOT NULL", column_type(Storage::of_id(self.model.id))));
        for field in &self.model.fields {
            parts.push(self.column(field)?);
        }
        parts.push("\"created_at\" timestamptz NOT NULL".into());
        parts.push("\"updated_at\" timestamptz NOT NULL".into());
        parts.push("\"version\" bigint NOT NULL DEFAULT 1".into());
        if self.is_searched() {
            parts.push(search_column());
        }
        let key = names::key(self.model);
        parts.push(format!("CONSTRAINT {} PRIMARY KEY ({})", quoted(&key), list(self.key())));
        Ok(parts)
    }

    /// Returns the definition of one column for `CREATE TABLE`.
    ///
    /// It contains no checks of lengths, ranges and choices: writes check them, and a changed check must not scan every
    /// tenant's table.
    fn column(&self, field: &Field) -> Result<String> {
        let mut sql = format!("{} {}", quoted(field.name.as_str()), column_type(self.storage(&field.kind)?));
        if field.required {
            sql.push_str(" NOT NULL");
        }
        if let Some(default) = self.default(field)? {
            sql.push_str(&format!(" DEFAULT {default}"));
        }
        Ok(sql)
    }

    /// Returns the default of a column as SQL.
    pub(super) fn default(&self, field: &Field) -> Result<Option<String>> {
        let storage = self.storage(&field.kind)?;
        field.default_value().map(|value| literal(storage, &value)).transpose()
    }

    /// Returns the foreign key of a reference field within the store. In a pool, the tenant column is part of it, so a
    /// reference cannot leave the tenant. Migrations defer it while statements of their authors run.
    pub(super) fn reference(&self, field: &Field) -> Result<Option<String>> {
        let Some(target) = self.target(&field.kind)? else { return Ok(None) };
        let of = self.pooled.then_some(target.tenant_field.as_str());
        Ok(Some(format!(
            "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) DEFERRABLE",
            quoted(&names::reference(self.model, field)),
            list(self.tenant().into_iter().chain([field.name.as_str()])),
            quoted(target.name.as_str()),
            list(of.into_iter().chain(["id"]))
        )))
    }
}

/// Returns the definition of the search column.
pub(super) fn search_column() -> String {
    format!("{} tsvector NOT NULL DEFAULT ''", quoted(COLUMN))
}
