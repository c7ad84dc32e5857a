//! Raw arguments of `tenantry tenant …`. Nothing here acts.

use crate::cli::args::{FromCopy, OfTenant, ShowTenant, Whole};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use tenantry::{
    name::{PhysicalName, ServerName, Slug, StoreName},
    place::Isolation,
};

/// Verbs of `tenantry tenant`.
#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// List tenants with databases, plan, state and days left.
    List(Whole),
    /// Show one tenant with its databases.
    Show(ShowTenant),
    /// Create a tenant with its databases and a trial.
    Create(Create),
    /// Give a tenant another slug; the old slug stays reserved.
    Rename {
        /// Slug of the tenant.
        tenant: Slug,
        /// New slug of the tenant.
        #[arg(value_name = "NEW-SLUG")]
        to: Slug,
    },
    /// Show the settings of a tenant, or change some.
    Settings {
        /// Slug of the tenant.
        tenant: Slug,
        /// Settings to change: KEY=VALUE with the value as JSON or text, KEY= to remove one. `external_id` is the id of the
        /// tenant at other issuers.
        #[arg(value_name = "KEY=VALUE")]
        changes: Vec<String>,
    },
    /// Create a user and make them the owner of a tenant.
    AddOwner(AddOwner),
    /// Refuse all requests to a tenant until it is resumed.
    Suspend {
        /// Slug of the tenant.
        tenant: Slug,
        /// The reason, for the audit log.
        #[arg(long)]
        reason: String,
    },
    /// End a suspension.
    Resume(OfTenant),
    /// Close a tenant to its members during maintenance, or open it again.
    #[command(subcommand)]
    Maintenance(Maintenance),
    /// Create a tenant with a copy of another tenant's data, for staging or trials.
    Clone(Clone),
    /// Write everything a tenant has into one archive that the tenant can keep.
    Export {
        /// Slug of the tenant.
        tenant: Slug,
        /// File or folder to write, which must not exist. Default: SLUG-DATE.zip here, or .dump, or .mongodump.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// `zip`: an archive of everything, which `import` reads. `pg_dump`: the tables of a tenant with a database or schema
        /// on PostgreSQL, without uploaded files, which `pg_restore` reads; it needs PostgreSQL's `pg_dump` here. `mongodump`:
        /// a folder with the collections of a tenant with a database on MongoDB, which `mongorestore` reads.
        #[arg(long, value_name = "FORMAT", default_value = "zip")]
        format: Format,
    },
    /// Create a tenant from the archive of an export, made by this or another installation.
    Import(Import),
    /// Create the missing databases of an existing tenant, empty.
    CreateDatabase(OfTenant),
    /// Use a database that was made elsewhere as a tenant's own.
    AttachDatabase(AttachDatabase),
    /// Move a tenant's databases to another server while the tenant works.
    Move(Move),
    /// Give a pooled tenant databases of its own, or schemas, while the tenant works.
    Promote(Promote),
    /// Put a tenant's own databases into the pool, or into schemas, while the tenant works.
    Demote(Demote),
    /// Remove the databases that moves and restores of a tenant retained, before their retention ends.
    Release(OfStore),
    /// Cancel a tenant: it works until its grace period ends, is then closed and retained, and then purged.
    Cancel(Cancel),
    /// Revoke a cancellation, at any time before the purge.
    RevokeCancellation(OfTenant),
    /// Remove a closed tenant for good.
    Purge(Purge),
    /// Print the certificate of a purged tenant.
    Certificate {
        /// Slug or id of the tenant.
        tenant: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Options of `tenant create`.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Slug of the new tenant: a-z, 0-9, - and _, 3 to 40 characters.
    #[arg(value_name = "TENANT")]
    pub(crate) slug: Slug,
    /// Display name. Default: the slug.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// E-mail address of the tenant.
    #[arg(long)]
    pub(crate) email: String,
    /// Plan. Default: the one in the configuration.
    #[arg(long)]
    pub(crate) plan: Option<String>,
    /// Password with which the owner signs in, under the tenant's e-mail address. Default: TENANTRY_PASSWORD, else the
    /// command asks at a terminal.
    #[arg(long, conflicts_with = "no_owner")]
    pub(crate) password: Option<String>,
    /// Name of the owner. Default: the e-mail address.
    #[arg(long)]
    pub(crate) owner: Option<String>,
    /// Create no owner and ask for no password; `tenant add-owner` creates one later.
    #[arg(long, conflicts_with = "owner")]
    pub(crate) no_owner: bool,
}

/// Options of `tenant add-owner`.
#[derive(Debug, Args)]
pub(crate) struct AddOwner {
    /// Slug of the tenant.
    pub(crate) tenant: Slug,
    /// E-mail address, which must not have an account yet.
    #[arg(long)]
    pub(crate) email: String,
    /// Display name. Default: the address.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Password. Default: TENANTRY_PASSWORD, else asked at a terminal or read from standard input.
    #[arg(long)]
    pub(crate) password: Option<String>,
}

/// Options of `tenant attach-database`.
#[derive(Debug, Args)]
pub(crate) struct AttachDatabase {
    /// Slug of the tenant.
    pub(crate) tenant: Slug,
    /// The tenant's store, which has provision = "external" in the configuration.
    #[arg(long, value_name = "STORE")]
    pub(crate) store: StoreName,
    /// Name of the database. Default: the name from the store's `name` template for this tenant.
    #[arg(long, value_name = "NAME")]
    pub(crate) physical: Option<PhysicalName>,
    /// Server of the database. Default: the store's first server.
    #[arg(long, value_name = "SERVER")]
    pub(crate) server: Option<ServerName>,
}

