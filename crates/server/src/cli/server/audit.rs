//! `tenantry audit …` (`audited-commit`).

use crate::cli::{
    setup::Place,
    table::{self, at},
};
use crate::wire::audit::AuditRow;
use anyhow::Result;
use clap::Subcommand;
use std::process::ExitCode;
use tenantry::{
    audit::{Query, Row},
    counted,
};

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List entries, newest first.
    List {
        /// Largest number of entries, 1 to 1000.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Only entries older than this one: `next` of the previous page.
        #[arg(long, value_name = "NEXT")]
        after: Option<i64>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check the hash chain from the first entry to the last; exit status 1 if an entry was changed or cut.
    Verify,
}

/// Runs a verb on the audit log.
pub(in crate::cli) async fn run(place: &Place, verb: &Audit) -> Result<ExitCode> {
    match verb {
        Audit::List { limit, after, json } => {
            list(place, &Query { limit: *limit, before: *after, ..Query::default() }, *json).await
        }
        Audit::Verify => verify(place).await,
    }
}

/// Checks the hash chain against the published heads; exit status 1 when something was changed or cut.
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
async fn list(place: &Place, query: &Query, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let rows = platform.audit().list(query).await?;
    if json {
        return table::page(rows, query.limit, |row: &AuditRow| row.id);
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
