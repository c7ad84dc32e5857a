//! Writes the rows of a place to a copy: one SQLite file in the layout of a tenant's own database, whatever the
//! database and the isolation of the place.

use super::{End, Sink, Source};
use crate::{
    carry::{Contents, Copy, CopyOptions, Mobile},
    error::Result,
    schema::Script,
    sqlite::transfer,
};
use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

/// Writes the committed state of a place to the new file `to`, while writers continue. The copy has the migrations of
/// the place, even if `script` has more. Removes the file if copying fails.
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
            // This call created the file, so it may remove it.
            drop(std::fs::remove_file(&to));
            Err(error)
        }
    };
    Mobile::make(end).await?.end(Ok).await
}

/// Writes the copy. Returns the tables whose rows are not in it, because no model declares them.
async fn write(from: &End, script: &Script, to: &Path) -> Result<Vec<String>> {
    let mut contents = Contents::of(Source::open(from).await?, script).await?;
    let left_out = contents.undeclared().await?;
    let (to, place, platform) = (to.to_owned(), from.place().clone(), from.platform().to_owned());
    let (script, tables) = (contents.script.clone(), contents.tables.clone());
    let make = move || transfer::Writer::of_file(&to, &script, &place, &platform, None, &tables);
    contents.carry(Sink::Sqlite(Mobile::make(make).await?), &AtomicU64::new(0)).await?;
    Ok(left_out)
}
