//! Restores the platform's own stores, offline, after the control store was lost or damaged.
//!
//! `tenantry restore system` calls it. It refuses while any process has the data directory open. It removes nothing:
//! existing files are moved aside. It needs no catalog, only the backup store.

use crate::{
    Error, Platform, Result,
    access::Operator,
    apps::Apps,
    audit::Heads,
    backups::{
        BackupId, Rescanned, Store, catalog_file,
        fetch::{Keep, believed, fetch, manifest_of},
        manifest::Manifest,
        store::MANIFEST,
    },
    config::{Config, ObjectTarget, Scope, StoreConfig},
    control::members,
    platform::{
        data_dir::in_use::InUse,
        databases::{Databases, platform_place},
        open::open_engine,
        own_stores::{
            missing::heads_file,
            open_control,
            rolled_back::{self, Behind},
        },
    },
    records::files::Files,
};
use futures_util::TryStreamExt;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tenantry_engine::{
    Engine, Kind,
    name::StoreName,
    place::{EngineKind, Place},
};

/// Result of a restore of the platform's own stores.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SystemRestored {
    /// Id of the restored backup.
    pub backup: BackupId,
    /// Names of the restored stores.
    pub stores: Vec<StoreName>,
    /// Directory to which the former files were moved; `None` if there were none.
    pub aside: Option<PathBuf>,
    /// Names that the former databases on servers have now.
    pub renamed: Vec<String>,
    /// Number of backups added to the catalog because the restored catalog did not know them.
    pub taken_up: u64,
    /// Number of tenants closed because they were purged since the backup.
    pub closed: u64,
}

/// Restores the platform's own stores from this backup, or from the newest one.
///
/// # Errors
/// Returns [`Error::Conflict`] while a server or another command uses the data directory, and if the backup is damaged.
pub async fn restore_system(
    config: Config,
    operator: &Operator,
    id: Option<BackupId>,
) -> Result<SystemRestored> {
    let in_use = InUse::alone(&config)?;
    refuse_running(&config).await?;
    let store = Store::open(&config.backups.target)?;
    let id = match id {
        Some(id) => id,
        None => newest(&store).await?,
    };
    let manifest = believed(&id, manifest_of(&store, None, &id).await)?;
    let scratch = std::path::absolute(config.platform.data_dir.join("scratch").join("system"))
        .map_err(|e| Error::Internal(e.to_string()))?;
    fs::create_dir_all(&scratch).map_err(|e| failed(&scratch, &e))?;
    let done = put_in_place(&config, &store, &manifest, &scratch).await;
    drop(fs::remove_dir_all(&scratch));
    let Replaced { stores, aside, renamed } = done?;
    make_missing_pools(&config).await?;
    // From here on the installation is like any other, and records the restore in its own log.
    drop(in_use);
    let platform = Platform::open(config).await?;
    let Rescanned { taken_up, closed, .. } = platform.backups().rescan(operator).await?;
    let mut write = platform.control().begin().await?;
    let detail = json!({ "backup": id, "stores": stores, "aside": aside, "renamed": renamed });
    write.audit(&operator.by(), None, "system.restore", detail).await?;
    write.commit().await?;
    platform.shutdown().await;
    Ok(SystemRestored { backup: id, stores, aside, renamed, taken_up, closed })
}

/// Refuses while a server runs on any host. The lock of the data directory covers only this host. If the control store
/// is on a database server, the heartbeats of all servers are there. If the control store cannot be read, no server can
/// continue with it.
async fn refuse_running(config: &Config) -> Result<()> {
    let store = config.store("control").ok_or(Error::NotFound("store"))?;
    let (engine, place) = (open_engine(config)?, platform_place(store)?);
    if engine.exists(&place).await.unwrap_or(false)
        && let Ok(control) = engine.system(&place).await
    {
        let living = members::living(&control).await.unwrap_or_default();
        engine.shutdown().await;
        if let Some(member) = living.first() {
            let name = &member.facts.name;
            return Err(Error::Conflict(format!(
                "a server runs ({name}): stop all servers first, on every host"
            )));
        }
    }
    engine.shutdown().await;
    Ok(())
}

/// Creates pools that were lost with the platform's stores, so that their tenants can be restored into them.
async fn make_missing_pools(config: &Config) -> Result<()> {
    let engine = open_engine(config)?;
    open_control(&engine, config).await?;
    for store in config.stores_of(Scope::Tenant).filter(|s| s.isolation.is_pooled()) {
        let place = platform_place(store)?;
        if !engine.exists(&place).await? {
            engine.create_system(&place).await?;
        }
    }
    engine.shutdown().await;
    Ok(())
}

