//! The ledger of each database or schema that holds places: its applied migrations per store.

use crate::{
    error::Result,
    ledger::{self, Applied, Loaded},
    postgres::{
        connections::{Call, Connection},
        identity::{self, not_ours},
        names::literal,
        site::Site,
        tables,
    },
};
use std::collections::BTreeMap;
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

/// Returns the query for the identity of a place and its ledger. Read the result with [`identity::judge`] and
/// [`surveyed`].
pub(super) fn survey(site: &Site) -> String {
    let ledger = format!(" LEFT JOIN {}._tenantry_ledger AS l ON true", site.quoted);
    identity::question_with(site, ", l.app, l.migration, l.checksum", &ledger)
}

/// Reads the ledger from the result of [`survey`].
pub(super) fn surveyed(rows: &[Row], site: &Site) -> Applied {
    read(rows, site, identity::COLUMNS)
}

/// Returns all lines of the ledger from the result of [`survey`]: app and name → checksum.
pub(super) fn surveyed_lines(rows: &[Row]) -> BTreeMap<(String, String), String> {
    let (app, name, checksum) = (identity::COLUMNS, identity::COLUMNS + 1, identity::COLUMNS + 2);
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

/// Returns the statements that raise the position of the ledger from `from` and lock it. The database refuses the first
/// one if the ledger has another position or the platform's tables have another format.
pub(super) fn raise_from(site: &Site, from: i64) -> String {
    // The column is not null.
    format!(
        "UPDATE {}._tenantry_meta SET ledger = CASE WHEN ledger = {from} AND version = {} THEN ledger + 1 END",
        site.quoted,
        tables::VERSION
    )
}

/// Returns SQL for all lines of the ledger as one text, sorted: app, name and checksum, one migration a line.
pub(super) fn lines(site: &Site) -> String {
    format!(
        "(SELECT coalesce(string_agg(concat_ws(' ', app, migration, checksum), chr(10) ORDER BY app, migration), '') \
          FROM {}._tenantry_ledger)",
        site.quoted
    )
}

/// Returns the statement that adds a migration to the ledger. The database refuses it if the query of `_tenantry_place`
/// with the clause `condition` has no row.
pub(super) fn enter_if(site: &Site, migration: &Loaded, condition: &str) -> String {
    let (schema, name) = (&site.quoted, ledger::name_in(&site.place.store, &migration.name));
    let [app, name, checksum] = [&migration.app, &name, &migration.checksum].map(|text| literal(text));
    // The column is not null.
    format!(
        "INSERT INTO {schema}._tenantry_ledger(app, migration, checksum) \
         VALUES ({app}, {name}, (SELECT {checksum} FROM {schema}._tenantry_place {condition}))"
    )
}

/// Adds a migration to the ledger, and raises the number that makes sessions compare the ledger again. `renewal` renews
/// the seal. With `commit`, also commits the transaction.
pub(super) async fn enter(
    conn: &mut Connection,
    site: &Site,
    migration: &Loaded,
    renewal: Option<&str>,
    commit: bool,
) -> Result<()> {
    let schema = &site.quoted;
    let name = ledger::name_in(&site.place.store, &migration.name);
    let sql = format!("INSERT INTO {schema}._tenantry_ledger(app, migration, checksum) VALUES ($1, $2, $3)");
    let texts = [&migration.app, &name, &migration.checksum].map(|text| (text as _, Type::TEXT));
    let raise = format!("UPDATE {schema}._tenantry_meta SET ledger = ledger + 1");
    let mut calls = vec![Call::once(&sql, &texts), Call::once(&raise, &[])];
    calls.extend(renewal.map(|renewal| Call::once(renewal, &[])));
    let entered = if commit { conn.commit_with(&calls).await } else { conn.calls(&calls).await };
    Ok(entered.map(drop)?)
}
