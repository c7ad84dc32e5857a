//! Copies the whole catalog from one control store to another, whatever their databases are.
//!
//! The backup of a control store that is not a file calls it, and the restore into such a store. The rows of each table
//! are read in the order of their keys and hashed on both sides; a copy that differs is refused.

use super::migrate;
use crate::{Error, Result};
use std::fmt::Write;
use tenantry_engine::{SqlRow, SystemColumn, SystemDb, Tx, value::Value};

/// Number of rows copied in one page.
const PAGE: usize = 200;

/// Replaces the rows of `to` with the rows of the snapshot `from`, which has all migrations of this program. Returns
/// the number of rows.
///
/// # Errors
/// Returns the errors of both stores, and [`Error::Internal`] if the copy differs from the original.
pub(crate) async fn carry(from: &mut Tx, to: &SystemDb, now_us: i64) -> Result<u64> {
    migrate::run(to, now_us).await?;
    let mut into = to.begin().await?;
    let tables: Vec<&str> = migrate::tables().collect();
    // A table comes after the tables to which it refers, so delete in reverse order.
    for table in tables.iter().rev() {
        into.execute(&format!("DELETE FROM {table}"), &[]).await?;
    }
    let mut count = 0;
    for table in &tables {
        count += carry_table(from, &mut into, table).await?;
    }
    carry_ids(from, &mut into).await?;
    into.commit().await?;
    Ok(count)
}

async fn carry_table(from: &mut Tx, into: &mut Tx, table: &str) -> Result<u64> {
    let columns = into.columns(table).await?;
    if columns != from.columns(table).await? {
        return Err(Error::Internal(format!("table {table} has other columns here")));
    }
    let (mut read, mut count) = (Pages::of(table, &columns), 0u64);
    while let Some(rows) = read.next(from).await? {
        insert(into, table, &columns, &rows).await?;
        count += rows.len() as u64;
    }
    let mut written = Pages::of(table, &columns);
    while written.next(into).await?.is_some() {}
    match written.hash() == read.hash() {
        true => Ok(count),
        false => Err(Error::Internal(format!("the copy of table {table} is not equal"))),
    }
}

async fn insert(into: &mut Tx, table: &str, columns: &[SystemColumn], rows: &[SqlRow]) -> Result<()> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let marks = format!("({})", vec!["?"; names.len()].join(", "));
    let all = vec![marks.as_str(); rows.len()].join(", ");
    let values: Vec<Value> =
        rows.iter().map(SqlRow::values).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    into.execute(&format!("INSERT INTO {table} ({}) VALUES {all}", names.join(", ")), &values).await?;
    Ok(())
}

/// Raises the last ids, so that no id is assigned twice. One database may assign ids in tables in which the other does
/// not.
async fn carry_ids(from: &mut Tx, into: &mut Tx) -> Result<()> {
    let known = from.last_ids().await?;
    for (numbered, _) in into.last_ids().await? {
        if !migrate::has_table(&numbered) {
            continue;
        }
        let sql = format!("SELECT coalesce(max(id), 0) FROM {numbered}");
        let highest = crate::users::count(into, &sql, &[]).await?;
        let last = known.iter().find(|(name, _)| *name == numbered).map_or(0, |(_, last)| *last);
        into.raise_last_id(&numbered, last.max(highest)).await?;
    }
    Ok(())
}

/// Reader of a table, page by page.
struct Pages {
    first: String,
    next: String,
    /// Positions of the key's columns in a row.
    key: Vec<usize>,
    after: Option<Vec<Value>>,
    hasher: blake3::Hasher,
}

impl Pages {
    fn of(table: &str, columns: &[SystemColumn]) -> Self {
        let mut key: Vec<(i64, usize)> =
            columns.iter().enumerate().filter_map(|(at, column)| Some((column.key?, at))).collect();
        key.sort_unstable();
        let key: Vec<usize> = key.into_iter().map(|(_, at)| at).collect();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let order = key.iter().map(|at| names[*at]).collect::<Vec<_>>().join(", ");
        let marks = vec!["?"; key.len()].join(", ");
        let all = names.join(", ");
        let end = format!("ORDER BY {order} LIMIT {PAGE}");
        Self {
            first: format!("SELECT {all} FROM {table} {end}"),
            next: format!("SELECT {all} FROM {table} WHERE ({order}) > ({marks}) {end}"),
            key,
            after: None,
            hasher: blake3::Hasher::new(),
        }
    }

    /// Returns the next rows, or `None` if there are no more.
    async fn next(&mut self, tx: &mut Tx) -> Result<Option<Vec<SqlRow>>> {
        let rows = match &self.after {
            None => tx.query(&self.first, &[]).await?,
            Some(after) => tx.query(&self.next, after).await?,
        };
        let Some(last) = rows.last() else { return Ok(None) };
        let values = last.values()?;
        self.after = Some(self.key.iter().map(|at| values[*at].clone()).collect());
        let mut text = String::new();
        for row in &rows {
            for value in row.values()? {
                // Text values are quoted, so no two different rows have the same form. Writing to a string never fails.
                let _ = writeln!(text, "{value:?}");
            }
        }
        self.hasher.update(text.as_bytes());
        Ok(Some(rows))
    }

    fn hash(&self) -> blake3::Hash {
        self.hasher.finalize()
    }
}