/// Moves the damaged shared database of a pooled store aside and creates an empty one. Returns the new path of the
/// damaged one. [`Restores::all`](crate::backups::Restores::all) then restores the tenants' rows.
///
/// # Errors
/// Returns [`Error::Conflict`] while a server or another command uses the data directory, and if the database is
/// intact; [`Error::Invalid`] for a store without its own shared database.
pub async fn renew_pool(config: Config, operator: &Operator, store: &StoreName) -> Result<Option<PathBuf>> {
    let own = config.stores_of(Scope::Tenant).find(|s| s.name == *store && s.isolation.is_pooled());
    let known = own.ok_or_else(|| {
        Error::invalid(
            "pool",
            format!("{store} has no shared database of its own; a store with isolation = \"pooled\" has"),
        )
    })?;
    let in_use = InUse::alone(&config)?;
    refuse_running(&config).await?;
    let (engine, place) = (open_engine(&config)?, platform_place(known)?);
    let Some(lost) = engine.lost(&place).await? else {
        return Err(Error::Conflict(format!(
            "the shared database {} can be opened and is whole: nothing was done",
            place.physical
        )));
    };
    let file = file_of(&config, known)?;
    if file.is_none() && *lost.kind() != Kind::Missing {
        let why = crate::platform::health::lost::why(&lost);
        let place = format!("{} on {}", place.physical, place.server);
        return Err(Error::Conflict(format!(
            "the shared schema {place} {why}: its administrator renames it there, then run this again"
        )));
    }
    engine.shutdown().await;
    let aside = config.platform.data_dir.join("replaced").join(crate::backups::BackupId::new(now()).as_str());
    let moved = file.map_or(Ok(false), |file| move_aside(&file, &aside))?;
    let engine = open_engine(&config)?;
    // The new database carries the id of the installation, which is in the control store.
    open_control(&engine, &config).await?;
    engine.create_system(&place).await?;
    engine.shutdown().await;
    drop(in_use);
    let platform = Platform::open(config).await?;
    let aside = moved.then_some(aside);
    let mut write = platform.control().begin().await?;
    write.audit(&operator.by(), None, "system.renew_pool", json!({ "store": store, "aside": aside })).await?;
    write.commit().await?;
    platform.shutdown().await;
    Ok(aside)
}

