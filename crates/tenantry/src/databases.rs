//! Makes, keeps current and removes databases of placements, for operations and migration runs.
//!
//! The only place where the platform's schema meets the engine's provisioning. It decides nothing:
//! placements come from the catalog.

use crate::{
    Error, Result,
    apps::Apps,
    config::{Config, Scope, StoreConfig},
    operations::Databases,
};
use futures_util::future::BoxFuture;
use std::{collections::HashMap, sync::Arc};
use tenantry_engine::{
    Kind,
    engine::{Engine, Template},
    name::{PhysicalName, StoreName},
    place::{Isolation, Place},
};

/// What a store's databases are made from.
pub(crate) struct Schemas {
    engine: Engine,
    apps: Arc<Apps>,
    templates: HashMap<StoreName, Template>,
}

impl Schemas {
    pub(crate) fn new(engine: Engine, config: &Config, apps: Arc<Apps>) -> Result<Self> {
        let mut templates = HashMap::new();
        for store in config.stores_of(Scope::Tenant).filter(|s| s.isolation == Isolation::Database) {
            templates.insert(store.name.clone(), engine.template(&store.name, apps.migrations())?);
        }
        Ok(Self { engine, apps, templates })
    }

    fn template(&self, store: &StoreName) -> Result<&Template> {
        self.templates.get(store).ok_or_else(|| Error::Internal(format!("store {store} has no template")))
    }

    fn fingerprint(&self, store: &StoreName) -> Result<String> {
        let schema = self.apps.store(store).ok_or(Error::NotFound("store"))?;
        Ok(schema.fingerprint.clone())
    }
}

impl Schemas {
    /// Removes a file only when what is inside says that it is this place's. What was in the way when
    /// the database was to be made belongs to somebody: undoing that must not cost them their data.
    async fn drop_if_ours(&self, place: &Place) -> Result<()> {
        match self.engine.verify(place).await {
            Ok(()) => Ok(self.engine.drop_database(place).await?),
            Err(error) => match error.kind() {
                Kind::Missing => Ok(()),
                Kind::WrongIdentity | Kind::Fenced | Kind::Corrupt | Kind::SchemaBehind => {
                    tracing::warn!(%error, physical = %place.physical, "left alone: not this tenant's database");
                    Ok(())
                }
                _ => Err(error.into()),
            },
        }
    }
}

impl Databases for Schemas {
    fn make<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            match place.isolation {
                Isolation::Pooled => self.engine.enrol(place).await?,
                Isolation::Database => self.engine.provision(place, self.template(&place.store)?).await?,
            }
            self.fingerprint(&place.store)
        })
    }

    fn remove<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match place.isolation {
                Isolation::Pooled => self.engine.withdraw(place).await?,
                Isolation::Database => self.drop_if_ours(place).await?,
            }
            Ok(())
        })
    }

    fn exists<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(self.engine.exists(place)?) })
    }
}

/// The place of a system store, or of the pool of a pooled tenant store: fixed by the configuration,
/// one for the platform.
pub(crate) fn platform_place(store: &StoreConfig) -> Result<Place> {
    Ok(Place {
        server: store.servers.first().cloned().ok_or(Error::NotFound("server"))?,
        store: store.name.clone(),
        isolation: store.isolation,
        physical: PhysicalName::parse(&store.template.base())?,
        tenant: None,
        generation: 1,
    })
}

/// The pool where tenants of a store may lie: the store's own, or the one it has in a system store's
/// database (`pooled_in`). None: every tenant has a database of its own.
pub(crate) fn pool_place(config: &Config, store: &StoreConfig) -> Result<Option<Place>> {
    match &store.pooled_in {
        _ if store.scope != Scope::Tenant => Ok(None),
        _ if store.isolation == Isolation::Pooled => platform_place(store).map(Some),
        Some(host) => {
            let host = platform_place(config.store(host.as_str()).ok_or(Error::NotFound("store"))?)?;
            Ok(Some(Place { store: store.name.clone(), isolation: Isolation::Pooled, ..host }))
        }
        None => Ok(None),
    }
}

/// Makes room for a store's pool in a system store's database, which is there, and keeps it current.
pub(crate) async fn migrate_hosted_pool(engine: &Engine, apps: &Apps, pool: &Place) -> Result<()> {
    engine.enrol(pool).await?;
    engine.migrate(pool, apps.migrations()).await?;
    Ok(())
}

/// Brings one database of the platform's own to the current schema, making it if it is not there.
pub(crate) async fn migrate_platform_store(engine: &Engine, apps: &Apps, store: &StoreConfig) -> Result<()> {
    let place = platform_place(store)?;
    engine.create_system(&place).await?;
    engine.migrate(&place, apps.migrations()).await?;
    Ok(())
}
