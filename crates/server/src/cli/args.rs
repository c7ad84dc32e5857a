//! Raw command-line arguments, as typed: the root of the tree. The arguments of each noun are in its own folder or
//! file. Nothing here acts.

use super::{
    analytics::Analytics,
    attachments::{Attach, Attachments, Detach, Schema, Secrets, inspect::Inspect},
    audit::Audit,
    backup::args::Backup,
    clock::Clock,
    licence::Licence,
    migrate::Migrate,
    nodes::Node,
    operation::Operation,
    plan::Plan,
    project::App,
    proof::Proof,
    restore::args::Restore,
    servers::Server,
    shared_import::Options as SharedImport,
    sizes::Sizes,
    sql::Sql,
    tenant::args::Tenant,
    upgrade::Options as Upgrade,
    user::User,
};
use clap::{ArgGroup, Args, Parser, Subcommand};
use std::path::PathBuf;
use tenantry::{NewFromCopy, name::Slug, place::Isolation};

/// Multi-tenant data platform: each tenant in its own database, one binary.
#[derive(Debug, Parser)]
#[command(name = "tenantry", version, arg_required_else_help = true)]
#[command(after_help = "See the verbs of a noun with: tenantry NOUN --help")]
pub struct Cli {
    /// Configuration file. Default: ./tenantry.toml if it exists, else the built-in configuration.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "TENANTRY_CONFIG",
        hide_env_values = true,
        display_order = 900
    )]
    pub(crate) config: Option<PathBuf>,
    /// Data directory, instead of the one in the configuration.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "TENANTRY_DATA",
        hide_env_values = true,
        display_order = 901
    )]
    pub(crate) data: Option<PathBuf>,
    /// The command to run.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Every command: a noun with its verbs, or a verb on the installation as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented tenantry.toml here.
    Init,
    /// Set up a data directory with demo tenants and serve it.
    Demo(Demo),
    /// Serve the HTTP API.
    Serve(Listen),
    /// Make every running server load its apps again, without an outage.
    ///
    /// Run it after `tenantry migrate make` or after new apps were copied here. The configuration is not read again.
    /// SIGHUP makes a single server do the same.
    Reload,
    /// Show what every running server of this data directory remembers: time to answer, connections, slow requests.
    Monitoring(Whole),
    /// Check models, migrations and every database; exit status 1 if something is wrong.
    Check {
        /// Only this tenant.
        #[arg(long, alias = "company", value_name = "TENANT")]
        tenant: Option<Slug>,
        /// Do not read every page of every database.
        #[arg(long)]
        no_pages: bool,
    },
    /// Show what the installation lacks before people work with it.
    Checklist(Whole),
    /// List the servers of an installation on several hosts.
    #[command(subcommand)]
    Node(Node),
    /// List the database servers of the configuration with their labels.
    #[command(subcommand)]
    Server(Server),
    /// Use a database that a tenant's owner made, by its URL, for one of the tenant's stores.
    ///
    /// It must answer, belong to no other tenant and have the tables of the store (see: tenantry schema). The URL is stored
    /// encrypted. Attaching the same database again replaces its URL.
    Attach(Attach),
    /// Stop using an attached database: with its rows, which move into the pool, or without them.
    Detach(Detach),
    /// List and check attached databases.
    #[command(subcommand)]
    Attachments(Attachments),
    /// Keys with which stored secrets are encrypted.
    #[command(subcommand)]
    Secrets(Secrets),
    /// Print the tables that a database must have before it is attached.
    Schema(Schema),
    /// Make models of the tables that another program has in a PostgreSQL database, to read them.
    Inspect(Inspect),
    /// Show how far the system clock is trusted, or trust it.
    #[command(subcommand)]
    Clock(Clock),
    /// Start a new app.
    #[command(subcommand)]
    App(App),
    /// Make migrations and run them on system stores and tenant databases.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Create, list, change, move, copy, cancel and purge tenants.
    #[command(subcommand)]
    Tenant(Tenant),
    /// Plans, and the subscription of a tenant.
    #[command(subcommand)]
    Plan(Plan),
    /// Licences of tenants, and their keys.
    #[command(subcommand)]
    Licence(Licence),
    /// Accounts of people: superusers, passwords, locks.
    #[command(subcommand)]
    User(User),
    /// Run a read-only statement on the rows of one tenant or of a system store.
    Sql(Sql),
    /// Count and add up the rows of a model in all tenants; exit status 1 if a tenant did not answer.
    Analytics(Analytics),
    /// Show the sizes of databases day by day, and the databases that grew most.
    Sizes(Sizes),
    /// Create, list, verify and prune backups; schedules and status.
    #[command(subcommand)]
    Backup(Backup),
    /// Restore tenants or the platform's own stores from backups.
    #[command(subcommand)]
    Restore(Restore),
    /// Put tenants and the platform's own stores on a PostgreSQL server.
    ///
    /// Tenants move while they work; then, while no server runs, the platform's own stores. Every record is compared.
    /// May be interrupted and run again. It edits tenantry.toml and keeps the file as it was.
    UpgradeToPostgres(Upgrade),
    /// Give every organisation of a database that all of them shared its rows in its own tenant.
    ///
    /// Reads a MongoDB database, or files of mongoexport, and changes nothing there. Every document becomes a record at most
    /// once, however often the command is run, and every record is compared with its document.
    ImportSharedDatabase(SharedImport),
    /// List, follow, cancel and retry long-running operations.
    #[command(subcommand)]
    Operation(Operation),
    /// Prove the isolation of tenants against the live databases, and show the results.
    #[command(subcommand)]
    Proof(Proof),
    /// Read and verify the audit log.
    #[command(subcommand)]
    Audit(Audit),
    /// Print the completion script of a shell.
    ///
    /// Write it where the shell looks for it, for example:
    ///
    /// tenantry completions bash > ~/.local/share/bash-completion/completions/tenantry
    ///
    /// tenantry completions zsh > "${fpath[1]}/_tenantry"
    ///
    /// tenantry completions fish > ~/.config/fish/completions/tenantry.fish
    Completions {
        /// Name of the shell.
        shell: clap_complete::Shell,
    },
}