/// Returns true if the target holds a complete backup of the platform's own stores.
pub(crate) async fn exists(target: &ObjectTarget) -> Result<bool> {
    if matches!(target, ObjectTarget::Directory(path) if !path.exists()) {
        return Ok(false);
    }
    match newest(&Store::open(target)?).await {
        Ok(_) => Ok(true),
        Err(Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn newest(store: &Store) -> Result<BackupId> {
    let whole = store.list(&store.shelf(None)).try_filter_map(|object| async move {
        let mut parts: Vec<_> = object.location.parts().collect();
        let last = parts.pop();
        let id = parts.pop().and_then(|id| id.as_ref().parse::<BackupId>().ok());
        Ok(id.filter(|_| last.is_some_and(|last| last.as_ref() == MANIFEST)))
    });
    let ids: Vec<BackupId> = whole.try_collect().await?;
    // A backup with a date in the future was made under a wrong clock, so its date does not show whether it is the
    // newest.
    let now_us = now();
    let newest = ids.into_iter().max_by(|a, b| (!a.is_ahead_of(now_us), a).cmp(&(!b.is_ahead_of(now_us), b)));
    newest.ok_or(Error::NotFound("backup of the platform's own stores"))
}

/// The replaced stores, and the new places of the former ones.
struct Replaced {
    stores: Vec<StoreName>,
    aside: Option<PathBuf>,
    renamed: Vec<String>,
}

/// Replaces the stores. Fetches and verifies everything before it moves anything.
async fn put_in_place(
    config: &Config,
    store: &Store,
    manifest: &Manifest,
    scratch: &Path,
) -> Result<Replaced> {
    let apps = std::sync::Arc::new(Apps::load(config).map_err(|e| Error::invalid("apps", e.to_string()))?);
    let engine = open_engine(config)?;
    let databases = Databases::new(engine.clone(), config, apps)?;
    let mut fetched = Vec::new();
    for copy in &manifest.stores {
        let known = config.stores_of(Scope::System).find(|s| s.name == copy.store);
        let Some(known) = known else { continue };
        let path = scratch.join(format!("{}.db", copy.store));
        believed(&manifest.id, fetch(store, &databases, manifest, copy, &path, Keep::ForNow).await)?;
        fetched.push((known, path));
    }
    let engine = databases.engine();
    let aside = config.platform.data_dir.join("replaced").join(crate::backups::BackupId::new(now()).as_str());
    let heads = heads_file(config);
    let published = Heads::open(Some(heads.clone()))?.newest().id;
    let (mut moved, mut renamed) = (false, Vec::new());
    for (store, from) in &fetched {
        let place = platform_place(store)?;
        match file_of(config, store)? {
            Some(file) => moved |= move_aside(&file, &aside)?,
            None => renamed.extend(engine.rename_aside(&place).await?),
        }
        put_at(&databases, &place, from, scratch).await?;
    }
    if fetched.iter().any(|(store, _)| store.name.as_str() == "control") {
        settle(engine, config, published).await?;
    }
    engine.shutdown().await;
    // The heads belong to a log that continued longer. Next to the restored log they would indicate that rows were cut
    // off.
    moved |= move_aside(&heads, &aside)?;
    let stores = fetched.into_iter().map(|(store, _)| store.name.clone()).collect();
    Ok(Replaced { stores, aside: moved.then_some(aside), renamed })
}

/// Creates the database of a system store from its file in the backup.
async fn put_at(databases: &Databases, place: &Place, from: &Path, scratch: &Path) -> Result<()> {
    let engine = databases.engine();
    let is_file = databases.engine_of(place).await? == EngineKind::Sqlite;
    if is_file || place.store.as_str() != "control" {
        return Ok(engine.adopt_system(place, &databases.script(&place.store)?, from).await?);
    }
    engine.create_system(place).await?;
    let into = engine.system(place).await?;
    catalog_file::read(from, place, &scratch.join("catalog"), &into, now()).await
}

/// Adapts the restored journal, which dates from the time of the backup. Backups that ran then are over. Other open
/// operations have no worker and are taken over at the next start. Members of that time no longer serve. Then prepares
/// the store for everything that was created since; `published` is the newest published row of the audit log.
async fn settle(engine: &Engine, config: &Config, published: i64) -> Result<()> {
    let control = config.store("control").ok_or(Error::NotFound("store"))?;
    let mut tx = engine.system(&platform_place(control)?).await?.begin().await?;
    let over = "UPDATE operations SET state = 'undone', data = '{}', lease_owner = NULL, lease_until = NULL, \
        error = 'the platform was restored' \
        WHERE kind IN ('backup', 'backup_run', 'backup_verify') AND state IN ('running', 'unwinding')";
    let free =
        "UPDATE operations SET lease_owner = NULL, lease_until = 0 WHERE state IN ('running', 'unwinding')";
    let failed =
        "UPDATE backups SET state = 'failed', error = 'the platform was restored' WHERE state = 'running'";
    for sql in [over, free, failed, "DELETE FROM members"] {
        tx.execute(sql, &[]).await?;
    }
    let behind = Behind::look(&mut tx, published).await?;
    rolled_back::prepare(engine, &Files::open(config)?, &mut tx, behind, now()).await?;
    Ok(tx.commit().await?)
}

fn now() -> i64 {
    crate::control::clock::Clock::default().now_us()
}

/// Returns the file of a store, or `None` if its server has no files.
pub(crate) fn file_of(config: &Config, store: &StoreConfig) -> Result<Option<PathBuf>> {
    let place = platform_place(store)?;
    let server = config.server(place.server.as_str()).ok_or(Error::NotFound("server"))?;
    Ok(server.path().map(|path| path.join(format!("{}.db", place.physical))))
}

/// Moves a database aside together with its other files: SQLite would apply a leftover log to the new database
/// (`stale-wal`). Returns true if any file existed.
pub(crate) fn move_aside(file: &Path, aside: &Path) -> Result<bool> {
    let mut moved = false;
    for suffix in ["-wal", "-shm", "-journal", ""] {
        let mut from = file.as_os_str().to_owned();
        from.push(suffix);
        let from = PathBuf::from(from);
        let Some(name) = from.file_name().filter(|_| from.symlink_metadata().is_ok()) else { continue };
        fs::create_dir_all(aside).map_err(|e| failed(aside, &e))?;
        let to = aside.join(name);
        // A rename fails if the target is on another disk; then copy the file.
        if fs::rename(&from, &to).is_err() {
            fs::copy(&from, &to).map_err(|e| failed(&to, &e))?;
            fs::remove_file(&from).map_err(|e| failed(&from, &e))?;
        }
        moved = true;
    }
    Ok(moved)
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::io(path.display(), error)
}
