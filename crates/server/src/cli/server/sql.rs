//! `tenantry sql`: runs a statement on the rows of one tenant, or of a system store. It is read-only (`confined-sql`),
//! or it corrects values that stop a migration.

use crate::cli::{setup::Place, table, user::operator};
use anyhow::{Result, anyhow};
use clap::Args;
use std::process::ExitCode;
use tenantry::{
    EngineErrorKind, Error, Platform, counted,
    name::{Slug, StoreName},
};

/// Arguments of `tenantry sql`.
#[derive(Debug, Args)]
pub(crate) struct Sql {
    /// Slug of the tenant; with --system the name of a system store.
    pub(crate) tenant: String,
    /// One SELECT; with --write one UPDATE, or REINDEX.
    pub(crate) statement: String,
    /// Change values that stop a migration; rows and ids stay. REINDEX rebuilds indexes and counters.
    #[arg(long, conflicts_with = "json")]
    pub(crate) write: bool,
    /// Store of the tenant [default: `tenant`, or the first store of tenants].
    #[arg(long, conflicts_with = "system")]
    pub(crate) store: Option<String>,
    /// Run it on a system store instead of a tenant.
    #[arg(long)]
    pub(crate) system: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the statement, and prints its rows or the number of rows that it changed.
pub(in crate::cli) async fn run(place: &Place, options: &Sql) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let of = match options.system {
        true => Of::System(StoreName::parse(&options.tenant)?),
        false => {
            let store = match &options.store {
                Some(store) => StoreName::parse(store)?,
                None => platform.config().usual_tenant_store()?.name.clone(),
            };
            Of::Tenant(Slug::parse(&options.tenant)?, store)
        }
    };
    match options.write {
        true => write(&platform, &of, &options.statement).await,
        false => read(&platform, &of, &options.statement, options.json).await,
    }
}

/// The owner of the rows on which a statement runs.
enum Of {
    Tenant(Slug, StoreName),
    System(StoreName),
}

/// Runs a reading statement and prints its rows.
async fn read(platform: &Platform, of: &Of, statement: &str, json: bool) -> Result<ExitCode> {
    let by = operator();
    let rows = match of {
        Of::Tenant(slug, store) => platform.statements().on_tenant(&by, slug, store, statement).await,
        Of::System(store) => platform.statements().on_system_store(&by, store, statement).await,
    };
    let rows = rows?;
    if json {
        let objects: Vec<serde_json::Map<_, _>> =
            rows.rows.iter().map(|row| rows.columns.iter().cloned().zip(row.clone()).collect()).collect();
        return table::json(&objects);
    }
    table::print_named(rows.columns, rows.rows.iter().map(|row| row.iter().map(cell).collect()));
    if rows.truncated {
        tell!("more rows were left out");
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs one UPDATE or REINDEX, and prints the number of changed rows.
async fn write(platform: &Platform, of: &Of, statement: &str) -> Result<ExitCode> {
    let by = operator();
    let done = match of {
        Of::Tenant(slug, store) => platform.statements().repair_tenant(&by, slug, store, statement).await,
        Of::System(store) => platform.statements().repair_system_store(&by, store, statement).await,
    };
    let changed = done.map_err(|error| match &error {
        Error::Engine(engine) if matches!(engine.kind(), EngineErrorKind::Denied(_)) => anyhow!(
            "only an UPDATE of the tables of the tenant or of the store, without id, created_at and version, or REINDEX is \
             allowed here"
        ),
        _ => error.into(),
    })?;
    let Some(rows) = changed.rows else {
        say!("indexes and counters were made anew from the records");
        return Ok(ExitCode::SUCCESS);
    };
    let next = match of {
        Of::Tenant(slug, _) if !changed.is_pooled => format!("migrate tenants --tenant {slug}"),
        Of::Tenant(..) => "migrate tenants".to_owned(),
        Of::System(_) => "migrate system".to_owned(),
    };
    say!("{} changed; continue with: tenantry {next}", counted(rows, "row"));
    Ok(ExitCode::SUCCESS)
}

fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
