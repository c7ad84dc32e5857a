//! `tenantry upgrade-to-postgres`: moves the whole installation to a PostgreSQL server.

use crate::cli::{progress::Progress, setup::Place, table, user::operator};
use anyhow::{Result, anyhow, bail};
use clap::Args;
use std::{path::PathBuf, process::ExitCode};
use tenantry::{
    Platform,
    config::{Secret, UrlSource},
    counted,
    moves::{MoveAllEvent as Event, Obstacle, Waiting},
    name::ServerName,
    place::Isolation,
    upgrade::{Goal, Outlook, Upgrade},
};

/// Arguments of `tenantry upgrade-to-postgres`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Name of the server in the configuration. It is added if it is not there.
    #[arg(long, default_value = "pg")]
    server: ServerName,
    /// URL of the server, without a password.
    #[arg(long, conflicts_with_all = ["url_env", "url_file"])]
    url: Option<String>,
    /// Environment variable with the URL.
    #[arg(long, value_name = "VARIABLE", conflicts_with = "url_file")]
    url_env: Option<String>,
    /// File with the URL.
    #[arg(long, value_name = "FILE")]
    url_file: Option<PathBuf>,
    /// Prefix of the names of databases, schemas and roles on the server.
    #[arg(long, default_value = "")]
    prefix: String,
    /// Isolation on the server of tenants with their own databases: schema or database. Default: database, as now.
    #[arg(long, value_parser = own)]
    isolation: Option<Isolation>,
    /// Only print what would be done, and what prevents it.
    #[arg(long)]
    dry_run: bool,
}

fn own(text: &str) -> Result<Isolation, String> {
    match Isolation::parse(text) {
        Ok(Isolation::Pooled) | Err(_) => {
            Err("must be schema or database; pooled tenants stay pooled".into())
        }
        Ok(isolation) => Ok(isolation),
    }
}

impl Options {
    fn goal(&self) -> Result<Goal> {
        let file = self.url_file.as_ref().map(std::path::absolute).transpose()?;
        let url = (self.url.clone().map(UrlSource::Text))
            .or_else(|| self.url_env.clone().map(|name| UrlSource::Secret(Secret::Env(name))))
            .or_else(|| file.map(|path| UrlSource::Secret(Secret::File(path))));
        let (server, prefix) = (self.server.clone(), self.prefix.clone());
        Ok(Goal { server, url, prefix, isolation: self.isolation })
    }
}

/// Moves tenants, then the platform's own stores. The exit status is 1 if work is left.
pub(in crate::cli) async fn run(place: &Place, options: &Options) -> Result<ExitCode> {
    let path = place.file().ok_or_else(|| {
        anyhow!(
            "there is no tenantry.toml that could name the server\n  remedy: write one with: tenantry init"
        )
    })?;
    let upgrade = Upgrade::new(&path, place.data.as_deref(), options.goal()?)?;
    if upgrade.is_done() {
        say!("everything is on {} already", upgrade.server());
        return Ok(ExitCode::SUCCESS);
    }
    if options.dry_run {
        let platform = place.reading_of(upgrade.before().clone()).await?;
        let outlook = upgrade.look(&platform).await?;
        platform.shutdown().await;
        return Ok(tell_outlook(&upgrade, &outlook));
    }
    let lacking = upgrade.shortcomings().await?;
    if !lacking.is_empty() {
        bail!("server {} cannot be used:\n  {}", upgrade.server(), lacking.join("\n  "));
    }
    if let Some(kept) = upgrade.name_server()? {
        say!("{} names {} now; as it was: {}", path.display(), upgrade.server(), kept.display());
    }
    let platform = place.platform_of(upgrade.config().clone()).await?;
    let left = move_tenants(&platform, &upgrade).await;
    platform.shutdown().await;
    drop(platform);
    if left? > 0 {
        say!("the platform's own stores stay until every tenant has moved; run this again to continue");
        return Ok(ExitCode::FAILURE);
    }
    finish(&upgrade).await
}

