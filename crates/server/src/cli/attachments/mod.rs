//! `tenantry attach`, `detach`, `attachments`, `secrets`, `schema` and `inspect`: databases that owners make.

pub(in crate::cli) mod inspect;

use crate::{
    cli::{args::Whole, setup::Place, table, tenant::moving::done, user::operator},
    wire::attachment::Attachment as Shown,
};
use anyhow::{Context, Result, bail};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use std::{io::Read, path::PathBuf, process::ExitCode};
use tenantry::{
    attachments::{Attachment, Leaving, NewAttachment},
    name::{Slug, StoreName},
    place::EngineKind,
    secrets::new_key_line,
};

/// Largest number of bytes of a URL.
const LONGEST_URL: u64 = 8 * 1024;

/// Arguments of `tenantry attach`.
#[derive(Debug, Args)]
pub(crate) struct Attach {
    /// Slug of the tenant.
    pub(crate) tenant: Slug,
    /// Store of the tenant, which has `provision = "external"`.
    #[arg(long)]
    pub(crate) store: StoreName,
    #[command(flatten)]
    pub(crate) at: Address,
    /// What the platform may do there besides its own tables: `schema` to create and migrate the tables of the models.
    #[arg(long, value_name = "RIGHT")]
    pub(crate) grant: Option<Grant>,
    /// Move the tenant's rows from the pool into the database, while the tenant works.
    #[arg(long)]
    pub(crate) take_data: bool,
}

/// Where the URL of a database is.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where").args(["url", "url_env", "url_file"])))]
pub(crate) struct Address {
    /// URL of the database: postgresql://…, or sqlite:/PATH of a file in a directory of attachments.directories. Other
    /// processes can see arguments: give a URL with a password in another way. Without any: standard input.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Environment variable with the URL.
    #[arg(long, value_name = "NAME")]
    url_env: Option<String>,
    /// File with the URL.
    #[arg(long, value_name = "FILE")]
    url_file: Option<PathBuf>,
}

/// A right of the platform in an attached database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Grant {
    Schema,
}

/// Arguments of `tenantry detach`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("rows").args(["take_data", "leave_data"]).required(true)))]
pub(crate) struct Detach {
    /// Slug of the tenant.
    pub(crate) tenant: Slug,
    /// Store of the tenant.
    #[arg(long)]
    pub(crate) store: StoreName,
    /// Move the rows into the pool, while the tenant works.
    #[arg(long)]
    pub(crate) take_data: bool,
    /// Leave the rows in the database. The tenant begins without rows.
    #[arg(long)]
    pub(crate) leave_data: bool,
}

/// Verbs of `tenantry attachments`.
#[derive(Debug, Subcommand)]
pub(crate) enum Attachments {
    /// List the attached databases with their health.
    List(Whole),
    /// Check the attached database of a tenant's store now; exit status 1 if it is not well.
    Check {
        /// Slug of the tenant.
        tenant: Slug,
        /// Store of the tenant.
        #[arg(long)]
        store: StoreName,
    },
}

/// Verbs of `tenantry secrets`.
#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// Make a new key: a line for the beginning of the keys that [secrets] names.
    NewKey,
    /// Encrypt every stored secret with the newest key, so that older keys can be removed.
    Rotate,
}

/// Arguments of `tenantry schema`.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Store of tenants.
    #[arg(long)]
    pub(crate) store: StoreName,
    /// Print the statements that create the tables. This is the only form.
    #[arg(long, required = true)]
    pub(crate) sql: bool,
    /// Software of the database.
    #[arg(long, default_value = "postgres")]
    pub(crate) engine: Software,
}

/// Software of a database with SQL.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Software {
    Sqlite,
    Postgres,
}

/// Attaches a database.
pub(in crate::cli) async fn attach(place: &Place, options: &Attach) -> Result<ExitCode> {
    let new = NewAttachment {
        store: options.store.clone(),
        url: options.at.read()?,
        grants_schema: options.grant == Some(Grant::Schema),
        takes_data: options.take_data,
    };
    let platform = place.platform().await?;
    let report = platform.attachments().attach(&operator(), &options.tenant, &new).await?;
    if let Some(operation) = report.operation {
        return done(&platform, operation).await;
    }
    say!("{} uses {} for {}", options.tenant, report.address, options.store);
    if report.made_tables {
        say!("its tables were made");
    }
    Ok(ExitCode::SUCCESS)
}

