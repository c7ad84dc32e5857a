//! Consistent copies of a place while it is in use.
//!
//! A copy is one file, checked and synced to disk before the caller learns of it. It never overwrites another file, and
//! is never taken for another tenant's.

use super::file::{self, resolved};
use crate::{
    carry::{Copy, CopyOptions},
    error::{Error, Kind, Result},
    ledger::{self, MigrateReport},
    name::TenantId,
    place::{Isolation, Place},
    schema::Script,
    sqlite::{
        connection::{BUSY_WAIT, base, open},
        error::io,
        files::{check_pages, close, new_file, sync, sync_directory},
        identity,
        site::Site,
    },
};
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use std::{
    fs::OpenOptions,
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Returns the path of a copy that does not exist yet.
///
/// # Errors
/// Returns [`Kind::Io`] if it exists.
pub(crate) fn new_copy(to: &Path) -> Result<PathBuf> {
    let to = resolved(to)?;
    if to.symlink_metadata().is_ok() {
        return Err(Error::new(Kind::Io, format!("{} exists already", to.display())));
    }
    Ok(to)
}

/// Writes the committed state of a place with a database of its own to the new file `to`, page by page, while writers go
/// on. Removes the file if copying fails.
pub(crate) fn copy_out(site: &Site, to: &Path, options: CopyOptions) -> Result<Copy> {
    let to = new_copy(to)?;
    let copied = copy_pages(site, &to).and_then(|()| finish_copy(&site.place, &to, options));
    match copied {
        Ok(bytes) => Ok(Copy { bytes, left_out: vec![] }),
        Err(error) => {
            // The file is ours to remove: it did not exist before.
            drop(std::fs::remove_file(&to));
            Err(error)
        }
    }
}

/// Copies all pages of one state in one step, while writers go on. Takes a fraction of the time of `VACUUM INTO`, which
/// reads every row and rebuilds every index.
pub(crate) fn copy_pages(site: &Site, to: &Path) -> Result<()> {
    let from = base::connect(site)?;
    identity::check(&from, &site.place, &site.platform)?;
    from.busy_timeout(BUSY_WAIT)?;
    drop(new_file(to)?);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut copy = Connection::open_with_flags(to, flags)?;
    // No other process knows the file, and it is removed on failure: no journal needed.
    copy.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF",
    )?;
    match Backup::new(&from, &mut copy)?.step(-1)? {
        StepResult::Done => {}
        other => return Err(Error::new(Kind::Busy, format!("{}: {other:?}", site.path.display()))),
    }
    copy.close().map_err(|(_, error)| Error::from(error))?;
    without_log(to).map_err(|error| io(error, to))
}

/// Clears the WAL mode in the header of a copy, which it has from the original: a copy is one file, without a `-wal`.
fn without_log(copy: &Path) -> std::io::Result<()> {
    // "File format write version" and "read version": 1 is a database without `-wal`.
    const VERSIONS_AT: u64 = 18;
    let mut file = OpenOptions::new().write(true).open(copy)?;
    file.seek(SeekFrom::Start(VERSIONS_AT))?;
    file.write_all(&[1, 1])
}

/// Checks and syncs a copy of `place`. Returns its size in bytes.
pub(crate) fn finish_copy(place: &Place, copy: &Path, options: CopyOptions) -> Result<u64> {
    let conn = file::open_copy(copy)?;
    if options.check {
        check_pages(&conn)?;
    }
    file::identity(&conn, &place.store, place.tenant)?;
    drop(conn);
    if options.sync {
        sync(copy)?;
        copy.parent().map_or(Ok(()), sync_directory)?;
    }
    Ok(copy.metadata().map_err(|error| io(error, copy))?.len())
}

/// Applies the migrations of the script to a copy, in place.
pub(crate) fn migrate_copy(from: &Path, of: TenantId, script: &Script) -> Result<MigrateReport> {
    let from = resolved(from)?;
    file::bring_in(&from)?;
    let mut conn = open::connect(&from)?;
    file::identity(&conn, script.store(), Some(of))?;
    let script = script.sqlite(Isolation::Database)?;
    let (_, unknown) = script.pending(&conn)?;
    ledger::refuse_unknown(&unknown, "the copy")?;
    // The copy of a fenced place is not fenced itself.
    let opened =
        conn.execute("UPDATE _tenantry_place SET state = 'open', holder = NULL WHERE state <> 'open'", [])?;
    let report = script.run(&mut conn)?;
    close(conn)?;
    if opened > 0 || !report.applied.is_empty() {
        sync(&from)?;
    }
    Ok(report)
}
