//! Raw arguments of the commands on a tenant's life.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What may become of a tenant.
#[derive(Debug, Subcommand)]
pub(crate) enum Life {
    /// Give a tenant another slug; the old one is kept back.
    Rename {
        /// Slug of the tenant.
        tenant: String,
        /// Its slug from now on.
        to: String,
    },
    /// Write everything a tenant has into one archive, for itself.
    Export {
        /// Slug of the tenant.
        tenant: String,
        /// File to write, which must not exist; without it SLUG-DATE.zip here.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make a new tenant from such an archive, of this or another installation.
    Import(Import),
    /// Make a second tenant with the contents of a first, for staging or trying things out.
    Clone(Clone),
    /// Cancel a tenant: it works through its grace, is closed, kept, and then purged.
    Retire(Retire),
    /// Take a cancellation back, at any moment before the purge.
    Keep {
        /// Slug of the tenant.
        tenant: String,
    },
    /// Remove a closed tenant for good.
    Purge(Purge),
    /// Print the certificate of a purged tenant.
    Certificate {
        /// Its slug or id.
        tenant: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The tenant to be made from a copy.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// Name people see, instead of the one in the copy.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// E-mail address of the tenant, instead of the one in the copy.
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// Plan; the configuration's default when absent.
    #[arg(long)]
    pub(crate) plan: Option<String>,
    /// E-mail address of a user who exists and becomes its owner.
    #[arg(long, value_name = "EMAIL")]
    pub(crate) owner: Option<String>,
    /// Instead create an owner with the tenant's --email and this password; with --email and without --owner,
    /// TENANTRY_PASSWORD does the same.
    #[arg(long, requires = "email", conflicts_with = "owner")]
    pub(crate) password: Option<String>,
}

/// Options of import.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The archive.
    pub(crate) archive: PathBuf,
    /// Slug of the new tenant.
    #[arg(long)]
    pub(crate) slug: String,
    /// What else is known of it.
    #[command(flatten)]
    pub(crate) new: New,
}

/// Options of clone.
#[derive(Debug, Args)]
pub(crate) struct Clone {
    /// Slug of the tenant to be cloned.
    pub(crate) tenant: String,
    /// Slug of the new one.
    pub(crate) to: String,
    /// Without personal data: fields that models mark `personal` get a value that says nothing.
    #[arg(long)]
    pub(crate) blank_personal: bool,
    /// What else is known of it.
    #[command(flatten)]
    pub(crate) new: New,
}

/// Options of purge.
#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// Slug of the tenant.
    #[arg(required_unless_present = "due", conflicts_with = "due")]
    pub(crate) tenant: Option<String>,
    /// All whose retention is over, up to the configured number.
    #[arg(long)]
    pub(crate) due: bool,
    /// Although its retention is not over.
    #[arg(long, conflicts_with = "due")]
    pub(crate) early: bool,
    /// Only list every place where its data lies.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The slug once more, instead of being asked.
    #[arg(long, value_name = "SLUG")]
    pub(crate) yes: Option<String>,
}

/// Options of retire.
#[derive(Debug, Args)]
pub(crate) struct Retire {
    /// Slug of the tenant.
    pub(crate) tenant: String,
    /// Days it still works, instead of those in the configuration.
    #[arg(long, value_name = "DAYS")]
    pub(crate) grace_days: Option<u32>,
    /// Days its data is kept after that, instead of those in the configuration.
    #[arg(long, value_name = "DAYS")]
    pub(crate) retention_days: Option<u32>,
    /// Why; kept in the audit log.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// The slug once more, instead of being asked.
    #[arg(long, value_name = "SLUG")]
    pub(crate) yes: Option<String>,
    /// Only list every place where its data lies, and what a purge would do to it.
    #[arg(long)]
    pub(crate) dry_run: bool,
}
