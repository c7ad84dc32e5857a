//! `tenantry backup verify` and `drill`.

use crate::cli::{
    table::{self, PAGE},
    user::operator,
    watch::watch_operation,
};
use anyhow::{Result, anyhow};
use std::process::ExitCode;
use tenantry::{
    Platform,
    backups::{
        BackupId,
        catalog::{Filter, Listed, State},
    },
    counted,
    name::Slug,
};

/// Verifies backups. The exit status is 1 if one is damaged.
pub(super) async fn verify(
    platform: &Platform,
    backups: &[BackupId],
    tenant: Option<&Slug>,
    all: bool,
) -> Result<ExitCode> {
    let ids = wanted(platform, backups, tenant, all).await?;
    let mut damaged = 0;
    for id in &ids {
        let operation = platform.backups().start_verification(&operator(), id).await?;
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

/// Restores a backup to scratch space. The exit status is 1 if that fails.
pub(super) async fn drill(platform: &Platform, tenant: Option<&Slug>) -> Result<ExitCode> {
    let operation = platform.restores().drill(&operator(), tenant).await?;
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

/// Returns the backups to verify: the named ones, the newest good backup of a tenant, or all good backups.
async fn wanted(
    platform: &Platform,
    backups: &[BackupId],
    tenant: Option<&Slug>,
    all: bool,
) -> Result<Vec<BackupId>> {
    let mut ids = backups.to_vec();
    if let Some(tenant) = tenant {
        let filter = Filter {
            tenant: Some(platform.tenants().id_of(tenant).await?),
            state: Some(State::Good),
            limit: 1,
            ..Filter::default()
        };
        ids.extend(platform.backups().list(&filter).await?.into_iter().map(|b| b.id));
    }
    if all {
        ids.extend(every_good_one(platform).await?);
    }
    match ids.is_empty() {
        true if all || tenant.is_some() => Err(anyhow!(
            "there is no good backup to verify\n  remedy: make one with: tenantry backup create --all"
        )),
        true => Err(anyhow!("no backup is named\n  remedy: name backups, or give --tenant or --all")),
        false => Ok(ids),
    }
}

async fn every_good_one(platform: &Platform) -> Result<Vec<BackupId>> {
    let next = async |last: Option<&Listed>| {
        let before = last.map(|backup| backup.id.clone());
        let filter = Filter { state: Some(State::Good), before, limit: PAGE, ..Filter::default() };
        platform.backups().list(&filter).await
    };
    Ok(table::every(next).await?.into_iter().map(|backup| backup.id).collect())
}
