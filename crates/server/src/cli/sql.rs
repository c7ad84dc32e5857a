//! `tenantry sql`: a statement in one tenant's own database. It is read-only (M12, `confined-sql`), or it corrects values
//! that stop a migration.

use super::{
    setup::{Place, explain},
    table,
};
use anyhow::{Result, anyhow};
use std::process::ExitCode;
use tenantry::{
    EngineErrorKind, Error,
    name::{Slug, StoreName},
};

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

/// Runs one UPDATE and prints how many rows it changed.
pub(super) async fn write(place: &Place, tenant: &str, store: &str, statement: &str) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let (slug, store) = (Slug::parse(tenant)?, StoreName::parse(store)?);
    let done = platform.operator_repair(&super::users::operator(), &slug, &store, statement).await;
    let changed = done.map_err(|error| match &error {
        Error::Engine(engine) if matches!(engine.kind(), EngineErrorKind::Denied(_)) => anyhow!(
            "only an UPDATE of the tenant's own tables is allowed here, and not of id, created_at or version"
        ),
        _ => explain(error),
    })?;
    say!("{changed} rows changed; go on with: tenantry migrate-tenants --tenant {slug}");
    Ok(ExitCode::SUCCESS)
}

fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
