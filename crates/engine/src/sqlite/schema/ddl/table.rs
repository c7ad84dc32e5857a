//! The table of a model: columns and constraints, for both isolations.

use super::{list, literal, quoted};
use crate::{
    error::Result,
    migration::State,
    model::{Field, FieldKind, IdKind, Model},
    place::Isolation,
};

/// A model and the isolation of the database that holds it.
#[derive(Clone, Copy)]
pub(crate) struct Layout<'a> {
    pub(crate) model: &'a Model,
    /// Models that this one may refer to.
    pub(crate) state: &'a State,
    pub(crate) isolation: Isolation,
}

impl Layout<'_> {
    /// Returns `CREATE TABLE` with the given name, which differs from the model's name during a rebuild.
    pub(crate) fn create(&self, table: &str) -> Result<String> {
        let parts = self.definitions()?;
        Ok(format!("CREATE TABLE {} (\n  {}\n) STRICT", quoted(table), parts.join(",\n  ")))
    }

    /// Returns the column definitions, then the table constraints.
    pub(crate) fn definitions(&self) -> Result<Vec<String>> {
        let mut parts = self.key_columns();
        for field in &self.model.fields {
            parts.push(self.column(field)?);
        }
        parts.push("\"created_at\" TEXT NOT NULL".into());
        parts.push("\"updated_at\" TEXT NOT NULL".into());
        parts.push("\"version\" INTEGER NOT NULL DEFAULT 1".into());
        parts.extend(self.constraints()?);
        Ok(parts)
    }

    fn key_columns(&self) -> Vec<String> {
        let kind = id_type(self.model.id);
        match (self.tenant(), self.model.id) {
            (None, IdKind::Integer) => vec!["\"id\" INTEGER PRIMARY KEY AUTOINCREMENT".into()],
            (None, IdKind::Uuid) => {
                vec!["\"_row\" INTEGER PRIMARY KEY".into(), format!("\"id\" {kind} NOT NULL UNIQUE")]
            }
            (Some(tenant), _) => vec![
                "\"_row\" INTEGER PRIMARY KEY".into(),
                format!("{} INTEGER NOT NULL", quoted(tenant)),
                format!("\"id\" {kind} NOT NULL"),
            ],
        }
    }

    /// Returns the definition of one column, for `CREATE TABLE` and `ALTER TABLE … ADD COLUMN`.
    ///
    /// It contains no checks of lengths, ranges and choices: writes check them, and a changed check must not rewrite
    /// every tenant's table.
    pub(crate) fn column(&self, field: &Field) -> Result<String> {
        let name = quoted(field.name.as_str());
        let mut sql = format!("{name} {}", self.storage(&field.kind)?);
        if field.required {
            sql.push_str(" NOT NULL");
        }
        if let Some(default) = field.default_value() {
            sql.push_str(" DEFAULT ");
            sql.push_str(&literal(&field.kind, &default));
        }
        match &field.kind {
            FieldKind::Boolean => sql.push_str(&format!(" CHECK ({name} IN (0, 1))")),
            // Older SQLite clients return false for json_valid of null.
            FieldKind::Json | FieldKind::Custom | FieldKind::File { .. } => {
                sql.push_str(&format!(" CHECK ({name} IS NULL OR json_valid({name}))"));
            }
            _ => {}
        }
        if self.isolation == Isolation::Database
            && let Some(target) = self.target(&field.kind)?
        {
            sql.push_str(&format!(" REFERENCES {}(\"id\")", quoted(target.name.as_str())));
        }
        Ok(sql)
    }

    /// Returns the SQL type of a field.
    pub(crate) fn storage(&self, kind: &FieldKind) -> Result<&'static str> {
        Ok(if self.stored(kind)?.is_number() { "INTEGER" } else { "TEXT" })
    }

    /// Returns the constraints of a pooled table: the key within the tenant, and the references. A reference cannot
    /// leave the tenant, because the tenant column is part of the foreign key.
    fn constraints(&self) -> Result<Vec<String>> {
        let Some(tenant) = self.tenant() else { return Ok(Vec::new()) };
        let mut out = vec![format!("UNIQUE ({})", list([tenant, "id"]))];
        for field in &self.model.fields {
            if let Some(target) = self.target(&field.kind)? {
                out.push(format!(
                    "FOREIGN KEY ({}) REFERENCES {}({})",
                    list([tenant, field.name.as_str()]),
                    quoted(target.name.as_str()),
                    list([target.tenant_field.as_str(), "id"]),
                ));
            }
        }
        Ok(out)
    }

    /// Returns the columns in table order, to copy rows.
    pub(crate) fn column_names(&self) -> Vec<&str> {
        let mut names = Vec::with_capacity(self.model.fields.len() + 6);
        if self.rowid() == "_row" {
            names.push("_row");
        }
        names.extend(self.tenant());
        names.push("id");
        names.extend(self.model.fields.iter().map(|f| f.name.as_str()));
        names.extend(["created_at", "updated_at", "version"]);
        names
    }
}

fn id_type(id: IdKind) -> &'static str {
    match id {
        IdKind::Integer => "INTEGER",
        IdKind::Uuid => "TEXT",
    }
}
