//! Services that the verbs and operations of backups use: their configuration, the backup store, the last status.
//!
//! Created once for an installation. It opens nothing before it is needed.

use super::{Store, status::Remembered};
use crate::{
    Error, Result,
    config::{BackupsConfig, Config, ObjectTarget, Scope},
    platform::databases::platform_place,
};
use std::sync::{Arc, OnceLock};
use tenantry_engine::place::Place;

/// The services of backups. Cheap to clone.
#[derive(Clone)]
pub(crate) struct BackupService(Arc<Inner>);

struct Inner {
    config: BackupsConfig,
    /// Number of days for which the backups of a purged tenant are retained; 0 if they are removed with the tenant.
    purged_days: u32,
    /// Places of the platform's own databases.
    system: Vec<Place>,
    /// True if the target is a directory inside the data directory.
    inside: bool,
    store: OnceLock<Store>,
    /// Id of the installation, once known.
    platform_id: OnceLock<String>,
    status: Remembered,
}

impl BackupService {
    /// Creates the services. It opens nothing, because an unreachable backup store must not prevent the platform from
    /// starting.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let system = config.stores_of(Scope::System).map(platform_place).collect::<Result<_>>()?;
        Ok(Self(Arc::new(Inner {
            config: config.backups.clone(),
            purged_days: config.retention.backups_days,
            system,
            inside: is_inside(config),
            store: OnceLock::new(),
            platform_id: OnceLock::new(),
            status: Remembered::default(),
        })))
    }

    /// Returns the configuration of backups.
    pub(crate) fn config(&self) -> &BackupsConfig {
        &self.0.config
    }

    /// Returns the number of days for which the backups of a purged tenant are retained; 0 if they are removed with the
    /// tenant.
    pub(crate) fn purged_days(&self) -> u32 {
        self.0.purged_days
    }

    /// Returns the backup store, and opens it on first use. Its directory must exist.
    pub(crate) fn store(&self) -> Result<&Store> {
        if let Some(store) = self.0.store.get() {
            return Ok(store);
        }
        let store = Store::open(&self.0.config.target)?;
        Ok(self.0.store.get_or_init(|| store))
    }

    /// Opens the backup store again. A store that is already open does not notice that its directory is gone, and would
    /// report every backup in it as missing.
    pub(crate) fn fresh_store(&self) -> Result<Store> {
        Store::open(&self.0.config.target)
    }

    /// Sets the id of the installation, which is known only once the catalog is open.
    pub(crate) fn begin(&self, platform_id: String) {
        // Only the platform calls this, once, when it opens.
        drop(self.0.platform_id.set(platform_id));
    }

    /// Returns the id of the installation, which its databases carry too.
    pub(super) fn platform_id(&self) -> Result<&str> {
        let id = self.0.platform_id.get().map(String::as_str);
        id.ok_or_else(|| Error::Internal("backups before the platform is open".into()))
    }

    pub(super) fn system(&self) -> &[Place] {
        &self.0.system
    }

    pub(super) fn is_inside(&self) -> bool {
        self.0.inside
    }

    pub(super) fn remembered(&self) -> &Remembered {
        &self.0.status
    }
}

/// Returns true if the target is a directory inside the data directory.
fn is_inside(config: &Config) -> bool {
    let ObjectTarget::Directory(path) = &config.backups.target else { return false };
    let rest = path.strip_prefix(&config.platform.data_dir);
    rest.is_ok_and(|rest| !rest.components().any(|part| part == std::path::Component::ParentDir))
}
