//! The receiving side of a transfer: inserts whole rows into a tenant's tables, removes rows, and maintains the
//! full-text indexes and the counts. Extraction, absorption and catching up use it inside their transactions.

use super::table::Table;
use crate::{
    carry::Page,
    cell::{Key, Raw},
    error::{Error, Result},
    place::Isolation,
    sqlite::{
        cells::{raw, value_ref},
        site::Site,
    },
};
use rusqlite::{Connection, OptionalExtension, Row, Statement, config::DbConfig, params, types::Value};

/// Number of prepared statements to cache while rows are carried: a handful for each model.
const STATEMENTS: usize = 512;

/// One side of a transfer: a connection, and the tenant whose rows are carried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'c> {
    pub(crate) conn: &'c Connection,
    pub(crate) isolation: Isolation,
    pub(crate) tenant: i64,
}

impl<'c> Side<'c> {
    pub(crate) fn new(conn: &'c Connection, site: &Site) -> Self {
        let tenant = site.place.tenant_number();
        Self { conn, isolation: site.place.isolation, tenant }
    }
}

/// The receiving side, with the counts of its changes.
#[derive(Debug)]
pub(crate) struct Sink<'c> {
    pub(crate) side: Side<'c>,
    /// Whether to maintain the full-text indexes row by row. If not, the caller rebuilds them at the end.
    pub(crate) index: bool,
    /// Change of the number of rows.
    pub(crate) rows: i64,
    /// Change of the bytes of stored values.
    pub(crate) bytes: i64,
}

/// Prepares a connection to receive rows. Disables triggers, because carried values are final.
pub(crate) fn prepare(conn: &Connection) -> Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

impl<'c> Sink<'c> {
    pub(crate) fn new(side: Side<'c>, index: bool) -> Self {
        Self { side, index, rows: 0, bytes: 0 }
    }

    /// Inserts a row of a page. Its id must not exist yet.
    pub(crate) fn insert(&mut self, table: &Table, page: &Page, row: usize) -> Result<()> {
        let mut insert = self.side.conn.prepare_cached(&table.insert)?;
        insert.raw_bind_parameter(1, self.side.tenant)?;
        for (column, value) in page.row(row).enumerate() {
            insert.raw_bind_parameter(column + 2, value_ref(value))?;
        }
        insert.raw_execute()?;
        if self.index
            && let Some(search) = &table.search
        {
            let mut add = self.side.conn.prepare_cached(&search.add)?;
            let texts = search.columns.iter().map(|&column| page.get(row, column));
            texts_of(&mut add, self.side.conn.last_insert_rowid(), texts)?;
        }
        self.count(1, page.row(row));
        Ok(())
    }

    /// Returns the ids of rows that have a unique value in common with a row of a page.
    pub(crate) fn conflicting(&self, table: &Table, page: &Page, row: usize) -> Result<Vec<Key>> {
        let mut found = vec![];
        for (columns, sql) in &table.unique {
            let mut find = self.side.conn.prepare_cached(sql)?;
            find.raw_bind_parameter(1, self.side.tenant)?;
            for (position, &column) in columns.iter().enumerate() {
                find.raw_bind_parameter(position + 2, value_ref(page.get(row, column)))?;
            }
            let mut rows = find.raw_query();
            found.extend(
                rows.next()?.map(|row| row.get_ref(0)).transpose()?.and_then(|id| Key::read(raw(id))),
            );
        }
        Ok(found)
    }

    /// Removes the row with this id, if there is one.
    pub(crate) fn remove(&mut self, table: &Table, id: Key) -> Result<()> {
        let mut delete = self.side.conn.prepare_cached(&table.delete)?;
        let gone = delete.query_row(params![self.side.tenant, id], |row| values(row, table)).optional()?;
        gone.map_or(Ok(()), |gone| self.removed(table, &gone))
    }

    /// Removes all rows of the tenant.
    pub(crate) fn remove_all(&mut self, table: &Table) -> Result<()> {
        while self.remove_some(table)? > 0 {}
        Ok(())
    }

    /// Removes some rows of the tenant. Returns the number of removed rows.
    pub(crate) fn remove_some(&mut self, table: &Table) -> Result<u64> {
        let mut delete = self.side.conn.prepare_cached(&table.delete_some)?;
        let gone = delete.query_map([self.side.tenant], |row| values(row, table))?;
        let gone = gone.collect::<rusqlite::Result<Vec<_>>>()?;
        gone.iter().try_for_each(|row| self.removed(table, row))?;
        Ok(gone.len() as u64)
    }

    /// Updates the index and the counts for a removed row. `row` contains its row number, then its columns.
    fn removed(&mut self, table: &Table, row: &[Value]) -> Result<()> {
        if self.index
            && let Some(search) = &table.search
            && let Some(Value::Integer(number)) = row.first()
        {
            let mut remove = self.side.conn.prepare_cached(&search.remove)?;
            let texts = search.columns.iter().map(|&column| raw((&row[column + 1]).into()));
            texts_of(&mut remove, *number, texts)?;
        }
        self.count(-1, row[1..].iter().map(|value| raw(value.into())));
        Ok(())
    }

    fn count<'v>(&mut self, sign: i64, values: impl Iterator<Item = Raw<'v>>) {
        self.rows += sign;
        self.bytes += sign * values.map(Raw::bytes).sum::<i64>();
    }
}

fn values(row: &Row<'_>, table: &Table) -> rusqlite::Result<Vec<Value>> {
    (0..=table.columns).map(|index| row.get(index)).collect()
}

fn texts_of<'v>(
    statement: &mut Statement<'_>,
    number: i64,
    texts: impl Iterator<Item = Raw<'v>>,
) -> Result<()> {
    statement.raw_bind_parameter(1, number)?;
    for (position, text) in texts.enumerate() {
        statement.raw_bind_parameter(position + 2, value_ref(text))?;
    }
    statement.raw_execute().map(drop).map_err(Error::from)
}
