//! Backups, runs, restores and restore drills.

use super::{AsText, Instant, Limit, Name, Slug, absent_or, manifest::Manifest, operation::OwnOperation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::{
    backups::{
        self, BackupId, Difference, ModelChange, catalog,
        drills::DrillStatus,
        manifest::Reason,
        restores::{self, Restore},
        runs,
        status::{ScheduleStatus, Status},
    },
    name::{self, StoreName},
};

/// Query of the list of backups.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupsQuery {
    /// Only those of this tenant.
    pub(crate) tenant: Option<Slug>,
    /// Only those of the platform's own stores.
    pub(crate) system: Option<bool>,
    /// Only those in this state.
    #[schemars(extend("enum" = ["running", "good", "failed", "damaged"]))]
    pub(crate) state: Option<String>,
    /// Only entries before the one with this id.
    pub(crate) before: Option<String>,
    #[serde(default)]
    pub(crate) limit: Limit,
}

/// A backup.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Backup {
    pub(crate) id: AsText<BackupId>,
    /// Id of the tenant. Null: the platform's own stores.
    pub(crate) tenant: Option<i64>,
    /// Slug of the tenant at that time.
    pub(crate) slug: Option<AsText<name::Slug>>,
    /// `running`, `good`, `failed` or `damaged`.
    pub(crate) state: AsText<catalog::State>,
    /// `manual`, `scheduled` or `final`.
    pub(crate) reason: AsText<Reason>,
    pub(crate) schedule: Option<String>,
    /// Run over many tenants that made it.
    pub(crate) run: Option<i64>,
    /// Instant of the data in it.
    pub(crate) at: Instant,
    pub(crate) rows: u64,
    /// Size before compression.
    pub(crate) bytes: u64,
    /// Size in the backup store.
    pub(crate) stored_bytes: u64,
    /// Actor who asked for it.
    pub(crate) by: String,
    /// Why it failed, or how it is damaged.
    pub(crate) error: Option<String>,
    /// Null: never.
    pub(crate) verified_at: Option<Instant>,
}

impl From<catalog::Listed> for Backup {
    fn from(listed: catalog::Listed) -> Self {
        Self {
            id: AsText(listed.id),
            tenant: listed.tenant.map(|id| id.get()),
            slug: listed.slug.map(AsText),
            state: AsText(listed.state),
            reason: AsText(listed.reason),
            schedule: listed.schedule,
            run: listed.run,
            at: Instant(listed.at_us),
            rows: listed.rows,
            bytes: listed.bytes,
            stored_bytes: listed.stored_bytes,
            by: listed.by,
            error: listed.error,
            verified_at: listed.verified_at_us.map(Instant),
        }
    }
}

/// A backup with its manifest.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BackupWhole {
    #[serde(flatten)]
    pub(crate) backup: Backup,
    /// Null: the backup is not good.
    pub(crate) manifest: Option<Manifest>,
}

/// A backup, as its tenant sees it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OwnBackup {
    pub(crate) id: AsText<BackupId>,
    /// `running`, `good`, `failed` or `damaged`.
    pub(crate) state: AsText<catalog::State>,
    /// `manual`, `scheduled` or `final`.
    pub(crate) reason: AsText<Reason>,
    /// Instant of the data in it.
    pub(crate) at: Instant,
    pub(crate) rows: u64,
    /// Size before compression.
    pub(crate) bytes: u64,
    /// Null: never.
    pub(crate) verified_at: Option<Instant>,
}

impl From<catalog::Listed> for OwnBackup {
    fn from(listed: catalog::Listed) -> Self {
        Self {
            id: AsText(listed.id),
            state: AsText(listed.state),
            reason: AsText(listed.reason),
            at: Instant(listed.at_us),
            rows: listed.rows,
            bytes: listed.bytes,
            verified_at: listed.verified_at_us.map(Instant),
        }
    }
}

/// A backup that the tenant has started, and its operation.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OwnBackupStarted {
    #[serde(flatten)]
    pub(crate) operation: OwnOperation,
    /// Id of the backup.
    pub(crate) backup: AsText<BackupId>,
}

/// Backups of many tenants; of all when none is named.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackUpMany {
    #[serde(default, deserialize_with = "absent_or")]
    #[schemars(with = "Vec<Slug>")]
    pub(crate) tenants: Option<Vec<Slug>>,
    /// All stores when it is absent.
    #[serde(default, deserialize_with = "absent_or")]
    #[schemars(with = "Vec<Name>")]
    pub(crate) stores: Option<Vec<Name>>,
    /// The platform's own stores too.
    #[serde(default, deserialize_with = "absent_or")]
    #[schemars(with = "bool")]
    pub(crate) system: Option<bool>,
}

/// State of the backups.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BackupStatus {
    /// Where backups are stored.
    pub(crate) target: String,
    /// A lost disk takes the backups with it.
    pub(crate) inside_data_dir: bool,
    /// Instant of the newest good backup.
    pub(crate) newest: Option<Instant>,
    /// Its age.
    pub(crate) age_seconds: Option<i64>,
    /// Number of good backups.
    pub(crate) good: u64,
    pub(crate) stored_bytes: u64,
    /// Backups that failed in the last day.
    pub(crate) failed_day: u64,
    pub(crate) damaged: u64,
    /// Active tenants without a good backup.
    pub(crate) tenants_without: u64,
    /// Schedules that are overdue, and the restore drill if it is.
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

