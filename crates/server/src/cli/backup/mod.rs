//! `tenantry backup …`: backups of tenants and of the platform's own stores.

pub(in crate::cli) mod args;
mod create;
mod list;
pub(in crate::cli) mod status;
mod verify;

use super::{setup::Place, user::operator, watch};
use anyhow::Result;
use args::Backup;
use std::process::ExitCode;
use tenantry::Platform;

/// Runs a verb on backups.
pub(super) async fn run(place: &Place, verb: &Backup) -> Result<ExitCode> {
    match verb {
        Backup::Create(options) => create::create(place, options).await,
        Backup::List(options) => list::list(&place.reading().await?, options).await,
        Backup::Show { backup, json } => list::show(&place.reading().await?, backup, *json).await,
        Backup::Verify { backups, tenant, all } => {
            verify::verify(&place.platform().await?, backups, tenant.as_ref(), *all).await
        }
        Backup::Drill { tenant } => verify::drill(&place.platform().await?, tenant.as_ref()).await,
        Backup::Prune => prune(&place.platform().await?).await,
        Backup::Rescan => rescan(&place.platform().await?).await,
        Backup::Schedules(whole) => status::schedules(&place.reading().await?, whole.json).await,
        Backup::Status(whole) => status::status(&place.reading().await?, whole.json).await,
    }
}

async fn prune(platform: &Platform) -> Result<ExitCode> {
    let id = platform.backups().start_prune(&operator()).await?;
    let result = watch::watch_operation(platform, id).await?.result.unwrap_or_default();
    let named = result["backups"].as_array().into_iter().flatten();
    named.filter_map(|id| id.as_str()).for_each(|id| say!("removed {id}"));
    say!("{} removed", result["removed"]);
    Ok(ExitCode::SUCCESS)
}

async fn rescan(platform: &Platform) -> Result<ExitCode> {
    let id = platform.backups().start_rescan(&operator()).await?;
    let found = watch::watch_operation(platform, id).await?.result.unwrap_or_default();
    say!(
        "{} found, {} entered, {} of other installations, {} of earlier tenants, {} unreadable; purged tenants closed: {}",
        found["found"],
        found["taken_up"],
        found["others"],
        found["not_its"],
        found["damaged"],
        found["closed"]
    );
    Ok(if found["damaged"] == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
