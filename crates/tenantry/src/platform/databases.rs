//! Creates, migrates and removes the databases of placements, for operations and migration runs.
//!
//! This is the only place where the platform's schema meets the engine's provisioning. It decides nothing: placements
//! come from the catalog. Every function may be repeated, also after a crash midway and by two workers at once.

use crate::{
    Error, Result,
    apps::Apps,
    config::{Config, Scope, StoreConfig},
};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tenantry_engine::{
    Kind, Script, Template,
    engine::{Engine, Prepared},
    name::{AppName, PhysicalName, ServerName, StoreName},
    place::{EngineKind, Isolation, Place},
    schema::Schema,
};

/// The databases of the platform and what they are created from. Cheap to clone.
#[derive(Clone)]
pub struct Databases(Arc<Inner>);

struct Inner {
    engine: Engine,
    apps: Arc<Apps>,
    templates: HashMap<StoreName, Template>,
    schemas: HashMap<StoreName, Arc<Schema>>,
    /// Places of system stores.
    system: HashMap<StoreName, Place>,
    /// Database software of each server.
    servers: HashMap<ServerName, EngineKind>,
    /// Migrations of each store, compiled on first use: a typical process needs few of them.
    scripts: Mutex<HashMap<StoreName, Arc<Script>>>,
}

impl Databases {
    /// Compiles the schemas and templates of all stores. Accesses no disk.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] or [`Error::Engine`] if models or migrations do not compile.
    pub fn new(engine: Engine, config: &Config, apps: Arc<Apps>) -> Result<Self> {
        let mut templates = HashMap::new();
        for store in config.stores_of(Scope::Tenant) {
            templates.insert(store.name.clone(), Template::new(&store.name, apps.migrations())?);
        }
        let schemas = schemas(config, &apps)?;
        let system = config.stores_of(Scope::System).map(|s| Ok((s.name.clone(), platform_place(s)?)));
        let system = system.collect::<Result<_>>()?;
        let servers = config.servers.iter().map(|server| (server.name.clone(), server.engine())).collect();
        let scripts = Mutex::default();
        Ok(Self(Arc::new(Inner { engine, apps, templates, schemas, system, servers, scripts })))
    }

    /// Returns the database software of the server of `place`.
    ///
    /// # Errors
    /// Returns the errors of [`Engine::kind_of`] for a server that is not in the configuration.
    pub(crate) async fn engine_of(&self, place: &Place) -> Result<EngineKind> {
        match self.0.servers.get(&place.server) {
            Some(kind) => Ok(*kind),
            None => Ok(self.0.engine.kind_of(&place.server).await?),
        }
    }

    /// Returns the engine that opens all databases.
    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Returns the compiled models of a store.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for a store that is not in the configuration.
    pub(crate) fn schema(&self, store: &StoreName) -> Result<Arc<Schema>> {
        self.0.schemas.get(store).cloned().ok_or(Error::NotFound("store"))
    }

    /// Returns the compiled migrations of a store.
    pub(crate) fn script(&self, store: &StoreName) -> Result<Arc<Script>> {
        let mut scripts = self.0.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(script) = scripts.get(store) {
            return Ok(script.clone());
        }
        let script = Arc::new(Script::new(store, self.0.apps.migrations())?);
        scripts.insert(store.clone(), script.clone());
        Ok(script)
    }

    /// Returns the installed apps.
    pub(crate) fn apps(&self) -> &Arc<Apps> {
        &self.0.apps
    }

    /// Returns the place of a system store, or `None` for a store of tenants.
    pub(crate) fn system_place(&self, store: &StoreName) -> Option<Place> {
        self.0.system.get(store).cloned()
    }

    /// Returns the system store whose database holds this pooled place (`pooled_in`).
    pub(crate) fn host_of(&self, place: &Place) -> Option<&StoreName> {
        let same = |host: &&Place| (&host.server, &host.physical) == (&place.server, &place.physical);
        let host = self.0.system.values().find(same)?;
        Some(&host.store).filter(|_| place.isolation.is_pooled())
    }

