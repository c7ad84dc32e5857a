//! `tenantry audit …` (`audited-commit`).

use crate::cli::{
    args::Paged,
    setup::Place,
    table::{self, at},
};
use crate::wire::audit::AuditRow;
use anyhow::Result;
use clap::{Args, Subcommand};
use std::process::ExitCode;
use tenantry::{
    audit::{Query, Row},
    counted,
    name::Slug,
};

/// Verbs of `tenantry audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List entries, newest first.
    List(List),
    /// Check the hash chain from the first entry to the last; exit status 1 if an entry was changed or cut.
    Verify,
}

/// Options of `audit list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    page: Paged,
    /// Only entries about this tenant.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<Slug>,
    /// Only entries of this actor, for example user:12, key:5 or cli:root.
    #[arg(long)]
    actor: Option<String>,
    /// Only entries with this action, for example tenant.move; a noun means all its actions.
    #[arg(long)]
    action: Option<String>,
    /// Only entries from this time on.
    #[arg(long, value_name = "TIME")]
    since: Option<jiff::Timestamp>,
    /// Only entries before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<jiff::Timestamp>,
}

/// Runs a verb on the audit log.
pub(in crate::cli) async fn run(place: &Place, verb: &Audit) -> Result<ExitCode> {
    match verb {
        Audit::List(options) => list(place, options).await,
        Audit::Verify => verify(place).await,
    }
}

/// Checks the hash chain against the published heads. The exit status is 1 if something was changed or cut off.
async fn verify(place: &Place) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let report = platform.audit().verify().await?;
    report.faults.iter().for_each(|fault| say!("{fault}"));
    if report.torn > 0 {
        say!("{} torn by a crash: compared with nothing", counted(report.torn, "published head"));
    }
    say!(
        "{}, {}, {}",
        counted(report.rows, "row"),
        counted(report.heads, "published head"),
        counted(report.faults.len(), "fault")
    );
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints the newest entries.
async fn list(place: &Place, options: &List) -> Result<ExitCode> {
    let (platform, page) = (place.reading().await?, &options.page);
    let tenant = match &options.tenant {
        Some(slug) => Some(platform.tenants().id_of(slug).await?),
        None => None,
    };
    let query = Query {
        tenant,
        actor: options.actor.clone(),
        action: options.action.clone(),
        since_us: options.since.map(jiff::Timestamp::as_microsecond),
        until_us: options.until.map(jiff::Timestamp::as_microsecond),
        before: page.after,
        limit: page.limit,
    };
    let rows = platform.audit().list(&query).await?;
    if page.json {
        return table::page(rows, page.limit, |row: &AuditRow| row.id);
    }
    let header = ["id", "at", "actor", "impersonated by", "tenant", "action", "detail"];
    table::print(&header, rows.into_iter().map(columns));
    Ok(ExitCode::SUCCESS)
}

fn columns(row: Row) -> Vec<String> {
    vec![
        row.id.to_string(),
        at(row.at_us),
        row.actor,
        row.impersonator.unwrap_or_default(),
        row.tenant.map(|t| t.to_string()).unwrap_or_default(),
        row.action,
        row.detail,
    ]
}
