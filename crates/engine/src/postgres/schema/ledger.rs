//! The ledger of each database or schema that holds places: its applied migrations per store.

use crate::{
    error::Result,
    ledger::{self, Applied, Loaded},
    postgres::{
        connections::{Call, Connection},
        identity::not_ours,
        site::Site,
    },
};
use tokio_postgres::{Row, types::Type};

/// Returns the applied migrations of the place's store, `app/name` → checksum.
///
/// # Errors
/// Returns `WrongIdentity` if there is no ledger.
pub(crate) async fn applied(conn: &mut Connection, site: &Site) -> Result<Applied> {
    let rows = conn.once(&question(site), &[]).await.map_err(|error| not_ours(site, error))?;
    Ok(read(&rows, site))
}

/// Returns the statement that reads the ledger.
pub(super) fn question(site: &Site) -> String {
    format!("SELECT app, migration, checksum FROM {}._tenantry_ledger", site.quoted)
}

/// Reads the result of [`question`].
pub(super) fn read(rows: &[Row], site: &Site) -> Applied {
    let lines = rows.iter().filter_map(|row| {
        ledger::id_of(&site.place.store, row.get(0), row.get(1)).map(|id| (id, row.get(2)))
    });
    lines.collect()
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
