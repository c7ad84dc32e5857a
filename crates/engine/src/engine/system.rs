//! Plain SQL on a system store, for the platform's own tables only: never for tenants' rows, and never with text that a
//! tenant wrote.
//!
//! The statements are written once for all databases, with the parameters `?` or `?1`. Writers of all processes run one
//! after another, so numbers that the statements assign have no gaps, and the result of a check stays true until its
//! commit.

use super::{Engine, Server};
use crate::{
    error::{Error, Kind, Result},
    place::{EngineKind, Place},
    postgres, sqlite,
    system::{SqlRow, SystemColumn},
    value::Value,
};
use std::time::Instant;

/// Handle to a system store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SystemDb(Store);

#[derive(Debug, Clone)]
enum Store {
    Sqlite(sqlite::SystemDb),
    Postgres(postgres::SystemDb),
}

/// A transaction on a system store. Dropping it rolls it back.
#[derive(Debug)]
pub struct Tx(Work);

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a transaction on SQLite needs no allocation of its own")]
enum Work {
    Sqlite(sqlite::Tx),
    Postgres(Box<postgres::Tx>),
}

/// Calls a method of the database, whichever kind it is. A future of PostgreSQL is boxed, see `engine::at`.
macro_rules! on {
    ($kind:ident, $of:expr, $it:ident => $call:expr) => {
        match $of {
            $kind::Sqlite($it) => $call.await,
            $kind::Postgres($it) => Box::pin($call).await,
        }
    };
}

impl Engine {
    /// Opens the system store at `place`, for the platform's own SQL.
    ///
    /// # Errors
    /// Returns `Missing` or `WrongIdentity` if the store is not there, and `Unreachable` if its server does not answer.
    pub async fn system(&self, place: &Place) -> Result<SystemDb> {
        if place.tenant.is_some() {
            return Err(Error::new(Kind::Internal, format!("{place} is not a system store")));
        }
        Ok(SystemDb(match &*self.server(place).await? {
            Server::Sqlite(server) => Store::Sqlite(server.system(place).await?),
            Server::Postgres(server) => Store::Postgres(Box::pin(server.system(place)).await?),
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => {
                let why = format!("{place}: the platform's own tables need SQL, which MongoDB does not have");
                return Err(Error::new(Kind::Statement(why.clone()), why));
            }
        }))
    }
}

impl SystemDb {
    /// Returns the database software of the store.
    pub fn engine(&self) -> EngineKind {
        match self.0 {
            Store::Sqlite(_) => EngineKind::Sqlite,
            Store::Postgres(_) => EngineKind::Postgres,
        }
    }

    /// Starts a transaction that may write. Waits for other writers; for those in other processes up to 5 s.
    ///
    /// # Errors
    /// Returns [`Kind::Busy`] if a writer in another process does not finish in time.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(Tx(match &self.0 {
            Store::Sqlite(db) => Work::Sqlite(db.begin().await?),
            Store::Postgres(db) => Work::Postgres(Box::new(Box::pin(db.begin()).await?)),
        }))
    }

    /// Starts a read-only transaction, which sees one consistent state from its first query on.
    ///
    /// # Errors
    /// Returns `Busy` if another process holds the lock for too long.
    pub async fn snapshot(&self) -> Result<Tx> {
        Ok(Tx(match &self.0 {
            Store::Sqlite(db) => Work::Sqlite(db.snapshot().await?),
            Store::Postgres(db) => Work::Postgres(Box::new(Box::pin(db.snapshot()).await?)),
        }))
    }

    /// Runs one query in its own read transaction.
    ///
    /// # Errors
    /// Returns the errors of [`SystemDb::snapshot`] and [`Tx::query`].
    pub async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<SqlRow>> {
        on!(Store, &self.0, db => db.query(sql, params))
    }

    /// Returns true if the store is on a server, so that processes on several hosts may use it.
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Store::Postgres(_))
    }

    /// Runs one statement that changes rows, in its own transaction, and returns its rows. Notifies no process, so it
    /// is only for rows that no cache holds. On a server it does not wait for other writers.
    ///
    /// # Errors
    /// Returns the errors of [`SystemDb::begin`] and [`Tx::query`].
    pub async fn note(&self, sql: &str, params: &[Value]) -> Result<Vec<SqlRow>> {
        match &self.0 {
            Store::Postgres(db) => Box::pin(db.query(sql, params)).await,
            Store::Sqlite(_) => {
                let mut tx = self.begin().await?;
                let rows = tx.query(sql, params).await?;
                tx.commit().await?;
                Ok(rows)
            }
        }
    }

    /// Waits until a commit of any process is reported, counting from the last call of this function. Only one task may
    /// wait. On SQLite it never returns; use [`SystemDb::mark`] there.
    pub async fn heard(&self) {
        match &self.0 {
            Store::Sqlite(_) => std::future::pending().await,
            Store::Postgres(db) => db.heard().await,
        }
    }

    /// Returns the time of the server's clock, in microseconds since 1970 in UTC; `None` if the clock of this host
    /// applies.
    ///
    /// # Errors
    /// Returns the errors of [`SystemDb::query`].
    pub async fn clock_us(&self) -> Result<Option<i64>> {
        match &self.0 {
            Store::Sqlite(_) => Ok(None),
            Store::Postgres(db) => Box::pin(db.clock_us()).await.map(Some),
        }
    }

    /// Returns a number that stays the same as long as no process commits to this store. Call it *before* the read
    /// whose result you cache. It does not query the database and takes about 150 ns.
    ///
    /// On a server, commits of other processes count once the server reports them; see [`SystemDb::confirmed`].
    pub fn mark(&self) -> u64 {
        match &self.0 {
            Store::Sqlite(db) => db.mark(),
            Store::Postgres(db) => db.mark(),
        }
    }

    /// Returns true if a process has committed since `mark` was taken, or if that is unknown.
    pub fn changed(&self, mark: u64) -> bool {
        match &self.0 {
            Store::Sqlite(db) => db.changed(mark),
            Store::Postgres(db) => db.changed(mark),
        }
    }

    /// Returns an instant such that [`SystemDb::mark`] counts every commit that any process acknowledged before it. The
    /// instant advances about every second while the server answers; `None` if no instant is known.
    ///
    /// For a file on this machine, it is the current instant.
    pub fn confirmed(&self) -> Option<Instant> {
        match &self.0 {
            Store::Sqlite(_) => Some(Instant::now()),
            Store::Postgres(db) => db.confirmed(),
        }
    }
}