/// Options of `tenant move`.
#[derive(Debug, Args)]
pub(crate) struct Move {
    /// Slug of the tenant.
    pub(crate) tenant: Slug,
    /// Target server.
    #[arg(
        long,
        value_name = "SERVER",
        required_unless_present_any = ["back", "fit"],
        conflicts_with_all = ["back", "fit"]
    )]
    pub(crate) to: Option<ServerName>,
    /// Move to servers that fit the tenant's plan.
    #[arg(long, conflicts_with_all = ["back", "isolation"])]
    pub(crate) fit: bool,
    /// Move back to the previous server, with everything written since.
    #[arg(long)]
    pub(crate) back: bool,
    /// With --back, if the current database cannot be opened: use the retained one again. Everything written since the
    /// move is lost.
    #[arg(long, requires = "back")]
    pub(crate) lost: bool,
    /// Only this store.
    #[arg(long)]
    pub(crate) store: Option<StoreName>,
    /// Isolation of the rows on the new server: schema or database. Default: the current isolation, if the server
    /// supports it.
    #[arg(long, value_name = "ISOLATION", conflicts_with = "back")]
    pub(crate) isolation: Option<Isolation>,
    /// Only say what would move, and what is in the way.
    #[arg(long, conflicts_with = "lost")]
    pub(crate) dry_run: bool,
}

/// Options of `tenant promote`.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// Slug of the tenant.
    pub(crate) tenant: Slug,
    /// Target server. Default: the one with the fewest databases.
    #[arg(long, value_name = "SERVER")]
    pub(crate) to: Option<ServerName>,
    /// Only this store.
    #[arg(long)]
    pub(crate) store: Option<StoreName>,
    /// Isolation of the rows after the promotion: schema or database. Default: the isolation of new tenants in the
    /// configuration, or database if the tenant has a schema.
    #[arg(long, value_name = "ISOLATION")]
    pub(crate) isolation: Option<Isolation>,
    /// Only say what would move, and what is in the way.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of `tenant demote`.
#[derive(Debug, Args)]
pub(crate) struct Demote {
    /// Slug of the tenant.
    pub(crate) tenant: Slug,
    /// Only this store.
    #[arg(long)]
    pub(crate) store: Option<StoreName>,
    /// Isolation of the rows after the demotion: pooled or schema.
    #[arg(long, value_name = "ISOLATION", default_value = "pooled")]
    pub(crate) isolation: Isolation,
    /// Only say what would move, and what is in the way.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A tenant, or one store of it.
#[derive(Debug, Args)]
pub(crate) struct OfStore {
    /// Slug of the tenant.
    pub(crate) tenant: Slug,
    /// Only this store.
    #[arg(long)]
    pub(crate) store: Option<StoreName>,
}

/// Verbs of `tenantry tenant maintenance`.
#[derive(Debug, Subcommand)]
pub(crate) enum Maintenance {
    /// Answer members with 503 and the reason; staff and operations continue.
    On {
        /// Slug of the tenant.
        tenant: Slug,
        /// The reason, which members read.
        #[arg(long)]
        reason: String,
    },
    /// Open the tenant to its members again.
    Off(OfTenant),
}

/// The tenant to create from a copy, with an existing user, a new user or no owner.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The tenant.
    #[command(flatten)]
    pub(crate) copy: FromCopy,
    /// Instead create an owner with the tenant's --email and this password. With --email and without --owner,
    /// TENANTRY_PASSWORD does the same.
    #[arg(long, requires = "email", conflicts_with = "owner")]
    pub(crate) password: Option<String>,
}

/// Options of `tenant import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Path of the archive.
    pub(crate) archive: PathBuf,
    /// Slug of the new tenant.
    #[arg(long)]
    pub(crate) slug: String,
    /// The new tenant.
    #[command(flatten)]
    pub(crate) new: New,
}

/// Options of `tenant clone`.
#[derive(Debug, Args)]
pub(crate) struct Clone {
    /// Slug of the tenant to clone.
    pub(crate) tenant: Slug,
    /// Slug of the new tenant.
    #[arg(value_name = "NEW-SLUG")]
    pub(crate) to: String,
    /// Replace personal data: fields that models mark `personal` get a neutral value.
    #[arg(long)]
    pub(crate) blank_personal: bool,
    /// The new tenant.
    #[command(flatten)]
    pub(crate) new: New,
}

/// Options of `tenant cancel`.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// Slug of the tenant.
    pub(crate) tenant: Slug,
    /// Number of days for which the tenant can still be used. Default: the number in the configuration.
    #[arg(long, value_name = "DAYS")]
    pub(crate) grace_days: Option<u32>,
    /// Number of days after that for which its data is retained. Default: the number in the configuration.
    #[arg(long, value_name = "DAYS")]
    pub(crate) retention_days: Option<u32>,
    /// The reason, for the audit log.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Confirm with the slug here instead of at the terminal.
    #[arg(long, value_name = "SLUG")]
    pub(crate) yes: Option<String>,
    /// Only list every place with its data, and what a purge would do to it.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of `tenant purge`.
#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// Slug of the tenant.
    #[arg(required_unless_present = "due", conflicts_with = "due")]
    pub(crate) tenant: Option<Slug>,
    /// Purge all tenants whose retention has ended, up to the configured number.
    #[arg(long)]
    pub(crate) due: bool,
    /// Purge although the retention has not ended.
    #[arg(long, conflicts_with = "due")]
    pub(crate) early: bool,
    /// Only list every place with its data.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Confirm with the slug here instead of at the terminal.
    #[arg(long, value_name = "SLUG")]
    pub(crate) yes: Option<String>,
}

/// Formats of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Zip,
    #[value(name = "pg_dump")]
    PgDump,
    Mongodump,
}
