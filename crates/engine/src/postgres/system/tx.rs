//! Transactions on a system store.

use super::{SystemDb, refusal, values};
use crate::{
    error::{Error, Kind, Result},
    postgres::connections::{Lease, Wrap},
    system::SqlRow,
    value::Value,
};
use tokio::{runtime::Handle, sync::OwnedMutexGuard};

/// Begins a transaction that reads one state.
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Begins a transaction that may write, and waits for its turn. A process that hangs, or whose machine is gone, blocks
/// others for at most a minute.
const WRITE: &str = "ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '5s'; \
    SET LOCAL idle_in_transaction_session_timeout = '60s'; SELECT pg_advisory_xact_lock(8031924107726901)";
/// A statement without additions.
pub(super) const PLAIN: Wrap<'static> = Wrap { begin: None, is_guarded: false };

/// A transaction on a system store. Dropping it rolls it back.
#[derive(Debug)]
pub(crate) struct Tx {
    db: SystemDb,
    lease: Option<Lease>,
    /// False until a read transaction has run its first statement.
    begun: bool,
    /// This process's write lock, if the transaction may write.
    writer: Option<OwnedMutexGuard<()>>,
}

impl Tx {
    pub(super) async fn to_write(db: &SystemDb, writer: OwnedMutexGuard<()>) -> Result<Self> {
        let mut lease = db.lease().await?;
        lease.connection()?.begin(WRITE).await?;
        Ok(Self { db: db.clone(), lease: Some(lease), begun: true, writer: Some(writer) })
    }

    pub(super) async fn to_read(db: &SystemDb) -> Result<Self> {
        let lease = Some(db.lease().await?);
        Ok(Self { db: db.clone(), lease, begun: false, writer: None })
    }

    /// See [`crate::Tx::execute`].
    pub(crate) async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        self.run(sql, params).await.map(|(_, changed)| changed)
    }

    /// See [`crate::Tx::query`].
    pub(crate) async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<SqlRow>> {
        self.run(sql, params).await.map(|(rows, _)| rows)
    }

    async fn run(&mut self, sql: &str, params: &[Value]) -> Result<(Vec<SqlRow>, u64)> {
        let text = self.db.0.texts.of(sql);
        let wrap = Wrap {
            begin: (!self.begun).then_some(READ),
            // After a failed statement, PostgreSQL refuses every further statement of the transaction, up to the
            // savepoint.
            is_guarded: self.writer.is_some() && !text.starts_with("SELECT"),
        };
        self.begun = true;
        let lease = self.lease.as_mut().ok_or_else(over)?;
        values::run(lease.connection()?, &text, params, wrap).await.map_err(refusal::explained)
    }

    /// See [`crate::Tx::batch`].
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<()> {
        self.begin_to_read().await?;
        self.lease.as_mut().ok_or_else(over)?.connection()?.batch(sql).await
    }

    /// See [`crate::Tx::check`].
    pub(crate) async fn check(&mut self, sql: &str) -> Result<()> {
        let text = self.db.0.texts.of(sql);
        // Runs outside the transaction of a reader, because a refusal would end it.
        self.lease.as_mut().ok_or_else(over)?.connection()?.describe(&text).await.map(drop)
    }

    /// See [`crate::Tx::raise_last_id`].
    pub(crate) async fn raise_last_id(&mut self, table: &str, to: i64) -> Result<()> {
        if to <= 0 {
            return Ok(());
        }
        let sql = "SELECT setval(s.name, greatest(?2, coalesce(pg_sequence_last_value(s.name), 1))) \
            FROM (SELECT pg_get_serial_sequence(quote_ident(?1), 'id')::regclass AS name) AS s";
        self.query(sql, &[table.into(), to.into()]).await.map(drop)
    }

    /// See [`crate::Tx::commit`].
    pub(crate) async fn commit(mut self) -> Result<()> {
        let mut lease = self.lease.take().ok_or_else(over)?;
        let Some(writer) = self.writer.take() else {
            return end(&mut lease, self.begun).await;
        };
        let db = self.db.clone();
        let task = tokio::spawn(async move {
            let done = lease.connection()?.commit_and_notify(&db.0.site.name).await;
            // Count it in doubt as well, because the transaction may be committed.
            db.committed();
            drop((lease, writer));
            done
        });
        task.await.map_err(|error| Error::with_source(Kind::Internal, "commit panicked", error))?
    }

    /// See [`crate::Tx::rollback`].
    pub(crate) async fn rollback(mut self) -> Result<()> {
        match self.lease.take() {
            Some(mut lease) => end(&mut lease, self.begun).await,
            None => Ok(()),
        }
    }

    async fn begin_to_read(&mut self) -> Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            let lease = self.lease.as_mut().ok_or_else(over)?;
            lease.connection()?.begin(READ.trim_start_matches("BEGIN ")).await?;
        }
        Ok(())
    }
}

/// Rolls the transaction back, if one was begun.
async fn end(lease: &mut Lease, begun: bool) -> Result<()> {
    match begun {
        true => lease.connection()?.roll_back().await,
        false => Ok(()),
    }
}

fn over() -> Error {
    Error::new(Kind::Internal, "the transaction is over")
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Some(mut lease) = self.lease.take().filter(|_| self.begun) else { return };
        let writer = self.writer.take();
        // A statement whose caller is gone is cancelled with its connection. Otherwise the transaction is rolled back,
        // so that the connection stays open: most readers are dropped without being ended.
        if let (false, Ok(runtime)) = (lease.is_in_statement(), Handle::try_current()) {
            runtime.spawn(async move {
                if let Err(error) = end(&mut lease, true).await {
                    tracing::debug!(%error, "a transaction was not rolled back, so its connection is closed");
                }
                drop((lease, writer));
            });
        }
    }
}
