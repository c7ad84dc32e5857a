//! The sink of a transfer: transactions on a place or on a new copy.

use super::End;
#[cfg(feature = "mongodb")]
use crate::mongo;
use crate::{
    carry::{Mobile, Page, Tables},
    cell::Key,
    error::Result,
    ledger::Applied,
    postgres, sqlite,
};
use std::sync::Arc;

/// Transactions on the receiving side. The last one has no effect unless [`Sink::finish`] returns. A table is
/// identified by its position among the tables of [`Sink::write`], or among those that the sink was opened with.
pub(crate) enum Sink {
    Sqlite(Mobile<sqlite::transfer::Writer>),
    Postgres(Box<postgres::carry::Writer>),
    #[cfg(feature = "mongodb")]
    Mongo(Box<mongo::carry::Writer>),
}

macro_rules! on {
    ($sink:expr, $writer:ident => $sqlite:expr, $server:expr) => {
        match $sink {
            Sink::Sqlite(sink) => {
                sink.run(move |$writer| {
                    let done: Result<_> = $sqlite;
                    done.map_err(|error| $writer.located(error))
                })
                .await
            }
            Sink::Postgres($writer) => $server.await,
            #[cfg(feature = "mongodb")]
            Sink::Mongo($writer) => $server.await,
        }
    };
}

impl Sink {
    /// Locks a closed place, so that no other caller carries changes into it. Set its tables with [`Sink::write`].
    ///
    /// # Errors
    /// Returns `Fenced` if the place was opened already.
    pub(crate) async fn catching_up(end: &End) -> Result<Self> {
        Ok(match end.clone() {
            End::Sqlite(site) => {
                let open = move || sqlite::transfer::Writer::catching_up(&site);
                Self::Sqlite(Mobile::make(open).await?)
            }
            End::Postgres(server, site) => {
                let writer = postgres::carry::Writer::catching_up(&server, &site).await?;
                Self::Postgres(Box::new(writer))
            }
            #[cfg(feature = "mongodb")]
            End::Mongo(server, site) => {
                Self::Mongo(Box::new(mongo::carry::Writer::catching_up(&server, &site).await?))
            }
        })
    }

    /// Returns true if a transaction cannot end while one of its rows refers to a missing row.
    pub(crate) fn checks_references(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Returns true if the database refuses long texts in indexes.
    pub(crate) fn has_short_entries(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Returns the id of the last entry of the source's activity log that an earlier call carried.
    pub(crate) async fn log_upto(&mut self) -> Result<i64> {
        on!(self, writer => Ok(writer.log_upto()), async { Ok(writer.log_upto()) })
    }

    /// Returns the migrations of the place's store.
    pub(crate) async fn ledger(&mut self) -> Result<Applied> {
        on!(self, writer => writer.ledger(), writer.ledger())
    }

    /// Sets the tables to write to.
    pub(crate) async fn write(&mut self, tables: &Tables) -> Result<()> {
        let tables = tables.clone();
        on!(self, writer => { writer.write(&tables); Ok(()) }, async { writer.write(&tables); Ok(()) })
    }

    /// Removes the rows with these ids.
    pub(crate) async fn take(&mut self, table: usize, ids: Vec<Key>) -> Result<()> {
        on!(self, writer => writer.take(table, &ids), writer.take(table, &ids))
    }

    /// Inserts rows whose ids must not exist yet.
    pub(crate) async fn put(&mut self, table: usize, page: &Arc<Page>) -> Result<()> {
        let page = page.clone();
        on!(self, writer => writer.put(table, &page), writer.put(table, &page))
    }

    /// Returns the ids of rows that share a unique value with a row of the page.
    pub(crate) async fn conflicts(&mut self, table: usize, page: &Arc<Page>) -> Result<Vec<Key>> {
        let page = page.clone();
        on!(self, writer => writer.conflicts(table, &page), writer.conflicts(table, &page))
    }

    /// Returns the ids of rows that refer to one of these ids through the reference at this position. Only for a sink
    /// that checks references.
    pub(crate) async fn referrers(
        &mut self,
        table: usize,
        reference: usize,
        ids: Vec<Key>,
    ) -> Result<Vec<Key>> {
        match self {
            Self::Postgres(writer) => writer.referrers(table, reference, &ids).await,
            _ => Ok(vec![]),
        }
    }

    /// Returns those of the given ids that no row of the table has. Only for a sink that checks references.
    pub(crate) async fn absent(&mut self, table: usize, ids: Vec<Key>) -> Result<Vec<Key>> {
        match self {
            Self::Postgres(writer) => writer.absent(table, ids).await,
            _ => Ok(vec![]),
        }
    }

    /// Raises the last assigned ids to at least these values.
    pub(crate) async fn last_ids(&mut self, last: Vec<(usize, i64)>) -> Result<()> {
        on!(self, writer => writer.last_ids(&last), writer.last_ids(&last))
    }

    /// Adds entries to the activity log, with the columns of [`crate::carry::LINE`].
    pub(crate) async fn lines(&mut self, page: &Arc<Page>) -> Result<()> {
        let page = page.clone();
        on!(self, writer => writer.lines(&page), writer.lines(&page))
    }

    /// Sets the counters and the state of the place, and commits. `log_upto` is the id of the last entry of the
    /// source's activity log that was carried.
    pub(crate) async fn finish(self, log_upto: i64) -> Result<()> {
        match self {
            Self::Sqlite(writer) => writer.end(move |writer| writer.finish(log_upto)).await,
            Self::Postgres(writer) => writer.finish(log_upto).await,
            #[cfg(feature = "mongodb")]
            Self::Mongo(writer) => writer.finish(log_upto).await,
        }
    }
}
