//! Removes backups that no retention rule retains any more, one tenant at a time.
//!
//! Called after each backup of a tenant and by the operation `backup_prune`. Each schedule with its own rule is judged separately.
//! The general rule applies to backups made on request. The purge removes a tenant's final backup. The newest good
//! backup of a tenant is never removed.

use crate::{
    Error, Result,
    audit::By,
    backups::{
        BackupId, BackupService,
        catalog::{self, Filter, Listed, State},
        manifest::Reason,
        retention::retained,
    },
    control::{
        Control,
        clock::{DAY_US, SECOND_US},
        params,
    },
    operations::Context,
};
use serde_json::json;
use std::collections::BTreeMap;
use tenantry_engine::name::TenantId;

/// Largest difference between witnessed time and the system clock, in microseconds. Witnessed time is slightly behind,
/// and a backup made just now must count like any other.
const CLOCKS_APART_US: i64 = 300 * SECOND_US;
/// Time for which a failed or damaged backup stays visible, in microseconds.
const TROUBLE_US: i64 = 30 * DAY_US;
/// Age in microseconds below which [`MOST_RECENT`] backups stay whatever the rules say: an operator who makes a backup
/// before and after a risky change wants both.
const RECENT_US: i64 = DAY_US;
const MOST_RECENT: usize = 24;

/// A backup that may be removed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Expired {
    pub(crate) id: BackupId,
    pub(crate) tenant: Option<TenantId>,
}

/// Returns the backups of a tenant (`None`: of the platform) that no rule retains any more.
pub(crate) async fn expired(
    control: &Control,
    backups: &BackupService,
    tenant: Option<TenantId>,
) -> Result<Vec<Expired>> {
    let filter = Filter { tenant, system: tenant.is_none(), limit: 1000, ..Filter::default() };
    let all = catalog::list(&mut control.snapshot().await?, &filter).await?;
    Ok(judge(backups, &all, control.due_us()))
}

/// Applies the rules. `due_us` is a value of [`Control::due_us`]. A backup dated more than [`CLOCKS_APART_US`] after it
/// stays and counts under no rule: a clock that is or was ahead may have dated it.
fn judge(backups: &BackupService, all: &[Listed], due_us: i64) -> Vec<Expired> {
    let all: Vec<&Listed> = all.iter().filter(|b| b.at_us <= due_us + CLOCKS_APART_US).collect();
    let good = || all.iter().filter(|b| b.state == State::Good && b.reason != Reason::Final);
    let newest = all.iter().filter(|b| b.state == State::Good).map(|b| b.at_us).max();
    let mut recent: Vec<i64> = good().map(|b| b.at_us).filter(|at| *at > due_us - RECENT_US).collect();
    recent.sort_unstable_by(|a, b| b.cmp(a));
    recent.truncate(MOST_RECENT);
    let mut by_rule: BTreeMap<Option<&str>, Vec<i64>> = BTreeMap::new();
    for backup in good() {
        by_rule.entry(rule(backups, backup)).or_default().push(backup.at_us);
    }
    let keep = |name: Option<&str>| {
        let schedule = name.and_then(|name| backups.config().schedule(name));
        schedule.map_or(backups.config().keep, |s| s.keep)
    };
    let retained: BTreeMap<_, _> =
        by_rule.iter().map(|(name, at)| (*name, retained(at, keep(*name)))).collect();
    let stays = |b: &Listed| match b.state {
        State::Running => true,
        State::Failed | State::Damaged => b.at_us > due_us - TROUBLE_US,
        State::Good => {
            b.reason == Reason::Final
                || recent.contains(&b.at_us)
                || Some(b.at_us) == newest
                || retained.get(&rule(backups, b)).is_some_and(|instants| instants.contains(&b.at_us))
        }
    };
    let gone = all.iter().filter(|b| !stays(b));
    gone.map(|b| Expired { id: b.id.clone(), tenant: b.tenant }).collect()
}

