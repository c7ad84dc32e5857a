//! Consistent copies of a database while it is in use, and databases made from such copies: what backup,
//! restore and move are built from (X2, threats 26 to 28).
//!
//! A copy is one file, checked and pressed to disk before anybody is told of it. It never goes over
//! another file, and is never taken for another tenant's.

use super::{
    identity, open,
    provision::{Half, already_there, close, copy_new, private, put_in_place, refuse_leftovers, sync},
    server::{Server, io, sync_directory},
    system::BUSY_WAIT,
};
use crate::{
    error::{Error, Kind, Result},
    place::Place,
};
use rusqlite::{Connection, OpenFlags, limits::Limit, params};
use std::{
    fs::File,
    path::{Path, PathBuf},
};

/// A finished copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3 hash, hex: for the manifest.
    pub blake3: String,
}

/// Writes the committed state of the database of `place` to the new file `to`, beside running writers.
/// A failed copy is removed.
pub(crate) fn copy_out(path: &Path, place: &Place, to: &Path) -> Result<Copy> {
    let to = &new_file(to)?;
    let copied = write_copy(path, place, to).and_then(|()| verify(to, place)).and_then(|()| finish(to));
    if copied.is_err() {
        // Whatever is there is ours: it did not exist before.
        drop(std::fs::remove_file(to));
    }
    copied
}

/// The path without symlinks in its directory, for connections follow none.
fn new_file(to: &Path) -> Result<PathBuf> {
    let (Some(directory), Some(name)) = (to.parent().filter(|_| to.is_absolute()), to.file_name()) else {
        return Err(Error::new(Kind::Io, format!("{} is not an absolute path of a file", to.display())));
    };
    let to = directory.canonicalize().map_err(|error| io(error, directory))?.join(name);
    if to.symlink_metadata().is_ok() {
        return Err(Error::new(Kind::Io, format!("{} exists already", to.display())));
    }
    Ok(to)
}

fn write_copy(path: &Path, place: &Place, to: &Path) -> Result<()> {
    let conn = open::connect(path)?;
    identity::check(&conn, place)?;
    conn.busy_timeout(BUSY_WAIT)?;
    conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    let name = to.to_str().ok_or_else(|| Error::new(Kind::Io, "the path is not UTF-8"))?;
    conn.execute("VACUUM INTO ?1", [name])?;
    Ok(())
}

/// Opens the copy and looks at every page; the identity must be the one asked for.
fn verify(copy: &Path, place: &Place) -> Result<()> {
    let conn = open::connect_with(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    whole(&conn)?;
    identity::check(&conn, place)
}

fn whole(conn: &Connection) -> Result<()> {
    let verdict: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(Error::new(Kind::Corrupt, verdict)) }
}

fn finish(copy: &Path) -> Result<Copy> {
    sync(copy)?;
    copy.parent().map_or(Ok(()), sync_directory)?;
    let (mut hasher, failed) = (blake3::Hasher::new(), |error| io(error, copy));
    let bytes = std::io::copy(&mut File::open(copy).map_err(failed)?, &mut hasher).map_err(failed)?;
    Ok(Copy { bytes, blake3: hasher.finalize().to_hex().to_string() })
}

/// Makes the database of `place`, which is not there yet, from the copy `from`. The copy must be of the same
/// tenant and store, at any generation; inside the new file it becomes that of `place`, and any fence is lifted.
/// Idempotent.
pub(crate) fn adopt(server: &Server, place: &Place, from: &Path) -> Result<()> {
    let path = server.path(&place.physical);
    if server.exists(&place.physical) {
        return already_there(&path, place);
    }
    refuse_leftovers(server, place)?;
    let half = Half::new(server);
    copy_new(from, &half.0)?;
    let conn = private(&half.0)?;
    whole(&conn)?;
    become_place(&conn, place)?;
    close(conn)?;
    put_in_place(server, place, half)
}

fn become_place(conn: &Connection, place: &Place) -> Result<()> {
    let generation: i64 = conn
        .query_row(
            "SELECT generation FROM _tenantry_place WHERE tenant = ?1 AND store = ?2",
            params![identity::tenant_number(place), place.store.as_str()],
            |row| row.get(0),
        )
        .map_err(|error| {
            Error::with_source(Kind::WrongIdentity, format!("the copy is not of {place:?}"), error)
        })?;
    if generation > identity::generation_number(place)? {
        return Err(Error::new(
            Kind::Fenced,
            format!("the copy is of generation {generation}, later than {place:?}"),
        ));
    }
    conn.execute(
        "UPDATE _tenantry_place SET generation = ?3, fenced = 0 WHERE tenant = ?1 AND store = ?2",
        params![identity::tenant_number(place), place.store.as_str(), identity::generation_number(place)?],
    )?;
    identity::check(conn, place)
}
