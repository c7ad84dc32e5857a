//! Raw arguments of `tenantry restore …`. Nothing here acts.

use crate::cli::{
    args::{FromCopy, OfTenant, ShowTenant},
    backup::args::named,
};
use clap::{Args, Subcommand};
use tenantry::{
    backups::BackupId,
    name::{ServerName, Slug, StoreName},
};

/// Verbs of `tenantry restore`.
#[derive(Debug, Subcommand)]
pub(crate) enum Restore {
    /// Restore a backup of a tenant to a staged copy, and compare it with the data in use.
    Create(Staged),
    /// Show the staged copy of a tenant and what swapping it in would change.
    Show(ShowTenant),
    /// Put the staged copy into use; with a backup, or if nothing is staged, restore first.
    Swap(Staged),
    /// Use the data from before the last swap again.
    Undo(OfTenant),
    /// Discard the staged copy.
    Discard(OfTenant),
    /// Restore a backup as a new tenant.
    Clone(Clone),
    /// Restore every tenant whose database is missing or unusable, each from its newest good backup.
    All {
        /// Only databases on this server.
        #[arg(long, value_name = "SERVER")]
        server: Option<ServerName>,
    },
    /// Restore the platform's own stores, offline: no process may use the data directory.
    System {
        /// The backup, or `latest`.
        #[arg(default_value = "latest", value_parser = chosen)]
        backup: Chosen,
    },
    /// Set the damaged shared database of a pooled store aside and create an empty one, offline.
    Pool {
        /// Name of the store.
        store: StoreName,
    },
}

/// A backup that is chosen on the command line.
#[derive(Debug, std::clone::Clone)]
pub(crate) enum Chosen {
    /// The newest good backup.
    Latest,
    /// The backup with this id.
    One(BackupId),
}

fn chosen(text: &str) -> Result<Chosen, &'static str> {
    if text == "latest" { Ok(Chosen::Latest) } else { named(text).map(Chosen::One) }
}

/// A tenant, and the backup to restore.
#[derive(Debug, Args)]
pub(crate) struct Staged {
    /// Slug of the tenant.
    pub(crate) tenant: Slug,
    /// The backup, or `latest`. Default: the newest good one.
    #[arg(value_parser = chosen)]
    pub(crate) backup: Option<Chosen>,
    /// Only this store; repeatable.
    #[arg(long = "store", value_name = "STORE")]
    pub(crate) stores: Vec<StoreName>,
}

/// Options of `restore clone`.
#[derive(Debug, Args)]
pub(crate) struct Clone {
    /// Slug of the tenant that was backed up.
    pub(crate) tenant: Slug,
    /// The backup, or `latest`. Default: the newest good one.
    #[arg(value_parser = chosen)]
    pub(crate) backup: Option<Chosen>,
    /// Slug of the new tenant.
    #[arg(long = "as", value_name = "NEW-SLUG")]
    pub(crate) r#as: String,
    /// The new tenant.
    #[command(flatten)]
    pub(crate) new: FromCopy,
    /// Make the members of the old tenant members of the new tenant.
    #[arg(long)]
    pub(crate) members: bool,
}
