//! Shared rows with a tenant's overrides: overridden fields are replaced, and the tenant's own entries are added, before
//! rows are filtered, sorted, searched or paged.

use super::{Bound, Query, texts::cast_type};
use crate::{
    cell::{Storage, instant},
    error::{Error, Kind, Result},
    overrides::{OverrideRow, added, overridable, values},
    postgres::{names::quoted, search},
    query::RecordId,
    schema::Plan,
    value::Value,
};
use serde_json::{Map, Value as Json};
use std::{collections::HashMap, fmt::Write};

/// Appends ` FROM (shared rows with these changes) AS t`; the confinement is inside. The changes are one bound
/// JSON array, so the statement is the same for every tenant.
pub(super) fn write_from(query: &mut Query<'_>, rows: &[OverrideRow]) -> Result<()> {
    let plan = query.plan;
    let texts = plan.postgres(query.isolation);
    query.sql.push_str(" FROM (SELECT ");
    for (position, column) in plan.columns.iter().enumerate() {
        let name = quoted(column.name.as_str());
        let comma = if position == 0 { "" } else { ", " };
        let _ = match overridable(plan, &column.name) {
            true => {
                let (cast, key) = (cast_type(column.storage), column.name.as_str());
                let value =
                    format!("CASE WHEN o.c ? '{key}' THEN (o.c ->> '{key}')::{cast} ELSE t.{name} END");
                // Without an explicit collation, the expression would have none.
                let collation = if column.storage == Storage::Text { " COLLATE \"C\"" } else { "" };
                write!(query.sql, "{comma}({value}){collation} AS {name}")
            }
            false => write!(query.sql, "{comma}t.{name}"),
        };
    }
    if plan.is_searched() {
        let _ = write!(query.sql, ", t.\"{}\"", search::COLUMN);
    }
    let key = cast_type(plan.storages[0]);
    let _ = write!(
        query.sql,
        " FROM {} AS t LEFT JOIN (SELECT (e.value ->> 0)::{key} AS id, e.value -> 1 AS c FROM jsonb_array_elements(",
        texts.table
    );
    query.bind(Bound::Text(packed(plan, rows)?));
    let _ = write!(query.sql, "::jsonb) AS e) AS o ON o.id = t.\"id\" WHERE {}", texts.scope);
    write_added(query, rows)?;
    query.sql.push_str(") AS t");
    Ok(())
}

/// Appends the tenant's own entries, with the columns of the shared rows. They have no words of a search.
fn write_added(query: &mut Query<'_>, rows: &[OverrideRow]) -> Result<()> {
    let plan = query.plan;
    let added = added(plan, rows)?;
    if added.is_empty() {
        return Ok(());
    }
    let list = added.into_iter().map(|row| Json::Array(row.into_iter().map(native).collect())).collect();
    query.sql.push_str(" UNION ALL SELECT ");
    for (position, column) in plan.columns.iter().enumerate() {
        let comma = if position == 0 { "" } else { ", " };
        let _ = write!(query.sql, "{comma}(a.value ->> {position})::{}", cast_type(column.storage));
    }
    if plan.is_searched() {
        query.sql.push_str(", NULL::tsvector");
    }
    query.sql.push_str(" FROM jsonb_array_elements(");
    query.bind(Bound::Text(Json::Array(list).to_string()));
    query.sql.push_str("::jsonb) AS a");
    Ok(())
}

fn packed(plan: &Plan, rows: &[OverrideRow]) -> Result<String> {
    // Keep one row of changes per shared row. Otherwise the join would return a shared row twice.
    let unique: HashMap<&RecordId, &str> = rows.iter().map(|row| (&row.id, row.changes.as_str())).collect();
    let mut list = Vec::with_capacity(unique.len());
    for (id, changes) in unique {
        let changes: Json = serde_json::from_str(changes)
            .map_err(|e| Error::with_source(Kind::Corrupt, "changes of an override are not JSON", e))?;
        let Some(_) = plan.key(id) else { continue };
        let native: Map<String, Json> = values(plan, &changes)
            .into_iter()
            .map(|(name, value)| (name.to_string(), native(value)))
            .collect();
        list.push(Json::Array(vec![id.to_json(), Json::Object(native)]));
    }
    Ok(Json::Array(list).to_string())
}

/// Returns the value as a text that the type of its column can read, or null.
fn native(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => value.to_string().into(),
        Value::Integer(number) => number.to_string().into(),
        Value::Decimal(number) => number.to_string().into(),
        Value::Text(text) => text.into(),
        Value::Date(date) => date.to_string().into(),
        Value::DateTime(at) => instant(at).unwrap_or_default().into(),
        Value::Uuid(id) => id.to_string().into(),
        Value::Json(json) => json.to_string().into(),
    }
}
