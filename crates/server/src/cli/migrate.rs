//! `tenantry migrate …`: creates migrations, and runs them on system stores and tenant databases.

use super::{args::Whole, progress::Progress, setup::Place, table, user::operator};
use anyhow::{Result, anyhow, bail};
use clap::{Args, Subcommand};
use dialoguer::Select;
use serde::Serialize;
use serde_json::json;
use std::{io::IsTerminal, process::ExitCode};
use tenantry::{
    apps::{Apps, StoreSchema},
    counted,
    migrations::{
        Question,
        fleet::{self, Event, Outcome},
        make::{self, Failed},
    },
    name::{AppName, Slug, StoreName},
};

/// Verbs of `tenantry migrate`.
#[derive(Debug, Subcommand)]
pub(crate) enum Migrate {
    /// Compare the models with the migrations and write the difference as a new migration.
    Make(Make),
    /// Bring the system stores (control, shared, …) to the current schema.
    System,
    /// Bring tenant databases to the current schema; exit status 1 if any failed.
    Tenants(Tenants),
    /// Show the schemas of the installed apps, and how many tenant databases are behind or ahead of them.
    Status(Whole),
}

/// Options of `migrate make`.
#[derive(Debug, Args)]
pub(crate) struct Make {
    /// Only this app.
    app: Option<AppName>,
    /// Name of the migration. Default: derived from its content.
    #[arg(long)]
    name: Option<String>,
    /// Answer to a rename question: `model.old=new` for a field, `old=new` for a model; repeatable.
    #[arg(long = "rename", value_name = "OLD=NEW")]
    renames: Vec<String>,
    /// This model or `model.field` is new, not a rename; repeatable.
    #[arg(long, value_name = "NAME")]
    new: Vec<String>,
    /// Value for existing rows: `model.field=VALUE`, JSON or text; repeatable.
    #[arg(long, value_name = "NAME=VALUE")]
    fill: Vec<String>,
    /// The existing rows of `model.field` were checked and fit; repeatable.
    #[arg(long, value_name = "NAME")]
    checked: Vec<String>,
    /// Only print what would be written.
    #[arg(long)]
    dry_run: bool,
}

/// Options of `migrate tenants`.
#[derive(Debug, Args)]
pub(crate) struct Tenants {
    /// Only this tenant.
    #[arg(long, alias = "company", value_name = "TENANT")]
    tenant: Option<Slug>,
    /// Number of databases to migrate at the same time.
    #[arg(long, value_name = "N")]
    parallel: Option<usize>,
    /// Include external databases, which are otherwise left unchanged.
    #[arg(long)]
    external: bool,
    /// Print the result of each tenant as a line of JSON.
    #[arg(long)]
    json: bool,
}

/// Runs a verb on migrations.
pub(super) async fn run(place: &Place, verb: &Migrate) -> Result<ExitCode> {
    match verb {
        Migrate::Make(options) => make(place, options),
        Migrate::System => system(place).await,
        Migrate::Tenants(options) => tenants(place, options).await,
        Migrate::Status(whole) => status(place, whole.json).await,
    }
}

