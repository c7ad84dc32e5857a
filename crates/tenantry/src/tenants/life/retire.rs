//! Cancellation of a tenant, as dates in the catalog: cancelled, closed, due to be purged (`staged-deletion`).
//!
//! Called by the owner's pages, staff, the command line and the reconciler. It removes nothing: the purge operation
//! does that, and checks here whether it may.

use crate::{
    Error, Result,
    audit::By,
    config::RetentionConfig,
    control::{Control, Subject, Write, clock::DAY_US, params},
    tenants::{State, by_id},
};
use serde_json::json;
use tenantry_engine::{SqlRow, Tx, name::TenantId};

/// Dates of a cancelled tenant, in microseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Retirement {
    /// Time of the cancellation.
    pub cancelled_at_us: i64,
    /// Time until which the tenant can be used.
    pub closes_at_us: i64,
    /// Time until which the tenant's data is retained.
    pub purges_at_us: i64,
}

/// Grace period and retention of a cancelled tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Number of days for which the tenant can still be used.
    pub grace_days: u32,
    /// Number of days after the grace period for which the tenant's data is retained.
    pub retention_days: u32,
}

impl From<&RetentionConfig> for Terms {
    fn from(config: &RetentionConfig) -> Self {
        Self { grace_days: config.grace_days, retention_days: config.retention_days }
    }
}

const COLUMNS: &str = "cancelled_at, closes_at, purges_at";

/// Reads the three columns that start at index `at`. Returns `None` if the tenant was not cancelled.
pub(crate) fn read(r: &SqlRow, at: usize) -> Result<Option<Retirement>> {
    let Some(cancelled_at_us) = r.opt_integer(at)? else { return Ok(None) };
    let (closes_at_us, purges_at_us) = (r.integer(at + 1)?, r.integer(at + 2)?);
    Ok(Some(Retirement { cancelled_at_us, closes_at_us, purges_at_us }))
}

impl Retirement {
    /// Returns true if the retention is over at `due_us`, a value of `Control::due_us`. A retention of zero days does
    /// not depend on the clock.
    pub fn is_over(&self, due_us: i64) -> bool {
        self.purges_at_us <= due_us.max(self.cancelled_at_us)
    }

    /// Returns the dates of a tenant, or `None` if it was not cancelled.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant.
    pub(crate) async fn of(tx: &mut Tx, id: TenantId) -> Result<Option<Self>> {
        let sql = format!("SELECT {COLUMNS} FROM tenants WHERE id = ?");
        read(tx.query(&sql, params![id.get()]).await?.first().ok_or(Error::NotFound("tenant"))?, 0)
    }
}

/// Cancels a tenant. The tenant can be used during its grace period; without a grace period it is closed at once.
///
/// # Errors
/// Returns [`Error::Conflict`] if it is cancelled already, or in a state that cannot be cancelled.
pub(crate) async fn cancel(
    write: &mut Write,
    by: &By,
    id: TenantId,
    terms: Terms,
    reason: Option<&str>,
) -> Result<Retirement> {
    let tenant = by_id(write, id).await?;
    if Retirement::of(write, id).await?.is_some() {
        return Err(Error::Conflict(format!("{} is cancelled already", tenant.slug)));
    }
    if !tenant.state.may_become(State::Cancelled) {
        return Err(Error::Conflict(format!(
            "{} is {} and cannot be cancelled",
            tenant.slug,
            tenant.state.as_str()
        )));
    }
    let now = write.retain_from_us();
    let closes = now + i64::from(terms.grace_days) * DAY_US;
    let ends = Retirement {
        cancelled_at_us: now,
        closes_at_us: closes,
        purges_at_us: closes + i64::from(terms.retention_days) * DAY_US,
    };
    let sql = "UPDATE tenants SET cancelled_at = ?, closes_at = ?, purges_at = ? WHERE id = ?";
    write.execute(sql, params![now, closes, ends.purges_at_us, id.get()]).await?;
    let detail = json!({
        "slug": tenant.slug, "reason": reason, "closes_at_us": closes, "purges_at_us": ends.purges_at_us,
    });
    write.audit(by, Some(id), "tenant.cancel", detail).await?;
    write.invalidate(&Subject::Tenant(id)).await?;
    if closes <= now {
        close(write, by, id).await?;
    }
    Ok(ends)
}

/// Revokes a cancellation: the tenant returns to its former state. This is possible until the purge begins.
///
/// # Errors
/// Returns [`Error::Conflict`] if the tenant was not cancelled, is being purged or was purged.
pub(crate) async fn keep(write: &mut Write, by: &By, id: TenantId) -> Result<()> {
    let tenant = by_id(write, id).await?;
    let refused = |why: &str| Err(Error::Conflict(format!("{} {why}", tenant.slug)));
    match tenant.state {
        State::Purging => return refused("is being purged: there is no way back"),
        State::Gone => return refused("was purged: there is no way back"),
        _ if Retirement::of(write, id).await?.is_none() => return refused("was not cancelled"),
        _ => {}
    }
    let sql = "UPDATE tenants SET cancelled_at = NULL, closes_at = NULL, purges_at = NULL, \
        state = coalesce(closed_from, state), closed_from = NULL, state_at = ?1, \
        state_reason = nullif(state_reason, ?3) WHERE id = ?2";
    let at = write.at_us();
    write.execute(sql, params![at, id.get(), PURGED]).await?;
    write.audit(by, Some(id), "tenant.keep", json!({ "slug": tenant.slug, "from": tenant.state })).await?;
    write.invalidate(&Subject::Tenant(id)).await
}

