//! `tenantry check`: compares models, migrations and every database with each other, and files with the catalog.

use crate::cli::{
    progress::Progress,
    setup::{Place, explain},
    table,
};
use anyhow::Result;
use std::process::ExitCode;
use tenantry::{Orphan, Platform, Room, migrations::check::Finding, name::Slug};

/// Finds files without a placement, and trouble with backups. If a part cannot be checked, that is a finding too, and
/// the other parts are still checked.
async fn of_the_platform(platform: &Platform) -> Vec<String> {
    let mut found = match platform.orphans().list().await {
        // A placement without its file is already among the findings about databases.
        Ok(all) => all
            .iter()
            .filter(|orphan| !matches!(orphan, Orphan::Placement { .. }))
            .map(ToString::to_string)
            .collect(),
        Err(error) => vec![format!("files could not be compared with the catalog: {}", explain(error))],
    };
    match platform.damaged_templates().await {
        Ok(files) => found.extend(files.into_iter().map(|file| {
            format!(
                "the template of new databases {} is damaged; the next new database makes it anew: look at the disk",
                file.display()
            )
        })),
        Err(error) => found.push(format!("templates of new databases could not be read: {}", explain(error))),
    }
    found.extend(platform.backups().store_trouble().await);
    match platform.backups().unknown_tenants().await {
        Ok(unknown) => found.extend(unknown.into_iter().map(|(schedule, slug)| {
            format!("backup schedule {schedule} names tenant {slug}, which does not exist: see [[backups.schedules]]")
        })),
        Err(error) => found.push(format!("backup schedules could not be checked: {}", explain(error))),
    }
    found
}

fn said(Room { server, used, capacity, .. }: &Room) -> String {
    let used = table::bytes(*used);
    match capacity {
        Some(capacity) => {
            format!(
                "the databases of server {server} take {used} of its capacity of {}",
                table::bytes(*capacity)
            )
        }
        None => format!("the databases of server {server} take {used}"),
    }
}

/// Prints every problem. The exit status is 1 if there is any.
pub(in crate::cli) async fn run(place: &Place, tenant: Option<&Slug>, pages: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let mut found = 0u64;
    let progress = Progress::new("check")?;
    let tell = |finding: Finding| {
        found += u64::from(!finding.is_notice());
        progress.suspend(|| say!("{finding}"));
    };
    let checked = platform.check(tenant, pages, tell, |done, total| progress.at(done, total)).await;
    drop(progress);
    let checked = checked?;
    if tenant.is_none() {
        for text in of_the_platform(&platform).await {
            found += 1;
            say!("{text}");
        }
    }
    if tenant.is_none() {
        for notice in platform.unjoinable().await? {
            say!("{notice}");
        }
        for room in platform.rooms().await {
            found += u64::from(room.is_low(platform.config().limits.disk_reserve));
            say!("{}", said(&room));
        }
    }
    match found {
        0 => say!("models, migrations and databases agree; tenants checked: {checked}"),
        1 => say!("1 problem found; tenants checked: {checked}"),
        n => say!("{n} problems found; tenants checked: {checked}"),
    }
    Ok(if found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
