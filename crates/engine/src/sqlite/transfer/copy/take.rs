//! Consistent copies of a place while it is in use, and tenants' own databases made from them.
//!
//! A copy is one file, checked and synced to disk before the caller learns of it. It never overwrites another file, and
//! is never taken for another tenant's.

use super::{
    extract::extract,
    file::{self, bring_in, resolved},
};
use crate::{
    error::{Error, Kind, Result},
    name::TenantId,
    place::{Isolation, Place},
    sqlite::{
        Half,
        connection::{BUSY_WAIT, base, open},
        error::io,
        files::{
            Server, already_there, check_pages, close, copy_new, move_new, private, put_in_place,
            refuse_leftovers, sync, sync_directory,
        },
        identity,
        schema::{Script, migrate::MigrateReport},
        site::Site,
        transfer::fencing,
    },
};
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
    params,
};
use std::{
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::Path,
};

/// A finished copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Steps after writing a copy. Skip only those that are done elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyOptions {
    /// Check every page afterwards. Takes about as long as copying.
    pub check: bool,
    /// Sync the file to disk. Not needed for a file that is only read once more.
    pub sync: bool,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self { check: true, sync: true }
    }
}

/// Writes the committed state of a place to the new file `to`, while writers go on. Removes the file if copying fails.
pub(crate) fn copy_out(site: &Site, script: &Script, to: &Path, options: CopyOptions) -> Result<Copy> {
    let to = resolved(to)?;
    if to.symlink_metadata().is_ok() {
        return Err(Error::new(Kind::Io, format!("{} exists already", to.display())));
    }
    let written = match (site.place.isolation, site.place.tenant) {
        (Isolation::Pooled, Some(_)) => extract(site, script, &to),
        _ => copy_pages(site, &to),
    };
    let copied = written.and_then(|()| finish(site, &to, options));
    if copied.is_err() {
        // The file is ours to remove: it did not exist before.
        drop(std::fs::remove_file(&to));
    }
    copied
}

/// Copies all pages of one state in one step, while writers go on. Takes a fraction of the time of `VACUUM INTO`, which
/// reads every row and rebuilds every index.
fn copy_pages(site: &Site, to: &Path) -> Result<()> {
    let from = base::connect(site)?;
    identity::check(&from, &site.place, &site.platform)?;
    from.busy_timeout(BUSY_WAIT)?;
    File::create_new(to).map_err(|error| io(error, to))?;
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

fn finish(site: &Site, copy: &Path, options: CopyOptions) -> Result<Copy> {
    let conn = file::open_copy(copy)?;
    if options.check {
        check_pages(&conn)?;
    }
    file::identity(&conn, &site.place.store, site.place.tenant)?;
    drop(conn);
    if options.sync {
        sync(copy)?;
        copy.parent().map_or(Ok(()), sync_directory)?;
    }
    Ok(Copy { bytes: copy.metadata().map_err(|error| io(error, copy))?.len() })
}

/// Applies the migrations of the script to a copy, in place.
pub(crate) fn migrate_copy(from: &Path, of: TenantId, script: &Script) -> Result<MigrateReport> {
    let from = resolved(from)?;
    let mut conn = open::connect(&from)?;
    file::identity(&conn, script.store(), Some(of))?;
    let script = script.laid_out(Isolation::Database)?;
    let (_, unknown) = script.pending(&conn)?;
    if let Some(unknown) = unknown.first() {
        return Err(Error::new(
            Kind::SchemaAhead,
            format!("the copy has {unknown}, which is not known here"),
        ));
    }
    // The copy of a fenced place is not fenced itself.
    let opened = conn.execute("UPDATE _tenantry_place SET fenced = 0 WHERE fenced <> 0", [])?;
    let report = script.run(&mut conn)?;
    close(conn)?;
    if opened > 0 || !report.applied.is_empty() {
        sync(&from)?;
    }
    Ok(report)
}

/// How a copy becomes a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdoptOptions {
    /// Only [`crate::engine::Engine::copy_changes`] may write to it, until [`crate::engine::Engine::open_filled`].
    pub closed: bool,
    /// Consume the copy: on the same disk the file is moved instead of copied again. After a failure, the caller must
    /// make the copy again.
    pub used_up: bool,
    /// Check every page of the new database. Set it to false only if every page of the copy was checked; a file that is
    /// copied again is always checked.
    pub check: bool,
}

impl Default for AdoptOptions {
    fn default() -> Self {
        Self { closed: false, used_up: false, check: true }
    }
}

/// Makes the database of the place, which must not exist yet, from the copy `from` of tenant `of` (None for a system
/// store). The identity in the new file becomes that of the place, and any fence is lifted; with `closed`, the place
/// stays closed until it is opened. Idempotent.
pub(crate) fn adopt(
    server: &Server,
    place: &Place,
    from: &Path,
    of: Option<TenantId>,
    options: AdoptOptions,
) -> Result<()> {
    let site = server.site(place);
    if of.is_some() != place.tenant.is_some() {
        return Err(Error::new(Kind::WrongIdentity, format!("{place} is not made from a copy of {of:?}")));
    }
    if server.exists(&place.physical) {
        return already_there(&site);
    }
    refuse_leftovers(server, place)?;
    let (from, half) = (resolved(from)?, Half::new(server));
    bring_in(&from)?;
    let moved = options.used_up && move_new(&from, &half.0)?;
    if !moved {
        copy_new(&from, &half.0)?;
    }
    let conn = private(&half.0)?;
    if options.check || !moved {
        check_pages(&conn)?;
    }
    become_place(&conn, &site, of, options.closed)?;
    close(conn)?;
    put_in_place(server, place, half)
}

fn become_place(conn: &Connection, site: &Site, of: Option<TenantId>, closed: bool) -> Result<()> {
    let (place, platform) = (&site.place, &site.platform);
    let inside = file::identity(conn, &place.store, of)?;
    let generation = identity::generation_number(place)?;
    if of == place.tenant && inside.generation > generation {
        let detail = format!("the copy is of generation {}, later than {place}", inside.generation);
        return Err(Error::new(Kind::Fenced, detail));
    }
    let (old, new) = (of.map_or(0, TenantId::get), identity::tenant_number(place));
    let platform_id = if platform.id().is_empty() { &inside.platform } else { platform.id() };
    conn.execute_batch("BEGIN IMMEDIATE; DELETE FROM _tenantry_changes")?;
    conn.execute(
        "UPDATE _tenantry_place SET tenant = ?3, generation = ?4, platform = ?5, fenced = ?6, recording = 0,
            carried = (SELECT coalesce(max(id), 0) FROM _tenantry_activity) WHERE tenant = ?1 AND store = ?2",
        params![old, place.store.as_str(), new, generation, platform_id, fencing::first_fence(closed)],
    )?;
    if old != new {
        conn.execute("UPDATE _tenantry_activity SET tenant = ?2 WHERE tenant = ?1", [old, new])?;
    }
    conn.execute_batch("COMMIT")?;
    identity::check(conn, place, platform)
}
