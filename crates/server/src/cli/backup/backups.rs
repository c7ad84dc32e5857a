//! `tenantry backup` and `tenantry backups …`: made, listed, verified, pruned, found again.

use crate::cli::{
    args::{self, Backups},
    setup::{Place, explain},
    table::{self, at},
    users::operator,
    watch::watch_operation,
};
use anyhow::{Result, anyhow};
use std::process::ExitCode;
use tenantry::{
    Platform,
    backups::{
        BackupId, Selection,
        catalog::{Filter, Listed, State},
        drills::DrillStatus,
    },
    counted,
    name::{Slug, StoreName},
};

/// Makes backups: of the companies named, of all, of the platform's own stores.
pub(in crate::cli) async fn make(place: &Place, options: &args::Backup) -> Result<ExitCode> {
    if options.tenants.is_empty() && !options.all && !options.system {
        return Err(anyhow!("name companies, or give --all or --system"));
    }
    let platform = place.platform().await?;
    let by = operator();
    let slugs = options.tenants.iter().map(|s| Slug::parse(s)).collect::<Result<Vec<_>, _>>()?;
    let stores = options.stores.iter().map(|s| StoreName::parse(s)).collect::<Result<Vec<_>, _>>()?;
    let stores = Some(stores).filter(|s| !s.is_empty());
    if let ([slug], false, false) = (&slugs[..], options.all, options.system) {
        let asked = platform.start_backup(&by, slug, stores).await.map_err(explain)?;
        watch_operation(&platform, asked.operation).await?;
        return one(&platform, &asked.backup).await;
    }
    if slugs.is_empty() && !options.all {
        let asked = platform.start_system_backup(&by).await.map_err(explain)?;
        watch_operation(&platform, asked.operation).await?;
        return one(&platform, &asked.backup).await;
    }
    let tenants = Some(slugs).filter(|_| !options.all);
    let selection = Selection { tenants, stores, system: options.system };
    let operation = platform.start_backup_run(&by, selection).await.map_err(explain)?;
    let result = watch_operation(&platform, operation).await?.result.unwrap_or_default();
    for failure in result["failures"].as_array().into_iter().flatten() {
        let text = |index: usize| failure[index].as_str().unwrap_or_default();
        let why = reason(&platform, &result["run"], text(0)).await?;
        say!("{}: FAILED {}", text(0), why.as_deref().unwrap_or(text(1)));
    }
    say!("{} backed up, {} failed", result["good"], result["failed"]);
    Ok(if result["failed"] == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why a backup of a run failed, with the detail that the command for one tenant gives.
async fn reason(platform: &Platform, run: &serde_json::Value, slug: &str) -> Result<Option<String>> {
    let filter = Filter { run: run.as_i64(), state: Some(State::Failed), limit: 1000, ..Filter::default() };
    let failed = platform.list_backups(&filter).await.map_err(explain)?;
    let of = |backup: &&Listed| backup.slug.as_ref().is_some_and(|s| s.as_str() == slug);
    Ok(failed.iter().find(of).and_then(|backup| backup.error.clone()))
}

async fn one(platform: &Platform, id: &BackupId) -> Result<ExitCode> {
    let (made, _) = platform.show_backup(id).await.map_err(explain)?;
    say!("{id}: {}, {} stored", counted(made.rows, "row"), table::bytes(made.stored_bytes));
    Ok(ExitCode::SUCCESS)
}

/// What there is, and what can be done with it.
pub(in crate::cli) async fn run(place: &Place, action: &Backups) -> Result<ExitCode> {
    let platform = match action {
        Backups::List { .. } | Backups::Show { .. } | Backups::Schedules | Backups::Status { .. } => {
            place.reading().await?
        }
        _ => place.platform().await?,
    };
    match action {
        Backups::List { tenant, system, failed, limit, json } => {
            let filter = Filter {
                tenant: match tenant {
                    Some(slug) => Some(id_of(&platform, slug).await?),
                    None => None,
                },
                system: *system,
                state: failed.then_some(State::Failed),
                run: None,
                before: None,
                limit: *limit,
            };
            list(&platform.list_backups(&filter).await.map_err(explain)?, *json)
        }
        Backups::Show { backup } => {
            let (_, manifest) = platform.show_backup(&named(backup)?).await.map_err(explain)?;
            table::json(&manifest)?;
            Ok(ExitCode::SUCCESS)
        }
        Backups::Verify { backups, tenant, all } => {
            verify(&platform, wanted(&platform, backups, tenant.as_deref(), *all).await?).await
        }
        Backups::Drill { tenant } => drill(&platform, tenant.as_deref()).await,
        Backups::Prune => {
            let gone = platform.prune_backups(&operator()).await.map_err(explain)?;
            gone.iter().for_each(|id| say!("removed {id}"));
            say!("{} removed", gone.len());
            Ok(ExitCode::SUCCESS)
        }
        Backups::Rescan => {
            let found = platform.rescan_backups(&operator()).await.map_err(explain)?;
            say!(
                "{} found, {} taken up, {} of other installations, {} of earlier tenants, {} unreadable; purged tenants closed: {}",
                found.found,
                found.taken_up,
                found.others,
                found.not_its,
                found.damaged,
                found.closed
            );
            Ok(if found.damaged == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Backups::Schedules => schedules(&platform).await,
        Backups::Status { json } => status(&platform, *json).await,
    }
}

fn named(text: &str) -> Result<BackupId> {
    text.parse().map_err(|_| anyhow!("{text:?} is no name of a backup; see: tenantry backups list"))
}

async fn id_of(platform: &Platform, slug: &str) -> Result<tenantry::name::TenantId> {
    platform.tenant_id(&Slug::parse(slug)?).await.map_err(explain)
}

fn list(backups: &[Listed], json: bool) -> Result<ExitCode> {
    if json {
        table::json(&backups)?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = ["backup", "tenant", "at", "state", "rows", "stored", "why", "verified"];
    table::print(&header, backups.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

fn row(b: &Listed) -> Vec<String> {
    let why = b.schedule.clone().unwrap_or_else(|| b.reason.as_str().to_owned());
    vec![
        b.id.to_string(),
        b.slug.as_ref().map_or("(platform)".into(), ToString::to_string),
        at(b.at_us),
        match &b.error {
            Some(error) => format!("{}: {error}", b.state.as_str()),
            None => b.state.as_str().to_owned(),
        },
        b.rows.to_string(),
        table::bytes(b.stored_bytes),
        why,
        b.verified_at_us.map(at).unwrap_or_default(),
    ]
}

/// Backups named by the operator, or the newest good one of one tenant or of each.
async fn wanted(
    platform: &Platform,
    backups: &[String],
    tenant: Option<&str>,
    all: bool,
) -> Result<Vec<BackupId>> {
    let mut ids = backups.iter().map(|b| named(b)).collect::<Result<Vec<_>>>()?;
    if let Some(tenant) = tenant {
        let filter = Filter {
            tenant: Some(id_of(platform, tenant).await?),
            state: Some(State::Good),
            limit: 1,
            ..Filter::default()
        };
        ids.extend(platform.list_backups(&filter).await.map_err(explain)?.into_iter().map(|b| b.id));
    }
    if all {
        ids.extend(every_good_one(platform).await?);
    }
    match ids.is_empty() {
        true if all || tenant.is_some() => {
            Err(anyhow!("there is no good backup to verify; make one with: tenantry backup --all"))
        }
        true => Err(anyhow!("name backups, or give --tenant or --all")),
        false => Ok(ids),
    }
}

async fn every_good_one(platform: &Platform) -> Result<Vec<BackupId>> {
    let (mut ids, mut before) = (vec![], None);
    loop {
        let filter = Filter { state: Some(State::Good), before, limit: 1000, ..Filter::default() };
        let page = platform.list_backups(&filter).await.map_err(explain)?;
        let Some(last) = page.last() else { return Ok(ids) };
        before = Some(last.id.clone());
        ids.extend(page.into_iter().map(|b| b.id));
    }
}

/// Exit status 1 when one is damaged.
async fn verify(platform: &Platform, ids: Vec<BackupId>) -> Result<ExitCode> {
    let mut damaged = 0;
    for id in &ids {
        let operation = platform.start_verify_backup(&operator(), id).await.map_err(explain)?;
        let found = watch_operation(platform, operation).await?.result.unwrap_or_default();
        match found["damage"].as_str() {
            None => match found["note"].as_str() {
                None => say!("{id}: whole, {}", counted(&found["rows"], "row")),
                Some(note) => say!("{id}: whole as far as can be told; {note}"),
            },
            Some(how) => {
                damaged += 1;
                say!("{id}: DAMAGED {how}");
            }
        }
    }
    say!("{} verified, {damaged} damaged", ids.len());
    Ok(if damaged == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn drill(platform: &Platform, tenant: Option<&str>) -> Result<ExitCode> {
    let slug = tenant.map(Slug::parse).transpose()?;
    let operation = platform.start_restore_drill(&operator(), slug.as_ref()).await.map_err(explain)?;
    let result = watch_operation(platform, operation).await?.result.unwrap_or_default();
    let backup = result["backup"].as_str().unwrap_or_default();
    match result["failed"].as_str() {
        None => {
            say!("{backup}: comes back");
            Ok(ExitCode::SUCCESS)
        }
        Some(why) => {
            say!("{backup}: does NOT come back: {why}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// One line on the last restore to scratch.
fn drilled(drill: &DrillStatus) -> String {
    let last = match (drill.last_at_us, &drill.error) {
        (None, _) => "none yet".to_owned(),
        (Some(us), None) => format!("good, {}", at(us)),
        (Some(us), Some(error)) => format!("FAILED, {}: {error}", at(us)),
    };
    if drill.overdue { format!("{last} (overdue)") } else { last }
}

async fn schedules(platform: &Platform) -> Result<ExitCode> {
    let status = platform.backup_status().await.map_err(explain)?;
    if status.schedules.is_empty() {
        say!("no schedules; add [[backups.schedules]] to tenantry.toml");
        return Ok(ExitCode::SUCCESS);
    }
    let header = ["schedule", "cron (utc)", "next", "last good", "overdue"];
    let row = |s: &tenantry::backups::status::ScheduleStatus| {
        let when = |us: Option<i64>| us.map(at).unwrap_or_default();
        let overdue = if s.overdue { "yes" } else { "no" };
        vec![s.name.clone(), s.cron.clone(), when(s.next_us), when(s.good_us), overdue.into()]
    };
    table::print(&header, status.schedules.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

/// Said of a target inside the data directory.
pub(in crate::cli) const INSIDE: &str = "backups lie inside the data directory, and a lost disk takes them along: set backups.target to another disk";

/// Exit status 1 when an operator should look: fit for a monitor.
async fn status(platform: &Platform, json: bool) -> Result<ExitCode> {
    let status = platform.backup_status().await.map_err(explain)?;
    let trouble = platform.backup_store_trouble().await;
    crate::cli::clock::warn(platform).await?;
    let drill = &status.drill;
    let bad = status.overdue() > 0
        || status.failed_day > 0
        || status.damaged > 0
        || drill.overdue
        || drill.error.is_some()
        || trouble.is_some();
    if json {
        let mut all = serde_json::to_value(&status)?;
        all["trouble"] = serde_json::to_value(&trouble)?;
        table::json(&all)?;
    } else {
        let age = status.age_seconds(platform.now_us());
        say!("target            {}", status.target);
        if status.inside_data_dir {
            say!("                  {INSIDE}");
        }
        if let Some(trouble) = &trouble {
            say!("TROUBLE           {trouble}");
        }
        say!("newest            {}", status.newest_us.map_or("none".into(), at));
        say!("age               {}", age.map_or("none".into(), |s| format!("{s} s")));
        say!("good              {} ({})", status.good, table::bytes(status.stored_bytes));
        say!("failed (1 day)    {}", status.failed_day);
        say!("damaged           {}", status.damaged);
        say!("without a backup  {}", counted(status.tenants_without, "tenant"));
        say!("overdue           {}", counted(status.overdue(), "schedule"));
        say!("restore drill     {}", drilled(drill));
    }
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
