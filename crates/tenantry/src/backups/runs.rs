//! Runs over many tenants, and what the schedules of the configuration have been served.
//!
//! Written by the operation that makes such a run and by the background pass.

use super::catalog::number;
use crate::{
    Error, Result,
    control::{Write, params},
};
use serde::Serialize;
use tenantry_engine::{SqlRow, Tx, name::TenantId};

/// A run as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its number.
    pub id: i64,
    /// The schedule that started it; none: somebody did.
    pub schedule: Option<String>,
    /// The instant of the schedule that it serves, microseconds.
    pub slot_us: Option<i64>,
    /// Who started it.
    pub by: String,
    /// When, microseconds.
    pub started_at_us: i64,
    /// When it was over; none: it runs.
    pub finished_at_us: Option<i64>,
    /// Backups made.
    pub good: u64,
    /// Backups that failed.
    pub failed: u64,
}

/// Newest first.
pub async fn list(tx: &mut Tx, limit: u32) -> Result<Vec<Run>> {
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

/// Begins a run. None: another has begun to serve this slot.
pub(crate) async fn begin(write: &mut Write, slot: Option<(&str, i64)>, by: &str) -> Result<Option<i64>> {
    let sql = "INSERT INTO backup_runs (schedule, slot, by_actor, started_at) VALUES (?, ?, ?, ?) \
        ON CONFLICT DO NOTHING RETURNING id";
    let at = write.at_us();
    let values = params![slot.map(|s| s.0.to_owned()), slot.map(|s| s.1), by, at];
    write.query(sql, values).await?.first().map(|r| Ok(r.integer(0)?)).transpose()
}

/// It is over.
pub(crate) async fn finish(write: &mut Write, run: i64, good: u64, failed: u64) -> Result<()> {
    let sql = "UPDATE backup_runs SET finished_at = ?, good = ?, failed = ? WHERE id = ?";
    let at = write.at_us();
    write.execute(sql, params![at, number(good), number(failed), run]).await?;
    Ok(())
}

/// Whether this run has made this tenant's backup (none: the platform's) already.
pub(crate) async fn has(tx: &mut Tx, run: i64, tenant: Option<TenantId>) -> Result<bool> {
    let sql = "SELECT 1 FROM backups WHERE run = ? AND tenant IS ? AND state = 'good'";
    Ok(!tx.query(sql, params![run, tenant.map(TenantId::get)]).await?.is_empty())
}

/// What a schedule has been served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Served {
    /// Since when it is known.
    pub(crate) since_us: i64,
    /// The latest slot that a run was begun for.
    pub(crate) begun_us: Option<i64>,
    /// The latest slot of a run that is over and had no failure.
    pub(crate) good_us: Option<i64>,
}

/// None: it was never seen.
pub(crate) async fn served(tx: &mut Tx, schedule: &str, now_us: i64) -> Result<Option<Served>> {
    let sql = "SELECT since, (SELECT max(slot) FROM backup_runs WHERE schedule = ?1 AND slot <= ?2), \
        (SELECT max(slot) FROM backup_runs WHERE schedule = ?1 AND slot <= ?2 AND finished_at IS NOT NULL \
         AND failed = 0) FROM backup_schedules WHERE name = ?1";
    let read = |r: &SqlRow| {
        Ok(Served { since_us: r.integer(0)?, begun_us: r.opt_integer(1)?, good_us: r.opt_integer(2)? })
    };
    tx.query(sql, params![schedule, now_us]).await?.first().map(read).transpose()
}

/// Notes that a schedule is in the configuration from now on.
pub(crate) async fn see(write: &mut Write, schedule: &str) -> Result<()> {
    let at = write.at_us();
    let sql = "INSERT INTO backup_schedules (name, since) VALUES (?, ?) \
        ON CONFLICT (name) DO UPDATE SET since = excluded.since WHERE since > excluded.since";
    write.execute(sql, params![schedule, at]).await?;
    Ok(())
}
