//! `tenantry backup status` and `schedules`.

use crate::cli::table::{self, at};
use crate::wire::status::{BackupSchedule, BackupStatus};
use anyhow::Result;
use serde::Serialize;
use std::process::ExitCode;
use tenantry::{
    Platform,
    backups::{drills::DrillStatus, status::ScheduleStatus},
    counted,
};

/// Warning about a target inside the data directory.
pub(in crate::cli) const INSIDE: &str = "backups are inside the data directory, so a lost disk takes them along: set backups.target to another disk";

/// The state of the backups as JSON: the answer of the HTTP API, and any trouble with the backup store.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    status: BackupStatus,
    trouble: Option<String>,
}

/// Shows the state of all backups. The exit status is 1 if an operator must act, so that a monitor can run this
/// command.
pub(super) async fn status(platform: &Platform, json: bool) -> Result<ExitCode> {
    let status = platform.backups().status().await?;
    let trouble = platform.backups().store_trouble().await;
    crate::cli::clock::warn(platform).await?;
    let drill = &status.drill;
    let bad = status.overdue() > 0
        || status.failed_day > 0
        || status.damaged > 0
        || drill.overdue
        || drill.error.is_some()
        || trouble.is_some();
    if json {
        table::json(&Shown { status: BackupStatus::new(status, platform.now_us()), trouble })?;
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

/// Describes the last restore drill in one line.
fn drilled(drill: &DrillStatus) -> String {
    let last = match (drill.last_at_us, &drill.error) {
        (None, _) => "none yet".to_owned(),
        (Some(us), None) => format!("good, {}", at(us)),
        (Some(us), Some(error)) => format!("FAILED, {}: {error}", at(us)),
    };
    if drill.overdue { format!("{last} (overdue)") } else { last }
}

/// Lists the schedules with their next slot.
pub(super) async fn schedules(platform: &Platform, json: bool) -> Result<ExitCode> {
    let status = platform.backups().status().await?;
    if json {
        return table::all::<BackupSchedule>(status.schedules);
    }
    if status.schedules.is_empty() {
        say!("no schedules; add [[backups.schedules]] to tenantry.toml");
        return Ok(ExitCode::SUCCESS);
    }
    let header = ["schedule", "cron (utc)", "next", "last good", "overdue"];
    let row = |s: &ScheduleStatus| {
        let when = |us: Option<i64>| us.map(at).unwrap_or_default();
        let overdue = if s.overdue { "yes" } else { "no" };
        vec![s.name.clone(), s.cron.clone(), when(s.next_us), when(s.good_us), overdue.into()]
    };
    table::print(&header, status.schedules.iter().map(row));
    Ok(ExitCode::SUCCESS)
}
