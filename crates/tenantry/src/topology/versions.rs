//! Migrations of each schema version. From them a process can determine, with the catalog alone, whether a database is
//! behind or was migrated by newer apps.
//!
//! A process writes them when it loads its apps. Health checks, metrics and lists read them.

use crate::{
    Error, Result,
    apps::StoreSchema,
    config::Scope,
    control::{Control, params},
    users::count,
};
use std::collections::HashSet;
use tenantry_engine::{SqlRow, name::StoreName};

/// Number of tenant databases that are not at the loaded schema, without external databases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Standing {
    /// Number of databases that lack migrations that this process has loaded.
    pub behind: u64,
    /// Number of databases that have migrations that this process has not loaded.
    pub ahead: u64,
}

/// Relation of a database's version to the loaded version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The database has the loaded version.
    Current,
    /// The database lacks loaded migrations, or its version is not recorded.
    Behind,
    /// The database has migrations that are not loaded.
    Ahead,
}

/// Records the versions of these stores. Does nothing if they are recorded already.
pub(crate) async fn register(control: &Control, stores: &[StoreSchema]) -> Result<()> {
    let mut tx = control.snapshot().await?;
    let mut new = Vec::new();
    for schema in stores.iter().filter(|schema| schema.scope == Scope::Tenant) {
        let sql = "SELECT count(*) FROM schema_versions WHERE store = ? AND version = ?";
        let key = params![schema.store.as_str(), schema.fingerprint.as_str()];
        if count(&mut tx, sql, key).await? == 0 {
            new.push(schema);
        }
    }
    drop(tx);
    if new.is_empty() {
        return Ok(());
    }
    let mut write = control.begin().await?;
    for schema in new {
        let migrations = serde_json::json!(schema.migrations).to_string();
        let sql = "INSERT INTO schema_versions (store, version, migrations) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
        write.execute(sql, params![schema.store.as_str(), schema.fingerprint.as_str(), migrations]).await?;
    }
    write.commit_unaudited().await
}

/// Counts the tenant databases that are not at the loaded schema. One index query suffices if every database is
/// current.
pub(crate) async fn standing(control: &Control, stores: &[StoreSchema]) -> Result<Standing> {
    let mut standing = Standing::default();
    for schema in stores.iter().filter(|schema| schema.scope == Scope::Tenant) {
        for (version, databases) in others(control, schema).await? {
            match of(control, schema, version.as_deref()).await? {
                Version::Ahead => standing.ahead += databases,
                Version::Behind | Version::Current => standing.behind += databases,
            }
        }
    }
    Ok(standing)
}

/// Returns the versions in use other than the loaded one, each with its number of databases.
async fn others(control: &Control, schema: &StoreSchema) -> Result<Vec<(Option<String>, u64)>> {
    // Three ranges of the index (store, schema_version, …): below the loaded version, above it, and null.
    let range = |condition: &str| {
        format!(
            "SELECT schema_version, count(*) FROM placements WHERE store = ?1 AND state = 'ready' \
             AND schema_version {condition} AND provision <> 'external' GROUP BY schema_version"
        )
    };
    let sql = ["< ?2", "> ?2", "IS NULL"].map(range).join(" UNION ALL ");
    let key = params![schema.store.as_str(), schema.fingerprint.as_str()];
    let rows = control.snapshot().await?.query(&sql, key).await?;
    let read = |row: &SqlRow| {
        let databases = u64::try_from(row.integer(1)?).unwrap_or(0);
        Ok((row.opt_text(0)?.map(Into::into), databases))
    };
    rows.iter().map(read).collect()
}

/// Compares `version` of a store with the loaded version. A version that is not recorded here predates this record, so
/// it is behind.
pub(crate) async fn of(control: &Control, schema: &StoreSchema, version: Option<&str>) -> Result<Version> {
    let Some(version) = version else { return Ok(Version::Behind) };
    if version == schema.fingerprint {
        return Ok(Version::Current);
    }
    let known: HashSet<&str> = schema.migrations.iter().map(String::as_str).collect();
    let migrations = recorded(control, &schema.store, version).await?;
    Ok(match migrations.iter().any(|id| !known.contains(id.as_str())) {
        true => Version::Ahead,
        false => Version::Behind,
    })
}

async fn recorded(control: &Control, store: &StoreName, version: &str) -> Result<Vec<String>> {
    let sql = "SELECT migrations FROM schema_versions WHERE store = ? AND version = ?";
    let rows = control.snapshot().await?.query(sql, params![store.as_str(), version]).await?;
    let Some(row) = rows.first() else { return Ok(Vec::new()) };
    serde_json::from_str(row.text(0)?)
        .map_err(|error| Error::Internal(format!("schema version {version} of {store}: {error}")))
}
