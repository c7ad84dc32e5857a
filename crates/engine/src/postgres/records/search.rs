//! Full-text search: the condition that the column `_search` of a row has the words.

use super::{Bound, Query, cursor, read};
use crate::{
    error::{Error, Result},
    overrides::{OverrideRow, touching},
    postgres::search,
    query::RecordId,
    schema::Plan,
    search::Search,
    value::Value,
};
use std::fmt::Write;
use tokio_postgres::Row;

/// The rows that a list searches for.
pub(crate) enum Wanted {
    /// All rows: the list has no search.
    All,
    /// No rows: the search has no word.
    Nothing,
    Words(Search),
}

/// Parses the text of a search.
///
/// # Errors
/// Returns `Invalid` if the model has no field to search in, or for too many characters or words.
pub(crate) fn wanted(plan: &Plan, text: Option<&str>) -> Result<Wanted> {
    let Some(text) = text else { return Ok(Wanted::All) };
    if !plan.is_searched() {
        return Err(Error::invalid("search", "this model has no field to search in"));
    }
    Ok(match Search::parse(text)? {
        Some(search) => Wanted::Words(search),
        None if text.trim().is_empty() => Wanted::All,
        None => Wanted::Nothing,
    })
}

/// Rows whose searched texts the tenant overrides, and those among them that match with the tenant's texts. Their
/// column `_search` has only the shared texts.
#[derive(Debug, Default)]
pub(crate) struct Overridden {
    all: Vec<RecordId>,
    matching: Vec<RecordId>,
}

/// Returns the read of the searched texts of these rows, with the overrides, or `None` if there are no such rows.
pub(crate) fn texts<'p>(empty: &Query<'p>, rows: &[OverrideRow]) -> Result<Option<Query<'p>>> {
    let changed: Vec<OverrideRow> = touching(empty.plan, rows).into_iter().cloned().collect();
    if changed.is_empty() {
        return Ok(None);
    }
    let mut query = Query::new(empty.schema, empty.plan, empty.isolation);
    query.columns(std::iter::once(0).chain(searched(empty.plan)));
    query.from(Some(&changed))?;
    query.sql.push_str(" AND ");
    let ids: Vec<_> = changed.into_iter().map(|row| row.id).collect();
    read::is_one_of(&mut query, &ids);
    Ok(Some(query))
}

/// Reads the answer to [`texts`].
///
/// # Errors
/// Returns `Corrupt` if a column has a value that its storage does not allow.
pub(crate) fn overridden(plan: &Plan, search: &Search, rows: &[Row]) -> Result<Overridden> {
    let mut found = Overridden::default();
    let fields = searched(plan);
    for row in rows {
        let id = read::id_at(row, 0, plan.storages[0])?;
        let values =
            fields.iter().enumerate().map(|(index, p)| cursor::value(row, index + 1, plan.storages[*p]));
        let values = values.collect::<Result<Vec<_>>>()?;
        let texts: Vec<_> = values.iter().map(as_text).collect();
        if search.is_in(&texts) {
            found.matching.push(id.clone());
        }
        found.all.push(id);
    }
    Ok(found)
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Returns the positions of the search fields.
pub(crate) fn searched(plan: &Plan) -> Vec<usize> {
    (1..=plan.model.fields.len()).filter(|position| plan.model.fields[position - 1].search).collect()
}

/// Appends the condition that a row matches.
pub(crate) fn write(query: &mut Query<'_>, wanted: &Wanted, overridden: &Overridden) {
    let search = match wanted {
        Wanted::All => return,
        Wanted::Nothing => return query.sql.push_str(" AND false"),
        Wanted::Words(search) => search,
    };
    if overridden.all.is_empty() {
        query.sql.push_str(" AND ");
        return matches(query, search);
    }
    query.sql.push_str(" AND (");
    read::is_one_of(query, &overridden.matching);
    query.sql.push_str(" OR (NOT ");
    read::is_one_of(query, &overridden.all);
    query.sql.push_str(" AND ");
    matches(query, search);
    query.sql.push_str("))");
}

fn matches(query: &mut Query<'_>, search: &Search) {
    let _ = write!(query.sql, "t.\"{}\" @@ ", search::COLUMN);
    query.bind(Bound::Text(search::query(search)));
    query.sql.push_str("::tsquery");
}