/// Removes all backups of a tenant. Returns their number.
///
/// # Errors
/// Returns [`Error::Unavailable`] if the store refuses to remove a backup. The call can then be repeated.
pub(crate) async fn remove_all(context: &Context, by: &By, tenant: TenantId) -> Result<u64> {
    let mut removed = 0;
    loop {
        let filter = Filter { tenant: Some(tenant), limit: 1000, ..Filter::default() };
        let all = catalog::list(&mut context.control.snapshot().await?, &filter).await?;
        if all.is_empty() {
            return Ok(removed);
        }
        let all: Vec<_> = all.into_iter().map(|b| Expired { id: b.id, tenant: b.tenant }).collect();
        let gone = remove_expired(context, by, &all).await?;
        if gone.len() < all.len() {
            return Err(Error::Unavailable(format!("backups of tenant {tenant} could not be removed")));
        }
        removed += gone.len() as u64;
    }
}

/// Returns purged tenants whose backups have been retained long enough.
pub(in crate::backups) async fn long_gone(control: &Control, before_us: i64) -> Result<Vec<TenantId>> {
    let sql = "SELECT DISTINCT b.tenant FROM tenants t JOIN backups b ON b.tenant = t.id \
        WHERE t.state = 'gone' AND t.state_at <= ? LIMIT 100";
    let rows = control.snapshot().await?.query(sql, params![before_us]).await?;
    rows.iter().map(|r| Ok(TenantId::from_raw(r.integer(0)?))).collect()
}

/// Returns the schedule whose rule applies to a backup, or `None` if the general rule applies.
fn rule<'b>(backups: &BackupService, backup: &'b Listed) -> Option<&'b str> {
    let name = backup.schedule.as_deref()?;
    backups.config().schedule(name).map(|_| name)
}

/// Removes the backups that no rule retains any more, tenant by tenant. Calls `tell` with the removed backups of each.
///
/// # Errors
/// Returns [`Error::Cancelled`], and the errors of the control store.
pub(crate) async fn remove_all_expired(
    context: &Context,
    by: &By,
    mut tell: impl FnMut(Vec<BackupId>) + Send,
) -> Result<()> {
    let (mut after, mut done) = (-1, 0);
    loop {
        // The platform's own backups count as tenant 0, an id that no tenant has.
        let sql = "SELECT DISTINCT coalesce(tenant, 0) FROM backups WHERE coalesce(tenant, 0) > ? ORDER BY 1 LIMIT 100";
        let rows = context.control.snapshot().await?.query(sql, params![after]).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            context.cancel.check()?;
            after = row.integer(0)?;
            let tenant = (after > 0).then(|| TenantId::from_raw(after));
            let expired = expired(&context.control, &context.backups, tenant).await?;
            tell(remove_expired(context, by, &expired).await?);
            done += 1;
            context.progress.set(done, 0, "tenants");
        }
    }
}

/// Removes backups from the store, then from the catalog, with an audit row. Backups that the store refuses to remove
/// stay until the next time. Returns the ids of the removed backups.
pub(crate) async fn remove_expired(context: &Context, by: &By, expired: &[Expired]) -> Result<Vec<BackupId>> {
    let mut gone = Vec::new();
    for backup in expired {
        match context.backups.store()?.remove(backup.tenant, &backup.id).await {
            Ok(()) => gone.push(backup),
            Err(error) => tracing::warn!(%error, backup = %backup.id, "expired backup stays for now"),
        }
    }
    if gone.is_empty() {
        return Ok(vec![]);
    }
    let mut write = context.control.begin().await?;
    for backup in &gone {
        catalog::forget(&mut write, &backup.id).await?;
    }
    let ids: Vec<_> = gone.iter().map(|b| b.id.clone()).collect();
    write.audit(by, gone[0].tenant, "backup.expire", json!({ "backups": ids })).await?;
    write.commit().await?;
    Ok(ids)
}
