//! Writes the rows of a place to a copy: one SQLite file in the layout of a tenant's own database, whatever the engine
//! and the isolation of the place.

use super::{End, Sink, Source};
use crate::{
    carry::{Copy, CopyOptions, Mobile, Tables, declared, fill},
    error::Result,
    schema::Script,
    sqlite::transfer,
};
use std::{path::Path, sync::Arc};

/// Writes the committed state of a place to the new file `to`, while writers go on. The copy has the migrations that the
/// place has, whether or not those are all of `script`. Removes the file if copying fails.
pub(crate) async fn copy_rows(
    from: &End,
    script: &Arc<Script>,
    to: &Path,
    options: CopyOptions,
) -> Result<Copy> {
    let to = transfer::new_copy(to)?;
    let written = write(from, script, &to).await;
    let place = from.place().clone();
    let end = move || match written
        .and_then(|left_out| Ok((left_out, transfer::finish_copy(&place, &to, options)?)))
    {
        Ok((left_out, bytes)) => Ok(Copy { bytes, left_out }),
        Err(error) => {
            // The file is ours to remove: it did not exist before.
            drop(std::fs::remove_file(&to));
            Err(error)
        }
    };
    Mobile::make(end).await?.end(Ok).await
}

/// Returns the tables with rows that no model declares: they are not in the copy.
async fn write(from: &End, script: &Script, to: &Path) -> Result<Vec<String>> {
    let mut source = Source::open(from).await?;
    let script = script.as_applied(&source.ledger().await?)?;
    let tables = Tables::of_state(script.state(), script.store());
    source.read(&tables).await?;
    let left_out = source.undeclared(declared(script.state())).await?;
    let (to, place, platform, of) =
        (to.to_owned(), from.place().clone(), from.platform().to_owned(), tables.clone());
    let sink = Mobile::make(move || transfer::Writer::of_copy(&to, &script, &place, &platform, &of)).await?;
    fill(&mut source, Sink::Sqlite(sink), &tables).await?;
    source.end().await?;
    Ok(left_out)
}
