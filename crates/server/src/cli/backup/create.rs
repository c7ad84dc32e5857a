//! `tenantry backup create`: backups of tenants, of all tenants, of the platform's own stores.

use super::args;
use crate::cli::{setup::Place, table, user::operator, watch::watch_operation};
use anyhow::{Result, bail};
use std::process::ExitCode;
use tenantry::{
    Platform,
    backups::{
        BackupId, Selection,
        catalog::{Filter, Listed, State},
    },
    counted,
};

/// Makes backups of the named tenants, of all tenants, or of the platform's own stores.
pub(super) async fn create(place: &Place, options: &args::Create) -> Result<ExitCode> {
    if options.tenants.is_empty() && !options.all && !options.system {
        bail!("no tenant is named\n  remedy: name tenants, or give --all or --system");
    }
    let platform = place.platform().await?;
    let by = operator();
    let stores = Some(options.stores.clone()).filter(|stores| !stores.is_empty());
    if let ([slug], false, false) = (&options.tenants[..], options.all, options.system) {
        let asked = platform.backups().start(&by, slug, stores).await?;
        watch_operation(&platform, asked.operation).await?;
        return one(&platform, &asked.backup).await;
    }
    if options.tenants.is_empty() && !options.all {
        let asked = platform.backups().start_system(&by).await?;
        watch_operation(&platform, asked.operation).await?;
        return one(&platform, &asked.backup).await;
    }
    let tenants = Some(options.tenants.clone()).filter(|_| !options.all);
    let selection = Selection { tenants, stores, system: options.system };
    let operation = platform.backups().start_run(&by, selection).await?;
    let result = watch_operation(&platform, operation).await?.result.unwrap_or_default();
    for failure in result["failures"].as_array().into_iter().flatten() {
        let text = |index: usize| failure[index].as_str().unwrap_or_default();
        let why = reason(&platform, &result["run"], text(0)).await?;
        say!("{}: FAILED {}", text(0), why.as_deref().unwrap_or(text(1)));
    }
    say!("{} backed up, {} failed", result["good"], result["failed"]);
    Ok(if result["failed"] == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns why a backup of a run failed, with as much detail as for a single backup.
async fn reason(platform: &Platform, run: &serde_json::Value, slug: &str) -> Result<Option<String>> {
    let filter = Filter { run: run.as_i64(), state: Some(State::Failed), limit: 1000, ..Filter::default() };
    let failed = platform.backups().list(&filter).await?;
    let of = |backup: &&Listed| backup.slug.as_ref().is_some_and(|s| s.as_str() == slug);
    Ok(failed.iter().find(of).and_then(|backup| backup.error.clone()))
}

async fn one(platform: &Platform, id: &BackupId) -> Result<ExitCode> {
    let (made, _) = platform.backups().show(id).await?;
    say!("{id}: {}, {} stored", counted(made.rows, "row"), table::bytes(made.stored_bytes));
    Ok(ExitCode::SUCCESS)
}
