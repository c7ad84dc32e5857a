//! Raw arguments of `backup`, `backups` and `restore`. Nothing here acts.

use clap::{Args, Subcommand};

/// Options of backup.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Slugs of tenants.
    #[arg(value_name = "SLUG")]
    pub(crate) tenants: Vec<String>,
    /// All tenants.
    #[arg(long, conflicts_with = "tenants")]
    pub(crate) all: bool,
    /// The platform's own stores, the catalog among them.
    #[arg(long)]
    pub(crate) system: bool,
    /// Only this store; repeatable.
    #[arg(long = "store", value_name = "STORE")]
    pub(crate) stores: Vec<String>,
}

/// What to do with backups.
#[derive(Debug, Subcommand)]
pub(crate) enum Backups {
    /// List backups, newest first.
    List {
        /// Only this tenant's.
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// Only the platform's own.
        #[arg(long)]
        system: bool,
        /// Only those that failed.
        #[arg(long)]
        failed: bool,
        /// How many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the manifest of a backup.
    Show {
        /// The backup.
        backup: String,
    },
    /// Fetch backups, open them and compare everything; exit status 1 when one is damaged.
    Verify {
        /// Backups.
        backups: Vec<String>,
        /// The newest good one of this tenant.
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// All good ones.
        #[arg(long)]
        all: bool,
    },
    /// Restore the newest good backup of a tenant to scratch, or that of the tenant whose turn it is; exit status 1 when
    /// it does not come back.
    Drill {
        /// Slug of the tenant.
        #[arg(value_name = "SLUG")]
        tenant: Option<String>,
    },
    /// Remove what retention gives up.
    Prune,
    /// Take up into the catalog what lies in the backup store.
    Rescan,
    /// List schedules with their next time.
    Schedules,
    /// Say how backups stand; exit status 1 when an operator should look.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Options of restore.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Slug of the tenant; with --system the backup, or nothing for the newest.
    #[arg(value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    /// The backup, or `latest`; without one the newest good one is taken.
    pub(crate) backup: Option<String>,
    /// Swap in what is restored: with a backup right after restoring it, else what stands beside.
    #[arg(long)]
    pub(crate) swap: bool,
    /// Put back what was in use before the last swap.
    #[arg(long, conflicts_with_all = ["swap", "backup", "discard", "compare"])]
    pub(crate) undo: bool,
    /// Throw away what stands beside.
    #[arg(long, conflicts_with_all = ["swap", "backup", "compare"])]
    pub(crate) discard: bool,
    /// Show again what swapping in would change.
    #[arg(long, conflicts_with_all = ["swap", "backup"])]
    pub(crate) compare: bool,
    /// Make a new tenant of it.
    #[arg(long = "as", value_name = "NEW-SLUG", conflicts_with_all = ["swap", "undo", "discard", "compare", "stores"])]
    pub(crate) r#as: Option<String>,
    /// With --as: name people see; that of the old tenant when absent.
    #[arg(long, requires = "as")]
    pub(crate) name: Option<String>,
    /// With --as: e-mail address; that of the old tenant when absent.
    #[arg(long, requires = "as")]
    pub(crate) email: Option<String>,
    /// With --as: plan; the configuration's default when absent.
    #[arg(long, requires = "as")]
    pub(crate) plan: Option<String>,
    /// With --as: e-mail address of an existing user; the new tenant gets this user as its owner.
    #[arg(long, value_name = "EMAIL", requires = "as")]
    pub(crate) owner: Option<String>,
    /// With --as: the members of the old tenant become members of the new one.
    #[arg(long, requires = "as")]
    pub(crate) members: bool,
    /// Only this store; repeatable.
    #[arg(long = "store", value_name = "STORE")]
    pub(crate) stores: Vec<String>,
    /// Every tenant whose database is missing or cannot be used, each from its newest good backup, swapped in.
    #[arg(long, conflicts_with_all = ["tenant", "backup", "swap", "undo", "discard", "compare", "as", "system"])]
    pub(crate) all: bool,
    /// With --all: only databases on this server.
    #[arg(long, value_name = "SERVER", requires = "all")]
    pub(crate) server: Option<String>,
    /// Set the damaged shared database of this store aside and make an empty one, offline.
    #[arg(long, value_name = "STORE", conflicts_with_all = ["tenant", "backup", "swap", "undo", "discard", "compare", "as", "system", "all"])]
    pub(crate) pool: Option<String>,
    /// The platform's own stores, offline: no process may use the data directory.
    #[arg(long, conflicts_with_all = ["swap", "undo", "discard", "compare", "as"])]
    pub(crate) system: bool,
}
