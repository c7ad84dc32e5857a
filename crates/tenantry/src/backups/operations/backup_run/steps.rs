//! Steps of `BackupRun`. Called only by the journal's driver.

use super::BackupRun;
use crate::{
    Error, Result,
    backups::{BackupId, manifest::Whose, operations::backup::Backup, runs},
    control::{Control, Write, params},
    operations::{
        Context, Operations,
        over_tenants::{self, Tally},
    },
};
use futures_util::future::BoxFuture;
use serde_json::json;
use tenantry_engine::{
    SqlRow,
    name::{Slug, TenantId},
};

/// Number of tenants read from the catalog in one page.
const PAGE: i64 = 200;

pub(super) fn begin<'a>(write: &'a mut Write, r: &'a mut BackupRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let slot = r.slot.as_ref().map(|(name, slot)| (name.as_str(), *slot));
        let begun = runs::begin(write, slot, &r.by.actor).await?;
        r.run = Some(begun.ok_or_else(|| Error::Conflict("this run has been begun already".into()))?);
        Ok(())
    })
}

pub(super) fn all<'a>(context: &'a Context, r: &'a mut BackupRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let operations = context.operations()?;
        let total = count(&context.control, r).await? + u64::from(r.selection.system);
        // After a crash the step runs again, so count finished backups and list failures from the beginning.
        r.tally = Tally::default();
        if r.selection.system {
            let made = one(context, &operations, r, None).await;
            r.tally.note(context, total, "the platform's own stores", made);
        }
        let (run, mut tally) = (r.clone(), std::mem::take(&mut r.tally));
        let done = over_tenants::each(
            context,
            (&mut tally, total),
            context.backups.config().parallel,
            |after| page(&context.control, &run, after),
            |whose: &Whose| (whose.id, whose.slug.to_string()),
            |whose| one(context, &operations, &run, Some(whose)),
        );
        let done = done.await;
        r.tally = tally;
        done
    })
}

/// Backs up one tenant. Waits for other operations on the tenant. If the open operation is a backup of this run that a
/// dead worker left, it is finished and counts.
async fn one(context: &Context, operations: &Operations, r: &BackupRun, whose: Option<Whose>) -> Result<()> {
    let tenant = whose.as_ref().map(|whose| whose.id);
    over_tenants::patiently(context, operations, tenant, || make(context, operations, r, whose.clone())).await
}

/// Makes the backup, unless this run has already made it.
async fn make(context: &Context, operations: &Operations, r: &BackupRun, whose: Option<Whose>) -> Result<()> {
    let run = r.run.ok_or_else(|| Error::Internal("a run without a number".into()))?;
    let tenant = whose.as_ref().map(|w| w.id);
    if runs::has(&mut context.control.snapshot().await?, run, tenant).await? {
        return Ok(());
    }
    let id = BackupId::new(context.control.now_us());
    let mut backup = Backup::new(r.by.clone(), id, whose, r.reason());
    backup.stores.clone_from(&r.selection.stores);
    backup.schedule = r.slot.as_ref().map(|(name, _)| name.clone());
    backup.run = Some(run);
    operations.run(backup).await.map(drop)
}

/// Returns the SQL parameters of the selection: slugs and stores as JSON arrays, or `null` for all.
fn tenants(r: &BackupRun) -> Result<(String, String)> {
    let named = match &r.selection.tenants {
        None => "null".to_owned(),
        Some(slugs) => serde_json::to_string(slugs).map_err(|e| Error::Internal(e.to_string()))?,
    };
    let stores = match &r.selection.stores {
        None => "null".to_owned(),
        Some(stores) => serde_json::to_string(stores).map_err(|e| Error::Internal(e.to_string()))?,
    };
    Ok((named, stores))
}

const FROM: &str = "FROM tenants t WHERE t.id > ?1 AND t.state IN ('active', 'suspended', 'cancelled') \
    AND (?2 = 'null' OR replace(?2, '\"' || t.slug || '\"', '') <> ?2) \
    AND EXISTS (SELECT 1 FROM placements p WHERE p.tenant = t.id AND p.state = 'ready' \
      AND (?3 = 'null' OR replace(?3, '\"' || p.store || '\"', '') <> ?3))";

async fn count(control: &Control, r: &BackupRun) -> Result<u64> {
    let (named, stores) = tenants(r)?;
    let sql = format!("SELECT count(*) {FROM}");
    let count = crate::users::count(&mut control.snapshot().await?, &sql, params![0, named, stores]).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

async fn page(control: &Control, r: &BackupRun, after: i64) -> Result<Vec<Whose>> {
    let (named, stores) = tenants(r)?;
    let sql = format!("SELECT t.id, t.slug, t.name, t.created_at {FROM} ORDER BY t.id LIMIT ?4");
    let read = |row: &SqlRow| {
        Ok(Whose {
            id: TenantId::from_raw(row.integer(0)?),
            slug: Slug::parse(row.text(1)?)?,
            name: row.text(2)?.to_owned(),
            created_at_us: Some(row.integer(3)?),
        })
    };
    let values = params![after, named, stores, PAGE];
    control.snapshot().await?.query(&sql, values).await?.iter().map(read).collect()
}

/// Records the result, also after a cancellation: backups made by then count.
pub(super) fn finish<'a>(write: &'a mut Write, r: &'a mut BackupRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let Some(run) = r.run else { return Ok(()) };
        runs::finish(write, run, r.tally.good, r.tally.failed).await?;
        let schedule = r.slot.as_ref().map(|(name, _)| name);
        let detail = json!({ "run": run, "schedule": schedule, "good": r.tally.good,
            "failed": r.tally.failed });
        write.audit(&r.by, None, "backup.run", detail).await
    })
}
