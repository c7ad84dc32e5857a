//! The tables that every database carries: which places live here, at which generation (`self-identifying` and
//! `fenced-generation`), and which migrations were applied. Provisioning and moves write them; every open checks them.

use crate::{
    error::{Error, Kind, Result},
    identity::Platform,
    place::{Isolation, Place},
};
use rusqlite::{Connection, OptionalExtension, params};

/// The platform's own tables in every database. Idempotent.
///
/// `_tenantry_place` has one row per tenant and store living here; tenant 0 is a system store itself. `platform` is the
/// installation it belongs to (empty if made before that was known, like the control store). `recording` tells whether
/// writes are noted in `_tenantry_changes`. `carried` is the last id of the activity log that came with the copy it was
/// made from (null if it was not made from one).
pub(crate) const META_SQL: &str = "
CREATE TABLE IF NOT EXISTS _tenantry_place(
  tenant INTEGER NOT NULL, store TEXT NOT NULL, generation INTEGER NOT NULL, fenced INTEGER NOT NULL DEFAULT 0,
  rows INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, recording INTEGER NOT NULL DEFAULT 0, carried INTEGER,
  platform TEXT NOT NULL DEFAULT '', PRIMARY KEY(tenant, store)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _tenantry_ledger(
  app TEXT NOT NULL, migration TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL, PRIMARY KEY(app, migration)) STRICT;
CREATE TABLE IF NOT EXISTS _tenantry_seq(
  tenant INTEGER NOT NULL, model TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY(tenant, model)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _tenantry_activity(
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant INTEGER NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL, impersonator TEXT,
  action TEXT NOT NULL, model TEXT NOT NULL, record TEXT NOT NULL, detail TEXT) STRICT;
CREATE INDEX IF NOT EXISTS _tenantry_activity__tenant_at__idx ON _tenantry_activity(tenant, at);
CREATE TABLE IF NOT EXISTS _tenantry_changes(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, tenant INTEGER NOT NULL, store TEXT NOT NULL, model TEXT NOT NULL, id ANY NOT NULL) STRICT;
";

/// Returns the number of a place's tenant inside databases; 0 for system stores.
pub(crate) fn tenant_number(place: &Place) -> i64 {
    place.tenant.map_or(0, |t| t.get())
}

/// Writes the row of `place`. Repeating it changes nothing; another generation is refused.
pub(crate) fn enrol(conn: &Connection, place: &Place, platform: &Platform) -> Result<()> {
    conn.execute(
        "INSERT INTO _tenantry_place(tenant, store, generation, platform) VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![tenant_number(place), place.store.as_str(), generation_number(place)?, platform.id()],
    )?;
    check(conn, place, platform)
}

/// Verifies that `place` lives in this database.
///
/// # Errors
/// `WrongIdentity` if it does not, or if the database belongs to another installation; `Fenced` if it is here at
/// another generation.
pub(crate) fn check(conn: &Connection, place: &Place, platform: &Platform) -> Result<()> {
    let sql = "SELECT generation, platform FROM _tenantry_place WHERE tenant = ?1 AND store = ?2";
    let row = conn.prepare_cached(sql).and_then(|mut statement| {
        statement
            .query_row(params![tenant_number(place), place.store.as_str()], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get_ref(1)?.as_str().map(|found| platform.check(found, place))?,
                ))
            })
            .optional()
    });
    let Some((found, ours)) = row.map_err(not_ours)? else {
        return Err(Error::new(Kind::WrongIdentity, format!("{place} does not live here")));
    };
    ours?;
    if found != generation_number(place)? {
        return Err(Error::new(Kind::Fenced, format!("{place}: the database is at generation {found}")));
    }
    alone(conn, place)
}

/// Verifies that a file, read without its `-wal`, can be the one in which `place` lives. The row of a pooled tenant may
/// still be in the `-wal`; the row of the file's first resident was written when the file was made.
///
/// # Errors
/// `WrongIdentity` if it cannot.
pub(crate) fn check_base(conn: &Connection, place: &Place, platform: &Platform) -> Result<()> {
    let pooled = place.isolation == Isolation::Pooled && place.tenant.is_some();
    let sql = "SELECT platform FROM _tenantry_place WHERE tenant = ?1 AND (?2 OR store = ?3) LIMIT 1";
    let tenant = if pooled { 0 } else { tenant_number(place) };
    let found: Option<String> =
        conn.query_row(sql, params![tenant, pooled, place.store.as_str()], |row| row.get(0)).optional()?;
    let found = found.ok_or_else(|| {
        Error::new(
            Kind::WrongIdentity,
            format!("{place:?} does not live in this file; its -wal says that it does"),
        )
    })?;
    platform.check(&found, place)?;
    alone(conn, place)
}

/// Refuses a database with other residents for a tenant that has its own database: handing out a shared database as an
/// own one would show the rows of all its tenants.
fn alone(conn: &Connection, place: &Place) -> Result<()> {
    if place.isolation == Isolation::Pooled || place.tenant.is_none() {
        return Ok(());
    }
    let rows: i64 =
        conn.query_row("SELECT count(*) FROM (SELECT 1 FROM _tenantry_place LIMIT 2)", [], |row| row.get(0))?;
    if rows == 1 {
        Ok(())
    } else {
        Err(Error::new(Kind::WrongIdentity, format!("{place}: others live here too")))
    }
}

/// Turns "no such table" into `WrongIdentity`: a file without our table is not ours, whatever it holds.
fn not_ours(error: rusqlite::Error) -> Error {
    let error = Error::from(error);
    match error.kind() {
        Kind::SchemaBehind | Kind::Statement(_) => {
            Error::with_source(Kind::WrongIdentity, "no identity inside", error)
        }
        _ => error,
    }
}

/// Returns true if commits to the database of `place` are synced fully: for system stores, even if tenants of other
/// stores are pooled in them. A tenant store's pool is only as durable as tenants' own databases.
pub(crate) fn needs_sync(conn: &Connection, place: &Place) -> Result<bool> {
    if place.tenant.is_none() && place.isolation == Isolation::Database {
        return Ok(true);
    }
    let sql = "SELECT EXISTS(SELECT 1 FROM _tenantry_place WHERE tenant = 0 AND store <> ?1)";
    conn.query_row(sql, [place.store.as_str()], |row| row.get(0)).map_err(not_ours)
}

/// Refuses a database without our tables.
pub(crate) fn is_ours(conn: &Connection) -> Result<()> {
    conn.query_row("SELECT EXISTS(SELECT 1 FROM _tenantry_place)", [], |_| Ok(())).map_err(not_ours)
}

/// Forbids (or allows again) writes of this tenant here. Durable once committed.
pub(crate) fn set_fence(conn: &Connection, place: &Place, platform: &Platform, fenced: bool) -> Result<()> {
    check(conn, place, platform)?;
    conn.execute(
        "UPDATE _tenantry_place SET fenced = ?4 WHERE tenant = ?1 AND store = ?2 AND generation = ?3",
        params![tenant_number(place), place.store.as_str(), generation_number(place)?, fenced],
    )?;
    Ok(())
}

/// Returns the generation as SQLite stores it.
pub(crate) fn generation_number(place: &Place) -> Result<i64> {
    i64::try_from(place.generation).map_err(|_| Error::new(Kind::Internal, "generation out of range"))
}
