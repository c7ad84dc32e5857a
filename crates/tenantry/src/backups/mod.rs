//! Backups of tenants and of the platform's own stores: their storage, manifests, schedules and retention.
//!
//! Called by the operations that make and restore backups, by the background pass, and by the verbs in `verbs`. A
//! backup is its own folder in the backup store: each database as a compressed SQLite file, the files as one archive,
//! and the manifest, which is written last. Nothing here writes to a tenant's database.

pub mod catalog;
pub mod id;
mod objects;
pub(crate) mod operations;
mod own;
mod restoring;
mod upkeep;
mod verbs;

pub(crate) use expire::{expired, remove_all, remove_expired};
pub(crate) use fetch::{
    Fetched, Keep, believed, corrupt, damaged, fetch, files_are_whole, manifest_of, put_files_back,
};
pub use id::BackupId;
use objects::{archive, fetch, read_back, store, take, verify};
pub use objects::{manifest, stream};
pub use restore_all::{Done as RestoreAllDone, Event as RestoreAllEvent, RestoredAll};
pub use restore_newest::Newest;
pub(crate) use restore_verbs::damaged_pool;
pub use restore_verbs::{Difference, ModelChange, Restores};
pub(crate) use restoring::purged;
pub use restoring::{drills, restores, system};
use restoring::{rescan, restore_all, restore_newest, restore_verbs};
pub(crate) use store::Store;
pub(crate) use take::{Wanted, take};
use upkeep::expire;
pub use upkeep::{retention, runs, schedule, status};
pub use verbs::{Asked, Backups, Rescanned, Selection};
pub use verify::Verified;
pub(crate) use verify::verify;

use crate::{
    Error, Result,
    apps::{App, Apps},
    config::{BackupTarget, BackupsConfig, Config, Scope},
    operations::{Operations, WeakOperations},
    platform::databases::platform_place,
};
use manifest::AppVersion;
use std::sync::{Arc, OnceLock};
use tenantry_engine::{name::AppName, place::Place};

/// What verbs and operations of backups work with: configuration, backup store, remembered status. Cheap to clone.
#[derive(Clone)]
pub(crate) struct BackupService(Arc<Inner>);

struct Inner {
    config: BackupsConfig,
    /// Number of days for which the backups of a purged tenant are retained. 0: removed with it.
    purged_days: u32,
    /// Databases of the platform itself.
    system: Vec<Place>,
    /// The target is a directory inside the data directory.
    inside: bool,
    store: OnceLock<Store>,
    /// The installation's id, and its operations, because a run over many tenants starts one for each. Weak, because
    /// the operations own this value.
    begun: OnceLock<(String, WeakOperations)>,
    status: status::Remembered,
}

impl BackupService {
    /// Opens nothing: an unreachable backup store must not prevent the platform from starting.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let system = config.stores_of(Scope::System).map(platform_place).collect::<Result<_>>()?;
        Ok(Self(Arc::new(Inner {
            config: config.backups.clone(),
            purged_days: config.retention.backups_days,
            system,
            inside: is_inside(config),
            store: OnceLock::new(),
            begun: OnceLock::new(),
            status: status::Remembered::default(),
        })))
    }

    /// Returns the configuration of backups.
    pub(crate) fn config(&self) -> &BackupsConfig {
        &self.0.config
    }

    /// Number of days for which the backups of a purged tenant are retained. 0: removed with it.
    pub(crate) fn purged_days(&self) -> u32 {
        self.0.purged_days
    }

    /// Returns the backup store. Its directory must exist.
    pub(crate) fn store(&self) -> Result<&Store> {
        if let Some(store) = self.0.store.get() {
            return Ok(store);
        }
        let store = Store::open(&self.0.config.target)?;
        Ok(self.0.store.get_or_init(|| store))
    }

    /// Opens the store again. An open one does not notice that its directory is gone, and would report every backup in
    /// it as missing.
    pub(crate) fn fresh_store(&self) -> Result<Store> {
        Store::open(&self.0.config.target)
    }

    /// Sets what is known only once the platform is open.
    pub(crate) fn begin(&self, operations: &Operations, platform_id: String) {
        // The platform sets it once, when it opens.
        drop(self.0.begun.set((platform_id, operations.downgrade())));
    }

    /// Id of the installation, as its databases carry it.
    fn platform_id(&self) -> Result<&str> {
        let begun = self.0.begun.get().map(|(id, _)| id.as_str());
        begun.ok_or_else(|| Error::Internal("backups before the platform is open".into()))
    }

    pub(crate) fn operations(&self) -> Result<Operations> {
        let operations = self.0.begun.get().and_then(|(_, weak)| weak.upgrade());
        operations.ok_or_else(|| Error::Unavailable("shutting down".into()))
    }

    fn system(&self) -> &[Place] {
        &self.0.system
    }

    fn is_inside(&self) -> bool {
        self.0.inside
    }

    fn remembered(&self) -> &status::Remembered {
        &self.0.status
    }
}

/// Versions of the apps, for a manifest.
fn versions(apps: &Apps) -> Vec<AppVersion> {
    let last = |app: &AppName| apps.migrations().iter().rev().find(|m| m.app == *app).map(|m| m.name.clone());
    let version = |app: &App| AppVersion {
        app: app.name.clone(),
        version: app.version.clone(),
        migration: last(&app.name),
    };
    apps.list().iter().map(version).collect()
}

/// Returns true if the target is a directory inside the data directory.
fn is_inside(config: &Config) -> bool {
    let BackupTarget::Directory(path) = &config.backups.target else { return false };
    let rest = path.strip_prefix(&config.platform.data_dir);
    rest.is_ok_and(|rest| !rest.components().any(|part| part == std::path::Component::ParentDir))
}

/// Says that something else is where the backup directory should be, and the remedy.
fn no_directory(path: &std::path::Path) -> String {
    format!(
        "{} is not a directory: move it away, or name another directory in backups.target",
        path.display()
    )
}

/// Creates the directory of the default target. A directory named by the operator must exist.
pub(crate) fn make_default_directory(config: &Config) -> Result<()> {
    match &config.backups.target {
        BackupTarget::Directory(path) if *path == config.platform.data_dir.join("backups") => {
            std::fs::create_dir_all(path).map_err(|error| match path.symlink_metadata() {
                Ok(meta) if !meta.is_dir() => Error::invalid("backups.target", no_directory(path)),
                _ => Error::io(path.display(), &error),
            })
        }
        _ => Ok(()),
    }
}
