//! `tenantry restore …`: beside what is in use, compared, swapped in, undone, as a new tenant; and the
//! platform's own stores, offline.

use crate::cli::{
    args,
    setup::{Place, explain},
    table::{self, at},
    users::operator,
    watch::{judged, to_its_end, watch_operation},
};
use anyhow::{Context, Result, anyhow};
use std::process::ExitCode;
use tenantry::{
    NewFromCopy, Platform,
    backups::{self, BackupId, Difference, Newest, RestoreAllEvent as Event, catalog::Filter, system},
    counted,
    name::{ServerName, Slug, StoreName},
    operations::{Listed, State},
};

/// What to do is said by flags, so that the plain command is the harmless one: it only stands beside.
pub(in crate::cli) async fn run(place: &Place, options: &args::Restore) -> Result<ExitCode> {
    if options.system {
        return system_stores(place, options.tenant.as_deref()).await;
    }
    if let Some(store) = &options.pool {
        return pool(place, store).await;
    }
    let platform = place.platform().await?;
    if options.all {
        return all(&platform, options.server.as_deref()).await;
    }
    let tenant = options.tenant.as_deref().context("name the tenant; see: tenantry restore --help")?;
    if let Some(new) = &options.r#as {
        return as_new(&platform, tenant, new, options).await;
    }
    let slug = Slug::parse(tenant)?;
    match (options.swap, options.undo, options.discard, options.compare) {
        (_, true, ..) => undo(&platform, &slug).await,
        (_, _, true, _) => {
            platform.discard_restore(&operator(), &slug).await.map_err(explain)?;
            say!("what was restored beside {slug} is thrown away");
            Ok(ExitCode::SUCCESS)
        }
        (_, _, _, true) => compare(&platform, &slug).await,
        (true, ..) if options.backup.is_none() && is_beside(&platform, &slug).await? => {
            swap(&platform, &slug).await
        }
        (and_swap, ..) => {
            let stores = options.stores.iter().map(|s| StoreName::parse(s)).collect::<Result<Vec<_>, _>>()?;
            let stores = Some(stores).filter(|s| !s.is_empty());
            let (backup, over) = beside(&platform, &slug, options.backup.as_deref(), stores).await?;
            say!("{backup} is restored beside {slug}");
            for store in over.result.iter().filter_map(|r| r["left_out"].as_array()).flatten() {
                let store = store.as_str().unwrap_or_default();
                say!("left out: {store}, whose database its owner brought and restores");
            }
            for why in over.result.iter().filter_map(|r| r["behind"].as_array()).flatten() {
                let why = why.as_str().unwrap_or_default();
                say!("at the schema of then, for a migration refuses its rows: {why}");
                say!(
                    "  remedy: mend the rows or the migration, then run tenantry migrate-tenants --tenant {slug}"
                );
            }
            match and_swap {
                true => swap(&platform, &slug).await,
                false => compare(&platform, &slug).await,
            }
        }
    }
}

async fn is_beside(platform: &Platform, slug: &Slug) -> Result<bool> {
    Ok(platform.restored_beside(slug).await.map_err(explain)?.is_some())
}

/// Restores the named backup, or the newest one that is not damaged, beside the tenant.
async fn beside(
    platform: &Platform,
    slug: &Slug,
    backup: Option<&str>,
    stores: Option<Vec<StoreName>>,
) -> Result<(BackupId, Listed)> {
    if let Some(text) = backup.filter(|text| *text != "latest") {
        let backup = named(text)?;
        let operation = platform.start_restore(&operator(), slug, &backup, stores).await.map_err(explain)?;
        let over = ended(platform, operation, &backup, &format!("{slug} latest --swap")).await?;
        return Ok((backup, over));
    }
    let follow = |operation| to_its_end(platform, operation);
    let newest = platform.restore_newest(&operator(), slug, stores, follow).await.map_err(explained)?;
    tell_damaged(&newest);
    Ok((newest.backup, newest.operation))
}

