//! Names and ids that are in use on a server, whether or not the catalog knows them. A catalog that was restored to an
//! earlier state chooses new names and ids above them (`no-reuse`). Never used for routing.

use super::server::Server;
use crate::{
    error::{Kind, Result},
    identity::Highest,
    name::PhysicalName,
    place::Place,
    sqlite::identity,
};
use rusqlite::{Connection, OptionalExtension, params};

/// Returns the highest ids of the residents that `platform` has in a database; `None` if the database does not exist or
/// is not one of ours.
pub(crate) fn highest(server: &Server, physical: &PhysicalName, platform: &str) -> Result<Option<Highest>> {
    let sql = "SELECT coalesce(max(tenant), 0), coalesce(max(generation), 0) FROM _tenantry_place
        WHERE platform IN (?1, '')";
    ours(server, physical, |conn| {
        let read = |row: &rusqlite::Row<'_>| Ok(Highest { tenant: row.get(0)?, generation: row.get(1)? });
        Ok(conn.query_row(sql, [platform], read)?)
    })
}

/// Returns the generation of the tenant's rows in the shared database of `place`; it may differ from that of `place`.
pub(crate) fn generation_in(server: &Server, place: &Place) -> Result<Option<i64>> {
    let sql = "SELECT generation FROM _tenantry_place WHERE tenant = ?1 AND store = ?2";
    let found = ours(server, &place.physical, |conn| {
        let key = params![place.tenant_number(), place.store.as_str()];
        Ok(conn.query_row(sql, key, |row| row.get(0)).optional()?)
    });
    Ok(found?.flatten())
}

fn ours<T>(
    server: &Server,
    physical: &PhysicalName,
    read: impl FnOnce(&Connection) -> Result<T>,
) -> Result<Option<T>> {
    if !server.exists(physical) {
        return Ok(None);
    }
    let found = server.mode().connect(&server.path(physical)).and_then(|conn| {
        identity::is_ours(&conn)?;
        read(&conn)
    });
    match found {
        Ok(found) => Ok(Some(found)),
        // A database that cannot be read is used for nothing else either: an operation that needs it fails.
        Err(error) if matches!(error.kind(), Kind::Corrupt | Kind::WrongIdentity | Kind::Missing) => Ok(None),
        Err(error) => Err(error),
    }
}
