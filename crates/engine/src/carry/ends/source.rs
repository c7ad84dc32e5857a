//! The source of a transfer: one consistent state of a place or of a copy.

use super::End;
#[cfg(feature = "mongodb")]
use crate::mongo;
use crate::{
    carry::{CaughtUp, Mobile, Page, Table, Tables},
    cell::Key,
    error::Result,
    identity::PlaceInfo,
    ledger::Applied,
    name::{StoreName, TenantId},
    postgres, sqlite,
};
use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

/// Number of rows of a page. A page with large values has fewer.
const ROWS: usize = 500;
/// Number of rows of the first page of a table, before the size of its rows is known.
const FIRST: usize = 100;
/// Target for the bytes of values in one page.
const BYTES: i64 = 1 << 20;

/// Ids of touched records, by model.
pub(crate) type Touched = BTreeMap<String, HashSet<Key>>;

/// One state of a place or copy. Later writes are not visible in it. A table is identified by its position among the
/// tables of [`Source::read`].
pub(crate) enum Source {
    Sqlite(Mobile<sqlite::transfer::Reader>),
    Postgres(Box<postgres::carry::Reader>),
    #[cfg(feature = "mongodb")]
    Mongo(Box<mongo::carry::Reader>),
}

macro_rules! on {
    ($source:expr, $reader:ident => $sqlite:expr, $server:expr) => {
        match $source {
            Source::Sqlite(source) => {
                source
                    .run(move |$reader| {
                        let done: Result<_> = $sqlite;
                        done.map_err(|error| $reader.located(error))
                    })
                    .await
            }
            Source::Postgres($reader) => $server.await,
            #[cfg(feature = "mongodb")]
            Source::Mongo($reader) => $server.await,
        }
    };
}

impl Source {
    /// Opens the current state of a place.
    ///
    /// # Errors
    /// Returns `WrongIdentity` or `Fenced` if the database does not hold the place at its generation.
    pub(crate) async fn open(end: &End) -> Result<Self> {
        Ok(match end.clone() {
            End::Sqlite(site) => {
                Self::Sqlite(Mobile::make(move || sqlite::transfer::Reader::of_place(&site)).await?)
            }
            End::Postgres(server, site) => {
                Self::Postgres(Box::new(postgres::carry::Reader::open(&server, &site).await?))
            }
            #[cfg(feature = "mongodb")]
            End::Mongo(server, site) => {
                Self::Mongo(Box::new(mongo::carry::Reader::open(&server, &site).await?))
            }
        })
    }

    /// Opens a copy of this tenant (`None` for a system store).
    ///
    /// # Errors
    /// Returns `WrongIdentity` if the copy is not of this tenant and store.
    pub(crate) async fn of_copy(from: &Path, store: &StoreName, of: Option<TenantId>) -> Result<Self> {
        let (from, store) = (PathBuf::from(from), store.clone());
        let open = move || sqlite::transfer::Reader::of_copy(&from, &store, of);
        Ok(Self::Sqlite(Mobile::make(open).await?))
    }

    /// Ends the reading. Makes a connection to a server available again.
    pub(crate) async fn end(self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(reader) => reader.end().await,
            #[cfg(feature = "mongodb")]
            Self::Mongo(reader) => reader.end().await,
        }
    }

    /// Sets the tables to read.
    pub(crate) async fn read(&mut self, tables: &Tables) -> Result<()> {
        let tables = tables.clone();
        on!(self, reader => { reader.read(&tables); Ok(()) }, async { reader.read(&tables); Ok(()) })
    }

    /// Returns up to `most` rows of a table after the row with id `after`, in order of id.
    pub(crate) async fn page(&mut self, table: usize, after: Option<Key>, most: usize) -> Result<Page> {
        on!(self, reader => reader.page(table, after, most), reader.page(table, after, most))
    }

    /// Returns the rows of a table that have one of these ids.
    pub(crate) async fn rows(&mut self, table: usize, ids: Vec<Key>) -> Result<Page> {
        on!(self, reader => reader.rows(table, &ids), reader.rows(table, &ids))
    }

    /// Returns up to `most` changes recorded after `after`, each record once, and how far they reach.
    pub(crate) async fn noted(&mut self, after: u64, most: u64) -> Result<(Touched, CaughtUp)> {
        on!(self, reader => reader.noted(after, most), reader.noted(after, most))
    }

    /// Returns up to `most` entries of the activity log after the entry `after`, with the columns of
    /// [`crate::carry::LINE`].
    pub(crate) async fn lines(&mut self, after: i64, most: i64) -> Result<Page> {
        on!(self, reader => reader.lines(after, most), reader.lines(after, most))
    }

    /// Returns the last integer id assigned in each table that has assigned one.
    pub(crate) async fn last_ids(&mut self) -> Result<Vec<(usize, i64)>> {
        on!(self, reader => reader.last_ids(), reader.last_ids())
    }

    /// Returns the migrations of the place's store.
    pub(crate) async fn ledger(&mut self) -> Result<Applied> {
        on!(self, reader => reader.ledger(), reader.ledger())
    }

    /// Returns the state and the counts of the place.
    pub(crate) async fn info(&mut self) -> Result<PlaceInfo> {
        on!(self, reader => reader.info(), reader.info())
    }

    /// Returns the tables that have rows but are not in `declared`, the list of tables that models declare.
    pub(crate) async fn undeclared(&mut self, declared: HashSet<String>) -> Result<Vec<String>> {
        on!(self, reader => reader.undeclared(&declared), reader.undeclared(&declared))
    }
}

/// Checks a copy of this tenant and returns the generation of its source place. With `pages`, reads every page.
///
/// # Errors
/// Returns `WrongIdentity` if the copy is not of this tenant and store, and `Corrupt` if it is damaged.
pub(crate) async fn check_copy(from: &Path, store: &StoreName, of: TenantId, pages: bool) -> Result<u64> {
    let (from, store) = (PathBuf::from(from), store.clone());
    let check = move || sqlite::transfer::check_copy(&from, &store, of, pages);
    Mobile::make(check).await?.end(Ok).await
}

/// The rows of a table, page by page.
#[derive(Debug)]
pub(crate) struct Pages {
    table: usize,
    after: Option<Key>,
    most: usize,
    ended: bool,
}

impl Pages {
    /// Begins at the first row.
    pub(crate) fn of(table: usize) -> Self {
        Self { table, after: None, most: FIRST, ended: false }
    }

    /// Returns the next page; `None` after the last one.
    pub(crate) async fn next(&mut self, source: &mut Source) -> Result<Option<Page>> {
        if self.ended {
            return Ok(None);
        }
        let page = source.page(self.table, self.after, self.most).await?;
        self.ended = page.len() < self.most;
        let Some(last) = page.len().checked_sub(1) else { return Ok(None) };
        self.after = Some(page.key(last)?);
        let row = page.bytes() / i64::try_from(page.len()).unwrap_or(1);
        self.most = usize::try_from(BYTES / row.max(1)).unwrap_or(ROWS).clamp(1, ROWS);
        Ok(Some(page))
    }
}

/// Returns the column names of a table, for digests.
pub(crate) fn names(table: &Table) -> Vec<&str> {
    table.columns.iter().map(|column| &*column.name).collect()
}
