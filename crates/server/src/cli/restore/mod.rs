//! `tenantry restore …`: restores backups to staged copies, live data, new tenants, or the platform's own stores.

pub(in crate::cli) mod args;
mod lost;
mod staged;

use super::{
    setup::Place,
    user::operator,
    watch::{judged, to_its_end},
};
use anyhow::{Result, anyhow};
use args::{Chosen, Restore};
use std::process::ExitCode;
use tenantry::{
    Platform,
    backups::{self, BackupId, Newest, catalog::Filter},
    operations::{Listed, State},
};

/// Runs a verb on restores.
pub(super) async fn run(place: &Place, verb: &Restore) -> Result<ExitCode> {
    match verb {
        Restore::Create(options) => staged::create(&place.platform().await?, options).await,
        Restore::Show(shown) => staged::show(&place.platform().await?, &shown.tenant, shown.json).await,
        Restore::Swap(options) => staged::swap(&place.platform().await?, options).await,
        Restore::Undo(of) => staged::undo(&place.platform().await?, &of.tenant).await,
        Restore::Discard(of) => staged::discard(&place.platform().await?, &of.tenant).await,
        Restore::Clone(options) => clone_tenant(&place.platform().await?, options).await,
        Restore::All { server } => lost::all(&place.platform().await?, server.as_ref()).await,
        Restore::System { backup } => lost::system_stores(place, backup).await,
        Restore::Pool { store } => lost::pool(place, store).await,
    }
}

/// Follows a restore of a named backup to its end. If the backup is damaged, the error names the arguments with which
/// `tenantry restore` uses an older backup.
async fn followed(platform: &Platform, operation: i64, backup: &BackupId, older: &str) -> Result<Listed> {
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
    let damaged = platform.backups().list(&filter).await?;
    Ok(damaged.iter().any(|listed| listed.id == *backup))
}

/// Creates a tenant from the named backup, or from the newest one that is not damaged.
async fn clone_tenant(platform: &Platform, options: &args::Clone) -> Result<ExitCode> {
    let args::Clone { tenant, backup, r#as: slug, new, members } = options;
    let wanted = new.wanted(slug);
    let actor = operator();
    let backup = match backup {
        Some(Chosen::One(backup)) => {
            let begun = platform.arrivals().from_backup(&actor, backup, *members, wanted).await?;
            followed(platform, begun, backup, &format!("clone {tenant} latest --as {slug}")).await?;
            backup.clone()
        }
        Some(Chosen::Latest) | None => {
            let follow = |operation| to_its_end(platform, operation);
            let newest =
                platform.arrivals().from_newest_backup(&actor, tenant, *members, wanted, follow).await?;
            tell_damaged(&newest);
            newest.backup
        }
    };
    say!("{backup} is restored as {slug}");
    Ok(ExitCode::SUCCESS)
}
