//! The ledger of each database or schema that holds places: its applied migrations per store.

use crate::{
    error::Result,
    ledger::{self, Applied, Loaded},
    postgres::{
        connections::Connection,
        identity::{self, not_ours},
        names::literal,
        seal::{self, Lines, Seal},
        site::Site,
    },
};
use tokio_postgres::{Row, types::Type};

/// Returns the applied migrations of the place's store, `app/name` → checksum.
///
/// # Errors
/// Returns `WrongIdentity` if there is no ledger.
pub(crate) async fn applied(conn: &mut Connection, site: &Site) -> Result<Applied> {
    let sql = format!("SELECT app, migration, checksum FROM {}._tenantry_ledger", site.quoted);
    let rows = conn.once(&sql, &[]).await.map_err(|error| not_ours(site, error))?;
    Ok(read(&rows, site, 0))
}

/// Returns the query for the identity of a place, its seal and its ledger. Read the result with [`identity::judge`],
/// [`surveyed_seal`] and [`surveyed`].
pub(super) fn survey(site: &Site) -> String {
    let columns = format!(", {}, l.app, l.migration, l.checksum", seal::name_in(site));
    let ledger = format!(" LEFT JOIN {}._tenantry_ledger AS l ON true", site.quoted);
    identity::question_with(site, &columns, &ledger)
}

/// Reads the seal from the result of [`survey`].
pub(super) fn surveyed_seal(rows: &[Row]) -> Option<Seal> {
    seal::read(rows.first()?, identity::COLUMNS)
}

/// Reads the ledger from the result of [`survey`].
pub(super) fn surveyed(rows: &[Row], site: &Site) -> Applied {
    read(rows, site, identity::COLUMNS + 1)
}

/// Returns all lines of the ledger from the result of [`survey`].
pub(super) fn surveyed_lines(rows: &[Row]) -> Lines {
    let [app, name, checksum] = [1, 2, 3].map(|at| identity::COLUMNS + at);
    let line = |row: &Row| Some(((row.get::<_, Option<String>>(app)?, row.get(name)), row.get(checksum)));
    rows.iter().filter_map(line).collect()
}

fn read(rows: &[Row], site: &Site, first: usize) -> Applied {
    let lines = rows.iter().filter_map(|row| {
        // An empty ledger joins as a row without values.
        let app = row.get::<_, Option<&str>>(first)?;
        ledger::id_of(&site.place.store, app, row.get(first + 1)).map(|id| (id, row.get(first + 2)))
    });
    lines.collect()
}

/// Returns the statement that adds a migration to the ledger, as the line with the number `n`.
pub(super) fn entry(site: &Site, migration: &Loaded, n: i64) -> String {
    let name = ledger::name_in(&site.place.store, &migration.name);
    let [app, name, checksum] = [&migration.app, &name, &migration.checksum].map(|text| literal(text));
    format!(
        "INSERT INTO {}._tenantry_ledger(n, app, migration, checksum) VALUES ({n}, {app}, {name}, {checksum})",
        site.quoted
    )
}

/// Adds a migration to the ledger. The caller renews the seal.
pub(in crate::postgres) async fn enter(conn: &mut Connection, site: &Site, migration: &Loaded) -> Result<()> {
    let ledger = format!("{}._tenantry_ledger", site.quoted);
    let sql = format!(
        "INSERT INTO {ledger}(n, app, migration, checksum) \
         SELECT coalesce(max(n), 0) + 1, $1, $2, $3 FROM {ledger}"
    );
    let name = ledger::name_in(&site.place.store, &migration.name);
    let texts = [&migration.app, &name, &migration.checksum].map(|text| (text as _, Type::TEXT));
    conn.once(&sql, &texts).await.map(drop)
}
