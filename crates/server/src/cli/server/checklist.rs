//! `tenantry checklist`: the things that an installation lacks before people work with it.

use crate::{
    cli::{args::Whole, setup::Place, table, user::operator},
    wire::overview::CheckItem,
};
use anyhow::Result;
use std::process::ExitCode;
use tenantry::{Check, ChecklistItem, counted};

/// Prints the checklist.
pub(in crate::cli) async fn run(place: &Place, whole: &Whole) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let items = platform.checklist().list(&operator()).await?;
    if whole.json {
        return table::all::<CheckItem>(items);
    }
    let row = |item: &ChecklistItem| {
        let remedy = item.remedy.clone().filter(|_| !item.done).unwrap_or_default();
        vec![if item.done { "ok" } else { "open" }.into(), said(item), remedy]
    };
    table::print(&["state", "what", "remedy"], items.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

fn said(item: &ChecklistItem) -> String {
    let detail = item.detail.as_deref().unwrap_or_default();
    match item.check {
        Check::Plans => counted(item.count, "plan") + " on offer",
        Check::DefaultPlan => format!("plan {detail} of new tenants"),
        Check::SharedData => format!("shared records: {detail}"),
        Check::FirstTenant => counted(item.count, "tenant"),
        Check::Mail => "mail server".into(),
        Check::BackupSchedule => counted(item.count, "schedule") + " of backups",
        Check::DemoPasswords => counted(item.count, "account") + " with the password of the demo",
        Check::Https => "https".into(),
        Check::SecondSuperuser => counted(item.count, "superuser"),
        Check::Addresses => counted(item.count, "account") + " with an unproven address",
    }
}
