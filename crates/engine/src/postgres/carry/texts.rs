//! The statements that carry whole rows of one table.
//!
//! `$1` is the tenant in every statement, whatever the isolation.

use crate::{
    carry::Table,
    cell::Storage,
    postgres::{names::quoted, search, site::Site},
};

/// Statements for the table of one model, with the columns of [`Table`].
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) storages: Vec<Storage>,
    /// Selects the first `$2` rows in order of id.
    pub(crate) first: String,
    /// Selects the next `$2` rows in order of id, after id `$3`.
    pub(crate) next: String,
    /// Selects the rows with the ids `$2`.
    pub(crate) get: String,
    /// Inserts whole rows: an array for each column from `$2` on, and one with the search words of each row if the
    /// model is searched.
    pub(crate) insert: String,
    /// Removes the rows with the ids `$2` and returns their columns.
    pub(crate) delete: String,
    /// Removes all rows of the tenant.
    pub(crate) clear: String,
    /// For each unique constraint, the positions of its columns and a query for the ids of the rows that have one of
    /// the combinations of values in the arrays from `$2` on.
    pub(crate) unique: Vec<(Vec<usize>, String)>,
    /// For each reference, the storage of the ids in `$2` and a query for the ids of the rows that refer to one of
    /// them.
    pub(crate) referrers: Vec<(Storage, String)>,
    /// Selects the ids, of those in `$2`, that no row has.
    pub(crate) absent: String,
    /// Positions of the columns in full-text search.
    pub(crate) search: Vec<usize>,
}

impl Texts {
    pub(crate) fn new(table: &Table, site: &Site) -> Self {
        let name = format!("{}.{}", site.quoted, quoted(table.model.as_str()));
        let tenant = quoted(table.tenant.as_str());
        let scope = |alias: &str| match site.is_pooled() {
            true => format!("{alias}{tenant} = $1"),
            // The tenant is bound here as well, so that callers need not distinguish the isolations.
            false => "$1 IS NOT NULL".into(),
        };
        let columns: Vec<String> = table.columns.iter().map(|c| quoted(&c.name).to_string()).collect();
        let (all, own) = (columns.join(", "), scope(""));
        let unique = |positions: &Vec<usize>| {
            let equal = positions.iter().enumerate().map(|(n, &at)| format!("t.{} = u.c{n}", columns[at]));
            let equal = equal.collect::<Vec<_>>().join(" AND ");
            let given = names(positions.len());
            let arrays = arrays(positions.len());
            let scope = scope("t.");
            let sql = format!(
                "SELECT t.id FROM unnest({arrays}) AS u({given}) JOIN {name} AS t ON {equal} WHERE {scope}"
            );
            (positions.clone(), sql)
        };
        let referrers = table.references.iter().map(|reference| {
            let column = &columns[reference.column];
            let sql = format!("SELECT id FROM {name} WHERE {own} AND {column} = ANY($2)");
            (table.columns[reference.column].storage, sql)
        });
        Self {
            storages: table.columns.iter().map(|column| column.storage).collect(),
            first: format!("SELECT {all} FROM {name} WHERE {own} ORDER BY id LIMIT $2"),
            next: format!("SELECT {all} FROM {name} WHERE {own} AND id > $3 ORDER BY id LIMIT $2"),
            get: format!("SELECT {all} FROM {name} WHERE {own} AND id = ANY($2)"),
            insert: insert(table, site, &name, &all),
            delete: format!("DELETE FROM {name} WHERE {own} AND id = ANY($2) RETURNING {all}"),
            clear: format!("DELETE FROM {name} WHERE {own}"),
            unique: table.unique.iter().map(unique).collect(),
            referrers: referrers.collect(),
            absent: format!(
                "SELECT u.id FROM unnest($2) AS u(id)
                 WHERE NOT EXISTS (SELECT 1 FROM {name} AS t WHERE {} AND t.id = u.id)",
                scope("t.")
            ),
            search: table.search.clone(),
        }
    }
}

fn insert(table: &Table, site: &Site, name: &str, all: &str) -> String {
    let (mut into, mut values) = (all.to_owned(), names(table.columns.len()));
    let mut count = table.columns.len();
    if !table.search.is_empty() {
        values = format!("{values}, c{count}::tsvector");
        into = format!("{into}, {}", search::COLUMN);
        count += 1;
    }
    if site.is_pooled() {
        into = format!("{}, {into}", quoted(table.tenant.as_str()));
        values = format!("$1, {values}");
    }
    let scope = if site.is_pooled() { "" } else { " WHERE $1 IS NOT NULL" };
    let (given, arrays) = (names(count), arrays(count));
    format!("INSERT INTO {name} ({into}) SELECT {values} FROM unnest({arrays}) AS u({given}){scope}")
}

/// Returns a list of `count` column names.
fn names(count: usize) -> String {
    (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(", ")
}

/// Returns the parameters from `$2` on.
fn arrays(count: usize) -> String {
    (0..count).map(|n| format!("${}", n + 2)).collect::<Vec<_>>().join(", ")
}
