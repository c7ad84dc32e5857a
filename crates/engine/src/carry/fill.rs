//! Fills an empty place or a new copy with all rows of a source.

use super::{Page, Sink, Source, Table, Tables, check_copy, ends::Pages};
use crate::{
    cell::{Key, Raw},
    error::{Error, Kind, Result},
    input::check_bytes,
    ledger::Applied,
    migration::State,
    name::TenantId,
    place::Place,
    schema::Script,
};
use std::{
    collections::HashSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Number of entries of the activity log that are carried at a time.
const LINES: i64 = 500;

/// All rows of one state of a place or copy, with the schema of that state.
pub(crate) struct Contents {
    source: Source,
    /// The migrations of the source, from its ledger.
    pub(crate) applied: Applied,
    /// The script that produces the schema of the source.
    pub(crate) script: Script,
    pub(crate) tables: Tables,
}

impl Contents {
    /// Prepares to read everything from a source. `script` has the migrations of the source's store, and may have more
    /// than the source.
    ///
    /// # Errors
    /// Returns [`Kind::SchemaAhead`] if the source has migrations that `script` does not have.
    pub(crate) async fn of(mut source: Source, script: &Script) -> Result<Self> {
        let applied = source.ledger().await?;
        let script = script.as_applied(&applied)?;
        let tables = Tables::of_state(script.state(), script.store());
        source.read(&tables).await?;
        Ok(Self { source, applied, script, tables })
    }

    /// Prepares to read a copy of tenant `of`, from which `place` is to be made. With `pages`, reads every page of the
    /// copy first.
    ///
    /// # Errors
    /// Returns `Fenced` if the copy is of a later generation of the same tenant, and `WrongIdentity` if it is of
    /// another tenant.
    pub(crate) async fn of_copy(
        from: &Path,
        of: TenantId,
        place: &Place,
        script: &Script,
        pages: bool,
    ) -> Result<Self> {
        let Some(tenant) = place.tenant else {
            let detail = format!("{place} is not made from a copy of {of:?}");
            return Err(Error::new(Kind::WrongIdentity, detail));
        };
        let generation = check_copy(from, &place.store, of, pages).await?;
        if of == tenant && generation > place.generation {
            let detail = format!("the copy is of generation {generation}, later than {place}");
            return Err(Error::new(Kind::Fenced, detail));
        }
        Self::of(Source::of_copy(from, &place.store, Some(of)).await?, script).await
    }

    /// Returns the tables whose rows are not carried, because no model declares them.
    pub(crate) async fn undeclared(&mut self) -> Result<Vec<String>> {
        self.source.undeclared(declared(self.script.state())).await
    }

    /// Carries everything to `sink`, like [`Contents::carry`]. Without a sink, only ends the reading, because an
    /// earlier attempt has filled the place.
    ///
    /// # Errors
    /// Returns the errors of [`Contents::carry`].
    pub(crate) async fn fill(self, sink: Option<Sink>, carried: &AtomicU64) -> Result<()> {
        match sink {
            Some(sink) => self.carry(sink, carried).await,
            None => self.end().await,
        }
    }

    /// Carries all rows, last ids and entries of the activity log, and finishes the sink. Adds the bytes of values to
    /// `carried` as they arrive.
    ///
    /// # Errors
    /// Returns the errors of the two databases. After an error, the place is not complete.
    pub(crate) async fn carry(mut self, mut sink: Sink, carried: &AtomicU64) -> Result<()> {
        for table in 0..self.tables.len() {
            let mut pages = Pages::of(table);
            let mut next = pages.next(&mut self.source).await?;
            while let Some(page) = next {
                if sink.has_short_entries() {
                    check_entries(&self.tables[table], &page)?;
                }
                // Read the next page while this one is being written.
                let page = Arc::new(page);
                let (read, written) = tokio::join!(pages.next(&mut self.source), sink.put(table, &page));
                written?;
                carried.fetch_add(page.bytes().unsigned_abs(), Ordering::Relaxed);
                next = read?;
            }
        }
        sink.last_ids(self.source.last_ids().await?).await?;
        let mut log_upto = 0;
        loop {
            let lines = self.source.lines(log_upto, LINES).await?;
            let Some(last) = lines.len().checked_sub(1) else { break };
            let Key::Integer(last) = lines.key(last)? else { break };
            log_upto = last;
            sink.lines(&Arc::new(lines)).await?;
        }
        sink.finish(log_upto).await?;
        self.end().await
    }

    /// Reads the rows of all tables whose indexed texts have a maximum length. Refuses the texts that
    /// [`Contents::carry`] refuses for a database with short index entries.
    ///
    /// # Errors
    /// Returns [`Kind::Invalid`] for the first text that is too long.
    pub(crate) async fn check_entries(mut self: Box<Self>) -> Result<()> {
        for table in (0..self.tables.len()).filter(|table| !self.tables[*table].short.is_empty()) {
            let mut pages = Pages::of(table);
            while let Some(page) = pages.next(&mut self.source).await? {
                check_entries(&self.tables[table], &page)?;
            }
        }
        self.end().await
    }

    /// Ends the reading. Makes a connection to a server available again.
    pub(crate) async fn end(self) -> Result<()> {
        self.source.end().await
    }
}

/// Refuses rows with texts that are too long for their indexes, which an earlier version of this program accepted.
///
/// # Errors
/// Returns [`Kind::Invalid`] for the first such text.
fn check_entries(table: &Table, page: &Page) -> Result<()> {
    for (row, (column, most)) in (0..page.len()).flat_map(|row| table.short.iter().map(move |of| (row, *of)))
    {
        if let Raw::Text(text) = page.get(row, column)
            && let Err(rule) = check_bytes(text.len(), Some(most))
        {
            let field =
                format!("{}.{} of record {}", table.model, table.columns[column].name, page.key(row)?);
            return Err(Error::invalid(field, rule));
        }
    }
    Ok(())
}

/// Refuses a pool whose migrations differ from those of a source. `script` has all migrations of the store.
///
/// # Errors
/// Returns [`Kind::SchemaBehind`] if one of the two lacks migrations, and [`Kind::SchemaAhead`] if one has migrations
/// that `script` does not have.
pub(crate) fn require_same(source: &Applied, pool: &Applied, script: &Script) -> Result<()> {
    if pool == source {
        return Ok(());
    }
    script.migrations().require_all(source, "the tenant")?;
    script.migrations().require_all(pool, "the pool")
}

/// Returns the names of the tables that models of all stores declare, because stores may share a database.
pub(crate) fn declared(state: &State) -> HashSet<String> {
    state.models().map(|model| model.name.to_string()).collect()
}
