//! Letters in files. A file is removed together with its row, and with the tenant that it concerns.
//!
//! [`super::Mailer`] calls it after it has removed old rows, and so does the purge of a tenant.

use crate::{Error, Result, control::Control};
use std::{collections::HashSet, io::ErrorKind, path::Path};

/// Removes the files of letters that are no longer in the outbox.
pub(crate) async fn sweep(control: &Control, folder: &Path) -> Result<()> {
    let away = |e: std::io::Error| Error::Unavailable(format!("{}: {e}", folder.display()));
    let mut entries = match tokio::fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(away(e)),
    };
    let rows = control.snapshot().await?.query("SELECT id FROM mails", &[]).await?;
    let known = rows.iter().map(|row| row.integer(0)).collect::<Result<HashSet<_>, _>>()?;
    while let Some(entry) = entries.next_entry().await.map_err(away)? {
        let path = entry.path();
        let id = path.file_stem().and_then(|stem| stem.to_str()?.parse::<i64>().ok());
        if id.is_some_and(|id| !known.contains(&id)) {
            tokio::fs::remove_file(&path).await.or_else(gone).map_err(away)?;
        }
    }
    Ok(())
}

/// Ignores the error of a missing file: another process may have removed it first.
fn gone(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
