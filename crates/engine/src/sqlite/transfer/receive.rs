//! The receiving side: puts whole rows into a tenant's tables and takes them out, keeping the full-text indexes and
//! the counts. Used by extraction, absorption and catching up, inside their one transaction.

use super::table::Table;
use crate::error::{Error, Result};
use crate::place::Isolation;
use crate::sqlite::server::Site;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, Statement, config::DbConfig, params};

/// Statements kept prepared while rows are carried: a handful for each model.
const STATEMENTS: usize = 512;

/// One side of a transfer: a connection, and whose rows it is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'c> {
    pub(super) conn: &'c Connection,
    pub(super) isolation: Isolation,
    pub(super) tenant: i64,
}

impl<'c> Side<'c> {
    pub(super) fn new(conn: &'c Connection, site: &Site) -> Self {
        let tenant = super::super::identity::tenant_number(&site.place);
        Self { conn, isolation: site.place.isolation, tenant }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Receive<'c> {
    pub(super) side: Side<'c>,
    /// The full-text indexes are kept row by row; else they are rebuilt at the end.
    pub(super) index: bool,
    /// Rows more than before.
    pub(super) rows: i64,
    /// Bytes of stored values more than before; of pooled tenants only.
    pub(super) bytes: i64,
}

/// Makes a connection fit to receive rows: what they carry is final, so no trigger may act on it.
pub(super) fn prepare(conn: &Connection) -> Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

impl<'c> Receive<'c> {
    pub(super) fn new(side: Side<'c>, index: bool) -> Self {
        Self { side, index, rows: 0, bytes: 0 }
    }

    /// Puts in a row that was read with the columns of `table`. Its id must not be there.
    pub(super) fn put(&mut self, table: &Table<'_>, row: &Row<'_>) -> Result<()> {
        let mut insert = self.side.conn.prepare_cached(&table.insert)?;
        insert.raw_bind_parameter(1, self.side.tenant)?;
        for index in 0..table.columns.len() {
            insert.raw_bind_parameter(index + 2, borrowed(row.get_ref(index)?))?;
        }
        insert.raw_execute()?;
        if self.index
            && let Some(search) = &table.search
        {
            let mut add = self.side.conn.prepare_cached(&search.add)?;
            let texts = search.columns.iter().map(|&column| row.get_ref(column));
            texts_of(&mut add, self.side.conn.last_insert_rowid(), texts)?;
        }
        self.count(1, (0..table.columns.len()).map(|index| row.get_ref(index)))
    }

    /// Takes out the rows that stand in the way of a row: those with a value that must be unique.
    pub(super) fn make_way(&mut self, table: &Table<'_>, row: &Row<'_>) -> Result<()> {
        for (columns, sql) in &table.unique {
            let mut find = self.side.conn.prepare_cached(sql)?;
            find.raw_bind_parameter(1, self.side.tenant)?;
            for (position, &column) in columns.iter().enumerate() {
                find.raw_bind_parameter(position + 2, borrowed(row.get_ref(column)?))?;
            }
            let mut found = find.raw_query();
            let id: Option<Value> = found.next()?.map(|row| row.get(0)).transpose()?;
            drop(found);
            drop(find);
            if let Some(id) = id {
                self.take(table, &id)?;
            }
        }
        Ok(())
    }

    /// Takes out the row with this id, if there is one.
    pub(super) fn take(&mut self, table: &Table<'_>, id: &Value) -> Result<()> {
        let mut take = self.side.conn.prepare_cached(&table.take)?;
        let gone = take.query_row(params![self.side.tenant, id], |row| values(row, table)).optional()?;
        gone.map_or(Ok(()), |gone| self.taken(table, &gone))
    }

    /// Takes out all rows of the tenant.
    pub(super) fn take_all(&mut self, table: &Table<'_>) -> Result<()> {
        while self.take_some(table)? > 0 {}
        Ok(())
    }

    /// Takes out some of them; how many.
    pub(super) fn take_some(&mut self, table: &Table<'_>) -> Result<u64> {
        let mut take = self.side.conn.prepare_cached(&table.take_some)?;
        let gone = take.query_map([self.side.tenant], |row| values(row, table))?;
        let gone = gone.collect::<rusqlite::Result<Vec<_>>>()?;
        gone.iter().try_for_each(|row| self.taken(table, row))?;
        Ok(gone.len() as u64)
    }

    /// A row that is no longer there: its number, then its columns.
    fn taken(&mut self, table: &Table<'_>, row: &[Value]) -> Result<()> {
        if self.index
            && let Some(search) = &table.search
            && let Some(Value::Integer(number)) = row.first()
        {
            let mut remove = self.side.conn.prepare_cached(&search.remove)?;
            let texts = search.columns.iter().map(|&column| Ok(ValueRef::from(&row[column + 1])));
            texts_of(&mut remove, *number, texts)?;
        }
        self.count(-1, row[1..].iter().map(|value| Ok(ValueRef::from(value))))
    }

    fn count<'v>(
        &mut self,
        sign: i64,
        values: impl Iterator<Item = rusqlite::Result<ValueRef<'v>>>,
    ) -> Result<()> {
        self.rows += sign;
        if self.side.isolation == Isolation::Pooled {
            for value in values {
                self.bytes += sign * size(value?);
            }
        }
        Ok(())
    }
}

fn values(row: &Row<'_>, table: &Table<'_>) -> rusqlite::Result<Vec<Value>> {
    (0..=table.columns.len()).map(|index| row.get(index)).collect()
}

fn texts_of<'v>(
    statement: &mut Statement<'_>,
    number: i64,
    texts: impl Iterator<Item = rusqlite::Result<ValueRef<'v>>>,
) -> Result<()> {
    statement.raw_bind_parameter(1, number)?;
    for (position, text) in texts.enumerate() {
        statement.raw_bind_parameter(position + 2, borrowed(text?))?;
    }
    statement.raw_execute().map(drop).map_err(Error::from)
}

pub(super) fn borrowed(value: ValueRef<'_>) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(value)
}

/// Bytes of a stored value, as writes count them.
fn size(value: ValueRef<'_>) -> i64 {
    match value {
        ValueRef::Null => 0,
        ValueRef::Integer(_) | ValueRef::Real(_) => 8,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => i64::try_from(bytes.len()).unwrap_or(i64::MAX),
    }
}
