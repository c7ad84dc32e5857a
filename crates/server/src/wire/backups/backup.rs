//! Backups, and runs that make many of them.

use crate::wire::{
    AsText, Instant, Limit, Name, Slug, absent_or, manifest::Manifest, operation::OwnOperation,
};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::{
    backups::{self, BackupId, catalog, manifest::Reason, runs},
    name,
};

requests! {
    /// Query of the list of backups.
    struct BackupsQuery {
        /// Only those of this tenant.
        tenant: Option<Slug>,
        /// Only those of the platform's own stores.
        system: Option<bool>,
        /// Only those in this state.
        #[schemars(extend("enum" = ["running", "good", "failed", "damaged"]))]
        state: Option<String>,
        /// Only entries before the one with this id.
        before: Option<String>,
        #[serde(default)]
        limit: Limit,
    }

    /// Backups of many tenants; of all when none is named.
    struct BackUpMany {
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "Vec<Slug>")]
        tenants: Option<Vec<Slug>>,
        /// All stores when it is absent.
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "Vec<Name>")]
        stores: Option<Vec<Name>>,
        /// The platform's own stores too.
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "bool")]
        system: Option<bool>,
    }
}

answers! {
    /// A backup.
    struct Backup from listed: catalog::Listed {
        id: AsText<BackupId> = AsText(listed.id),
        /// Id of the tenant. Null: the platform's own stores.
        tenant: Option<i64> = listed.tenant.map(|id| id.get()),
        /// Slug of the tenant at that time.
        slug: Option<AsText<name::Slug>> = listed.slug.map(AsText),
        /// `running`, `good`, `failed` or `damaged`.
        state: AsText<catalog::State> = AsText(listed.state),
        /// `manual`, `scheduled` or `final`.
        reason: AsText<Reason> = AsText(listed.reason),
        schedule: Option<String> = listed.schedule,
        /// Run over many tenants that made it.
        run: Option<i64> = listed.run,
        /// Instant of the data in it.
        at: Instant = Instant(listed.at_us),
        rows: u64 = listed.rows,
        /// Size before compression.
        bytes: u64 = listed.bytes,
        /// Size in the backup store.
        stored_bytes: u64 = listed.stored_bytes,
        /// The account, key or program that requested the backup.
        by: String = listed.by,
        /// Why it failed, or how it is damaged.
        error: Option<String> = listed.error,
        /// Null: never.
        verified_at: Option<Instant> = listed.verified_at_us.map(Instant),
    }

    /// A backup, as its tenant sees it.
    struct OwnBackup from listed: catalog::Listed {
        id: AsText<BackupId> = AsText(listed.id),
        /// `running`, `good`, `failed` or `damaged`.
        state: AsText<catalog::State> = AsText(listed.state),
        /// `manual`, `scheduled` or `final`.
        reason: AsText<Reason> = AsText(listed.reason),
        /// Instant of the data in it.
        at: Instant = Instant(listed.at_us),
        rows: u64 = listed.rows,
        /// Size before compression.
        bytes: u64 = listed.bytes,
        /// Null: never.
        verified_at: Option<Instant> = listed.verified_at_us.map(Instant),
    }

    /// A run over many tenants.
    struct BackupRun from run: runs::Run {
        id: i64 = run.id,
        /// Null: an operator started it.
        schedule: Option<String> = run.schedule,
        /// Time of the schedule that it serves.
        slot: Option<Instant> = run.slot_us.map(Instant),
        /// The account, key or program that started the run.
        by: String = run.by,
        started_at: Instant = Instant(run.started_at_us),
        /// Null: it is running.
        finished_at: Option<Instant> = run.finished_at_us.map(Instant),
        /// Backups made.
        good: u64 = run.good,
        /// Backups that failed.
        failed: u64 = run.failed,
    }

    /// What a scan of the backup store found.
    struct Rescanned from found: backups::Rescanned {
        /// Manifests read.
        found: u64 = found.found,
        /// Backups added to the catalog.
        taken_up: u64 = found.taken_up,
        /// Backups of other installations.
        others: u64 = found.others,
        /// Backups of an earlier tenant whose id another tenant has now.
        not_its: u64 = found.not_its,
        /// Tenants closed because they were purged after this state of the catalog.
        closed: u64 = found.closed,
        /// Manifests that cannot be read.
        damaged: u64 = found.damaged,
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

/// A backup that the tenant has started, and its operation.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OwnBackupStarted {
    #[serde(flatten)]
    pub(crate) operation: OwnOperation,
    /// Id of the backup.
    pub(crate) backup: AsText<BackupId>,
}

/// Backups that retention gave up.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Pruned {
    /// Their ids.
    pub(crate) removed: Vec<AsText<BackupId>>,
}
