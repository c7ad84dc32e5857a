//! Consistent copies of a place while it is in use.
//!
//! A copy is one file, which is checked and synced to disk before the caller receives it. It never overwrites another
//! file, and cannot be taken for another tenant's copy.

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

/// Returns the path for a new copy.
///
/// # Errors
/// Returns [`Kind::Io`] if the file exists already.
pub(crate) fn new_copy(to: &Path) -> Result<PathBuf> {
    let to = resolved(to)?;
    if to.symlink_metadata().is_ok() {
        return Err(Error::new(Kind::Io, format!("{} exists already", to.display())));
    }
    Ok(to)
}

/// Writes the committed state of a place that has its own database to the new file `to`, page by page, while writers
/// continue. Removes the file if copying fails.
pub(crate) fn copy_out(site: &Site, to: &Path, options: CopyOptions) -> Result<Copy> {
    let to = new_copy(to)?;
    let copied = copy_pages(site, &to).and_then(|()| finish_copy(&site.place, &to, options));
    match copied {
        Ok(bytes) => Ok(Copy { bytes, left_out: vec![] }),
        Err(error) => {
            // This call created the file, so it may remove it.
            drop(std::fs::remove_file(&to));
            Err(error)
        }
    }
}

/// Copies all pages of one state in one step, while writers continue. Takes a fraction of the time of `VACUUM INTO`,
/// which reads every row and rebuilds every index.
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
    // No other process knows the file, and it is removed on failure, so it needs no journal.
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

/// Clears the WAL mode in the header of a copy, which comes from the original: a copy is one file, without a `-wal`.
fn without_log(copy: &Path) -> std::io::Result<()> {
    // Position of the file format write version and read version. Version 1 is a database without `-wal`.
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
    // The copy of a fenced place must not be fenced itself.
    let opened =
        conn.execute("UPDATE _tenantry_place SET state = 'open', holder = NULL WHERE state <> 'open'", [])?;
    let report = script.run(&mut conn)?;
    close(conn)?;
    if opened > 0 || !report.applied.is_empty() {
        sync(&from)?;
    }
    Ok(report)
}
