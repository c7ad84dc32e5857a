//! Plain SQL on a system store, for the platform's own tables only: never tenants' rows, never a text that a tenant
//! wrote.
//!
//! Safe with other processes on the same file: writers wait for SQLite's lock without holding a thread, commits are
//! synced, and [`SystemDb::mark`] covers the commits of every process.

use super::{
    connection::{BUSY_WAIT, Database, Lease},
    error::located,
    wal_index::Watch,
};
use crate::{
    error::{Error, Kind, Result},
    value::Value,
};
use rusqlite::{
    Connection, ToSql, params_from_iter,
    types::{ToSqlOutput, Value as Stored},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::OwnedMutexGuard;

/// Handle to a system store; cheap to clone, keeps the database open.
#[derive(Debug, Clone)]
pub struct SystemDb {
    database: Arc<Database>,
    watch: Arc<Watch>,
}

impl SystemDb {
    pub(crate) fn new(database: Arc<Database>) -> Result<Self> {
        let watch = database.watch().map_err(|error| located(error, database.path(), false))?;
        Ok(Self { database, watch })
    }

    /// Starts a transaction that may write. Waits for other writers, up to 5 s for those in other processes.
    ///
    /// # Errors
    /// [`Kind::Busy`] if a writer in another process does not finish in time.
    pub async fn begin(&self) -> Result<Tx> {
        let writer = self.database.writer.clone().lock_owned().await;
        let mut lease = Lease::take_as_writer(self.database.clone()).await?;
        begin(&mut lease, "BEGIN IMMEDIATE")
            .await
            .map_err(|error| located(error, self.database.path(), false))?;
        Ok(Tx { lease: Some(lease), writer: Some(writer) })
    }

    /// Starts a read-only transaction, which sees one consistent state from its first query on.
    ///
    /// # Errors
    /// `Busy` if another process holds the lock for too long.
    pub async fn snapshot(&self) -> Result<Tx> {
        let mut lease = Lease::take(self.database.clone()).await?;
        begin(&mut lease, "BEGIN").await.map_err(|error| located(error, self.database.path(), false))?;
        Ok(Tx { lease: Some(lease), writer: None })
    }

    /// Runs one query in its own read transaction.
    ///
    /// # Errors
    /// Those of [`SystemDb::snapshot`] and [`Tx::query`].
    pub async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<SqlRow>> {
        self.snapshot().await?.query(sql, params).await
    }

    /// Returns a number that stays the same as long as no process commits to this store. Take it *before* the read
    /// whose result you cache. Takes about 150 ns.
    pub fn mark(&self) -> u64 {
        self.watch.mark()
    }

    /// Returns true if something was committed since `mark` was taken (or if that cannot be told).
    pub fn changed(&self, mark: u64) -> bool {
        self.watch.mark() != mark
    }
}

/// Begins a transaction; waits for other processes without holding the thread.
async fn begin(lease: &mut Lease<Arc<Database>>, sql: &str) -> Result<()> {
    let deadline = Instant::now() + BUSY_WAIT;
    let mut pause = Duration::from_micros(500);
    loop {
        match lease.execute_batch(sql).map_err(Error::from) {
            Err(error) if *error.kind() == Kind::Busy && Instant::now() < deadline => {}
            other => return other,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// A transaction on a system store. Dropping it rolls back.
#[derive(Debug)]
pub struct Tx {
    lease: Option<Lease<Arc<Database>>>,
    /// The write lock, if the transaction may write.
    writer: Option<OwnedMutexGuard<()>>,
}

impl Tx {
    /// Runs one statement and returns the number of changed rows.
    ///
    /// # Errors
    /// `Statement` if the statement is wrong, and those of the disk.
    pub async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        let lease = self.lease()?;
        let run = || lease.prepare_cached(sql)?.execute(params_from_iter(params.iter().map(Bound)));
        Ok(run().map_err(|error| of_file(lease, error))? as u64)
    }

    /// Runs one statement and returns its rows, including those of `RETURNING`.
    ///
    /// # Errors
    /// Those of [`Tx::execute`].
    pub async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<SqlRow>> {
        let lease = self.lease()?;
        let run = || {
            let mut statement = lease.prepare_cached(sql)?;
            let columns = statement.column_count();
            let rows = statement.query_map(params_from_iter(params.iter().map(Bound)), |row| {
                (0..columns).map(|index| row.get(index)).collect::<rusqlite::Result<_>>().map(SqlRow)
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        run().map_err(|error| of_file(lease, error))
    }

    /// Runs several statements without parameters, for the schema of the store itself.
    ///
    /// # Errors
    /// Those of [`Tx::execute`].
    pub async fn batch(&mut self, sql: &str) -> Result<()> {
        let lease = self.lease()?;
        lease.execute_batch(sql).map_err(|error| of_file(lease, error))
    }

    /// Commits. A transaction that may write is committed and synced on a blocking thread; dropping the caller's future
    /// does not stop that.
    ///
    /// # Errors
    /// Those of the disk; then nothing was committed. [`Kind::Missing`] if the file was removed or replaced: then the
    /// commit is in a file that no process opens any more.
    pub async fn commit(mut self) -> Result<()> {
        let (Some(lease), writer) = (self.lease.take(), self.writer.take()) else { return Err(over()) };
        if writer.is_none() {
            return finish(lease, "COMMIT");
        }
        let task = tokio::task::spawn_blocking(move || {
            let database = lease.database().clone();
            let done = finish(lease, "COMMIT").and_then(|()| database.after_commit());
            drop((database, writer));
            done
        });
        task.await.map_err(|error| Error::with_source(Kind::Internal, "commit panicked", error))?
    }

    /// Rolls back and returns the connection to the pool.
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn rollback(mut self) -> Result<()> {
        self.lease.take().map_or(Ok(()), |lease| finish(lease, "ROLLBACK"))
    }

    fn lease(&self) -> Result<&Lease<Arc<Database>>> {
        self.lease.as_ref().ok_or_else(over)
    }
}

/// Adds the file of the connection to the error.
fn of_file(conn: &Connection, error: rusqlite::Error) -> Error {
    match conn.path() {
        Some(path) => located(error.into(), path.as_ref(), false),
        None => error.into(),
    }
}

fn over() -> Error {
    Error::new(Kind::Internal, "the transaction is over")
}

/// Ends the transaction. The connection goes back to the pool only if that worked.
fn finish(lease: Lease<Arc<Database>>, sql: &str) -> Result<()> {
    lease.execute_batch(sql).map_err(|error| of_file(&lease, error))?;
    lease.give_back();
    Ok(())
}

impl Drop for Tx {
    fn drop(&mut self) {
        // Dropping a reader is normal. Dropping an unfinished writer is not: its connection is closed with the lease
        // (`clean-connection`) before the write lock is free again.
        if self.writer.is_none()
            && let Some(lease) = self.lease.take()
            && let Err(error) = finish(lease, "ROLLBACK")
        {
            tracing::warn!(%error, "a read transaction did not end");
        }
        drop(self.lease.take());
    }
}

/// A value as system stores hold it: instants as microseconds; types that SQLite lacks as text.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Owned(Stored::Null),
            Value::Boolean(value) => i64::from(*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Text(value) => value.as_str().into(),
            Value::DateTime(value) => value.as_microsecond().into(),
            Value::Decimal(value) => value.to_string().into(),
            Value::Date(value) => value.to_string().into(),
            Value::Uuid(value) => value.to_string().into(),
            Value::Json(value) => value.to_string().into(),
        })
    }
}

/// A row of a system store. Reading a column as another type than it has is an error, not a conversion.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlRow(Vec<Stored>);

impl SqlRow {
    /// Returns the integer at `index`.
    ///
    /// # Errors
    /// `Internal` if the column has another type or does not exist.
    pub fn integer(&self, index: usize) -> Result<i64> {
        self.opt_integer(index)?.ok_or_else(|| self.mismatch(index, "an integer"))
    }

    /// Returns the integer or null at `index`.
    ///
    /// # Errors
    /// `Internal` if the column has another type or does not exist.
    pub fn opt_integer(&self, index: usize) -> Result<Option<i64>> {
        match self.0.get(index) {
            Some(Stored::Integer(value)) => Ok(Some(*value)),
            Some(Stored::Null) => Ok(None),
            _ => Err(self.mismatch(index, "an integer or null")),
        }
    }

    /// Returns the integer at `index` as a boolean.
    ///
    /// # Errors
    /// `Internal` if the column has another type or does not exist.
    pub fn boolean(&self, index: usize) -> Result<bool> {
        self.integer(index).map(|value| value != 0)
    }

    /// Returns the text at `index`.
    ///
    /// # Errors
    /// `Internal` if the column has another type or does not exist.
    pub fn text(&self, index: usize) -> Result<&str> {
        self.opt_text(index)?.ok_or_else(|| self.mismatch(index, "text"))
    }

    /// Returns the text or null at `index`.
    ///
    /// # Errors
    /// `Internal` if the column has another type or does not exist.
    pub fn opt_text(&self, index: usize) -> Result<Option<&str>> {
        match self.0.get(index) {
            Some(Stored::Text(value)) => Ok(Some(value)),
            Some(Stored::Null) => Ok(None),
            _ => Err(self.mismatch(index, "text or null")),
        }
    }

    fn mismatch(&self, index: usize, wanted: &str) -> Error {
        let found = self
            .0
            .get(index)
            .map_or_else(|| "no such column".into(), |value| format!("{:?}", value.data_type()));
        Error::new(Kind::Internal, format!("column {index}: wanted {wanted}, found {found}"))
    }
}
