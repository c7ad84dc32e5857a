//! A copy: one SQLite file in the layout of a tenant's own database, with exactly one tenant and store in it, whatever
//! the isolation of its source. Only this module opens copies. A copy is not live, and no request writes rows to it.

use crate::{
    carry::CopyInfo,
    error::{Error, Kind, Result},
    migration::fingerprint_of,
    name::{StoreName, TenantId},
    sqlite::{connection::open, error::io, files::check_pages, schema::migrate, tables},
};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::path::{Path, PathBuf};

/// The identity row of a copy.
pub(crate) struct Inside {
    pub(crate) generation: i64,
    pub(crate) platform: String,
    pub(crate) rows: i64,
}

/// Resolves symlinks in the path's directory, because connections follow none.
pub(crate) fn resolved(path: &Path) -> Result<PathBuf> {
    let (Some(directory), Some(name)) = (path.parent().filter(|_| path.is_absolute()), path.file_name())
    else {
        return Err(Error::new(Kind::Io, format!("{} is not an absolute path of a file", path.display())));
    };
    Ok(directory.canonicalize().map_err(|error| io(error, directory))?.join(name))
}

/// Opens a copy for reading, after recovering changes that an interrupted process left in files next to it.
pub(crate) fn open_copy(from: &Path) -> Result<Connection> {
    let from = resolved(from)?;
    bring_in(&from)?;
    open::connect_with(&from, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Recovers a copy whose migration was interrupted: its last commits, or its rollback journal, are in files next to it.
/// Then upgrades the platform's own tables in it, because the copy may be older than this program.
pub(crate) fn bring_in(from: &Path) -> Result<()> {
    for suffix in ["-wal", "-journal"] {
        let mut file = from.as_os_str().to_owned();
        file.push(suffix);
        if Path::new(&file).symlink_metadata().is_ok_and(|meta| meta.len() > 0) {
            let conn = open::connect(from)?;
            conn.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
            conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        }
    }
    if tables::is_outdated(&open::connect_with(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?)? {
        tables::upgrade(&open::connect(from)?)?;
    }
    Ok(())
}

/// Reads the identity of a copy and checks that it is of this tenant and store. A tenant's copy must have no other
/// resident.
pub(crate) fn identity(conn: &Connection, store: &StoreName, of: Option<TenantId>) -> Result<Inside> {
    let tenant = of.map_or(0, TenantId::get);
    let sql =
        "SELECT generation, platform, rows, (SELECT count(*) FROM (SELECT 1 FROM _tenantry_place LIMIT 2))
        FROM _tenantry_place WHERE tenant = ?1 AND store = ?2";
    let found = conn.query_row(sql, params![tenant, store.as_str()], |row| {
        let inside = Inside { generation: row.get(0)?, platform: row.get(1)?, rows: row.get(2)? };
        Ok((inside, row.get::<_, i64>(3)?))
    });
    let wrong = |why: &str| {
        Error::new(Kind::WrongIdentity, format!("the copy is not tenant {tenant}, {store}: {why}"))
    };
    match found.optional() {
        Ok(Some((inside, residents))) if tenant == 0 || residents == 1 => Ok(inside),
        Ok(Some(_)) => Err(wrong("others live in it")),
        Ok(None) => Err(wrong("it is another tenant's or store's")),
        Err(error) => {
            let error = Error::from(error);
            match error.kind() {
                Kind::SchemaBehind | Kind::Statement(_) => Err(wrong("no identity inside")),
                _ => Err(error),
            }
        }
    }
}

/// Checks a copy and returns its own description: identity, migrations and counts.
pub(crate) fn inspect_copy(from: &Path, store: &StoreName, of: Option<TenantId>) -> Result<CopyInfo> {
    let conn = open_copy(from)?;
    check_pages(&conn)?;
    let inside = identity(&conn, store, of)?;
    let (migrations, schema_version) = ledger_of(&conn, store)?;
    Ok(CopyInfo {
        tenant: of,
        store: store.clone(),
        generation: u64::try_from(inside.generation).unwrap_or(0),
        platform: inside.platform,
        rows: u64::try_from(inside.rows).unwrap_or(0),
        migrations,
        schema_version,
    })
}

/// Checks a copy of this tenant and returns the generation of its source place. With `pages`, reads every page.
pub(crate) fn check_copy(from: &Path, store: &StoreName, of: TenantId, pages: bool) -> Result<u64> {
    let conn = open_copy(from)?;
    if pages {
        check_pages(&conn)?;
    }
    Ok(u64::try_from(identity(&conn, store, Some(of))?.generation).unwrap_or(0))
}

/// Returns the migrations of a store in the order in which they were applied, and the hash over them.
pub(crate) fn ledger_of(conn: &Connection, store: &StoreName) -> Result<(Vec<String>, String)> {
    let applied = migrate::ledger(conn, store)?;
    let hash = fingerprint_of(applied.iter().map(|(id, checksum)| (&**id, &**checksum)));
    Ok((applied.into_iter().map(|(id, _)| id).collect(), hash))
}
