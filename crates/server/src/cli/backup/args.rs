//! Raw arguments of `tenantry backup …`. Nothing here acts.

use crate::cli::args::Whole;
use clap::{Args, Subcommand};
use tenantry::{
    backups::BackupId,
    name::{Slug, StoreName},
};

/// Parses the id of a backup.
pub(crate) fn named(text: &str) -> Result<BackupId, &'static str> {
    text.parse().map_err(|_| "it is not the id of a backup; list them with: tenantry backup list")
}

/// Verbs of `tenantry backup`.
#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Back up tenants, all tenants, or the platform's own stores.
    Create(Create),
    /// List backups, newest first.
    List(List),
    /// Show one backup with its contents.
    Show {
        /// Id of the backup.
        #[arg(value_parser = named)]
        backup: BackupId,
        /// Print JSON, with the whole manifest.
        #[arg(long)]
        json: bool,
    },
    /// Fetch backups, open them and compare everything; exit status 1 if one is damaged.
    Verify {
        /// Ids of backups.
        #[arg(value_parser = named)]
        backups: Vec<BackupId>,
        /// Verify the newest good backup of this tenant.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<Slug>,
        /// Verify all good backups.
        #[arg(long)]
        all: bool,
    },
    /// Restore the newest good backup of a tenant to scratch space; exit status 1 if that fails.
    ///
    /// Without a tenant, the drill takes the tenant whose turn it is.
    Drill {
        /// Slug of the tenant.
        tenant: Option<Slug>,
    },
    /// Remove the backups whose retention has ended.
    Prune,
    /// Add backups that are in the backup store to the catalog, if the catalog lacks them.
    Rescan,
    /// List schedules with their next time.
    Schedules(Whole),
    /// Show the state of all backups; exit status 1 if an operator must act.
    Status(Whole),
}

/// Options of `backup create`.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Slugs of tenants.
    #[arg(value_name = "TENANT")]
    pub(crate) tenants: Vec<Slug>,
    /// All tenants.
    #[arg(long, conflicts_with = "tenants")]
    pub(crate) all: bool,
    /// The platform's own stores, including the catalog.
    #[arg(long)]
    pub(crate) system: bool,
    /// Only this store; repeatable.
    #[arg(long = "store", value_name = "STORE")]
    pub(crate) stores: Vec<StoreName>,
}

/// Options of `backup list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only backups of this tenant.
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<Slug>,
    /// Only backups of the platform's own stores.
    #[arg(long)]
    pub(crate) system: bool,
    /// Only failed backups.
    #[arg(long)]
    pub(crate) failed: bool,
    /// Largest number of backups, 1 to 1000.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Only backups older than this one: `next` of the previous page.
    #[arg(long, value_name = "NEXT", value_parser = named)]
    pub(crate) after: Option<BackupId>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
