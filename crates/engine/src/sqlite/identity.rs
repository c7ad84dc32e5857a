//! The places that live in a database, with their generations (`self-identifying` and `fenced-generation`).
//! Provisioning and moves write these rows; every open checks them.

use crate::{
    error::{Error, Kind, Result},
    identity::Platform,
    name::StoreName,
    place::{Isolation, Place},
    sqlite::tables,
};
use rusqlite::{Connection, OptionalExtension, params};

/// Writes the row of `place`. Idempotent. Refuses another generation.
pub(crate) fn enrol(conn: &Connection, place: &Place, platform: &Platform) -> Result<()> {
    conn.execute(
        "INSERT INTO _tenantry_place(tenant, store, generation, platform) VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![place.tenant_number(), place.store.as_str(), place.generation_number()?, platform.id()],
    )?;
    check(conn, place, platform)
}

/// Verifies that this database holds `place` at its generation.
///
/// # Errors
/// Returns `WrongIdentity` if the database does not hold `place`, or belongs to another installation, and `Fenced` if
/// it holds `place` at another generation.
pub(crate) fn check(conn: &Connection, place: &Place, platform: &Platform) -> Result<()> {
    let sql = "SELECT generation, platform FROM _tenantry_place WHERE tenant = ?1 AND store = ?2";
    let row = conn.prepare_cached(sql).and_then(|mut statement| {
        statement
            .query_row(params![place.tenant_number(), place.store.as_str()], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get_ref(1)?.as_str().map(|found| platform.check(found, place))?,
                ))
            })
            .optional()
    });
    let Some((found, ours)) = row.map_err(|error| not_ours(conn, error))? else {
        return Err(Error::new(Kind::WrongIdentity, format!("{place} does not live here")));
    };
    ours?;
    if found != place.generation_number()? {
        return Err(Error::new(Kind::Fenced, format!("{place}: the database is at generation {found}")));
    }
    alone(conn, place)
}

/// Verifies that a file, read without its `-wal`, can be the file of `place`. The row of a pooled tenant may still be
/// in the `-wal`, but the row of the file's first resident was written when the file was created.
///
/// # Errors
/// Returns `WrongIdentity` if the file cannot be that of `place`.
pub(crate) fn check_base(conn: &Connection, place: &Place, platform: &Platform) -> Result<()> {
    let pooled = place.isolation == Isolation::Pooled && place.tenant.is_some();
    let sql = "SELECT platform FROM _tenantry_place WHERE tenant = ?1 AND (?2 OR store = ?3) LIMIT 1";
    let tenant = if pooled { 0 } else { place.tenant_number() };
    let found: Option<String> =
        conn.query_row(sql, params![tenant, pooled, place.store.as_str()], |row| row.get(0)).optional()?;
    let found = found.ok_or_else(|| {
        Error::new(
            Kind::WrongIdentity,
            format!("{place} does not live in this file; its -wal says that it does"),
        )
    })?;
    platform.check(&found, place)?;
    alone(conn, place)
}

/// Refuses a database with other residents for a tenant that has its own database: treating a shared database as the
/// tenant's own would show it the rows of all tenants.
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

/// Converts "no such table" to `WrongIdentity`: a file without our table is not ours, whatever it contains, unless a
/// newer version of this program created it.
pub(crate) fn not_ours(conn: &Connection, error: rusqlite::Error) -> Error {
    let error = Error::from(error);
    match error.kind() {
        Kind::SchemaBehind | Kind::Statement(_) => match tables::refuse_newer(conn) {
            Ok(()) => Error::with_source(Kind::WrongIdentity, "no identity inside", error),
            Err(newer) => newer,
        },
        _ => error,
    }
}

/// Returns true if commits to the database of `place` are fully synced. That is the case for system stores, even if
/// they pool tenants of other stores. A pool of a tenant store is only as durable as tenants' own databases.
pub(crate) fn needs_sync(conn: &Connection, place: &Place) -> Result<bool> {
    if place.tenant.is_none() && place.isolation == Isolation::Database {
        return Ok(true);
    }
    let sql = "SELECT EXISTS(SELECT 1 FROM _tenantry_place WHERE tenant = 0 AND store <> ?1)";
    conn.query_row(sql, [place.store.as_str()], |row| row.get(0)).map_err(|error| not_ours(conn, error))
}

/// Returns true if places of other stores are in the database. Then the owner of a table that no model declares is
/// unknown.
pub(crate) fn has_other_stores(conn: &Connection, store: &StoreName) -> Result<bool> {
    let sql = "SELECT EXISTS(SELECT 1 FROM _tenantry_place WHERE store <> ?1)";
    Ok(conn.query_row(sql, [store.as_str()], |row| row.get(0))?)
}

/// Refuses a database without our tables.
pub(crate) fn is_ours(conn: &Connection) -> Result<()> {
    conn.query_row("SELECT EXISTS(SELECT 1 FROM _tenantry_place)", [], |_| Ok(()))
        .map_err(|error| not_ours(conn, error))
}
