//! Compares the contents of places, by checksum and row by row.

use super::{
    Digest, End, ModelDiff, Page, Source, TableDigest, TableHash, Tables,
    catch_up::same_tables,
    diff::next_row,
    ends::{Pages, names},
};
use crate::{
    cell::{Key, Raw},
    error::Result,
    schema::Script,
};
use std::collections::HashSet;

/// Computes the digest of one state. It has an entry for every table.
pub(crate) async fn digest(mut source: Source, tables: &Tables) -> Result<Digest> {
    source.read(tables).await?;
    let mut list = Vec::with_capacity(tables.len());
    for position in 0..tables.len() {
        list.push(digest_table(&mut source, tables, position).await?);
    }
    source.end().await?;
    Ok(Digest { tables: list })
}

async fn digest_table(source: &mut Source, tables: &Tables, position: usize) -> Result<TableDigest> {
    let table = &tables[position];
    let mut hash = TableHash::new(&table.model, &names(table));
    let mut pages = Pages::of(position);
    let mut next = pages.next(source).await?;
    while let Some(page) = next {
        for row in 0..page.len() {
            page.row(row).try_for_each(|value| hash.value(value))?;
            hash.end_row();
        }
        next = pages.next(source).await?;
    }
    Ok(hash.finish(&table.model))
}

/// Compares two places of one store, each in one consistent state. The result has an entry for every table; operators
/// see it before a restore.
pub(crate) async fn compare(live: &End, other: &End, tables: &Tables) -> Result<Vec<ModelDiff>> {
    let (mut live, mut other) = (Source::open(live).await?, Source::open(other).await?);
    let none = HashSet::new();
    let all = compare_all(&mut live, &mut other, tables, |_| &none).await?;
    live.end().await?;
    other.end().await?;
    Ok(all)
}

/// Compares two places while one of them is written to. Counts the rows that differ, except those that the log of
/// `written` names after `after`. `still` must not be written to in the meantime. Added rows are those only in
/// `written`, removed rows those only in `still`.
pub(crate) async fn compare_unwritten(
    still: &End,
    written: &End,
    script: &Script,
    after: u64,
) -> Result<Vec<ModelDiff>> {
    let (mut still, mut written) = (Source::open(still).await?, Source::open(written).await?);
    let tables = same_tables(&still.ledger().await?, &written.ledger().await?, script)?;
    // The log is read in the same state of the place as its rows.
    let (touched, _) = written.noted(after, u64::MAX).await?;
    let none = HashSet::new();
    let left_out = |model: &str| touched.get(model).unwrap_or(&none);
    let all = compare_all(&mut still, &mut written, &tables, left_out).await?;
    still.end().await?;
    written.end().await?;
    Ok(all)
}

async fn compare_all<'s>(
    live: &mut Source,
    other: &mut Source,
    tables: &Tables,
    left_out: impl Fn(&str) -> &'s HashSet<Key>,
) -> Result<Vec<ModelDiff>> {
    live.read(tables).await?;
    other.read(tables).await?;
    let mut all = Vec::with_capacity(tables.len());
    for (position, table) in tables.iter().enumerate() {
        let mut diff = ModelDiff::none(&table.model);
        compare_table(live, other, position, left_out(table.model.as_str()), &mut diff).await?;
        all.push(diff);
    }
    Ok(all)
}

/// Compares one table, except for the rows whose id is in `left_out`. Both sides are read in order of id, so one pass
/// over each is enough.
async fn compare_table(
    live: &mut Source,
    other: &mut Source,
    table: usize,
    left_out: &HashSet<Key>,
    diff: &mut ModelDiff,
) -> Result<()> {
    let (mut left, mut right) = (Cursor::of(table), Cursor::of(table));
    loop {
        // Load both sides concurrently, because both may be remote.
        let (l, r) = tokio::join!(left.load(live), right.load(other));
        l.and(r)?;
        // Pair rows without waiting until one side needs its next page.
        while left.is_loaded() && right.is_loaded() {
            let Some((id, side)) = next_row(left.id(), right.id()) else { return Ok(()) };
            if !Key::read(id).is_some_and(|id| left_out.contains(&id)) {
                diff.count(side, side.in_live() && side.in_other() && left.differs(&right));
            }
            left.row += usize::from(side.in_live());
            right.row += usize::from(side.in_other());
        }
    }
}

/// The position of the next row of a table.
struct Cursor {
    pages: Pages,
    /// `None` before the first page and after the last one.
    page: Option<Page>,
    row: usize,
    ended: bool,
}

impl Cursor {
    fn of(table: usize) -> Self {
        Self { pages: Pages::of(table), page: None, row: 0, ended: false }
    }

    /// Returns true if [`Cursor::id`] returns the next row without loading a page.
    fn is_loaded(&self) -> bool {
        self.ended || self.page.as_ref().is_some_and(|page| self.row < page.len())
    }

    async fn load(&mut self, source: &mut Source) -> Result<()> {
        if !self.is_loaded() {
            self.page = self.pages.next(source).await?;
            (self.row, self.ended) = (0, self.page.is_none());
        }
        Ok(())
    }

    /// Returns the id of the next row; `None` at the end.
    fn id(&self) -> Option<Raw<'_>> {
        self.page.as_ref().map(|page| page.get(self.row, 0))
    }

    fn differs(&self, other: &Self) -> bool {
        match (&self.page, &other.page) {
            (Some(a), Some(b)) => !a.row(self.row).eq(b.row(other.row)),
            _ => true,
        }
    }
}
