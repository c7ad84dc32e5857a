//! Removes personal data from a copy: every field that its model marks as personal gets a meaningless value, and own
//! fields of the tenant that are marked as personal lose their values. The blanked copy is a new file, so that no free page
//! and no full-text index retains the old values.
//!
//! The engine calls it for copies that do not belong to a place yet, and never for a live database.

use super::file::{bring_in, resolved};
use crate::{
    carry::Blanked,
    error::{Error, Kind, Result},
    model::{Field, FieldKind, IdKind, Model, custom},
    name::FieldName,
    schema::{Plan, Schema},
    sqlite::{connection::open, files::sync},
};
use rusqlite::{Connection, limits::Limit};
use std::path::Path;

/// Blanks the copy `from` into the new file `to`. Changes `from`, which must not be used afterwards.
pub(crate) fn blank(from: &Path, to: &Path, schema: &Schema) -> Result<Blanked> {
    let (from, to) = (resolved(from)?, resolved(to)?);
    bring_in(&from)?;
    let conn = open::connect(&from)?;
    conn.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;")?;
    let mut done = Blanked::default();
    conn.execute_batch("BEGIN")?;
    for plan in schema.plans() {
        let personal: Vec<&Field> = plan.model.fields.iter().filter(|f| f.personal).collect();
        let own = blank_own_fields(&conn, &plan.model)?;
        done.fields += own.fields + personal.len() as u64;
        done.rows += match personal.is_empty() {
            true => own.rows,
            false => blank_model(&conn, plan, &personal)?,
        };
    }
    // The values have other lengths now. Their bytes are counted when the copy is in use.
    conn.execute_batch("UPDATE _tenantry_place SET bytes = 0, counted = 0; COMMIT")?;
    conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    let name = to.to_str().ok_or_else(|| Error::new(Kind::Io, "the path is not UTF-8"))?;
    conn.execute("VACUUM INTO ?1", [name])?;
    sync(&to)?;
    Ok(done)
}

fn blank_model(conn: &Connection, plan: &Plan, personal: &[&Field]) -> Result<u64> {
    let model = &plan.model;
    let passing: Vec<String> = personal.iter().filter_map(|field| aside(model, field)).collect();
    if !passing.is_empty() {
        conn.execute(&format!("UPDATE [{}] SET {}", model.name, passing.join(", ")), [])?;
    }
    let values = personal.iter().map(|field| format!("[{}] = {}", field.name, neutral(model, field)));
    let values: Vec<String> = values.collect();
    let rows = conn.execute(&format!("UPDATE [{}] SET {}", model.name, values.join(", ")), [])?;
    if model.search_fields().next().is_some() {
        conn.execute(&format!("INSERT INTO [{0}__fts]([{0}__fts]) VALUES('rebuild')", model.name), [])?;
    }
    forget_activity(conn, model, personal.iter().map(|field| field.name.to_string()))?;
    Ok(rows as u64)
}

/// Removes the values of the tenant's own fields that are marked as personal.
fn blank_own_fields(conn: &Connection, model: &Model) -> Result<Blanked> {
    let Some(definitions) = model.custom_model() else { return Ok(Blanked::default()) };
    let names = own_personal(conn, &definitions)?;
    if names.is_empty() {
        return Ok(Blanked::default());
    }
    let paths: String = names.iter().map(|name| format!(", '$.\"{name}\"'")).collect();
    let is_there: Vec<_> = names
        .iter()
        .map(|name| format!("json_type([{0}], '$.\"{name}\"') IS NOT NULL", custom::FIELD))
        .collect();
    let rows = conn.execute(
        &format!(
            "UPDATE [{}] SET [{field}] = json_remove([{field}]{paths}) WHERE {}",
            model.name,
            is_there.join(" OR "),
            field = custom::FIELD
        ),
        [],
    )?;
    forget_activity(conn, model, names.iter().map(|name| format!("{}.{name}", custom::FIELD)))?;
    Ok(Blanked { fields: names.len() as u64, rows: rows as u64 })
}