/// Moves the tenants, and returns the number that did not move.
async fn move_tenants(platform: &Platform, upgrade: &Upgrade) -> Result<usize> {
    let progress = Progress::new("moving")?;
    let tell = |event: Event<'_>| match event {
        Event::Found(total) => progress.at(0, total as u64),
        Event::External(slug, store) => {
            progress.suspend(|| say!("{slug}: store {store} is an external database: its owner moves it"));
        }
        Event::Moved(slug, operation) => {
            progress.one_more();
            let result = operation.result.as_ref();
            let pause = result.and_then(|result| result["pause_us"].as_i64()).unwrap_or(0);
            let proven = result.is_some_and(|result| result["verified"] == true);
            let proven = if proven { "" } else { "; RECORDS DIFFER, see tenantry operation show" };
            progress.suspend(|| say!("{slug}: moved, writes waited for {} ms{proven}", pause / 1000));
        }
        Event::Failed(slug, why) => {
            progress.one_more();
            progress.suspend(|| say!("{slug}: NOT moved: {why}"));
        }
    };
    let report = platform
        .moves()
        .all(&operator(), &upgrade.leaves(), upgrade.server(), upgrade.isolation(), tell)
        .await;
    drop(progress);
    let report = report?;
    let left = report.failed + report.external;
    if report.moved + left > 0 {
        say!("{} moved, {left} not", counted(report.moved as u64, "tenant"));
    }
    Ok(left)
}

/// Copies the platform's own stores to the server.
async fn finish(upgrade: &Upgrade) -> Result<ExitCode> {
    let carried = match upgrade.carry_stores(&operator()).await {
        Err(error @ tenantry::Error::Conflict(_)) => {
            return Err(anyhow!(
                "all tenants are on {}, but not the platform's own stores: {error}\n  remedy: do that, then run this command again",
                upgrade.server()
            ));
        }
        carried => carried?,
    };
    let stores: Vec<_> = carried.stores.iter().map(ToString::to_string).collect();
    say!("{} on {} now, every row compared", stores.join(", "), upgrade.server());
    if let Some(aside) = &carried.aside {
        say!("their files are in {}", aside.display());
    }
    say!("start the servers again; old databases of tenants are retained: tenantry tenant release SLUG");
    Ok(ExitCode::SUCCESS)
}

fn tell_outlook(upgrade: &Upgrade, outlook: &Outlook) -> ExitCode {
    for lacking in &outlook.shortcomings {
        say!("server {}: {lacking}", upgrade.server());
    }
    if !outlook.waiting.is_empty() {
        table::print(&["tenant", "store", "isolation", "size", "obstacle"], outlook.waiting.iter().map(row));
    }
    let stores: Vec<_> = outlook.stores.iter().map(ToString::to_string).collect();
    let tenants = table::count(outlook.waiting.len(), "database of tenants", "databases of tenants");
    say!("to move to {}: {tenants}; then, while no server runs: {}", upgrade.server(), stores.join(", "));
    let stopped = outlook.waiting.iter().filter(|waiting| waiting.obstacle.is_some()).count();
    match stopped + outlook.shortcomings.len() {
        0 => {
            say!("nothing stands in the way; nothing was changed");
            ExitCode::SUCCESS
        }
        _ => {
            say!("remove the obstacles first; nothing was changed");
            ExitCode::FAILURE
        }
    }
}

fn row(waiting: &Waiting) -> Vec<String> {
    let Waiting { slug, store, isolation, bytes, obstacle } = waiting;
    let obstacle = match obstacle {
        None => String::new(),
        Some(Obstacle::External) => "its owner moves it".into(),
        Some(Obstacle::Refused(why)) => why.clone(),
    };
    let bytes = bytes.map_or_else(|| "?".into(), table::bytes);
    vec![slug.to_string(), store.to_string(), isolation.as_str().into(), bytes, obstacle]
}
