//! Restore drills: a sampled backup is restored to scratch in the same way as by a restore, and the result is recorded.
//!
//! The timer and an operator's command start drills. The operation `backup_verify` does the work and records the result
//! here. A drill never touches live data.

use crate::backups::{
    BackupId, BackupService, Restores,
    catalog::{self, Filter},
    runs,
    schedule::{due, overdue},
};
use crate::{
    Error, Result,
    access::Actor,
    audit::By,
    backups::operations::{backup_verify::BackupVerify, restore::fetch_all},
    control::{Write, params},
    operations::Context,
    tenants,
};
use serde::Serialize;
use tenantry_engine::{
    Tx,
    name::{Slug, TenantId},
};

/// Name of the drill among the schedules. No configured schedule can have it.
const NAME: &str = "(drill)";

/// State of the restore drills.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DrillStatus {
    /// Cron expression of the drills, as configured; `None` if they never start automatically.
    pub cron: Option<String>,
    /// Time of the next drill, in microseconds since 1970, UTC.
    pub next_us: Option<i64>,
    /// End of the last drill, in microseconds since 1970, UTC.
    pub last_at_us: Option<i64>,
    /// Id of the backup in the last drill.
    pub backup: Option<String>,
    /// Reason why the last drill failed; `None` if it did not fail.
    pub error: Option<String>,
    /// End of the last successful drill, in microseconds since 1970, UTC.
    pub good_us: Option<i64>,
    /// True if a slot has passed without a successful drill, although there are backups.
    pub overdue: bool,
}

/// Computes the current state of the drills.
pub(in crate::backups) async fn status(
    tx: &mut Tx,
    backups: &BackupService,
    now_us: i64,
) -> Result<DrillStatus> {
    let last = "SELECT finished_at, backup, error, \
        (SELECT max(finished_at) FROM restore_drills WHERE error IS NULL AND finished_at <= ?1) \
        FROM restore_drills WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1";
    let cron = backups.config().drill.as_ref();
    let mut status = DrillStatus {
        cron: cron.map(ToString::to_string),
        next_us: cron.and_then(|cron| cron.next_after(now_us)),
        ..DrillStatus::default()
    };
    if let Some(row) = tx.query(last, params![now_us]).await?.first() {
        status.last_at_us = row.opt_integer(0)?;
        status.backup = row.opt_text(1)?.map(Into::into);
        status.error = row.opt_text(2)?.map(Into::into);
        status.good_us = row.opt_integer(3)?;
    }
    if let (Some(cron), Some(seen)) = (cron, runs::served(tx, NAME, now_us).await?) {
        status.overdue = overdue(cron, seen.since_us, status.good_us, now_us) && sample(tx).await?.is_some();
    }
    Ok(status)
}

/// Returns the newest good backup of the tenant whose backups have not been verified for the longest time.
async fn sample(tx: &mut Tx) -> Result<Option<(BackupId, TenantId)>> {
    let sql = "SELECT b.id, b.tenant FROM backups b WHERE b.state = 'good' AND b.tenant IS NOT NULL \
        AND b.id = (SELECT id FROM backups WHERE tenant = b.tenant AND state = 'good' ORDER BY number DESC, id DESC LIMIT 1) \
        ORDER BY (SELECT coalesce(max(verified_at), 0) FROM backups WHERE tenant = b.tenant), b.id LIMIT 1";
    let rows = tx.query(sql, &[]).await?;
    rows.first().map(|row| Ok((row.text(0)?.parse()?, TenantId::from_raw(row.integer(1)?)))).transpose()
}

/// Records that a drill begins. Returns its id, or `None` if another process serves this slot.
async fn begin(write: &mut Write, slot_us: Option<i64>, backup: &BackupId) -> Result<Option<i64>> {
    let sql = "INSERT INTO restore_drills (slot, backup, started_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id";
    let at = write.at_us();
    let rows = write.query(sql, params![slot_us, backup.as_str(), at]).await?;
    rows.first().map(|row| Ok(row.integer(0)?)).transpose()
}

