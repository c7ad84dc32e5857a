//! `tenantry restore create`, `show`, `swap`, `undo` and `discard`: stages a restore, compares it and swaps it in.

use super::{
    args::{self, Chosen},
    followed, tell_damaged,
};
use crate::cli::{
    table::{self, at},
    user::operator,
    watch::{to_its_end, watch_operation},
};
use crate::wire::restore::StagedRestore;
use anyhow::Result;
use std::process::ExitCode;
use tenantry::{
    Platform,
    backups::{BackupId, Difference, ModelChange},
    name::Slug,
    operations::Listed,
};

/// Restores a backup to a staged copy, and compares the copy with the data in use.
pub(super) async fn create(platform: &Platform, options: &args::Staged) -> Result<ExitCode> {
    stage(platform, options).await?;
    show(platform, &options.tenant, false).await
}

/// Puts the staged copy into use. If a backup is given, or nothing is staged, restores first.
pub(super) async fn swap(platform: &Platform, options: &args::Staged) -> Result<ExitCode> {
    let slug = &options.tenant;
    if options.backup.is_some() || platform.restores().staged(slug).await?.is_none() {
        stage(platform, options).await?;
    }
    swap_in(platform, slug).await
}

/// Discards the staged copy.
pub(super) async fn discard(platform: &Platform, slug: &Slug) -> Result<ExitCode> {
    platform.restores().discard(&operator(), slug).await?;
    say!("the staged restore of {slug} is discarded");
    Ok(ExitCode::SUCCESS)
}

async fn stage(platform: &Platform, options: &args::Staged) -> Result<()> {
    let slug = &options.tenant;
    let (backup, over) = restore(platform, options).await?;
    say!("{backup} is restored and staged for {slug}");
    for store in over.result.iter().filter_map(|r| r["left_out"].as_array()).flatten() {
        let store = store.as_str().unwrap_or_default();
        say!("left out: {store}, whose database belongs to its owner, who restores it");
    }
    for why in over.result.iter().filter_map(|r| r["behind"].as_array()).flatten() {
        let why = why.as_str().unwrap_or_default();
        say!("its schema stays at that of the backup, because a migration refuses its rows: {why}");
        say!(
            "  remedy: correct the rows or the migration, then run tenantry migrate tenants --tenant {slug}"
        );
    }
    Ok(())
}

/// Restores the named backup, or the newest one that is not damaged, to a staged copy.
async fn restore(platform: &Platform, options: &args::Staged) -> Result<(BackupId, Listed)> {
    let slug = &options.tenant;
    let stores = Some(options.stores.clone()).filter(|stores| !stores.is_empty());
    if let Some(Chosen::One(backup)) = &options.backup {
        let operation = platform.restores().start(&operator(), slug, backup, stores).await?;
        let over = followed(platform, operation, backup, &format!("swap {slug} latest")).await?;
        return Ok((backup.clone(), over));
    }
    let follow = |operation| to_its_end(platform, operation);
    let newest = platform.restores().newest(&operator(), slug, stores, follow).await?;
    tell_damaged(&newest);
    Ok((newest.backup, newest.operation))
}

/// Shows the staged copy, and the changes that swapping it in would make.
pub(super) async fn show(platform: &Platform, slug: &Slug, json: bool) -> Result<ExitCode> {
    let (restore, stores) = platform.restores().show(slug).await?;
    if json {
        return table::json(&StagedRestore::from((restore, stores)));
    }
    say!(
        "backup {} of {} is staged for {slug}; swapping it in would change:",
        restore.backup,
        at(restore.backup.at_us())
    );
    table::print(&["store", "model", "added", "changed", "removed"], stores.iter().flat_map(rows));
    say!("swap it in:  tenantry restore swap {slug}");
    say!("discard it:  tenantry restore discard {slug}");
    Ok(ExitCode::SUCCESS)
}

fn rows(difference: &Difference) -> Vec<Vec<String>> {
    let row = |model: &str, counts: [String; 3]| {
        [difference.store.to_string(), model.to_owned()].into_iter().chain(counts).collect::<Vec<_>>()
    };
    let Some(models) = &difference.models else {
        return vec![row("(the database in use is lost)", Default::default())];
    };
    let of_model = |m: &ModelChange| row(&m.model, [m.added, m.changed, m.removed].map(|n| n.to_string()));
    let changed = models.iter().filter(|m| m.added + m.changed + m.removed > 0);
    let rows: Vec<_> = changed.map(of_model).collect();
    if rows.is_empty() { vec![row("(nothing)", ["0"; 3].map(String::from))] } else { rows }
}

async fn swap_in(platform: &Platform, slug: &Slug) -> Result<ExitCode> {
    let operation = platform.restores().swap(&operator(), slug).await?;
    let over = watch_operation(platform, operation).await?;
    let lost: Vec<_> = over.result.iter().filter_map(|r| r["lost"].as_array()).flatten().collect();
    if lost.is_empty() {
        say!("{slug} works on the restored data; its previous data is retained");
        say!("undo:  tenantry restore undo {slug}");
        return Ok(ExitCode::SUCCESS);
    }
    let stores: Vec<_> = lost.iter().filter_map(|store| store.as_str()).collect();
    say!(
        "{slug} works on the restored data; this cannot be undone, because its previous database was unusable"
    );
    say!("lost: {}; the previous file is set aside as evidence", stores.join(", "));
    Ok(ExitCode::SUCCESS)
}

/// Puts the data from before the last swap into use again.
pub(super) async fn undo(platform: &Platform, slug: &Slug) -> Result<ExitCode> {
    let operation = platform.restores().undo(&operator(), slug).await?;
    watch_operation(platform, operation).await?;
    say!("{slug} works on its data from before the restore");
    Ok(ExitCode::SUCCESS)
}
