//! State of the backups, for metrics, the staff API and `backups status` (`silent-backup-failure`).
//!
//! The background pass computes it about once a minute and caches it, so a scrape costs nothing. The verbs compute it
//! anew. It reads only the catalog.

use crate::{
    Result,
    backups::{
        BackupService,
        drills::{self, DrillStatus},
        runs,
        schedule::overdue,
    },
    control::{
        Control,
        clock::{DAY_US, SECOND_US},
        params,
    },
};
use serde::Serialize;
use std::sync::{Mutex, PoisonError};
use tenantry_engine::Tx;

/// State of the backups.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Status {
    /// Place where backups are stored.
    pub target: String,
    /// True if backups are inside the data directory, so that a lost disk takes them with it.
    pub inside_data_dir: bool,
    /// Time of the newest good backup of any tenant, in microseconds since 1970, UTC.
    pub newest_us: Option<i64>,
    /// Number of good backups.
    pub good: u64,
    /// Size of the good backups in the backup store, in bytes.
    pub stored_bytes: u64,
    /// Number of backups that failed in the last day.
    pub failed_day: u64,
    /// Number of backups known to be damaged.
    pub damaged: u64,
    /// Number of active tenants without any good backup.
    pub tenants_without: u64,
    /// State of each configured schedule.
    pub schedules: Vec<ScheduleStatus>,
    /// State of the restore drills.
    pub drill: DrillStatus,
}

/// State of one schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScheduleStatus {
    /// Name of the schedule.
    pub name: String,
    /// Cron expression of the schedule, as configured.
    pub cron: String,
    /// Next slot, in microseconds since 1970, UTC.
    pub next_us: Option<i64>,
    /// Latest slot for which everything was backed up, in microseconds since 1970, UTC.
    pub good_us: Option<i64>,
    /// True if a later slot has passed without a complete backup.
    pub overdue: bool,
}

impl Status {
    /// Returns the number of seconds since the newest good backup, or `None` if there is none.
    pub fn age_seconds(&self, now_us: i64) -> Option<i64> {
        self.newest_us.map(|at| (now_us - at).max(0) / SECOND_US)
    }

    /// Returns the number of overdue schedules.
    pub fn overdue(&self) -> usize {
        self.schedules.iter().filter(|s| s.overdue).count()
    }
}

/// The last computed status, with the time of its computation.
#[derive(Debug, Default)]
pub(in crate::backups) struct Remembered(Mutex<Option<(i64, Status)>>);

impl Remembered {
    pub(in crate::backups) fn get(&self) -> Option<(i64, Status)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(in crate::backups) fn put(&self, at_us: i64, status: Status) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((at_us, status));
    }
}

/// Computes the current state of the backups.
pub(in crate::backups) async fn status(control: &Control, backups: &BackupService) -> Result<Status> {
    let now = control.now_us();
    let mut tx = control.snapshot().await?;
    let sql = "SELECT count(*), coalesce(sum(stored_bytes), 0), max(CASE WHEN at <= ? THEN at END) \
        FROM backups WHERE state = 'good'";
    let rows = tx.query(sql, params![now]).await?;
    let row = rows.first().ok_or(crate::Error::NotFound("backup"))?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let (good, stored_bytes, newest_us) =
        (count(row.integer(0)?), count(row.integer(1)?), row.opt_integer(2)?);
    let failed = "SELECT count(*) FROM backups WHERE state = 'failed' AND at > ? AND at <= ?";
    let without = "SELECT count(*) FROM tenants t WHERE state = 'active' AND NOT EXISTS \
        (SELECT 1 FROM backups WHERE tenant = t.id AND state = 'good')";
    let mut one = async |sql: &str, values: &[_]| {
        Ok::<_, crate::Error>(count(crate::users::count(&mut tx, sql, values).await?))
    };
    let failed_day = one(failed, params![now - DAY_US, now]).await?;
    let damaged = one("SELECT count(*) FROM backups WHERE state = 'damaged'", &[]).await?;
    let tenants_without = one(without, &[]).await?;
    Ok(Status {
        target: backups.config().target.to_string(),
        inside_data_dir: backups.is_inside(),
        newest_us,
        good,
        stored_bytes,
        failed_day,
        damaged,
        tenants_without,
        schedules: schedules(&mut tx, backups, now).await?,
        drill: drills::status(&mut tx, backups, now).await?,
    })
}

async fn schedules(tx: &mut Tx, backups: &BackupService, now_us: i64) -> Result<Vec<ScheduleStatus>> {
    let mut all = Vec::new();
    for schedule in &backups.config().schedules {
        let served = runs::served(tx, schedule.name.as_str(), now_us).await?;
        let good_us = served.and_then(|s| s.good_us);
        let since = served.map_or(now_us, |s| s.since_us);
        all.push(ScheduleStatus {
            name: schedule.name.to_string(),
            cron: schedule.cron.to_string(),
            next_us: schedule.cron.next_after(now_us),
            good_us,
            overdue: overdue(&schedule.cron, since, good_us, now_us),
        });
    }
    Ok(all)
}
