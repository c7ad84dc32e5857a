//! Distinguishes a platform database that does not exist yet from one that is lost, so that a lost database is never
//! replaced by an empty one.
//!
//! Called while the platform opens. No other system records that an installation exists, so a new one starts without
//! any extra step. A store on a database server is lost if its database was removed, or if the configuration names
//! another server. In both cases the same traces reveal it: the published heads in the data directory, other databases
//! with the installation's prefix, and the backups.

use crate::{
    Result,
    audit::Heads,
    backups,
    config::{Config, Scope, StoreConfig},
    control::{Control, params},
    platform::own_stores::unprepared,
    users::count,
};
use std::{path::PathBuf, time::Duration};
use tenantry_engine::{Kind, engine::Engine, place::Place};

/// Longest time that a start without a control store waits for the backup store.
const BACKUPS_WAIT: Duration = Duration::from_secs(10);

/// Returns the path of the file with the audit log's heads.
pub(crate) fn heads_file(config: &Config) -> PathBuf {
    config.platform.data_dir.join("audit.heads")
}

/// Refuses to continue without a control store if traces show that there was one.
///
/// # Errors
/// Returns [`crate::Error::Conflict`], which names what was found and the remedy.
pub(crate) async fn refuse_lost_control(
    engine: &Engine,
    config: &Config,
    store: &StoreConfig,
    place: &Place,
) -> Result<()> {
    if engine.exists(place).await? {
        return Ok(());
    }
    let Some(trace) = trace(engine, config).await? else { return Ok(()) };
    // Another process may have created the store, and more, in the meantime.
    if engine.exists(place).await? {
        return Ok(());
    }
    let missing = tenantry_engine::Error::new(Kind::Missing, format!("{place}: {trace}"));
    Err(unprepared(engine, store, place, missing, Some(&trace)))
}

/// Returns the first trace of an earlier installation: heads of its audit log, databases on its servers, or its
/// backups.
async fn trace(engine: &Engine, config: &Config) -> Result<Option<String>> {
    let heads = heads_file(config);
    if Heads::is_published(&heads)? {
        return Ok(Some(format!("{} has heads of its audit log", heads.display())));
    }
    for server in engine.servers() {
        match engine.database_files(&server).await {
            // The databases name the installation that made them, so a new installation does not take them over.
            Err(error) if *error.kind() == Kind::Unreachable => {
                tracing::warn!(%error, %server, "whether it has databases of an earlier installation is not known");
            }
            found => {
                if let Some(found) = found?.first() {
                    return Ok(Some(format!("server {server} has {}", found.file)));
                }
            }
        }
    }
    match tokio::time::timeout(BACKUPS_WAIT, backups::system::exists(&config.backups.target)).await {
        Ok(Ok(true)) => Ok(Some("the backup store has backups of it".into())),
        Ok(Ok(false)) => Ok(None),
        // An unreachable backup store does not prevent a new installation from starting.
        Ok(Err(error)) => {
            tracing::warn!(%error, "a new installation begins; whether backups of an earlier one exist is not known");
            Ok(None)
        }
        Err(_) => {
            tracing::warn!(
                "a new installation begins; the backup store did not say whether it has backups of an earlier one"
            );
            Ok(None)
        }
    }
}

/// Refuses to continue if another platform database was created before and is missing, or a pool is missing that has
/// tenants.
///
/// # Errors
/// Returns [`crate::Error::Conflict`], which names the remedy.
pub(crate) async fn refuse_lost_store(
    engine: &Engine,
    control: &Control,
    store: &StoreConfig,
    place: &Place,
) -> Result<()> {
    let was_there = match store.scope {
        Scope::System => is_recorded(control, store).await?,
        // The configuration may name another server for a pool. An empty pool then begins there, and its former tenants
        // stay where the catalog says.
        Scope::Tenant => is_inhabited(control, place).await?,
    };
    if !was_there || engine.exists(place).await? {
        return Ok(());
    }
    let missing = tenantry_engine::Error::new(Kind::Missing, place.to_string());
    Err(unprepared(engine, store, place, missing, None))
}

/// Records that the database of a store exists now.
pub(crate) async fn record(control: &Control, store: &StoreConfig) -> Result<()> {
    if is_recorded(control, store).await? {
        return Ok(());
    }
    let mut write = control.begin().await?;
    let at = write.at_us();
    let sql = "INSERT INTO system_stores (store, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING";
    write.execute(sql, params![store.name.as_str(), at]).await?;
    write.commit_unaudited().await
}

async fn is_recorded(control: &Control, store: &StoreConfig) -> Result<bool> {
    let sql = "SELECT count(*) FROM system_stores WHERE store = ?";
    Ok(count(&mut control.snapshot().await?, sql, params![store.name.as_str()]).await? > 0)
}

/// Returns true if the catalog has tenants in the pool.
async fn is_inhabited(control: &Control, pool: &Place) -> Result<bool> {
    let sql = "SELECT 1 FROM placements WHERE server = ? AND physical = ? AND store = ? AND isolation = 'pooled' \
        AND state = 'ready' LIMIT 1";
    let key = params![pool.server.as_str(), pool.physical.as_str(), pool.store.as_str()];
    Ok(!control.snapshot().await?.query(sql, key).await?.is_empty())
}