    /// Returns the fingerprint of the store's schema in this program.
    pub(crate) fn fingerprint(&self, store: &StoreName) -> Result<String> {
        let schema = self.0.apps.store(store).ok_or(Error::NotFound("store"))?;
        Ok(schema.fingerprint.clone())
    }

    /// Creates the database of `place` durably with the current schema (pooled: enrols the tenant). Returns the
    /// fingerprint of that schema. If the database exists, only checks that it belongs to this place.
    pub(crate) async fn make(&self, place: &Place) -> Result<String> {
        match place.isolation {
            Isolation::Pooled => self.0.engine.enrol(place).await?,
            Isolation::Schema | Isolation::Database => {
                self.0.engine.provision(place, self.template(&place.store)?).await?
            }
        }
        self.fingerprint(&place.store)
    }

    /// Begins [`Self::make`] for a tenant's own database under a name that nothing looks up yet; see
    /// [`Engine::prepare`].
    pub(crate) fn prepare(&self, place: &Place) -> Result<Option<Prepared>> {
        match place.isolation {
            Isolation::Pooled => Ok(None),
            Isolation::Schema | Isolation::Database => {
                Ok(Some(self.0.engine.prepare(place, self.template(&place.store)?)?))
            }
        }
    }

    /// Does the work of [`Self::make`], using the database that [`Self::prepare`] began.
    pub(crate) async fn make_prepared(&self, place: &Place, prepared: Option<Prepared>) -> Result<String> {
        if place.isolation.is_pooled() {
            return self.make(place).await;
        }
        self.0.engine.provision_prepared(place, self.template(&place.store)?, prepared).await?;
        self.fingerprint(&place.store)
    }

    /// Migrates a store's pool. Creates the pool first if its first tenant is about to be placed there.
    pub(crate) async fn make_pool(&self, pool: &Place) -> Result<()> {
        if !self.exists(pool).await? {
            self.0.engine.create_system(pool).await?;
        }
        let script = self.script(&pool.store)?;
        self.0.engine.migrate_with(pool, &script).await?;
        Ok(())
    }

    /// Removes the database of `place` (pooled: the tenant's rows) if it carries this place's identity. A missing
    /// database is not an error. A database with another identity stays as it is.
    pub(crate) async fn remove(&self, place: &Place) -> Result<()> {
        match place.isolation {
            Isolation::Pooled => self.withdraw_if_ours(place).await,
            Isolation::Schema | Isolation::Database => self.drop_if_ours(place).await,
        }
    }

    /// Removes the database of a placement for good, in whatever state it is. This is safe because its name is never
    /// reused (`no-reuse`). A database that holds another tenant, or a path that is not a file, is an error and stays.
    pub(crate) async fn purge(&self, place: &Place) -> Result<()> {
        if place.isolation.is_pooled() {
            return self.withdraw_if_ours(place).await;
        }
        match self.0.engine.unusable(place).await {
            Ok(Some(error)) if matches!(error.kind(), Kind::Io | Kind::NoAccess) => Err(error.into()),
            Ok(Some(error)) if self.holds_another(place, &error).await => Err(error.into()),
            Err(error)
                if matches!(
                    error.kind(),
                    Kind::Busy | Kind::DiskFull | Kind::Unreachable | Kind::InDoubt
                ) =>
            {
                Err(error.into())
            }
            _ => Ok(self.0.engine.drop_database(place).await?),
        }
    }

    /// Returns true if the path certainly holds something other than the remains of this database: a database that
    /// names another tenant, a directory or a link.
    pub(crate) async fn holds_another(&self, place: &Place, error: &tenantry_engine::Error) -> bool {
        if place.isolation.is_pooled() || *error.kind() != Kind::WrongIdentity {
            return false;
        }
        if !self.0.engine.exists(place).await.unwrap_or(true) {
            return true;
        }
        let ours = place.tenant.map_or(0, |tenant| tenant.get());
        let residents = self.0.engine.residents(&place.server, &place.physical, 2).await;
        residents.is_ok_and(|all| all.iter().any(|resident| resident.tenant != ours))
    }

    /// Returns true if the database exists. Operators' decisions use this; routing never does.
    pub(crate) async fn exists(&self, place: &Place) -> Result<bool> {
        Ok(self.0.engine.exists(place).await?)
    }