/// Writes the changes of the models as new migrations.
fn make(place: &Place, options: &Make) -> Result<ExitCode> {
    let apps = Apps::load(&place.config()?).map_err(|problems| anyhow!("{problems}"))?;
    let mut wanted = make::Options {
        app: options.app.clone(),
        name: options.name.clone(),
        dry_run: options.dry_run,
        ..make::Options::default()
    };
    let given = [
        ("rename", &options.renames),
        ("new", &options.new),
        ("fill", &options.fill),
        ("checked", &options.checked),
    ];
    for (option, values) in given {
        for value in values {
            wanted.answers.add(option, value).map_err(|reason| anyhow!(reason))?;
        }
    }
    let made = match make::make(&apps, &wanted, &mut ask) {
        Ok(made) => made,
        Err(Failed::Undecided(undecided)) => {
            bail!("these need an answer; give one as an option:\n{}", Failed::Undecided(undecided))
        }
        Err(Failed::Error(error)) => return Err(error.into()),
    };
    if made.is_empty() {
        say!("nothing changed");
    }
    for made in &made {
        say!("{} {}", if options.dry_run { "would write" } else { "wrote" }, made.path.display());
        if options.dry_run {
            say!("{}", made.migration.to_text());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks a question at the terminal. Without a terminal there is no answer: scripts give their answers as options.
fn ask(question: &Question) -> Option<String> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    let meanings: Vec<_> = question.choices.iter().map(|c| c.meaning.as_str()).collect();
    let chosen = Select::new().with_prompt(&question.text).items(meanings).default(0).interact().ok()?;
    Some(question.choices[chosen].option.clone())
}

/// Brings the system stores to the current schema. Opening the platform does that, so this only prints the result.
async fn system(place: &Place) -> Result<ExitCode> {
    let platform = place.platform().await?;
    say!("control is current");
    let refused = platform.migrations().refused().await;
    refused.iter().for_each(|refused| say!("{refused}"));
    let is_refused = |store: &StoreName| refused.iter().any(|refused| refused.place.store == *store);
    for schema in
        platform.apps().stores().iter().filter(|s| !s.migrations.is_empty() && !is_refused(&s.store))
    {
        if schema.scope == tenantry::config::Scope::System {
            say!(
                "{} is current: {}, at {}",
                schema.store,
                counted(schema.migrations.len(), "migration"),
                schema.fingerprint
            );
        }
    }
    let standing = platform.migrations().standing().await?;
    if standing.behind > 0 {
        say!("{} tenant databases are behind; run: tenantry migrate tenants", standing.behind);
    }
    if standing.ahead > 0 {
        say!(
            "{} tenant databases were migrated by newer apps than these; install those apps",
            standing.ahead
        );
    }
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Brings tenant databases to the current schema. The exit status is 1 if any of them failed.
async fn tenants(place: &Place, options: &Tenants) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let mut wanted = fleet::Options { external: options.external, ..fleet::Options::default() };
    if let Some(parallel) = options.parallel {
        wanted.parallel = parallel.clamp(1, 256);
    }
    let progress = Progress::new("migrate")?;
    let json = options.json;
    let reports = platform
        .migrations()
        .run(&operator(), options.tenant.as_ref(), wanted, |store, event| {
            tell(&progress, json, store, &event)
        })
        .await?;
    drop(progress);
    let clean = reports.iter().all(|(_, report)| report.is_clean());
    for (store, report) in &reports {
        summary(store, report);
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The schemas of the installed apps as JSON, compared with the tenant databases.
#[derive(Serialize)]
struct Status<'a> {
    stores: Vec<StoreStatus<'a>>,
    /// Number of tenant databases that are behind.
    behind: u64,
    ahead: u64,
}

#[derive(Serialize)]
struct StoreStatus<'a> {
    store: &'a StoreName,
    migrations: &'a [String],
    /// Fingerprint of the store's migrations.
    schema: &'a str,
}

impl<'a> From<&'a StoreSchema> for StoreStatus<'a> {
    fn from(schema: &'a StoreSchema) -> Self {
        Self { store: &schema.store, migrations: &schema.migrations, schema: &schema.fingerprint }
    }
}

async fn status(place: &Place, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let standing = platform.migrations().standing().await?;
    let apps = platform.apps();
    if json {
        let stores = apps.stores().iter().map(StoreStatus::from).collect();
        return table::json(&Status { stores, behind: standing.behind, ahead: standing.ahead });
    }
    let row = |s: &StoreSchema| {
        let last = s.migrations.last().cloned().unwrap_or_else(|| "-".into());
        vec![s.store.to_string(), s.migrations.len().to_string(), last, s.fingerprint.clone()]
    };
    table::print(&["store", "migrations", "last", "schema"], apps.stores().iter().map(row));
    say!("{} behind, {} ahead", counted(standing.behind, "tenant database"), standing.ahead);
    Ok(ExitCode::SUCCESS)
}

fn tell(progress: &Progress, json: bool, store: &StoreName, event: &Event<'_>) {
    match event {
        Event::Started { total } => progress.restart(&format!("migrate {store}"), *total),
        Event::Done(outcome) => {
            progress.suspend(|| line(json, outcome));
            progress.one_more();
        }
        Event::Halted { tried, left } => progress.suspend(|| {
            tell!(
                "{store}: stopped: all {tried} tried so far failed; {} not touched",
                counted(left, "tenant")
            )
        }),
    }
}

fn line(json: bool, outcome: &Outcome) {
    let (slug, database) = (&outcome.target.slug, &outcome.target.place.physical);
    match &outcome.result {
        Ok(steps) if json => {
            say!("{}", json!({ "tenant": slug, "database": database, "applied": steps }))
        }
        Err(why) if json => say!(
            "{}",
            json!({ "tenant": slug, "database": database, "error": why.code, "message": why.message })
        ),
        Ok(steps) => say!("{slug}: {steps} applied"),
        Err(why) => {
            say!("{slug}: not migrated: {}", why.message);
            if let Some(remedy) = &why.remedy {
                say!("  remedy: {remedy}");
            } else if why.message.contains("refused: ") {
                say!(
                    "  remedy: look at the rows and correct them, then run tenantry migrate tenants again:\n    \
                     tenantry sql {slug} \"SELECT …\"\n    tenantry sql {slug} --write \"UPDATE …\""
                );
            }
        }
    }
}

fn summary(store: &StoreName, report: &fleet::Report) {
    match report.total {
        0 => tell!("{store}: every database is current"),
        total => {
            tell!("{store}: {} of {total} migrated, {} failed", report.migrated, report.failed.len())
        }
    }
}
