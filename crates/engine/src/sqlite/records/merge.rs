//! Shared rows with a tenant's overrides: overridden fields are replaced, and the tenant's own entries are added, before
//! rows are filtered, sorted, searched or paged. Lists and the platform call it. It never changes a shared row.

use super::{list::Query, read::record_id, search};
use crate::{
    cell::{Stored, stored},
    error::{Error, Result},
    overrides::{self, OverrideRow, overridable},
    place::Isolation,
    query::RecordId,
    value::Value,
};
use rusqlite::Connection;
use serde_json::Value as Json;
use std::{collections::HashMap, fmt::Write};

/// Appends ` FROM (shared rows with these changes) AS t`; the confinement is inside. The changes are one bound
/// JSON array, so the statement is the same for every tenant.
pub(crate) fn write_from(query: &mut Query<'_>, rows: &[OverrideRow]) -> Result<()> {
    let id_type = match query.plan.model.id {
        crate::model::IdKind::Integer => "INTEGER",
        crate::model::IdKind::Uuid => "TEXT",
    };
    // CAST gives the column a type; SQLite builds no index over a column without one.
    let _ = write!(
        query.sql,
        " FROM (WITH o(id, c) AS MATERIALIZED (SELECT CAST(value ->> 0 AS {id_type}), value -> 1 FROM json_each("
    );
    query.bind(packed(rows)?);
    query.sql.push_str(")) SELECT ");
    for column in &query.plan.columns {
        let name = &column.name;
        let _ = if overridable(query.plan, name) {
            write!(
                query.sql,
                "iif(json_type(o.c, '$.{name}') IS NULL, b.[{name}], json_extract(o.c, '$.{name}')) AS [{name}], "
            )
        } else {
            write!(query.sql, "b.[{name}] AS [{name}], ")
        };
    }
    let (model, row) = (&query.plan.model.name, query.plan.texts(query.who.isolation).rowid);
    let _ = write!(
        query.sql,
        "b.[{row}] AS [{}] FROM [{model}] AS b LEFT JOIN o ON o.id = b.[id]",
        if row == "id" { "_id" } else { row }
    );
    if query.who.isolation == Isolation::Pooled {
        let _ = write!(query.sql, " WHERE b.[{}] = ?1", query.plan.model.tenant_field);
    }
    write_added(query, rows)?;
    query.sql.push_str(") AS t");
    Ok(())
}

/// Appends the tenant's own entries, with the columns of the shared rows. They have no number of a row.
fn write_added(query: &mut Query<'_>, rows: &[OverrideRow]) -> Result<()> {
    let added = overrides::added(query.plan, rows)?;
    if added.is_empty() {
        return Ok(());
    }
    let cells = |row: &Vec<Value>| -> Result<Json> {
        let cells = query.plan.columns.iter().zip(row).map(|(column, value)| {
            let stored = stored(column.storage, value);
            stored.map(|stored| stored.to_json()).map_err(|rule| Error::invalid(column.name.as_str(), rule))
        });
        Ok(Json::Array(cells.collect::<Result<_>>()?))
    };
    let list = added.iter().map(cells).collect::<Result<Vec<_>>>()?;
    query.sql.push_str(" UNION ALL SELECT ");
    for position in 0..query.plan.columns.len() {
        let _ = write!(query.sql, "value ->> {position}, ");
    }
    query.sql.push_str("NULL FROM json_each(");
    query.bind(Stored::Text(Json::Array(list).to_string().into()));
    query.sql.push(')');
    Ok(())
}

fn packed(rows: &[OverrideRow]) -> Result<Stored<'static>> {
    // Keep one row of changes per shared row. Otherwise the join would return a shared row twice.
    let unique: HashMap<&RecordId, &str> = rows.iter().map(|row| (&row.id, row.changes.as_str())).collect();
    let mut list = Vec::with_capacity(unique.len());
    for (id, changes) in unique {
        let changes: Json = serde_json::from_str(changes).map_err(|e| {
            Error::with_source(crate::error::Kind::Corrupt, "changes of an override are not JSON", e)
        })?;
        list.push(Json::Array(vec![id.to_json(), changes]));
    }
    Ok(Stored::Text(Json::Array(list).to_string().into()))
}

/// Returns the ids of the rows that match the search with the tenant's texts. Uses the same tokenizer on an index of
/// these rows only.
pub(crate) fn search(
    conn: &Connection,
    over: &Query<'_>,
    rows: &[&OverrideRow],
    expression: &str,
) -> Result<Vec<RecordId>> {
    let plan = over.plan;
    let fields: Vec<usize> =
        (1..=plan.model.fields.len()).filter(|&p| plan.model.fields[p - 1].search).collect();
    let owned: Vec<OverrideRow> = rows.iter().map(|row| (*row).clone()).collect();
    let mut query = Query::new(over.schema, plan, over.who, "SELECT t.[id], ");
    plan.list(&mut query.sql, &fields);
    query.from(Some(&owned))?;
    query.sql.push_str(" AND t.[id] IN (SELECT value FROM json_each(");
    query.bind(search::ids(&owned.iter().map(|row| row.id.clone()).collect::<Vec<_>>()));
    query.sql.push_str("))");
    let index = Connection::open_in_memory()?;
    let names: Vec<_> = fields.iter().map(|p| format!("c{p}")).collect();
    let places = vec!["?"; fields.len()].join(", ");
    index.execute_batch(&format!(
        "CREATE VIRTUAL TABLE s USING fts5({}, tokenize='unicode61 remove_diacritics 2')",
        names.join(", ")
    ))?;
    let mut add = index.prepare(&format!("INSERT INTO s VALUES ({places})"))?;
    let mut statement = conn.prepare_cached(&query.sql)?;
    let params = query.params(&statement);
    let mut shared = statement.query(params.as_slice())?;
    let mut ids = vec![];
    while let Some(row) = shared.next()? {
        ids.push(record_id(row.get_ref(0)?)?);
        let texts =
            (1..=fields.len()).map(|i| row.get::<_, Option<String>>(i)).collect::<Result<Vec<_>, _>>()?;
        add.execute(rusqlite::params_from_iter(texts))?;
    }
    let mut find = index.prepare("SELECT rowid FROM s WHERE s MATCH ?1")?;
    let mut found = find.query([expression])?;
    let mut matching = vec![];
    while let Some(row) = found.next()? {
        let position = usize::try_from(row.get::<_, i64>(0)? - 1).unwrap_or(usize::MAX);
        matching.extend(ids.get(position).cloned());
    }
    Ok(matching)
}