/// Returns the names of the tenant's own fields that are marked as personal.
fn own_personal(conn: &Connection, definitions: &Model) -> Result<Vec<FieldName>> {
    let sql = format!(
        "SELECT json_extract(own.value, '$.name') FROM [{}], json_each([{}]) AS own \
         WHERE json_extract(own.value, '$.personal')",
        definitions.name,
        custom::DEFINITIONS
    );
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut names = vec![];
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        names.push(FieldName::parse(&name).map_err(|error| Error::new(Kind::Corrupt, error.to_string()))?);
    }
    Ok(names)
}

/// Removes personal values that the activity log recorded before these fields were marked personal.
fn forget_activity(conn: &Connection, model: &Model, personal: impl Iterator<Item = String>) -> Result<()> {
    let replaced: Vec<_> = personal.map(|name| format!("'$.\"{name}\"', 'personal'")).collect();
    let sql = format!(
        "UPDATE _tenantry_activity SET detail = json_replace(detail, {}) WHERE model = ?1 AND detail IS NOT NULL",
        replaced.join(", ")
    );
    conn.execute(&sql, [model.name.as_str()])?;
    Ok(())
}

/// Returns true if a unique constraint covers the field, alone or with other fields.
fn is_distinct(model: &Model, field: &Field) -> bool {
    field.unique || model.indexes.iter().any(|index| index.unique && index.fields.contains(&field.name))
}

/// Returns the column with a number that is unique to the row.
fn row_number(model: &Model) -> &'static str {
    match model.id {
        IdKind::Integer => "[id]",
        IdKind::Uuid => "[_row]",
    }
}

/// Returns SQL for an interim value, for columns in which the new value of one row could equal the old value of another
/// row.
fn aside(model: &Model, field: &Field) -> Option<String> {
    if !field.required || !is_distinct(model, field) {
        return None;
    }
    let row = row_number(model);
    let value = match field.kind {
        FieldKind::Integer { .. } | FieldKind::Decimal { .. } => format!("{} + {row}", i64::MIN / 2),
        FieldKind::Text { .. } | FieldKind::Date | FieldKind::Datetime => format!("char(1) || {row}"),
        _ => return None,
    };
    Some(format!("[{}] = {value}", field.name))
}

/// Returns SQL for a meaningless value: null if the field allows it, otherwise a value of the field's type.
fn neutral(model: &Model, field: &Field) -> String {
    if !field.required {
        return "NULL".into();
    }
    let row = row_number(model);
    match (&field.kind, is_distinct(model, field)) {
        (FieldKind::Text { max_length: Some(most) }, true) => format!("substr('redacted-' || [id], -{most})"),
        (FieldKind::Text { max_length: None }, true) => "'redacted-' || [id]".into(),
        (FieldKind::Text { max_length }, false) => {
            format!("substr('redacted', 1, {})", max_length.unwrap_or(u32::MAX))
        }
        (FieldKind::Integer { min, .. }, true) => format!("{} + {row}", min.unwrap_or(0)),
        (FieldKind::Integer { min, max }, false) => {
            0.clamp(min.unwrap_or(i64::MIN), max.unwrap_or(i64::MAX)).to_string()
        }
        (FieldKind::Decimal { .. }, true) => row.into(),
        (FieldKind::Decimal { .. } | FieldKind::Boolean, _) => "0".into(),
        (FieldKind::Date, true) => format!("date('1970-01-01', '+' || {row} || ' days')"),
        (FieldKind::Date, false) => "'1970-01-01'".into(),
        (FieldKind::Datetime, true) => format!("strftime('%Y-%m-%dT%H:%M:%S.000000Z', {row}, 'unixepoch')"),
        (FieldKind::Datetime, false) => "'1970-01-01T00:00:00.000000Z'".into(),
        (FieldKind::Json | FieldKind::Custom | FieldKind::File { .. }, _) => "'{}'".into(),
        (FieldKind::Choice { choices }, _) => {
            format!("'{}'", choices.first().map(|c| c.replace('\'', "''")).unwrap_or_default())
        }
        // A reference must point to an existing row, so all rows get the same reference.
        (FieldKind::Ref { .. }, _) => format!("(SELECT min([{}]) FROM [{}])", field.name, model.name),
    }
}