async fn close(write: &mut Write, by: &By, id: TenantId) -> Result<()> {
    let at = write.at_us();
    let sql = "UPDATE tenants SET closed_from = state, state = 'cancelled', state_at = ? \
        WHERE id = ? AND state IN ('active', 'suspended')";
    write.execute(sql, params![at, id.get()]).await?;
    write.audit(by, Some(id), "tenant.close", json!({})).await?;
    write.invalidate(&Subject::Tenant(id)).await
}

/// Reason in the state of a tenant that was purged after this state of the catalog was saved. `restore --all` does not
/// restore such a tenant.
pub(crate) const PURGED: &str = "it was purged after this state of the catalog";

/// Closes a tenant that was purged after this state of the catalog was saved, for `retention_days`. Returns false if
/// there is no such tenant, if another tenant has its id (it was not created at `created`), or if nothing needs to
/// change.
pub(crate) async fn close_purged(
    write: &mut Write,
    by: &By,
    id: TenantId,
    created: Option<i64>,
    retention_days: u32,
) -> Result<bool> {
    let sql = "UPDATE tenants SET closed_from = CASE state WHEN 'cancelled' THEN closed_from ELSE state END, \
        state = 'cancelled', state_reason = ?2, state_at = ?3, cancelled_at = coalesce(cancelled_at, ?3), \
        closes_at = CASE WHEN closes_at < ?3 THEN closes_at ELSE ?3 END, purges_at = coalesce(purges_at, ?4) \
        WHERE id = ?1 AND state IN ('active', 'suspended', 'cancelled') AND state_reason IS DISTINCT FROM ?2 \
        AND (created_at = ?5 OR ?5 IS NULL)";
    let now = write.retain_from_us();
    let purges = now + i64::from(retention_days) * DAY_US;
    if write.execute(sql, params![id.get(), PURGED, now, purges, created]).await? == 0 {
        return Ok(false);
    }
    write.audit(by, Some(id), "tenant.close", json!({ "reason": PURGED })).await?;
    write.invalidate(&Subject::Tenant(id)).await?;
    Ok(true)
}

/// Closes tenants whose grace period is over, at most `limit` per pass. Returns their number. The reconciler calls
/// this; access refuses such tenants without waiting for it.
///
/// # Errors
/// Returns the errors of the control store.
pub async fn close_due(control: &Control, limit: u32) -> Result<usize> {
    let mut write = control.begin().await?;
    let sql = "SELECT id FROM tenants INDEXED BY tenants_closing \
        WHERE closes_at IS NOT NULL AND state IN ('active', 'suspended') AND closes_at <= ? \
        ORDER BY closes_at LIMIT ?";
    let at = write.at_us();
    let rows = write.query(sql, params![at, i64::from(limit)]).await?;
    for row in &rows {
        close(&mut write, &By::system(), TenantId::from_raw(row.integer(0)?)).await?;
    }
    if !rows.is_empty() {
        write.commit().await?;
    }
    Ok(rows.len())
}

/// Reopens tenants that a wrong clock closed before their grace period was over, at most `limit` per pass. Returns
/// their number. A tenant without a grace period stays closed. The reconciler calls this.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn reopen_undue(control: &Control, limit: u32) -> Result<usize> {
    let mut write = control.begin().await?;
    let sql = "UPDATE tenants SET state = closed_from, closed_from = NULL, state_at = ?1 WHERE id IN \
        (SELECT id FROM tenants INDEXED BY tenants_purging WHERE state = 'cancelled' AND closed_from IS NOT NULL \
         AND closes_at > ?1 AND closes_at > cancelled_at LIMIT ?2) RETURNING id";
    let at = write.at_us();
    let rows = write.query(sql, params![at, i64::from(limit)]).await?;
    for row in &rows {
        let id = TenantId::from_raw(row.integer(0)?);
        write.audit(&By::system(), Some(id), "tenant.reopen", json!({})).await?;
        write.invalidate(&Subject::Tenant(id)).await?;
    }
    if !rows.is_empty() {
        write.commit().await?;
    }
    Ok(rows.len())
}

/// Returns closed tenants whose retention is over at `due_us`, a value of [`Control::due_us`], the longest overdue
/// first.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn due(tx: &mut Tx, due_us: i64, limit: u32) -> Result<Vec<TenantId>> {
    let sql = "SELECT id FROM tenants INDEXED BY tenants_purging \
        WHERE state = 'cancelled' AND (purges_at <= ?1 OR purges_at <= cancelled_at) ORDER BY purges_at LIMIT ?2";
    let rows = tx.query(sql, params![due_us, i64::from(limit)]).await?;
    rows.iter().map(|r| Ok(TenantId::from_raw(r.integer(0)?))).collect()
}
