//! Replaces the loaded apps by the current contents of their folders.

use super::{
    loaded::{Loaded, load_apps},
    own_stores::{first_refusal, prepare_stores},
};
use crate::{Error, Platform, Result, apps::Apps, topology::versions};
use std::sync::Arc;
use tenantry_engine::name::StoreName;

/// Result of a reload.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reloaded {
    /// Schema version of each store.
    pub stores: Vec<(StoreName, String)>,
    /// True if at least one version changed.
    pub changed: bool,
}

impl Platform {
    /// Loads the apps again from their folders, migrates the system stores, and uses the new apps for every request and
    /// operation that begins from now on. Running ones continue with the apps with which they began. The configuration
    /// itself is not read again.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] when the apps cannot be loaded or have changes without a migration. The previous apps
    /// then stay in use.
    pub async fn reload(&self) -> Result<Reloaded> {
        let _turn = self.0.reloading.lock().await;
        let config = self.0.config.clone();
        let loading = tokio::task::spawn_blocking(move || load_apps(&config));
        let apps = loading.await.map_err(|e| Error::Internal(format!("loading apps: {e}")))??;
        apps.require_migrated()?;
        let before = self.loaded();
        let loaded = Loaded::new(&self.0.engine, &self.0.config, apps, Some(&before))?;
        let (engine, control, behind) = (&self.0.engine, &self.0.control, self.migrations().refused().await);
        if let Some(refused) = first_refusal(engine, &self.0.config, &loaded.apps, control, &behind).await? {
            return Err(Error::Conflict(refused.to_string()));
        }
        let refused = prepare_stores(engine, &self.0.config, &loaded.apps, control).await?;
        refused.iter().for_each(|refused| tracing::error!("{refused}"));
        self.0.behind.store(Arc::new(refused));
        versions::register(&self.0.control, loaded.apps.stores()).await?;
        let stores = version_list(&loaded.apps);
        let changed = stores != version_list(&before.apps);
        self.0.operations.use_databases(loaded.databases.clone());
        self.0.loaded.store(Arc::new(loaded));
        tracing::info!(changed, "apps reloaded");
        Ok(Reloaded { stores, changed })
    }
}

impl Platform {
    /// Creates and migrates pools whose server did not answer when the apps were loaded and answers now.
    pub(crate) async fn prepare_pools(&self) -> Result<()> {
        if !self.0.behind.load().iter().any(|refused| refused.is_away) {
            return Ok(());
        }
        let _turn = self.0.reloading.lock().await;
        let loaded = self.loaded();
        let refused = prepare_stores(&self.0.engine, &self.0.config, &loaded.apps, &self.0.control).await?;
        self.0.behind.store(Arc::new(refused));
        Ok(())
    }
}

fn version_list(apps: &Apps) -> Vec<(StoreName, String)> {
    apps.stores().iter().map(|schema| (schema.store.clone(), schema.fingerprint.clone())).collect()
}