/// A tenant.
#[derive(Debug, Args)]
pub(crate) struct OfTenant {
    /// Slug of the tenant.
    pub(crate) tenant: Slug,
}

/// A tenant to show.
#[derive(Debug, Args)]
pub(crate) struct ShowTenant {
    /// Slug of the tenant.
    pub(crate) tenant: Slug,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The tenant to create from a copy of another tenant.
#[derive(Debug, Args)]
pub(crate) struct FromCopy {
    /// Display name. Default: that of the copied tenant.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// E-mail address of the new tenant. Default: that of the copied one.
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// Plan. Default: the one in the configuration.
    #[arg(long)]
    pub(crate) plan: Option<String>,
    /// E-mail address of an existing user. That user becomes the owner.
    #[arg(long, value_name = "EMAIL")]
    pub(crate) owner: Option<String>,
}

impl FromCopy {
    /// Returns the tenant that these arguments describe, with an existing user or no owner. The platform checks the slug
    /// together with the other values, so that one error names all that are wrong.
    pub(crate) fn wanted(&self, slug: &str) -> NewFromCopy {
        NewFromCopy {
            name: self.name.clone(),
            email: self.email.clone(),
            plan: self.plan.clone(),
            member: self.owner.clone(),
            ..NewFromCopy::named(slug)
        }
    }
}

/// The page of a list to print, and its format.
#[derive(Debug, Args)]
pub(crate) struct Paged {
    /// Largest number of items, 1 to 1000.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Only items older than this one: `next` of the previous page.
    #[arg(long, value_name = "NEXT")]
    pub(crate) after: Option<i64>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Format of a list that has no pages.
#[derive(Debug, Args)]
pub(crate) struct Whole {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `demo`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("server").args(["postgres", "mongo"])))]
pub(crate) struct Demo {
    /// Address on which the server listens.
    #[command(flatten)]
    pub(crate) listen: Listen,
    /// Built-in app to show, with the configuration of its demo: fbs, medadmin or valuation. Without it, the demo shows the
    /// apps of tenantry.toml, or medadmin.
    #[arg(long, value_name = "NAME")]
    pub(crate) app: Option<String>,
    /// Put the tenants on this PostgreSQL server: postgresql://ROLE:PASSWORD@HOST/DATABASE. The data directory gets the
    /// ending -postgres, unless --data names one.
    #[arg(long, value_name = "URL", env = "TENANTRY_DEMO_POSTGRES", hide_env_values = true)]
    pub(crate) postgres: Option<String>,
    /// Isolation of new tenants there: database, schema or pooled.
    #[arg(long, value_name = "ISOLATION", requires = "postgres", default_value = "database")]
    pub(crate) isolation: Isolation,
    /// Put the tenants and the shared data on this MongoDB replica set: mongodb://HOST:PORT,HOST:PORT/?replicaSet=NAME.
    /// The data directory gets the ending -mongodb, unless --data names one.
    #[arg(long = "mongodb", value_name = "URL", env = "TENANTRY_DEMO_MONGODB", hide_env_values = true)]
    pub(crate) mongo: Option<String>,
    /// Begin the names of the databases there with this, so that several demos can share a replica set.
    #[arg(long, value_name = "TEXT", requires = "mongo", default_value = "")]
    pub(crate) prefix: String,
    /// Remove everything that the demo created on that server, and its data directory.
    #[arg(long, requires = "server")]
    pub(crate) remove: bool,
}

/// Address on which the server listens.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Address and port, instead of the one in the configuration.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<std::net::SocketAddr>,
}