/// Records the result of a drill.
pub(crate) async fn finish(write: &mut Write, drill: i64, error: Option<&str>) -> Result<()> {
    let sql = "UPDATE restore_drills SET finished_at = ?, error = ? WHERE id = ?";
    let at = write.at_us();
    write.execute(sql, params![at, error.map(str::to_owned), drill]).await?;
    Ok(())
}

/// Restores a verified backup to scratch, migrates it to the current schema, and reads it completely.
pub(crate) async fn rehearse(context: &Context, tenant: Option<TenantId>, id: &BackupId) -> Result<()> {
    let found = crate::backups::manifest_of(context.backups.store()?, tenant, id).await;
    let manifest = crate::backups::believed(id, found)?;
    for fetched in fetch_all(context, &manifest, |_| true).await? {
        let (engine, store) = (context.databases.engine(), &fetched.copy.store);
        let script = context.databases.script(store)?;
        let inside = engine.inspect_copy(&fetched.path, store, tenant).await?;
        engine.describe_copy(&fetched.path, &script, tenant).await?;
        if inside.schema_version != fetched.schema {
            return Err(Error::Conflict(format!(
                "{store} is not at the schema that its migration ended with"
            )));
        }
        if let Some(why) = fetched.refused {
            tracing::warn!(backup = %id, %store, why, "comes back at the schema of then only");
        }
    }
    Ok(())
}

impl Restores<'_> {
    /// Starts a drill with the newest good backup of a tenant: the given tenant, or the one whose turn it is. Returns
    /// the operation's id.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] when there is no good backup.
    pub async fn drill(&self, actor: &Actor, slug: Option<&Slug>) -> Result<i64> {
        actor.require_superuser("start a restore drill")?;
        let by = &actor.by();
        let mut tx = self.platform.control().snapshot().await?;
        let found = match slug {
            None => sample(&mut tx).await?,
            Some(slug) => {
                let tenant = tenants::by_slug(&mut tx, slug).await?.id;
                let good = Some(catalog::State::Good);
                let filter = Filter { tenant: Some(tenant), state: good, limit: 1, ..Filter::default() };
                catalog::list(&mut tx, &filter).await?.into_iter().next().map(|backup| (backup.id, tenant))
            }
        };
        drop(tx);
        let none = || {
            Error::Conflict(
                "there is no good backup to try; make one with: tenantry backup create --all".into(),
            )
        };
        let (backup, tenant) = found.ok_or_else(none)?;
        let started = self.start_drill(by, None, backup, tenant).await?;
        started.ok_or_else(|| Error::Internal("a drill without a slot was begun already".into()))
    }

    async fn start_drill(
        &self,
        by: &By,
        slot_us: Option<i64>,
        backup: BackupId,
        of: TenantId,
    ) -> Result<Option<i64>> {
        let mut write = self.platform.control().begin().await?;
        let Some(drill) = begin(&mut write, slot_us, &backup).await? else { return Ok(None) };
        write.commit_unaudited().await?;
        let operation = BackupVerify::drill(by.clone(), backup, of, drill);
        self.platform.operations().spawn(operation).await.map(Some)
    }

    /// Starts the drill that is due, if any.
    pub(in crate::backups) async fn serve_drill(&self) -> Result<()> {
        let Some(cron) = &self.platform.config().backups.drill else { return Ok(()) };
        let mut tx = self.platform.control().snapshot().await?;
        let now_us = self.platform.control().now_us();
        let seen = runs::served(&mut tx, NAME, now_us).await?;
        // If a clock that was ahead recorded the start, record it again, as for schedules.
        let Some(seen) = seen.filter(|seen| seen.since_us <= now_us) else {
            drop(tx);
            let mut write = self.platform.control().begin().await?;
            runs::see(&mut write, NAME).await?;
            return write.commit_unaudited().await;
        };
        let rows = tx.query("SELECT max(slot) FROM restore_drills WHERE slot <= ?", params![now_us]).await?;
        let served_us = rows.first().map_or(Ok(None), |row| row.opt_integer(0))?;
        let Some(slot) = due(cron, seen.since_us, served_us, now_us) else { return Ok(()) };
        let Some((backup, of)) = sample(&mut tx).await? else { return Ok(()) };
        drop(tx);
        self.start_drill(&By::system(), Some(slot), backup, of).await.map(drop)
    }
}
