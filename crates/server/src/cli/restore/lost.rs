//! `tenantry restore all`, `system` and `pool`, for use after databases or a whole disk were lost.

use super::args::Chosen;
use crate::cli::{setup::Place, user::operator};
use anyhow::Result;
use std::process::ExitCode;
use tenantry::{
    Platform,
    backups::{RestoreAllEvent as Event, system},
    counted,
    name::{ServerName, StoreName},
};

/// Restores every tenant whose database is lost. The exit status is 1 if one could not be restored.
pub(super) async fn all(platform: &Platform, server: Option<&ServerName>) -> Result<ExitCode> {
    let tell = |event: Event<'_>| match event {
        Event::Found { looked, lost } => tell!("{looked} looked at, {lost} to restore"),
        Event::Pool(why) => say!("{why}"),
        Event::Done(done) => match &done.result {
            Ok(backup) => say!("{}: restored from {backup} ({})", done.slug, done.why),
            Err(why) => say!("{}: FAILED {why} ({})", done.slug, done.why),
        },
        Event::Purged(slug) => say!(
            "{slug}: skipped, it was purged after this state of the catalog; to purge what came back: tenantry tenant purge \
             {slug} --early; to have it again: tenantry tenant revoke-cancellation {slug}, then tenantry restore all"
        ),
    };
    let report = platform.restores().all(&operator(), server, tell).await?;
    if report.halted {
        say!("stopped: the first {} all failed, so the others were not touched", report.failed);
    }
    say!(
        "{} lost, {} restored, {} failed{}",
        report.lost,
        report.restored,
        report.failed,
        if report.restored == report.lost { "" } else { "; run it again to continue" }
    );
    Ok(if report.restored == report.lost && report.pools == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Restores the platform's own stores from the given backup, or from the newest good one.
pub(super) async fn system_stores(place: &Place, backup: &Chosen) -> Result<ExitCode> {
    let id = match backup {
        Chosen::Latest => None,
        Chosen::One(backup) => Some(backup.clone()),
    };
    let restored = system::restore_system(place.config()?, &operator(), id).await?;
    let stores: Vec<_> = restored.stores.iter().map(ToString::to_string).collect();
    say!("restored {} from {}", stores.join(", "), restored.backup);
    if let Some(aside) = &restored.aside {
        say!("the previous files are in {}", aside.display());
    }
    if !restored.renamed.is_empty() {
        say!(
            "the previous databases are called {} now: remove them on the server when they are not needed any more",
            restored.renamed.join(", ")
        );
    }
    say!(
        "{} added to the catalog again; tenants whose databases are lost: tenantry check, then tenantry restore all",
        counted(restored.taken_up, "backup")
    );
    if restored.closed > 0 {
        say!(
            "{} closed that were purged since: tenantry restore all names them",
            counted(restored.closed, "tenant")
        );
    }
    say!(
        "all sessions were ended; API keys, passwords and members are as they were then: revoke again what was revoked since"
    );
    Ok(ExitCode::SUCCESS)
}

/// Sets the damaged shared database of a store aside and creates an empty one.
pub(super) async fn pool(place: &Place, store: &StoreName) -> Result<ExitCode> {
    let aside = system::renew_pool(place.config()?, &operator(), store).await?;
    say!("the shared database of {store} is made anew and is empty");
    if let Some(aside) = aside {
        say!("the previous files are in {}", aside.display());
    }
    say!("put the rows back: tenantry restore all");
    Ok(ExitCode::SUCCESS)
}
