//! `tenantry audit verify` and `list` (`audited-commit`).

use crate::cli::{
    setup::{Place, explain},
    table::{self, at},
};
use anyhow::Result;
use std::process::ExitCode;
use tenantry::{
    audit::{Query, Row},
    counted,
};

/// Checks the hash chain against the published heads; exit status 1 when something was changed or cut.
pub(in crate::cli) async fn verify(place: &Place) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let report = platform.audit().verify().await.map_err(explain)?;
    report.faults.iter().for_each(|fault| say!("{fault}"));
    say!(
        "{}, {}, {}",
        counted(report.rows, "row"),
        counted(report.heads, "published head"),
        counted(report.faults.len(), "fault")
    );
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints the newest entries.
pub(in crate::cli) async fn list(place: &Place, limit: u32, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let rows = platform.audit().list(&Query { limit, ..Query::default() }).await.map_err(explain)?;
    if json {
        table::json(&rows)?;
        return Ok(ExitCode::SUCCESS);
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
