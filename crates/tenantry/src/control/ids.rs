//! Ids and generations of the catalog, which are never assigned twice (`no-reuse`), even after the catalog was restored
//! to an earlier state.
//!
//! Called when a tenant or a placement is recorded, when backups are added to the catalog, and when a restored control
//! store is prepared. The database itself never assigns an id twice as long as the store does not go back in time.

use super::{has_table, params, settings};
use crate::Result;
use tenantry_engine::Tx;

/// Settings key of the highest generation that exists outside the catalog.
pub(crate) const GENERATION: &str = "highest_generation";

/// Limit from which ids are ignored: no installation has as many rows, and JSON represents integers exactly only below
/// it.
const MOST: i64 = 1 << 53;

/// Ensures that the next row of `table` gets an id above `to`.
pub(crate) async fn raise(tx: &mut Tx, table: &str, to: i64) -> Result<()> {
    if to < MOST {
        tx.raise_last_id(table, to).await?;
    }
    Ok(())
}

/// Skips the next `count` ids of every table of the catalog.
pub(crate) async fn skip(tx: &mut Tx, count: i64) -> Result<()> {
    for (table, last) in tx.last_ids().await? {
        if has_table(&table) {
            raise(tx, &table, last.saturating_add(count)).await?;
        }
    }
    Ok(())
}

/// Returns the highest tenant id in the catalog's records. These may mention tenants that the catalog itself no longer
/// has.
pub(crate) async fn highest_tenant(tx: &mut Tx) -> Result<i64> {
    let sql = "SELECT coalesce(max(id), 0) FROM (SELECT max(tenant) AS id FROM backups \
        UNION ALL SELECT max(tenant) FROM placements \
        UNION ALL SELECT max(tenant) FROM audit WHERE tenant IS NOT NULL) AS seen";
    crate::users::count(tx, sql, &[]).await
}

/// Ensures that every new placement gets a generation above `to`.
pub(crate) async fn raise_generations(tx: &mut Tx, to: i64, at_us: i64) -> Result<()> {
    let sql = "INSERT INTO settings (key, value, updated_at) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE \
        SET value = excluded.value, updated_at = excluded.updated_at \
        WHERE CAST(settings.value AS BIGINT) < CAST(excluded.value AS BIGINT)";
    tx.execute(sql, params![GENERATION, to.to_string(), at_us]).await?;
    Ok(())
}

/// Returns the generation above which every new placement is recorded.
pub(crate) async fn highest_generation(tx: &mut Tx) -> Result<i64> {
    let found = settings::get(tx, GENERATION).await?;
    Ok(found.and_then(|value| value.as_i64()).unwrap_or(0))
}