/// Follows a restore of a named backup to its end. If the backup is damaged, the error names the arguments with which
/// `tenantry restore` takes an older one.
async fn ended(platform: &Platform, operation: i64, backup: &BackupId, older: &str) -> Result<Listed> {
    let over = to_its_end(platform, operation).await?;
    let damaged = over.state != State::Done && is_damaged(platform, backup).await?;
    judged(over).map_err(|error| match damaged {
        true => anyhow!("{error:#}\n  remedy: restore an older one: tenantry restore {older}"),
        false => error,
    })
}

fn tell_damaged(newest: &Newest) {
    for (id, how) in &newest.passed_over {
        say!("passed over {id}, which is DAMAGED: {how}");
    }
}

async fn is_damaged(platform: &Platform, backup: &BackupId) -> Result<bool> {
    let filter = Filter { state: Some(backups::catalog::State::Damaged), limit: 1000, ..Filter::default() };
    let damaged = platform.list_backups(&filter).await.map_err(explain)?;
    Ok(damaged.iter().any(|listed| listed.id == *backup))
}

/// Adds the remedy to an error of the platform that passed through a generic function.
fn explained(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<tenantry::Error>() {
        Ok(error) => explain(error),
        Err(other) => other,
    }
}

fn named(text: &str) -> Result<BackupId> {
    text.parse().map_err(|_| anyhow!("{text:?} is no name of a backup; see: tenantry backups list"))
}

async fn compare(platform: &Platform, slug: &Slug) -> Result<ExitCode> {
    let (restore, stores) = platform.show_restore(slug).await.map_err(explain)?;
    say!(
        "backup {} of {} beside {slug}; swapping it in would change:",
        restore.backup,
        at(restore.backup.at_us())
    );
    table::print(&["store", "model", "come", "change", "go"], stores.iter().flat_map(rows));
    say!("swap it in:     tenantry restore {slug} --swap");
    say!("throw it away:  tenantry restore {slug} --discard");
    Ok(ExitCode::SUCCESS)
}

fn rows(difference: &Difference) -> Vec<Vec<String>> {
    let store = difference.store.to_string();
    let Some(models) = &difference.models else {
        return vec![vec![
            store,
            "(the database in use is lost)".into(),
            String::new(),
            String::new(),
            String::new(),
        ]];
    };
    let changed = models.iter().filter(|m| m.added + m.changed + m.removed > 0);
    let row = |m: &tenantry::backups::ModelChange| {
        vec![
            store.clone(),
            m.model.clone(),
            m.added.to_string(),
            m.changed.to_string(),
            m.removed.to_string(),
        ]
    };
    let rows: Vec<_> = changed.map(row).collect();
    match rows.is_empty() {
        true => vec![vec![store, "(nothing)".into(), "0".into(), "0".into(), "0".into()]],
        false => rows,
    }
}

async fn swap(platform: &Platform, slug: &Slug) -> Result<ExitCode> {
    let operation = platform.start_restore_swap(&operator(), slug).await.map_err(explain)?;
    let over = watch_operation(platform, operation).await?;
    let lost: Vec<_> = over.result.iter().filter_map(|r| r["lost"].as_array()).flatten().collect();
    if lost.is_empty() {
        say!("{slug} works on what was restored; what it had before is kept");
        say!("undo:  tenantry restore {slug} --undo");
        return Ok(ExitCode::SUCCESS);
    }
    let stores: Vec<_> = lost.iter().filter_map(|store| store.as_str()).collect();
    say!(
        "{slug} works on what was restored; this cannot be undone, because its database could not be used any more"
    );
    say!("lost: {}; a file that was there is set aside as evidence", stores.join(", "));
    Ok(ExitCode::SUCCESS)
}

async fn undo(platform: &Platform, slug: &Slug) -> Result<ExitCode> {
    let operation = platform.start_restore_undo(&operator(), slug).await.map_err(explain)?;
    watch_operation(platform, operation).await?;
    say!("{slug} works on what it had before the restore");
    Ok(ExitCode::SUCCESS)
}