    /// Returns the damaged template files, from which new databases would be made.
    pub(crate) async fn damaged_templates(&self) -> Result<Vec<PathBuf>> {
        let mut damaged = vec![];
        for template in self.0.templates.values() {
            damaged.extend(self.0.engine.damaged_templates(template).await?);
        }
        Ok(damaged)
    }

    fn template(&self, store: &StoreName) -> Result<&Template> {
        self.0.templates.get(store).ok_or_else(|| Error::Internal(format!("store {store} has no template")))
    }

    /// Removes a file only if its contents show that it belongs to this place. If a file was in the way when this
    /// database was to be created, it belongs to another tenant, and undoing the creation must not destroy its data.
    async fn drop_if_ours(&self, place: &Place) -> Result<()> {
        match self.0.engine.verify(place).await {
            Ok(()) => Ok(self.0.engine.drop_database(place).await?),
            Err(error) => match error.kind() {
                // A worker killed during the removal may have left the -wal file. Names are never reused, so removing
                // it is safe.
                Kind::Missing => Ok(self.0.engine.drop_database(place).await?),
                Kind::WrongIdentity | Kind::Fenced | Kind::Corrupt | Kind::SchemaBehind => {
                    tracing::warn!(%error, physical = %place.physical, "left alone: not this tenant's database");
                    Ok(())
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Removes the tenant's rows. Rows of another generation belong to a later swap, not to this place.
    async fn withdraw_if_ours(&self, place: &Place) -> Result<()> {
        match self.0.engine.withdraw(place).await {
            Err(error) if *error.kind() == Kind::Fenced => {
                tracing::info!(%error, "left alone: the pool has a later generation");
                Ok(())
            }
            // Without a pool there are no rows.
            Err(error) if *error.kind() == Kind::Missing => Ok(()),
            withdrawn => Ok(withdrawn?),
        }
    }
}

fn schemas(config: &Config, apps: &Apps) -> Result<HashMap<StoreName, Arc<Schema>>> {
    let schema = |store: &StoreConfig| {
        // Every schema needs all models: a reference into another store has the type of its target's key.
        let mut schema = Schema::new(store.name.clone(), apps.models().to_vec(), apps.migrations())?;
        let changed = |app: &&AppName| apps.models().iter().any(|m| m.store == store.name && m.app == **app);
        if let Some(app) = apps.unmigrated().iter().find(changed) {
            schema = schema.unmigrated(format!("models of app `{app}` were changed without a migration"));
        }
        Ok((store.name.clone(), Arc::new(schema)))
    };
    config.stores.iter().map(schema).collect()
}

/// Returns the place of a system store, or of the pool of a pooled tenant store. There is one per installation, and the
/// configuration determines it.
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

/// Returns the pool in which tenants of a store may be placed: the store's own pool, or the pool in a system store's
/// database (`pooled_in`). Returns `None` if every tenant has its own database.
pub(crate) fn pool_place(config: &Config, store: &StoreConfig) -> Result<Option<Place>> {
    match &store.pooled_in {
        _ if store.scope != Scope::Tenant => Ok(None),
        _ if store.isolation.is_pooled() => platform_place(store).map(Some),
        Some(host) => {
            let host = platform_place(config.store(host.as_str()).ok_or(Error::NotFound("store"))?)?;
            Ok(Some(Place { store: store.name.clone(), isolation: Isolation::Pooled, ..host }))
        }
        None => Ok(None),
    }
}

/// Adds a store's pool to the existing database of a system store, and migrates it.
pub(crate) async fn migrate_hosted_pool(engine: &Engine, apps: &Apps, pool: &Place) -> Result<()> {
    engine.enrol(pool).await?;
    engine.migrate(pool, apps.migrations()).await?;
    Ok(())
}

/// Migrates one of the platform's own databases to the current schema, and creates it if it does not exist.
pub(crate) async fn migrate_platform_store(
    engine: &Engine,
    apps: &Apps,
    place: &Place,
) -> tenantry_engine::Result<bool> {
    engine.create_system(place).await?;
    Ok(!engine.migrate(place, apps.migrations()).await?.applied.is_empty())
}