impl Tx {
    /// Runs one statement and returns the number of changed rows. A refused statement changes nothing, and the
    /// transaction continues.
    ///
    /// # Errors
    /// Returns `Statement` if the statement is wrong, and the errors of the disk.
    pub async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        on!(Work, &mut self.0, tx => tx.execute(sql, params))
    }

    /// Runs one statement and returns its rows, including those of `RETURNING`.
    ///
    /// # Errors
    /// Returns the errors of [`Tx::execute`].
    pub async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<SqlRow>> {
        on!(Work, &mut self.0, tx => tx.query(sql, params))
    }

    /// Runs several statements without parameters, for the schema of the store itself.
    ///
    /// # Errors
    /// Returns the errors of [`Tx::execute`].
    pub async fn batch(&mut self, sql: &str) -> Result<()> {
        on!(Work, &mut self.0, tx => tx.batch(sql))
    }

    /// Checks that the database accepts a statement, without running it.
    ///
    /// # Errors
    /// Returns the errors of [`Tx::execute`].
    pub async fn check(&mut self, sql: &str) -> Result<()> {
        on!(Work, &mut self.0, tx => tx.check(sql))
    }

    /// Returns the columns of a table in order; empty if there is no such table.
    ///
    /// # Errors
    /// Returns the errors of [`Tx::query`].
    pub async fn columns(&mut self, table: &str) -> Result<Vec<SystemColumn>> {
        let sql = match self.0 {
            Work::Sqlite(_) => sqlite::COLUMNS,
            Work::Postgres(_) => postgres::COLUMNS,
        };
        let rows = self.query(sql, &[table.into()]).await?;
        let column = |row: &SqlRow| {
            Ok(SystemColumn {
                name: row.text(0)?.to_owned(),
                is_text: row.boolean(1)?,
                is_nullable: row.boolean(2)?,
                key: row.opt_integer(3)?,
            })
        };
        rows.iter().map(column).collect()
    }

    /// Returns the tables whose ids the database assigns and never reuses, with the last id of each.
    ///
    /// # Errors
    /// Returns the errors of [`Tx::query`].
    pub async fn last_ids(&mut self) -> Result<Vec<(String, i64)>> {
        let sql = match self.0 {
            Work::Sqlite(_) => sqlite::LAST_IDS,
            Work::Postgres(_) => postgres::LAST_IDS,
        };
        let rows = self.query(sql, &[]).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.integer(1)?))).collect()
    }

    /// Ensures that the next row of one of these tables gets an id above `to`.
    ///
    /// # Errors
    /// Returns the errors of [`Tx::execute`].
    pub async fn raise_last_id(&mut self, table: &str, to: i64) -> Result<()> {
        on!(Work, &mut self.0, tx => tx.raise_last_id(table, to))
    }

    /// Commits. Dropping the caller's future does not stop a commit that has begun.
    ///
    /// # Errors
    /// Returns the errors of the disk; then nothing was committed. Returns [`Kind::Missing`] if the file was removed or
    /// replaced; then the commit is in a file that no process will open again. Returns [`Kind::InDoubt`] if the answer
    /// of a server was lost; then the change is either stored completely or not at all.
    pub async fn commit(self) -> Result<()> {
        on!(Work, self.0, tx => tx.commit())
    }

    /// Rolls back and returns the connection to the pool.
    ///
    /// # Errors
    /// Returns the errors of the disk.
    pub async fn rollback(self) -> Result<()> {
        on!(Work, self.0, tx => tx.rollback())
    }
}
