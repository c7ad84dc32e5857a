//! Plain SQL on the database of a system store; see [`crate::SystemDb`].
//!
//! A transaction that may write first takes one advisory lock of the database, so that the writers of all processes run
//! one after another. It notifies every process of its commit with `NOTIFY`. A read transaction begins with its first
//! statement, in the same round trip.

mod refusal;
mod text;
mod tx;
mod values;
mod watch;

pub(crate) use tx::Tx;

use self::{text::Texts, watch::Watch};
use super::{Server, Site, connections::Lease};
use crate::{
    error::{Error, Kind, Result},
    place::{Isolation, Place},
    system::SqlRow,
    value::Value,
};
use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};
use tokio::sync::Mutex;

/// Query for the columns of the table `?1`: name, whether it holds text, whether it may be null, position in the
/// primary key.
pub(crate) const COLUMNS: &str = "SELECT a.attname::text, a.atttypid IN ('text'::regtype, 'json'::regtype), \
    NOT a.attnotnull, array_position(k.conkey::int[], a.attnum::int)::bigint \
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    LEFT JOIN pg_constraint AS k ON k.conrelid = c.oid AND k.contype = 'p' \
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname = ?1 ORDER BY a.attnum";
/// Query for the tables with ids that are never assigned twice, and the last id of each. It does not return the
/// platform's own tables that every database has.
pub(crate) const LAST_IDS: &str = "SELECT c.relname::text, coalesce(pg_sequence_last_value( \
      pg_get_serial_sequence(quote_ident(c.relname), a.attname)::regclass), 0) \
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attidentity <> '' \
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT starts_with(c.relname, '_') ORDER BY 1";

/// Handle to a system store. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct SystemDb(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    server: Server,
    site: Site,
    /// Held by the writer of this process, so that waiting writers hold no connection.
    writer: Arc<Mutex<()>>,
    texts: Texts,
    /// Created on first use, because most commands never use it.
    watch: OnceLock<Watch>,
}

impl Server {
    /// See [`crate::Engine::system`].
    pub(crate) async fn system(&self, place: &Place) -> Result<SystemDb> {
        if place.isolation != Isolation::Database {
            return Err(Error::new(Kind::Internal, format!("{place} has no database of its own")));
        }
        let site = self.site(place)?;
        self.identify(&site).await?;
        Ok(SystemDb(Arc::new(Inner {
            server: self.clone(),
            site,
            writer: Arc::default(),
            texts: Texts::default(),
            watch: OnceLock::new(),
        })))
    }
}

impl SystemDb {
    /// See [`crate::SystemDb::begin`].
    pub(crate) async fn begin(&self) -> Result<Tx> {
        let writer = self.0.writer.clone().lock_owned().await;
        Tx::to_write(self, writer).await
    }

    /// See [`crate::SystemDb::snapshot`].
    pub(crate) async fn snapshot(&self) -> Result<Tx> {
        Tx::to_read(self).await
    }

    /// Runs one query. It needs no transaction, because a statement sees one state.
    pub(crate) async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<SqlRow>> {
        let mut lease = self.lease().await?;
        let text = self.0.texts.of(sql);
        values::run(lease.connection()?, &text, params, tx::PLAIN).await.map(|(rows, _)| rows)
    }

    /// See [`crate::SystemDb::heard`].
    pub(crate) async fn heard(&self) {
        self.watch().heard().await;
    }

    /// See [`crate::SystemDb::clock_us`].
    pub(crate) async fn clock_us(&self) -> Result<i64> {
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
        let rows = self.query(sql, &[]).await?;
        rows.first().ok_or_else(|| Error::new(Kind::Internal, "no time"))?.integer(0)
    }

    /// See [`crate::SystemDb::mark`].
    pub(crate) fn mark(&self) -> u64 {
        self.watch().mark()
    }

    /// See [`crate::SystemDb::changed`].
    pub(crate) fn changed(&self, mark: u64) -> bool {
        self.watch().changed(mark)
    }

    /// See [`crate::SystemDb::confirmed`].
    pub(crate) fn confirmed(&self) -> Option<Instant> {
        self.watch().confirmed()
    }

    fn watch(&self) -> &Watch {
        self.0.watch.get_or_init(|| Watch::new(&self.0.server, &self.0.site))
    }

    async fn lease(&self) -> Result<Lease> {
        self.0.server.lease(&self.0.site).await
    }

    /// Counts a commit of this process. Its caches must be current before its next request, not only when the
    /// notification arrives.
    fn committed(&self) {
        if let Some(watch) = self.0.watch.get() {
            watch.count();
        }
    }
}
