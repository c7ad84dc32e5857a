//! `tenantry sql`: a statement in one tenant's own database. It is read-only (M12, `confined-sql`), or it corrects values
//! that stop a migration.

use super::{
    setup::{Place, explain},
    table,
};
use anyhow::{Result, anyhow};
use clap::Args;
use std::process::ExitCode;
use tenantry::{
    EngineErrorKind, Error, counted,
    name::{Slug, StoreName},
};

/// Options of sql.
#[derive(Debug, Args)]
pub(crate) struct Sql {
    /// Slug of the tenant.
    pub(crate) tenant: String,
    /// One SELECT; with --write one UPDATE.
    pub(crate) statement: String,
    /// Change values: those that stop a migration. Rows and ids stay.
    #[arg(long, conflicts_with = "json")]
    pub(crate) write: bool,
    /// Store, when a tenant has several.
    #[arg(long, default_value = "tenant")]
    pub(crate) store: String,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the statement and prints its rows, or how many rows it changed.
pub(super) async fn run(place: &Place, options: &Sql) -> Result<ExitCode> {
    let Sql { tenant, statement, store, json, .. } = options;
    match options.write {
        true => write(place, tenant, store, statement).await,
        false => read(place, tenant, store, statement, *json).await,
    }
}

/// Runs a reading statement and prints its rows.
async fn read(place: &Place, tenant: &str, store: &str, statement: &str, json: bool) -> Result<ExitCode> {
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
async fn write(place: &Place, tenant: &str, store: &str, statement: &str) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let (slug, store) = (Slug::parse(tenant)?, StoreName::parse(store)?);
    let done = platform.operator_repair(&super::users::operator(), &slug, &store, statement).await;
    let changed = done.map_err(|error| match &error {
        Error::Engine(engine) if matches!(engine.kind(), EngineErrorKind::Denied(_)) => anyhow!(
            "only an UPDATE of the tenant's own tables is allowed here, and not of id, created_at or version"
        ),
        _ => explain(error),
    })?;
    say!("{} changed; go on with: tenantry migrate-tenants --tenant {slug}", counted(changed, "row"));
    Ok(ExitCode::SUCCESS)
}

fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
