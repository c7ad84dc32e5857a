//! Raw arguments of the commands on a tenant's life.

use clap::{Args, Subcommand};

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
    /// Cancel a tenant: it works through its grace, is closed, kept, and then purged.
    Retire(Retire),
    /// Take a cancellation back, at any moment before the purge.
    Keep {
        /// Slug of the tenant.
        tenant: String,
    },
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
}
