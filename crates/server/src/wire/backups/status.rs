//! Answers about the state of backups, schedules and restore drills.

use crate::wire::{Instant, Slug, absent_or};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::backups::{
    drills::DrillStatus,
    status::{ScheduleStatus, Status},
};

requests! {
    /// A restore drill to start.
    struct Drill {
        /// Tenant whose backup to restore; the tenant with the oldest drill if absent.
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "Slug")]
        tenant: Option<Slug>,
    }
}

/// State of the backups.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BackupStatus {
    /// Target in which backups are stored.
    pub(crate) target: String,
    /// True if backups are inside the data directory, so that a lost disk takes them with it.
    pub(crate) inside_data_dir: bool,
    /// Time of the newest good backup.
    pub(crate) newest: Option<Instant>,
    /// Age of the newest good backup.
    pub(crate) age_seconds: Option<i64>,
    /// Number of good backups.
    pub(crate) good: u64,
    pub(crate) stored_bytes: u64,
    /// Number of backups that failed in the last day.
    pub(crate) failed_day: u64,
    pub(crate) damaged: u64,
    /// Number of active tenants without a good backup.
    pub(crate) tenants_without: u64,
    /// Number of overdue schedules, counting the restore drill if it is overdue.
    pub(crate) overdue: usize,
    pub(crate) schedules: Vec<BackupSchedule>,
    pub(crate) drill: RestoreDrill,
}

impl BackupStatus {
    pub(crate) fn new(status: Status, now_us: i64) -> Self {
        Self {
            age_seconds: status.age_seconds(now_us),
            overdue: status.overdue(),
            target: status.target,
            inside_data_dir: status.inside_data_dir,
            newest: status.newest_us.map(Instant),
            good: status.good,
            stored_bytes: status.stored_bytes,
            failed_day: status.failed_day,
            damaged: status.damaged,
            tenants_without: status.tenants_without,
            schedules: status.schedules.into_iter().map(BackupSchedule::from).collect(),
            drill: status.drill.into(),
        }
    }
}

answers! {
    /// A schedule of backups.
    struct BackupSchedule from schedule: ScheduleStatus {
        name: String = schedule.name,
        cron: String = schedule.cron,
        /// Time of the next slot.
        next: Option<Instant> = schedule.next_us.map(Instant),
        /// Latest slot for which everything was backed up.
        good: Option<Instant> = schedule.good_us.map(Instant),
        overdue: bool = schedule.overdue,
    }

    /// State of the restore drills.
    struct RestoreDrill from drill: DrillStatus {
        /// Cron expression of the drills; null if they never start automatically.
        cron: Option<String> = drill.cron,
        /// Time of the next drill.
        next: Option<Instant> = drill.next_us.map(Instant),
        /// Time at which the last drill ended.
        last_at: Option<Instant> = drill.last_at_us.map(Instant),
        /// Id of the backup in the last drill.
        backup: Option<String> = drill.backup,
        /// Reason why the last drill failed.
        error: Option<String> = drill.error,
        /// Time at which the last successful drill ended.
        good: Option<Instant> = drill.good_us.map(Instant),
        overdue: bool = drill.overdue,
    }
}
