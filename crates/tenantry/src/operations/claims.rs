//! Databases that a migration run has in hand, so that no operation begins on their tenants meanwhile,
//! and no run begins where an operation is at work (`two-workers` and `half-migrated-fleet`).
//!
//! Called by the fleet's catalog and by the journal when an operation is recorded; both in write
//! transactions, which follow one another. A claim ends with its process, or after an hour.

use super::lease;
use crate::{
    Error, Result,
    clock::{DAY_US, SECOND_US},
    control::{Write, params},
};
use tenantry_engine::{
    name::TenantId,
    place::{Isolation, Place},
};

/// Longer than any run needs for one batch.
const CLAIM_US: i64 = 3_600 * SECOND_US;

/// Everybody in a pool shares its database.
fn key(place: &Place) -> String {
    match (place.isolation, place.tenant) {
        (Isolation::Database, Some(tenant)) => format!("tenant:{tenant}"),
        _ => format!("pool:{}/{}", place.server, place.physical),
    }
}

/// Claims the database of `place` for `owner`. Some: what is at work there, and it is not claimed.
pub(crate) async fn claim(write: &mut Write, owner: &str, place: &Place) -> Result<Option<String>> {
    let key = key(place);
    if let Some(other) = holder(write, &key).await?.filter(|other| other != owner) {
        tracing::debug!(key, other, "claimed by another run");
        return Ok(Some("another migration run is at work here".into()));
    }
    if let Some((kind, id)) = open_operation(write, place).await? {
        return Ok(Some(format!("{kind} {id} is at work on this tenant")));
    }
    let until = write.at_us() + CLAIM_US;
    let sql = "INSERT OR REPLACE INTO migrating (key, owner, until) VALUES (?, ?, ?)";
    write.execute(sql, params![key, owner, until]).await?;
    Ok(None)
}

/// Lets go of a claim.
pub(crate) async fn release(write: &mut Write, owner: &str, place: &Place) -> Result<()> {
    write.execute("DELETE FROM migrating WHERE key = ? AND owner = ?", params![key(place), owner]).await?;
    Ok(())
}

/// Refuses while a migration run has a database of this tenant in hand.
pub(super) async fn refuse_migrating(write: &mut Write, tenant: TenantId) -> Result<()> {
    // Mostly there are none, which is all that this costs then.
    let sql = "SELECT key FROM migrating WHERE key = 'tenant:' || ?1 OR key IN \
        (SELECT 'pool:' || server || '/' || physical FROM placements \
         WHERE tenant = ?1 AND isolation = 'pooled' AND state IN ('planned', 'ready'))";
    for row in write.query(sql, params![tenant.get()]).await? {
        if holder(write, row.text(0)?).await?.is_some() {
            return Err(Error::Conflict(
                "migrate-tenants is at work on this tenant's database: try again in a moment".into(),
            ));
        }
    }
    Ok(())
}

/// Who claims it now, if whoever did may still be alive.
async fn holder(write: &mut Write, key: &str) -> Result<Option<String>> {
    let sql = "SELECT owner FROM migrating WHERE key = ? AND until > ? AND until <= ?";
    let now = write.at_us();
    // A day is left for a clock that was put back under a run.
    let rows = write.query(sql, params![key, now, now + CLAIM_US + DAY_US]).await?;
    let owner = rows.first().map(|row| row.text(0)).transpose()?;
    Ok(owner.filter(|owner| lease::may_be_alive(owner)).map(str::to_owned))
}

/// Kind and id of an operation on the tenant, or on anybody in the same pool.
async fn open_operation(write: &mut Write, place: &Place) -> Result<Option<(String, i64)>> {
    let rows = match (place.isolation, place.tenant) {
        (Isolation::Database, Some(tenant)) => {
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
