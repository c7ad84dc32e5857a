//! `tenantry makemigrations`, `tenantry migrate`, `tenantry migrate-tenants` (M4, M9, M10).

use super::{
    args,
    setup::{Place, explain},
};
use anyhow::{Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::{io::IsTerminal, process::ExitCode};
use tenantry::{
    apps::Apps,
    counted,
    migrations::{
        Question,
        fleet::{self, Event, Outcome},
        make::{self, Failed},
    },
    name::{AppName, Slug, StoreName},
};

/// Writes what changed in the models as new migrations.
pub(super) fn make(place: &Place, options: &args::Make) -> Result<ExitCode> {
    let apps = Apps::load(&place.config()?).map_err(|problems| anyhow!("{problems}"))?;
    let mut wanted = make::Options {
        app: options.app.as_deref().map(AppName::parse).transpose()?,
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
        Err(Failed::Error(error)) => return Err(explain(error)),
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

/// Asks at a terminal; a script must give its answers as options.
fn ask(question: &Question) -> Option<String> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    let meanings: Vec<_> = question.choices.iter().map(|c| c.meaning.as_str()).collect();
    let chosen = inquire::Select::new(&question.text, meanings).raw_prompt().ok()?;
    Some(question.choices[chosen.index].option.clone())
}

/// Brings the system stores to the current schema; opening the platform does just that.
pub(super) async fn system(place: &Place) -> Result<ExitCode> {
    let platform = place.platform().await?;
    say!("control is current");
    let refused = platform.refused_stores().await;
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
    let standing = platform.schema_standing().await.map_err(explain)?;
    if standing.behind > 0 {
        say!("{} tenant databases are behind; run: tenantry migrate-tenants", standing.behind);
    }
    if standing.ahead > 0 {
        say!(
            "{} tenant databases were migrated by newer apps than these; install those apps",
            standing.ahead
        );
    }
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Brings tenant databases to the current schema; exit status 1 when any failed.
pub(super) async fn tenants(place: &Place, options: &args::MigrateTenants) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let only = options.tenant.as_deref().map(Slug::parse).transpose()?;
    let mut wanted = fleet::Options { external: options.external, ..fleet::Options::default() };
    if let Some(parallel) = options.parallel {
        wanted.parallel = parallel.clamp(1, 256);
    }
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {eta}")?);
    let json = options.json;
    let reports = platform
        .migrate_tenants(&super::users::operator(), only.as_ref(), wanted, |store, event| {
            tell(&bar, json, store, &event)
        })
        .await
        .map_err(explain)?;
    bar.finish_and_clear();
    let clean = reports.iter().all(|(_, report)| report.is_clean());
    for (store, report) in &reports {
        summary(store, report);
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(bar: &ProgressBar, json: bool, store: &StoreName, event: &Event<'_>) {
    match event {
        Event::Started { total } => {
            bar.set_prefix(store.to_string());
            bar.set_length(*total);
            bar.set_position(0);
        }
        Event::Done(outcome) => {
            bar.inc(1);
            bar.suspend(|| line(json, outcome));
        }
        Event::Halted { tried, left } => bar.suspend(|| {
            tell!(
                "{store}: stopped: all {tried} tried so far failed; {} not touched",
                counted(left, "tenant")
            )
        }),
    }
}

fn line(json: bool, outcome: &Outcome) {
    let (slug, database) = (&outcome.target.slug, &outcome.target.place.physical);
    match (&outcome.result, json) {
        (Ok(steps), true) => {
            say!("{}", serde_json::json!({ "tenant": slug, "database": database, "applied": steps }))
        }
        (Ok(steps), false) => say!("{slug}: {steps} applied"),
        (Err(why), true) => say!(
            "{}",
            serde_json::json!({ "tenant": slug, "database": database, "error": why.code, "message": why.message })
        ),
        (Err(why), false) => {
            say!("{slug}: not migrated: {}", why.message);
            match &why.remedy {
                Some(remedy) => say!("  remedy: {remedy}"),
                None if why.message.contains("refused: ") => say!(
                    "  remedy: look at the rows and correct them, then run migrate-tenants again:\n    \
                     tenantry sql {slug} \"SELECT …\"\n    tenantry sql {slug} --write \"UPDATE …\""
                ),
                None => {}
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
