//! Claims of migration runs on databases. While a claim is held, no operation begins on the tenants of that database. A
//! run claims no database while an operation is open on its tenants (`two-workers` and `half-migrated-fleet`).
//!
//! The fleet's catalog calls it, and the journal when it records an operation. Both run in write transactions, which
//! are serialized. A claim ends with its process, or after an hour.

use super::lease;
use crate::{
    Error, Result,
    control::{
        Write,
        clock::{DAY_US, SECOND_US},
        params,
    },
};
use tenantry_engine::{
    name::TenantId,
    place::{Isolation, Place},
};

/// Lifetime of a claim in microseconds: longer than any run needs for one batch.
const CLAIM_US: i64 = 3_600 * SECOND_US;

/// Returns the key of a database for its claim. All tenants of a pool share one key.
fn key(place: &Place) -> String {
    match (place.isolation, place.tenant) {
        (Isolation::Schema | Isolation::Database, Some(tenant)) => format!("tenant:{tenant}"),
        _ => format!("pool:{}/{}", place.server, place.physical),
    }
}

/// Claims the database of `place` for `owner`. Returns the reason if the database is busy and could not be claimed.
pub(crate) async fn claim(write: &mut Write, owner: &str, place: &Place) -> Result<Option<String>> {
    let key = key(place);
    if let Some(other) = holder(write, &key).await?.filter(|other| other != owner) {
        tracing::debug!(key, other, "claimed by another run");
        return Ok(Some("another migration run is working here".into()));
    }
    if let Some((kind, id)) = open_operation(write, place).await? {
        return Ok(Some(format!("{kind} {id} is working on this tenant")));
    }
    let until = write.at_us() + CLAIM_US;
    let sql = "INSERT INTO migrating (key, owner, until) VALUES (?, ?, ?) \
        ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, until = excluded.until";
    write.execute(sql, params![key, owner, until]).await?;
    Ok(None)
}

/// Releases the claim of `owner` on the database of `place`.
pub(crate) async fn release(write: &mut Write, owner: &str, place: &Place) -> Result<()> {
    write.execute("DELETE FROM migrating WHERE key = ? AND owner = ?", params![key(place), owner]).await?;
    Ok(())
}

/// Refuses an operation while a migration run has claimed a database of this tenant.
pub(in crate::operations) async fn refuse_migrating(write: &mut Write, tenant: TenantId) -> Result<()> {
    // Usually no claim exists, and this query is the only cost.
    let sql = "SELECT key FROM migrating WHERE key = ?2 OR key IN \
        (SELECT 'pool:' || server || '/' || physical FROM placements \
         WHERE tenant = ?1 AND isolation = 'pooled' AND state IN ('planned', 'ready'))";
    for row in write.query(sql, params![tenant.get(), format!("tenant:{tenant}")]).await? {
        if holder(write, row.text(0)?).await?.is_some() {
            return Err(Error::Occupied(
                "a migration run is working on this tenant's database: try again in a moment".into(),
            ));
        }
    }
    Ok(())
}

/// Returns the holder of an unexpired claim, unless its process is certainly dead.
async fn holder(write: &mut Write, key: &str) -> Result<Option<String>> {
    let sql = "SELECT owner FROM migrating WHERE key = ? AND until > ? AND until <= ?";
    let now = write.at_us();
    // The upper bound allows for a clock that was set back by up to one day since the claim.
    let rows = write.query(sql, params![key, now, now + CLAIM_US + DAY_US]).await?;
    let owner = rows.first().map(|row| row.text(0)).transpose()?;
    Ok(owner.filter(|owner| lease::may_be_alive(owner)).map(str::to_owned))
}

/// Returns the kind and id of an open operation on the tenant, or on any tenant in the same pool.
async fn open_operation(write: &mut Write, place: &Place) -> Result<Option<(String, i64)>> {
    let rows = match (place.isolation, place.tenant) {
        (Isolation::Schema | Isolation::Database, Some(tenant)) => {
            let sql =
                "SELECT kind, id FROM operations WHERE tenant = ? AND state IN ('running', 'unwinding')";
            write.query(sql, params![tenant.get()]).await?
        }
        _ => {
            let sql = "SELECT kind, id FROM operations WHERE state IN ('running', 'unwinding') AND tenant IN \
                (SELECT tenant FROM placements WHERE server = ? AND physical = ? AND isolation = 'pooled' \
                 AND state IN ('planned', 'ready')) LIMIT 1";
            write.query(sql, params![place.server.as_str(), place.physical.as_str()]).await?
        }
    };
    rows.first().map(|row| Ok((row.text(0)?.to_owned(), row.integer(1)?))).transpose()
}
