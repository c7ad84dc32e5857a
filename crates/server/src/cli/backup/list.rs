//! `tenantry backup list` and `show`.

use super::args;
use crate::cli::table::{self, at};
use crate::wire::backup::{Backup, BackupWhole};
use anyhow::Result;
use std::process::ExitCode;
use tenantry::{
    Platform,
    backups::{
        BackupId,
        catalog::{Filter, Listed, State},
    },
};

/// Lists backups, newest first.
pub(super) async fn list(platform: &Platform, options: &args::List) -> Result<ExitCode> {
    let tenant = match &options.tenant {
        Some(slug) => Some(platform.tenants().id_of(slug).await?),
        None => None,
    };
    let filter = Filter {
        tenant,
        system: options.system,
        state: options.failed.then_some(State::Failed),
        run: None,
        before: options.after.clone(),
        limit: options.limit,
    };
    let listed = platform.backups().list(&filter).await?;
    if options.json {
        return table::page(listed, options.limit, |shown: &Backup| shown.id.0.clone());
    }
    let header = ["backup", "tenant", "at", "state", "rows", "stored", "why", "verified"];
    table::print(&header, listed.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

/// Shows one backup with its stores.
pub(super) async fn show(platform: &Platform, id: &BackupId, json: bool) -> Result<ExitCode> {
    let (listed, manifest) = platform.backups().show(id).await?;
    if json {
        let manifest = manifest.map(Into::into);
        return table::json(&BackupWhole { backup: listed.into(), manifest });
    }
    say!("{} of {}", listed.id, whose(&listed));
    let line = |what: &str, value: &str| say!("  {what:<10} {value}");
    line("state", &state(&listed));
    line("at", &at(listed.at_us));
    line("why", &why(&listed));
    line("by", &listed.by);
    line("size", &format!("{}, {} stored", table::bytes(listed.bytes), table::bytes(listed.stored_bytes)));
    line("verified", &listed.verified_at_us.map_or_else(|| "never".into(), at));
    let Some(manifest) = manifest else { return Ok(ExitCode::SUCCESS) };
    let stores = manifest.stores.iter().map(|store| {
        let size = table::bytes(store.stored.bytes);
        vec![store.store.to_string(), store.rows.to_string(), size, store.schema.clone()]
    });
    table::print(&["store", "rows", "stored", "schema"], stores);
    Ok(ExitCode::SUCCESS)
}

fn row(b: &Listed) -> Vec<String> {
    vec![
        b.id.to_string(),
        whose(b),
        at(b.at_us),
        state(b),
        b.rows.to_string(),
        table::bytes(b.stored_bytes),
        why(b),
        b.verified_at_us.map(at).unwrap_or_default(),
    ]
}

fn whose(b: &Listed) -> String {
    b.slug.as_ref().map_or("(platform)".into(), ToString::to_string)
}

fn state(b: &Listed) -> String {
    match &b.error {
        Some(error) => format!("{}: {error}", b.state.as_str()),
        None => b.state.as_str().to_owned(),
    }
}

/// Returns the schedule that made the backup, otherwise the reason.
fn why(b: &Listed) -> String {
    b.schedule.clone().unwrap_or_else(|| b.reason.as_str().to_owned())
}
