//! Plain SQL on the file of a system store; see [`crate::SystemDb`].
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
    system::{Cell, SqlRow},
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

/// Query for the columns of the table `?1`: name, whether it holds text, whether it may be null, position in the
/// primary key. A primary key column is never null, although SQLite does not report that for a single integer.
pub(crate) const COLUMNS: &str = "SELECT name, upper(type) = 'TEXT', \"notnull\" = 0 AND pk = 0, nullif(pk, 0) \
    FROM pragma_table_info(?1) ORDER BY cid";
/// Query for the tables with ids that are never assigned twice, and the last id of each.
pub(crate) const LAST_IDS: &str = "SELECT t.name, coalesce(max(s.seq), 0) FROM sqlite_schema t \
    LEFT JOIN sqlite_sequence s ON s.name = t.name \
    WHERE t.type = 'table' AND t.sql LIKE '%AUTOINCREMENT%' GROUP BY t.name";

/// Handle to a system store. Cheap to clone; keeps the database open.
#[derive(Debug, Clone)]
pub(crate) struct SystemDb {
    database: Arc<Database>,
    watch: Arc<Watch>,
}

impl SystemDb {
    pub(crate) fn new(database: Arc<Database>) -> Result<Self> {
        let watch = database.watch().map_err(|error| located(error, database.path()))?;
        Ok(Self { database, watch })
    }

    /// Starts a transaction that may write. Waits for other writers; for those in other processes up to 5 s.
    ///
    /// # Errors
    /// Returns [`Kind::Busy`] if a writer in another process does not finish in time.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        let writer = self.database.writer.clone().lock_owned().await;
        let mut lease = Lease::take_as_writer(self.database.clone()).await?;
        begin(&mut lease, "BEGIN IMMEDIATE").await.map_err(|error| located(error, self.database.path()))?;
        Ok(Tx { lease: Some(lease), writer: Some(writer) })
    }

    /// Starts a read-only transaction, which sees one consistent state from its first query on.
    ///
    /// # Errors
    /// Returns `Busy` if another process holds the lock for too long.
    pub(crate) async fn snapshot(&self) -> Result<Tx> {
        let mut lease = Lease::take(self.database.clone()).await?;
        begin(&mut lease, "BEGIN").await.map_err(|error| located(error, self.database.path()))?;
        Ok(Tx { lease: Some(lease), writer: None })
    }

    /// Runs one query in its own read transaction.
    ///
    /// # Errors
    /// Returns the errors of [`SystemDb::snapshot`] and [`Tx::query`].
    pub(crate) async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<SqlRow>> {
        self.snapshot().await?.query(sql, params).await
    }

    /// Returns a number that stays the same as long as no process commits to this store. Call it *before* the read
    /// whose result you cache. Takes about 150 ns.
    pub(crate) fn mark(&self) -> u64 {
        self.watch.mark()
    }

    /// Returns true if a process has committed since `mark` was taken, or if that is unknown.
    pub(crate) fn changed(&self, mark: u64) -> bool {
        self.watch.mark() != mark
    }
}

/// Begins a transaction. Waits for other processes without holding the thread.
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

/// A transaction on a system store. Dropping it rolls it back.
#[derive(Debug)]
pub(crate) struct Tx {
    lease: Option<Lease<Arc<Database>>>,
    /// The write lock, if the transaction may write.
    writer: Option<OwnedMutexGuard<()>>,
}

impl Tx {
    /// Runs one statement and returns the number of changed rows.
    ///
    /// # Errors
    /// Returns `Statement` if the statement is wrong, and the errors of the disk.
    pub(crate) async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        let lease = self.lease()?;
        let run = || lease.prepare_cached(sql)?.execute(params_from_iter(params.iter().map(Bound)));
        Ok(run().map_err(|error| of_file(lease, error))? as u64)
    }

    /// Runs one statement and returns its rows, including those of `RETURNING`.
    ///
    /// # Errors
    /// Returns the errors of [`Tx::execute`].
    pub(crate) async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<SqlRow>> {
        let lease = self.lease()?;
        let run = || {
            let mut statement = lease.prepare_cached(sql)?;
            let columns = statement.column_count();
            let rows = statement.query_map(params_from_iter(params.iter().map(Bound)), |row| {
                (0..columns)
                    .map(|index| row.get(index).map(cell))
                    .collect::<rusqlite::Result<_>>()
                    .map(SqlRow)
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        run().map_err(|error| of_file(lease, error))
    }

    /// Runs several statements without parameters, for the schema of the store itself.
    ///
    /// # Errors
    /// Returns the errors of [`Tx::execute`].
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<()> {
        let lease = self.lease()?;
        lease.execute_batch(sql).map_err(|error| of_file(lease, error))
    }

    /// See [`crate::Tx::check`].
    pub(crate) async fn check(&mut self, sql: &str) -> Result<()> {
        let lease = self.lease()?;
        lease.prepare(sql).map(drop).map_err(|error| of_file(lease, error))
    }

    /// See [`crate::Tx::raise_last_id`].
    pub(crate) async fn raise_last_id(&mut self, table: &str, to: i64) -> Result<()> {
        let raised = "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1";
        if to > 0 && self.execute(raised, &[table.into(), to.into()]).await? == 0 {
            let first = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
            self.execute(first, &[table.into(), to.into()]).await?;
        }
        Ok(())
    }

    /// Commits. A transaction that may write is committed and synced on a blocking thread; dropping the caller's future
    /// does not stop the commit.
    ///
    /// # Errors
    /// Returns the errors of the disk; then nothing was committed. Returns [`Kind::Missing`] if the file was removed or
    /// replaced; then the commit is in a file that no process will open again.
    pub(crate) async fn commit(mut self) -> Result<()> {
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
    /// Returns the errors of the disk.
    pub(crate) async fn rollback(mut self) -> Result<()> {
        self.lease.take().map_or(Ok(()), |lease| finish(lease, "ROLLBACK"))
    }

    fn lease(&self) -> Result<&Lease<Arc<Database>>> {
        self.lease.as_ref().ok_or_else(over)
    }
}

/// Adds the file of the connection to the error.
fn of_file(conn: &Connection, error: rusqlite::Error) -> Error {
    match conn.path() {
        Some(path) => located(error.into(), path.as_ref()),
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
        // (`clean-connection`) before the write lock is released.
        if self.writer.is_none()
            && let Some(lease) = self.lease.take()
            && let Err(error) = finish(lease, "ROLLBACK")
        {
            tracing::warn!(%error, "a read transaction did not end");
        }
        drop(self.lease.take());
    }
}

/// A value as system stores hold it: an instant in microseconds; a type that SQLite lacks as text.
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

/// Converts a value that was read.
fn cell(value: Stored) -> Cell {
    match value {
        Stored::Null => Cell::Null,
        Stored::Integer(value) => Cell::Integer(value),
        Stored::Text(value) => Cell::Text(value),
        Stored::Real(_) | Stored::Blob(_) => Cell::Other(value.data_type().to_string()),
    }
}
