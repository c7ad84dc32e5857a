//! Fills an empty place or a new copy with all rows of a source.

use super::{Sink, Source, Tables, ends::Pages};
use crate::{cell::Key, error::Result, migration::State};
use std::{collections::HashSet, sync::Arc};

/// Entries of the activity log carried at a time.
const LINES: i64 = 500;

/// Carries all rows, last ids and entries of the activity log, and finishes the sink.
///
/// # Errors
/// Those of the two databases. Nothing was carried then.
pub(crate) async fn fill(source: &mut Source, mut sink: Sink, tables: &Tables) -> Result<()> {
    for table in 0..tables.len() {
        let mut pages = Pages::of(table);
        let mut next = pages.next(source).await?;
        while let Some(page) = next {
            // The next page is read while this one is written.
            let page = Arc::new(page);
            let (read, written) = tokio::join!(pages.next(source), sink.put(table, &page));
            written?;
            next = read?;
        }
    }
    sink.last_ids(source.last_ids().await?).await?;
    let mut log_upto = 0;
    loop {
        let lines = source.lines(log_upto, LINES).await?;
        let Some(last) = lines.len().checked_sub(1) else { break };
        let Key::Integer(last) = lines.key(last)? else { break };
        log_upto = last;
        sink.lines(&Arc::new(lines)).await?;
    }
    sink.finish(log_upto).await
}

/// Returns the names of the tables that models declare, in whatever store: stores may share a database.
pub(crate) fn declared(state: &State) -> HashSet<String> {
    state.models().map(|model| model.name.to_string()).collect()
}
