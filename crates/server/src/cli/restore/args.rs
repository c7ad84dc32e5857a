//! Raw arguments of `tenantry restore …`. Nothing here acts.

use clap::{Args, Subcommand};

/// What can be restored, and the steps of a restore.
#[derive(Debug, Subcommand)]
pub(crate) enum Restore {
    /// Restore a backup of a tenant to a staged copy, and compare it with the data in use.
    Create(Staged),
    /// Show the staged copy of a tenant and what swapping it in would change.
    Show {
        /// Slug of the tenant.
        tenant: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put the staged copy into use; with a backup, or if nothing is staged, restore first.
    Swap(Staged),
    /// Put the data into use again that was in use before the last swap.
    Undo {
        /// Slug of the tenant.
        tenant: String,
    },
    /// Discard the staged copy.
    Discard {
        /// Slug of the tenant.
        tenant: String,
    },
    /// Restore a backup as a new tenant.
    Clone(Clone),
    /// Restore every tenant whose database is missing or unusable, each from its newest good backup.
    All {
        /// Only databases on this server.
        #[arg(long, value_name = "SERVER")]
        server: Option<String>,
    },
    /// Restore the platform's own stores, offline: no process may use the data directory.
    System {
        /// The backup, or `latest`.
        #[arg(default_value = "latest")]
        backup: String,
    },
    /// Set the damaged shared database of a pooled store aside and create an empty one, offline.
    Pool {
        /// The store.
        store: String,
    },
}

/// A tenant, and the backup of it.
#[derive(Debug, Args)]
pub(crate) struct Staged {
    /// Slug of the tenant.
    pub(crate) tenant: String,
    /// The backup, or `latest`. Default: the newest good one.
    pub(crate) backup: Option<String>,
    /// Only this store; repeatable.
    #[arg(long = "store", value_name = "STORE")]
    pub(crate) stores: Vec<String>,
}

/// Options of `restore clone`.
#[derive(Debug, Args)]
pub(crate) struct Clone {
    /// Slug of the tenant that was backed up.
    pub(crate) tenant: String,
    /// The backup, or `latest`. Default: the newest good one.
    pub(crate) backup: Option<String>,
    /// Slug of the new tenant.
    #[arg(long = "as", value_name = "NEW-SLUG")]
    pub(crate) r#as: String,
    /// Display name. Default: that of the old tenant.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// E-mail address. Default: that of the old tenant.
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// Plan. Default: the one in the configuration.
    #[arg(long)]
    pub(crate) plan: Option<String>,
    /// E-mail address of an existing user who becomes the owner.
    #[arg(long, value_name = "EMAIL")]
    pub(crate) owner: Option<String>,
    /// The members of the old tenant become members of the new one.
    #[arg(long)]
    pub(crate) members: bool,
}
