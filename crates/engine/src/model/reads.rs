//! Models of rows that another program owns: the model reads a table of an attached PostgreSQL database through a view, and
//! never writes it. No migration makes such a model.

use super::{
    Field, FieldKind, Grant, Model, Permissions, Scope,
    field::RESERVED,
    problem::Sink,
    reader::{At, Section},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Columns that every model has besides its fields.
const IMPLICIT: [&str; 4] = ["id", "created_at", "updated_at", "version"];

/// The table of another program that a model reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reads {
    /// Name of the table, with its schema unless that is `public`.
    pub table: String,
    /// SQL expressions on the table, by column of the model. A column that is not here is that of the same name; the version
    /// of a row then is the transaction that wrote it.
    pub columns: BTreeMap<String, String>,
}

impl Reads {
    /// Returns the expression of a column, if the model names one.
    pub fn expression(&self, column: &str) -> Option<&str> {
        self.columns.get(column).map(String::as_str)
    }
}

impl Model {
    /// Returns true if the platform makes the tables of the model, by migrations.
    pub fn is_migrated(&self) -> bool {
        self.reads.is_none()
    }
}

/// Parses the `reads` table of a model with these fields, and takes the rights to write from the model.
pub(super) fn reads(
    sink: &mut Sink,
    root: &mut Section<'_>,
    fields: &[Field],
    permissions: &mut Permissions,
) -> Option<Reads> {
    let mut section = root.section(sink, "reads")?;
    let (at, table) = (section.at, section.text(sink, "table"));
    let columns = section.section(sink, "columns");
    section.finish(sink, "table, columns");
    let columns = columns.map(|columns| expressions(sink, columns, fields)).unwrap_or_default();
    let Some(At { value: table, at: table_at }) = table else {
        sink.add(at, "`table` must name the table that the model reads");
        return None;
    };
    if table.is_empty() || table.contains(['\0', '"']) || table.matches('.').count() > 1 {
        sink.add(table_at, "`table` must be a name, or a schema and a name with a dot between");
    }
    let names = fields.iter().map(|field| (field.name.as_str(), refused(field)));
    for (name, reason) in names.filter_map(|(name, reason)| Some((name, reason?))) {
        sink.add(at, format!("a model with `reads` only reads: `{name}` {reason}"));
    }
    let usual = Permissions::defaults(Scope::Tenant);
    let named = |grants: &[Grant], usual: &[Grant]| !grants.is_empty() && grants != usual;
    if named(&permissions.create, &usual.create)
        || named(&permissions.update, &usual.update)
        || named(&permissions.delete, &usual.delete)
    {
        sink.add(at, "a model with `reads` only reads: its permissions can name `read` only");
    }
    let read = std::mem::take(&mut permissions.read);
    *permissions = Permissions { read, read_only: true, ..Permissions::default() };
    Some(Reads { table: table.to_owned(), columns })
}

fn expressions(sink: &mut Sink, mut columns: Section<'_>, fields: &[Field]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for name in IMPLICIT.into_iter().chain(fields.iter().map(|field| field.name.as_str())) {
        let Some(At { value, at }) = columns.text(sink, name) else { continue };
        if value.trim().is_empty() || value.contains([';', '\0']) {
            sink.add(at, format!("`{name}` must be an SQL expression, without `;`"));
        }
        found.insert(name.to_owned(), value.to_owned());
    }
    columns.finish(sink, "the fields of the model, id, created_at, updated_at, version");
    found
}

/// Returns why a model that only reads cannot have the field; `None` if it can.
fn refused(field: &Field) -> Option<&'static str> {
    debug_assert!(IMPLICIT.iter().all(|name| RESERVED.contains(name)));
    match &field.kind {
        FieldKind::File { .. } => Some("is a file, which the platform stores"),
        FieldKind::Custom => Some("holds custom fields, which the platform stores"),
        _ if field.search => Some("cannot be searched: remove `search`"),
        _ if field.default.is_some() => Some("needs no default"),
        _ if field.unique || field.index => Some("needs neither `unique` nor `index`"),
        _ => None,
    }
}