impl Address {
    /// Reads the URL from where the arguments say.
    fn read(&self) -> Result<String> {
        if let Some(url) = &self.url {
            if url.split_once('@').is_some_and(|(before, _)| before.matches(':').count() > 1) {
                tell!(
                    "warning: other processes can see a password in the arguments: use --url-env, --url-file or standard input"
                );
            }
            return Ok(url.clone());
        }
        let text = match (&self.url_env, &self.url_file) {
            (Some(name), _) => std::env::var(name).with_context(|| format!("{name} is not set"))?,
            (None, Some(path)) => {
                std::fs::read_to_string(path).with_context(|| path.display().to_string())?
            }
            (None, None) => {
                let mut text = String::new();
                std::io::stdin().take(LONGEST_URL).read_to_string(&mut text)?;
                text
            }
        };
        match text.trim() {
            "" => bail!("no URL is given\n  remedy: give it with --url-env, --url-file or on standard input"),
            url => Ok(url.to_owned()),
        }
    }
}

/// Detaches a database.
pub(in crate::cli) async fn detach(place: &Place, options: &Detach) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let leaving = if options.take_data { Leaving::TakeData } else { Leaving::LeaveData };
    let verbs = platform.attachments();
    match verbs.detach(&operator(), &options.tenant, &options.store, leaving).await? {
        Some(operation) => done(&platform, operation).await,
        None => {
            say!("{} does not use the database any more; its rows are in it", options.tenant);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Lists or checks attached databases.
pub(in crate::cli) async fn run(place: &Place, verb: &Attachments) -> Result<ExitCode> {
    match verb {
        Attachments::List(whole) => list(place, whole.json).await,
        Attachments::Check { tenant, store } => {
            let platform = place.platform().await?;
            let one = platform.attachments().check(&operator(), tenant, store).await?;
            say!("{tenant} {store}: {}", one.health.as_str());
            let Some(remedy) = one.health.remedy() else { return Ok(ExitCode::SUCCESS) };
            say!("  remedy: {remedy}");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn list(place: &Place, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let (mut all, mut after) = (vec![], None);
    loop {
        let page = platform.attachments().list(&operator(), None, after, None).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        all.extend(page);
    }
    if json {
        return table::all::<Shown>(all);
    }
    let row = |one: Attachment| {
        let rights = if one.grants_schema { "schema" } else { "" };
        let health = if one.in_use { one.health.as_str() } else { "not in use" };
        vec![one.tenant.to_string(), one.store.to_string(), one.address, rights.into(), health.into()]
    };
    table::print(&["tenant", "store", "address", "grants", "health"], all.into_iter().map(row));
    Ok(ExitCode::SUCCESS)
}

/// Makes a key, or encrypts secrets with the newest one.
pub(in crate::cli) async fn secrets(place: &Place, verb: &Secrets) -> Result<ExitCode> {
    match verb {
        Secrets::NewKey => {
            say!("{}", new_key_line());
            Ok(ExitCode::SUCCESS)
        }
        Secrets::Rotate => {
            let platform = place.platform().await?;
            let rotated = platform.attachments().rotate(&operator()).await?;
            say!(
                "encrypted with the key {}: {}",
                rotated.key,
                table::count(rotated.encrypted as usize, "URL", "URLs")
            );
            if rotated.left.is_empty() {
                say!("all other keys can be removed");
                return Ok(ExitCode::SUCCESS);
            }
            say!("their keys are missing: {}", rotated.left.join(", "));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Prints the tables that a database must have.
pub(in crate::cli) async fn schema(place: &Place, options: &Schema) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let engine = match options.engine {
        Software::Sqlite => EngineKind::Sqlite,
        Software::Postgres => EngineKind::Postgres,
    };
    for statement in platform.schema_sql(&options.store, engine)? {
        say!("{statement};");
    }
    Ok(ExitCode::SUCCESS)
}