/// Creates a tenant from the named backup, or from the newest one that is not damaged.
async fn as_new(platform: &Platform, tenant: &str, new: &str, options: &args::Restore) -> Result<ExitCode> {
    let args::Restore { name, email, plan, owner, members, .. } = options;
    let wanted = NewFromCopy {
        name: name.clone(),
        email: email.clone(),
        plan: plan.clone(),
        member: owner.clone(),
        ..NewFromCopy::named(new)
    };
    let actor = operator();
    let backup = match options.backup.as_deref().filter(|text| *text != "latest") {
        Some(text) => {
            let backup = named(text)?;
            let begun =
                platform.start_restore_as(&actor, &backup, *members, wanted).await.map_err(explain)?;
            ended(platform, begun, &backup, &format!("{tenant} latest --as {new}")).await?;
            backup
        }
        None => {
            let (slug, follow) = (Slug::parse(tenant)?, |operation| to_its_end(platform, operation));
            let newest = platform.restore_newest_as(&actor, &slug, *members, wanted, follow).await;
            let newest = newest.map_err(explained)?;
            tell_damaged(&newest);
            newest.backup
        }
    };
    say!("{backup} is restored as {new}");
    Ok(ExitCode::SUCCESS)
}

/// The first argument is the backup here: the platform's own stores have no tenant.
async fn system_stores(place: &Place, backup: Option<&str>) -> Result<ExitCode> {
    let id = match backup.filter(|text| *text != "latest") {
        Some(text) => Some(text.parse().map_err(|_| anyhow!("{text:?} is no name of a backup"))?),
        None => None,
    };
    let restored = system::restore_system(place.config()?, &operator(), id).await.map_err(explain)?;
    let stores: Vec<_> = restored.stores.iter().map(ToString::to_string).collect();
    say!("restored {} from {}", stores.join(", "), restored.backup);
    if let Some(aside) = &restored.aside {
        say!("what was there before is in {}", aside.display());
    }
    say!(
        "{} taken up again; tenants whose databases are lost: tenantry check, then tenantry restore --all",
        counted(restored.taken_up, "backup")
    );
    if restored.closed > 0 {
        say!(
            "{} closed that were purged since: tenantry restore --all names them",
            counted(restored.closed, "tenant")
        );
    }
    say!(
        "all sessions were ended; API keys, passwords and members are those of then: withdraw again what was withdrawn \
         since"
    );
    Ok(ExitCode::SUCCESS)
}

/// Every tenant whose database is lost, from its newest good backup; exit status 1 when one could not be restored.
async fn all(platform: &Platform, server: Option<&str>) -> Result<ExitCode> {
    let server = server.map(ServerName::parse).transpose()?;
    let tell = |event: Event<'_>| match event {
        Event::Found { looked, lost } => tell!("{looked} looked at, {lost} to restore"),
        Event::Pool(why) => say!("{why}"),
        Event::Done(done) => match &done.result {
            Ok(backup) => say!("{}: restored from {backup} ({})", done.slug, done.why),
            Err(why) => say!("{}: FAILED {why} ({})", done.slug, done.why),
        },
        Event::Purged(slug) => say!(
            "{slug}: skipped, it was purged after this state of the catalog; to purge what came back: tenantry purge \
             {slug} --early; to have it again: tenantry keep {slug}, then tenantry restore --all"
        ),
    };
    let report = platform.restore_all(&operator(), server.as_ref(), tell).await.map_err(explain)?;
    if report.halted {
        say!("stopped: the first {} all failed, so the others were not touched", report.failed);
    }
    say!(
        "{} lost, {} restored, {} failed{}",
        report.lost,
        report.restored,
        report.failed,
        if report.restored == report.lost { "" } else { "; run it again to go on" }
    );
    Ok(if report.restored == report.lost && report.pools == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn pool(place: &Place, store: &str) -> Result<ExitCode> {
    let store = StoreName::parse(store)?;
    let aside = system::renew_pool(place.config()?, &operator(), &store).await.map_err(explain)?;
    say!("the shared database of {store} is made anew and is empty");
    if let Some(aside) = aside {
        say!("what was there before is in {}", aside.display());
    }
    say!("put the rows back: tenantry restore --all");
    Ok(ExitCode::SUCCESS)
}
