//! Queries and answers about backups, and about runs that make many backups.

use crate::wire::{
    AsText, Instant, Limit, Name, Slug, absent_or, manifest::Manifest, operation::OwnOperation,
};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::{
    backups::{BackupId, catalog, manifest::Reason, runs},
    name,
};

requests! {
    /// Query of the list of backups.
    struct BackupsQuery {
        /// Only backups of this tenant.
        tenant: Option<Slug>,
        /// Only backups of the platform's own stores.
        system: Option<bool>,
        /// Only backups in this state.
        #[schemars(extend("enum" = ["running", "good", "failed", "damaged"]))]
        state: Option<String>,
        /// Only backups before the one with this id.
        before: Option<String>,
        #[serde(default)]
        limit: Limit,
    }

    /// Backups of many tenants; of all tenants if none is named.
    struct BackUpMany {
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "Vec<Slug>")]
        tenants: Option<Vec<Slug>>,
        /// Stores to back up; all stores if absent.
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "Vec<Name>")]
        stores: Option<Vec<Name>>,
        /// True to include the platform's own stores.
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "bool")]
        system: Option<bool>,
    }
}

answers! {
    /// A backup.
    struct Backup from listed: catalog::Listed {
        id: AsText<BackupId> = AsText(listed.id),
        /// Id of the tenant; null for the platform's own stores.
        tenant: Option<i64> = listed.tenant.map(|id| id.get()),
        /// Slug of the tenant at the time of the backup.
        slug: Option<AsText<name::Slug>> = listed.slug.map(AsText),
        /// State of the backup: `running`, `good`, `failed` or `damaged`.
        state: AsText<catalog::State> = AsText(listed.state),
        /// Reason for the backup: `manual`, `scheduled` or `final`.
        reason: AsText<Reason> = AsText(listed.reason),
        schedule: Option<String> = listed.schedule,
        /// Id of the run over many tenants that made the backup.
        run: Option<i64> = listed.run,
        /// Time of the data in the backup.
        at: Instant = Instant(listed.at_us),
        rows: u64 = listed.rows,
        /// Size in bytes before compression.
        bytes: u64 = listed.bytes,
        /// Size in bytes in the backup store.
        stored_bytes: u64 = listed.stored_bytes,
        /// The account, key or program that requested the backup.
        by: String = listed.by,
        /// Reason for the failure, or description of the damage.
        error: Option<String> = listed.error,
        /// Time of the last verification; null if it was never verified.
        verified_at: Option<Instant> = listed.verified_at_us.map(Instant),
    }

    /// A backup as its tenant sees it.
    struct OwnBackup from listed: catalog::Listed {
        id: AsText<BackupId> = AsText(listed.id),
        /// State of the backup: `running`, `good`, `failed` or `damaged`.
        state: AsText<catalog::State> = AsText(listed.state),
        /// Reason for the backup: `manual`, `scheduled` or `final`.
        reason: AsText<Reason> = AsText(listed.reason),
        /// Time of the data in the backup.
        at: Instant = Instant(listed.at_us),
        rows: u64 = listed.rows,
        /// Size in bytes before compression.
        bytes: u64 = listed.bytes,
        /// Time of the last verification; null if it was never verified.
        verified_at: Option<Instant> = listed.verified_at_us.map(Instant),
    }

    /// A run of backups over many tenants.
    struct BackupRun from run: runs::Run {
        id: i64 = run.id,
        /// Name of the schedule; null if an operator started the run.
        schedule: Option<String> = run.schedule,
        /// Slot of the schedule that the run serves.
        slot: Option<Instant> = run.slot_us.map(Instant),
        /// The account, key or program that started the run.
        by: String = run.by,
        started_at: Instant = Instant(run.started_at_us),
        /// Time at which the run ended; null while it is running.
        finished_at: Option<Instant> = run.finished_at_us.map(Instant),
        /// Number of backups made.
        good: u64 = run.good,
        /// Number of backups that failed.
        failed: u64 = run.failed,
    }
}

/// A backup with its manifest.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BackupWhole {
    #[serde(flatten)]
    pub(crate) backup: Backup,
    /// Manifest of the backup; null if the backup is not good.
    pub(crate) manifest: Option<Manifest>,
}

/// A backup that the tenant has started, with its operation.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OwnBackupStarted {
    #[serde(flatten)]
    pub(crate) operation: OwnOperation,
    /// Id of the backup.
    pub(crate) backup: AsText<BackupId>,
}
