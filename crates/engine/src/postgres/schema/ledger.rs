//! The ledger of each database or schema that holds places: the migrations that were applied, per store.

use crate::{
    error::Result,
    ledger::{self, Applied, Loaded},
    postgres::{connections::Connection, identity::not_ours, seal, site::Site},
};
use tokio_postgres::types::Type;

/// Returns the migrations of the place's store that were applied, `app/name` → checksum.
///
/// # Errors
/// `WrongIdentity` if there is no ledger.
pub(crate) async fn applied(conn: &mut Connection, site: &Site) -> Result<Applied> {
    let sql = format!("SELECT app, migration, checksum FROM {}._tenantry_ledger", site.quoted);
    let rows = conn.query(&sql, &[]).await.map_err(|error| not_ours(site, error))?;
    let lines = rows.iter().filter_map(|row| {
        ledger::id_of(&site.place.store, row.get(0), row.get(1)).map(|id| (id, row.get(2)))
    });
    Ok(lines.collect())
}

/// Adds a migration to the ledger, and raises the number that tells sessions to compare it again.
pub(super) async fn enter(conn: &mut Connection, site: &Site, migration: &Loaded) -> Result<()> {
    let schema = &site.quoted;
    let name = ledger::name_in(&site.place.store, &migration.name);
    let sql = format!("INSERT INTO {schema}._tenantry_ledger(app, migration, checksum) VALUES ($1, $2, $3)");
    let texts = [&migration.app, &name, &migration.checksum];
    conn.query(&sql, &texts.map(|text| (text as _, Type::TEXT))).await?;
    conn.batch(&format!("UPDATE {schema}._tenantry_meta SET ledger = ledger + 1")).await?;
    seal::renew(conn, site).await
}