/// A schedule of backups.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BackupSchedule {
    pub(crate) name: String,
    pub(crate) cron: String,
    /// Next time.
    pub(crate) next: Option<Instant>,
    /// Latest time for which everything was backed up.
    pub(crate) good: Option<Instant>,
    pub(crate) overdue: bool,
}

impl From<ScheduleStatus> for BackupSchedule {
    fn from(schedule: ScheduleStatus) -> Self {
        Self {
            name: schedule.name,
            cron: schedule.cron,
            next: schedule.next_us.map(Instant),
            good: schedule.good_us.map(Instant),
            overdue: schedule.overdue,
        }
    }
}

/// State of the restore drills.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RestoreDrill {
    /// Null: never automatically.
    pub(crate) cron: Option<String>,
    /// Next time.
    pub(crate) next: Option<Instant>,
    /// End of the last drill.
    pub(crate) last_at: Option<Instant>,
    /// Backup of the last drill.
    pub(crate) backup: Option<String>,
    /// Why the last drill failed.
    pub(crate) error: Option<String>,
    /// End of the last successful drill.
    pub(crate) good: Option<Instant>,
    pub(crate) overdue: bool,
}

impl From<DrillStatus> for RestoreDrill {
    fn from(drill: DrillStatus) -> Self {
        Self {
            cron: drill.cron,
            next: drill.next_us.map(Instant),
            last_at: drill.last_at_us.map(Instant),
            backup: drill.backup,
            error: drill.error,
            good: drill.good_us.map(Instant),
            overdue: drill.overdue,
        }
    }
}

/// A restore drill.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drill {
    /// The tenant with the oldest drill when it is absent.
    #[serde(default, deserialize_with = "absent_or")]
    #[schemars(with = "Slug")]
    pub(crate) tenant: Option<Slug>,
}

/// A run over many tenants.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BackupRun {
    pub(crate) id: i64,
    /// Null: an operator started it.
    pub(crate) schedule: Option<String>,
    /// Time of the schedule that it serves.
    pub(crate) slot: Option<Instant>,
    /// Actor who started it.
    pub(crate) by: String,
    pub(crate) started_at: Instant,
    /// Null: it is running.
    pub(crate) finished_at: Option<Instant>,
    /// Backups made.
    pub(crate) good: u64,
    /// Backups that failed.
    pub(crate) failed: u64,
}

impl From<runs::Run> for BackupRun {
    fn from(run: runs::Run) -> Self {
        Self {
            id: run.id,
            schedule: run.schedule,
            slot: run.slot_us.map(Instant),
            by: run.by,
            started_at: Instant(run.started_at_us),
            finished_at: run.finished_at_us.map(Instant),
            good: run.good,
            failed: run.failed,
        }
    }
}

/// Backups that retention gave up.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Pruned {
    /// Their ids.
    pub(crate) removed: Vec<AsText<BackupId>>,
}

/// What a scan of the backup store found.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Rescanned {
    /// Manifests read.
    pub(crate) found: u64,
    /// Backups added to the catalog.
    pub(crate) taken_up: u64,
    /// Backups of other installations.
    pub(crate) others: u64,
    /// Backups of an earlier tenant whose id another tenant has now.
    pub(crate) not_its: u64,
    /// Tenants closed because they were purged after this state of the catalog.
    pub(crate) closed: u64,
    /// Manifests that cannot be read.
    pub(crate) damaged: u64,
}

impl From<backups::Rescanned> for Rescanned {
    fn from(rescanned: backups::Rescanned) -> Self {
        let backups::Rescanned { found, taken_up, others, not_its, closed, damaged } = rescanned;
        Self { found, taken_up, others, not_its, closed, damaged }
    }
}

/// A backup to restore beside the live tenant.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartRestore {
    /// Id of the backup.
    pub(crate) backup: String,
    /// All stores of the backup when it is absent.
    #[serde(default, deserialize_with = "absent_or")]
    #[schemars(with = "Vec<Name>")]
    pub(crate) stores: Option<Vec<Name>>,
}

/// A restore, and what swapping it in would change.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StagedRestore {
    /// Id of the backup.
    pub(crate) backup: AsText<BackupId>,
    pub(crate) state: AsText<restores::State>,
    /// It is in this state since then.
    pub(crate) at: Instant,
    pub(crate) stores: Vec<StoreDifference>,
}

impl From<(Restore, Vec<Difference>)> for StagedRestore {
    fn from((restore, differences): (Restore, Vec<Difference>)) -> Self {
        Self {
            backup: AsText(restore.backup),
            state: AsText(restore.state),
            at: Instant(restore.at_us),
            stores: differences.into_iter().map(StoreDifference::from).collect(),
        }
    }
}

/// What a swap would change in one store.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StoreDifference {
    pub(crate) store: AsText<StoreName>,
    /// Null: the live database is lost.
    pub(crate) models: Option<Vec<ModelDifference>>,
}

impl From<Difference> for StoreDifference {
    fn from(Difference { store, models }: Difference) -> Self {
        let models = models.map(|all| all.into_iter().map(ModelDifference::from).collect());
        Self { store: AsText(store), models }
    }
}

/// Rows of one model that a swap would change.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ModelDifference {
    pub(crate) model: String,
    pub(crate) added: u64,
    pub(crate) changed: u64,
    pub(crate) removed: u64,
}

impl From<ModelChange> for ModelDifference {
    fn from(ModelChange { model, added, changed, removed }: ModelChange) -> Self {
        Self { model, added, changed, removed }
    }
}
