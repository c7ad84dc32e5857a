//! `tenantry sql`: a read-only statement in one tenant's own database (M12, `confined-sql`).

use super::{
    setup::{Place, explain},
    table,
};
use anyhow::Result;
use std::process::ExitCode;
use tenantry::name::{Slug, StoreName};

/// Runs the statement and prints its rows.
pub(super) async fn run(
    place: &Place,
    tenant: &str,
    store: &str,
    statement: &str,
    json: bool,
) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let (slug, store) = (Slug::parse(tenant)?, StoreName::parse(store)?);
    let rows =
        platform.operator_sql(&super::users::operator(), &slug, &store, statement).await.map_err(explain)?;
    if json {
        let objects: Vec<serde_json::Map<_, _>> =
            rows.rows.iter().map(|row| rows.columns.iter().cloned().zip(row.clone()).collect()).collect();
        table::json(&objects)?;
        return Ok(ExitCode::SUCCESS);
    }
    table::print_named(rows.columns, rows.rows.iter().map(|row| row.iter().map(cell).collect()));
    if rows.truncated {
        tell!("more rows were left out");
    }
    Ok(ExitCode::SUCCESS)
}

fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
