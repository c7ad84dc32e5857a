//! Raw command-line arguments, as typed. Meaning is given in the sibling modules; nothing here acts.

pub(crate) use super::backup_args::{Backup, Backups, Restore};
use super::{clock::Clock, life::Life, operations::Operations, sql::Sql};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Multi-tenant data platform: each tenant in its own database, one binary.
#[derive(Debug, Parser)]
#[command(name = "tenantry", version, arg_required_else_help = true, infer_subcommands = false)]
pub struct Cli {
    /// Configuration file; without it ./tenantry.toml if present, else the embedded default.
    #[arg(long, global = true, value_name = "FILE", env = "TENANTRY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Data directory, instead of the one in the configuration.
    #[arg(long, global = true, value_name = "DIR", env = "TENANTRY_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Every command. Names with `_` are those of the products' documents.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set up a data directory with demo tenants and serve it.
    Demo(Listen),
    /// Serve the HTTP API.
    Serve(Listen),
    /// Write a commented tenantry.toml here.
    Init,
    /// Write the skeleton of a new app under apps/.
    Startapp {
        /// Name of the app.
        name: String,
    },
    /// Compare the models with the migrations and write the difference as a new migration.
    Makemigrations(Make),
    /// Bring the system stores (control, shared, …) to the current schema.
    Migrate,
    /// Have every running server load its apps again, without an outage.
    ///
    /// Run it after `makemigrations` or after new apps were copied here. The configuration is not read again. One
    /// server alone reloads on SIGHUP.
    Reload,
    /// Bring tenant databases to the current schema.
    #[command(name = "migrate-tenants", alias = "migrate_tenants")]
    MigrateTenants(MigrateTenants),
    /// Compare models, migrations and every database; exit status 1 when they differ.
    Check {
        /// Only this tenant.
        #[arg(long, alias = "company", value_name = "SLUG")]
        tenant: Option<String>,
        /// Do not read every page of every database.
        #[arg(long)]
        no_pages: bool,
    },
    /// List tenants with database, plan, state and days remaining.
    #[command(name = "list-tenants", alias = "list_tenants")]
    ListTenants {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Create a tenant with its databases and a trial.
    #[command(name = "create-tenant", alias = "create_tenant")]
    CreateTenant(CreateTenant),
    /// Make a new user the owner of a tenant.
    #[command(name = "add-owner")]
    AddOwner(AddOwner),
    /// Show one tenant.
    #[command(name = "show-tenant", alias = "show_tenant")]
    ShowTenant {
        /// Slug of the tenant.
        tenant: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Refuse all requests to a tenant until it is resumed.
    #[command(name = "suspend-tenant", alias = "suspend_tenant")]
    SuspendTenant {
        /// Slug of the tenant.
        tenant: String,
        /// Why; kept in the audit log.
        #[arg(long)]
        reason: String,
    },
    /// Undo suspend-tenant.
    #[command(name = "resume-tenant", alias = "resume_tenant")]
    ResumeTenant {
        /// Slug of the tenant.
        tenant: String,
    },
    /// Move a tenant's databases to another server while it works.
    Move(Move),
    /// Give a pooled tenant databases of its own while it works.
    Promote(Promote),
    /// Put a tenant's own databases into the pool while it works.
    Demote(OfStore),
    /// Remove what is kept of a tenant's moves and restores before its time.
    Release(OfStore),
    /// Close a tenant to its members while staff are at work, or open it again.
    Maintenance {
        /// What to do.
        #[command(subcommand)]
        action: Maintenance,
    },
    /// Show the settings of a tenant, or change some.
    Settings {
        /// Slug of the tenant.
        tenant: String,
        /// KEY=VALUE, as JSON or else as text; KEY= removes it. `external_id` is what other issuers call the tenant.
        #[arg(value_name = "KEY=VALUE")]
        changes: Vec<String>,
    },
    /// Name, copies and end of a tenant.
    #[command(flatten)]
    Life(Life),
    /// Create the missing databases of an existing tenant record.
    #[command(name = "create-db", aliases = ["create_tenant_db", "create-tenant-db"])]
    CreateDb {
        /// Slug of the tenant.
        #[arg(required_unless_present = "company")]
        tenant: Option<String>,
        /// Another name for it, as the documents have it.
        #[arg(long)]
        company: Option<String>,
    },
    /// Use a database that was made elsewhere as a tenant's own.
    #[command(name = "attach-tenant-db", alias = "attach_tenant_db")]
    AttachTenantDb(AttachTenantDb),
    /// Show how far the system clock is believed, or believe it.
    Clock {
        /// What to do; without it, show.
        #[command(subcommand)]
        action: Option<Clock>,
    },
    /// Write the plans of the configuration to the catalog.
    #[command(name = "init-plans", aliases = ["initialize_plans", "initialize-plans"])]
    InitPlans,
    /// Create a user with all rights.
    #[command(name = "create-superuser", alias = "createsuperuser")]
    CreateSuperuser {
        /// E-mail address.
        #[arg(long)]
        email: String,
        /// Password; without it, TENANTRY_PASSWORD, or asked for at a terminal or read from standard input.
        #[arg(long)]
        password: Option<String>,
    },
    /// Open an account that is locked after wrong passwords.
    #[command(name = "unlock-user", alias = "unlock_user")]
    UnlockUser {
        /// E-mail address.
        email: String,
    },
    /// Set a user's password; ends their sessions and opens a locked account.
    #[command(name = "set-password", alias = "changepassword")]
    SetPassword {
        /// E-mail address.
        email: String,
        /// The new password; without it, TENANTRY_PASSWORD, or asked for at a terminal or read from standard input.
        #[arg(long)]
        password: Option<String>,
    },
    /// Change a tenant's plan, or the state of its subscription.
    #[command(name = "set-plan")]
    SetPlan {
        /// Slug of the tenant.
        tenant: String,
        /// The plan; it stays what it is when absent.
        #[arg(required_unless_present = "state")]
        plan: Option<String>,
        /// The subscription becomes this.
        #[arg(long, value_parser = ["trial", "active", "past_due", "cancelled", "expired"])]
        state: Option<String>,
        /// With --state: when it ends, as 2027-01-31T00:00:00Z; open-ended when absent.
        #[arg(long, requires = "state")]
        ends_at: Option<jiff::Timestamp>,
    },
    /// Run a read-only statement on the rows of one tenant or of a system store.
    Sql(Sql),
    /// List, show, watch, cancel or retry operations on tenants.
    Operations {
        /// What to do with them.
        #[command(subcommand)]
        action: Operations,
    },
    /// Back up one tenant, all of them, or the platform's own stores.
    Backup(Backup),
    /// List, verify and remove backups; schedules and status.
    Backups {
        /// What to do.
        #[command(subcommand)]
        action: Backups,
    },
    /// Restore a tenant side by side with the live one; swap it in, undo that, or make a new tenant of it.
    Restore(Restore),
    /// Look at the audit log.
    Audit {
        /// What to do with it.
        #[command(subcommand)]
        action: Audit,
    },
}

/// Where to listen.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Address and port, instead of the one in the configuration.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<std::net::SocketAddr>,
}

/// Options of makemigrations.
#[derive(Debug, Args)]
pub(crate) struct Make {
    /// Only this app.
    pub(crate) app: Option<String>,
    /// Name of the migration, instead of one made from its content.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Answer to a rename question: `model.old=new` for a field, `old=new` for a model; repeatable.
    #[arg(long = "rename", value_name = "OLD=NEW")]
    pub(crate) renames: Vec<String>,
    /// This model or `model.field` is new, not a rename; repeatable.
    #[arg(long, value_name = "NAME")]
    pub(crate) new: Vec<String>,
    /// Value for existing rows: `model.field=VALUE`, JSON or text; repeatable.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) fill: Vec<String>,
    /// I checked that the existing rows of `model.field` fit; repeatable.
    #[arg(long, value_name = "NAME")]
    pub(crate) checked: Vec<String>,
    /// Print what would be written.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of migrate-tenants.
#[derive(Debug, Args)]
pub(crate) struct MigrateTenants {
    /// Only this tenant.
    #[arg(long, alias = "company", value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    /// Databases at the same time.
    #[arg(long, value_name = "N")]
    pub(crate) parallel: Option<usize>,
    /// Also databases that tenants brought, which otherwise are left alone.
    #[arg(long)]
    pub(crate) external: bool,
    /// Result per tenant as JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of attach-tenant-db.
#[derive(Debug, Args)]
pub(crate) struct AttachTenantDb {
    /// Slug of the tenant.
    pub(crate) tenant: String,
    /// The tenant's store: one with provision = "external".
    #[arg(long, value_name = "STORE")]
    pub(crate) store: String,
    /// Name of the database; without it, what the store's `name` says for this tenant.
    #[arg(long, value_name = "NAME")]
    pub(crate) physical: Option<String>,
    /// Server it lies on; without it, the store's first.
    #[arg(long, value_name = "SERVER")]
    pub(crate) server: Option<String>,
}

/// Options of create-tenant.
#[derive(Debug, Args)]
pub(crate) struct CreateTenant {
    /// Slug of the new tenant: a-z, 0-9 and -, 3 to 40 characters.
    #[arg(value_name = "TENANT")]
    pub(crate) slug: String,
    /// Name people see; the slug when absent.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// E-mail address of the tenant.
    #[arg(long)]
    pub(crate) email: String,
    /// Plan; the configuration's default when absent.
    #[arg(long)]
    pub(crate) plan: Option<String>,
    /// Password with which the owner signs in, under the tenant's e-mail address. When absent, the command takes
    /// TENANTRY_PASSWORD, or asks at a terminal.
    #[arg(long, conflicts_with = "no_owner")]
    pub(crate) password: Option<String>,
    /// Name of that owner.
    #[arg(long)]
    pub(crate) owner: Option<String>,
    /// Make no owner and ask for none; add-owner makes one later.
    #[arg(long, conflicts_with = "owner")]
    pub(crate) no_owner: bool,
}

/// Options of add-owner.
#[derive(Debug, Args)]
pub(crate) struct AddOwner {
    /// Slug of the tenant.
    pub(crate) tenant: String,
    /// E-mail address, which must not have an account yet.
    #[arg(long)]
    pub(crate) email: String,
    /// Name people see; the address when absent.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Password; without it, TENANTRY_PASSWORD, or asked for at a terminal or read from standard input.
    #[arg(long)]
    pub(crate) password: Option<String>,
}

/// Options of move.
#[derive(Debug, Args)]
pub(crate) struct Move {
    /// Slug of the tenant.
    pub(crate) tenant: String,
    /// The server it goes to.
    #[arg(long, value_name = "SERVER", required_unless_present = "back", conflicts_with = "back")]
    pub(crate) to: Option<String>,
    /// Back to where it was before, with all that was written since.
    #[arg(long)]
    pub(crate) back: bool,
    /// With --back, when the database in use cannot be opened any more: put the kept one back into use.
    /// What was written since the move is lost.
    #[arg(long, requires = "back")]
    pub(crate) lost: bool,
    /// Only this store.
    #[arg(long)]
    pub(crate) store: Option<String>,
}

/// Options of promote.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// Slug of the tenant.
    pub(crate) tenant: String,
    /// The server it goes to, instead of the one with the fewest databases.
    #[arg(long, value_name = "SERVER")]
    pub(crate) to: Option<String>,
    /// Only this store.
    #[arg(long)]
    pub(crate) store: Option<String>,
}

/// A tenant, or one store of it.
#[derive(Debug, Args)]
pub(crate) struct OfStore {
    /// Slug of the tenant.
    pub(crate) tenant: String,
    /// Only this store.
    #[arg(long)]
    pub(crate) store: Option<String>,
}

/// Maintenance mode.
#[derive(Debug, Subcommand)]
pub(crate) enum Maintenance {
    /// Members get 503 with the reason; staff and operations go on.
    On {
        /// Slug of the tenant.
        tenant: String,
        /// Why; members read it.
        #[arg(long)]
        reason: String,
    },
    /// Members may enter again.
    Off {
        /// Slug of the tenant.
        tenant: String,
    },
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check the hash chain from the first entry to the last.
    Verify,
    /// Print the newest entries.
    List {
        /// How many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}
