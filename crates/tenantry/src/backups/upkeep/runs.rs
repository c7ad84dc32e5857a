//! Runs over many tenants, and the served slots of the configured schedules.
//!
//! The operation `backup_run` and the background pass write them.

use crate::backups::catalog::number;
use crate::{
    Error, Result,
    control::{Write, params},
};
use serde::Serialize;
use tenantry_engine::{SqlRow, Tx, name::TenantId};

/// A run as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Id of the run.
    pub id: i64,
    /// Name of the schedule that started the run; `None` if an operator did.
    pub schedule: Option<String>,
    /// Slot of the schedule that the run serves, in microseconds since 1970, UTC.
    pub slot_us: Option<i64>,
    /// Actor that started the run.
    pub by: String,
    /// Time of the start, in microseconds since 1970, UTC.
    pub started_at_us: i64,
    /// Time of the end, in microseconds since 1970, UTC; `None` while the run is open.
    pub finished_at_us: Option<i64>,
    /// Number of backups made.
    pub good: u64,
    /// Number of backups that failed.
    pub failed: u64,
}

/// Returns runs, newest first.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn list(tx: &mut Tx, limit: u32) -> Result<Vec<Run>> {
    let sql = "SELECT id, schedule, slot, by_actor, started_at, finished_at, good, failed FROM backup_runs \
        ORDER BY id DESC LIMIT ?";
    let read = |r: &SqlRow| {
        let count = |index| Ok::<_, Error>(u64::try_from(r.integer(index)?).unwrap_or(0));
        Ok(Run {
            id: r.integer(0)?,
            schedule: r.opt_text(1)?.map(Into::into),
            slot_us: r.opt_integer(2)?,
            by: r.text(3)?.to_owned(),
            started_at_us: r.integer(4)?,
            finished_at_us: r.opt_integer(5)?,
            good: count(6)?,
            failed: count(7)?,
        })
    };
    tx.query(sql, params![i64::from(limit.clamp(1, 1000))]).await?.iter().map(read).collect()
}

/// Begins a run and returns its id, or `None` if another run already serves this slot.
pub(crate) async fn begin(write: &mut Write, slot: Option<(&str, i64)>, by: &str) -> Result<Option<i64>> {
    let sql = "INSERT INTO backup_runs (schedule, slot, by_actor, started_at) VALUES (?, ?, ?, ?) \
        ON CONFLICT DO NOTHING RETURNING id";
    let at = write.at_us();
    let values = params![slot.map(|s| s.0.to_owned()), slot.map(|s| s.1), by, at];
    write.query(sql, values).await?.first().map(|r| Ok(r.integer(0)?)).transpose()
}

/// Records the end of a run.
pub(crate) async fn finish(write: &mut Write, run: i64, good: u64, failed: u64) -> Result<()> {
    let sql = "UPDATE backup_runs SET finished_at = ?, good = ?, failed = ? WHERE id = ?";
    let at = write.at_us();
    write.execute(sql, params![at, number(good), number(failed), run]).await?;
    Ok(())
}

/// Returns true if this run has already made the backup of this tenant (`None`: of the platform).
pub(crate) async fn has(tx: &mut Tx, run: i64, tenant: Option<TenantId>) -> Result<bool> {
    let sql = "SELECT 1 FROM backups WHERE run = ? AND tenant IS NOT DISTINCT FROM ? AND state = 'good'";
    Ok(!tx.query(sql, params![run, tenant.map(TenantId::get)]).await?.is_empty())
}

/// The served slots of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Served {
    /// Time since which the schedule is known, in microseconds.
    pub(crate) since_us: i64,
    /// Latest slot for which a run was begun, in microseconds.
    pub(crate) begun_us: Option<i64>,
    /// Latest slot of a finished run without failures, in microseconds.
    pub(crate) good_us: Option<i64>,
}

/// Returns the served slots of a schedule, or `None` if the schedule was never seen.
pub(crate) async fn served(tx: &mut Tx, schedule: &str, now_us: i64) -> Result<Option<Served>> {
    let sql = "SELECT since, (SELECT max(slot) FROM backup_runs WHERE schedule = ?1 AND slot <= ?2), \
        (SELECT max(slot) FROM backup_runs WHERE schedule = ?1 AND slot <= ?2 AND finished_at IS NOT NULL \
         AND failed = 0) FROM backup_schedules WHERE name = ?1";
    let read = |r: &SqlRow| {
        Ok(Served { since_us: r.integer(0)?, begun_us: r.opt_integer(1)?, good_us: r.opt_integer(2)? })
    };
    tx.query(sql, params![schedule, now_us]).await?.first().map(read).transpose()
}

/// Records that a schedule is configured from now on.
pub(crate) async fn see(write: &mut Write, schedule: &str) -> Result<()> {
    let at = write.at_us();
    let sql = "INSERT INTO backup_schedules (name, since) VALUES (?, ?) \
        ON CONFLICT (name) DO UPDATE SET since = excluded.since WHERE backup_schedules.since > excluded.since";
    write.execute(sql, params![schedule, at]).await?;
    Ok(())
}
