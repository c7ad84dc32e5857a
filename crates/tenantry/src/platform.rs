//! The platform: one value that owns configuration, catalog, engine and files, handed on and never
//! global. Commands, the HTTP server and embedding programs all start here.

use crate::{
    Error, Result,
    access::Access,
    apps::Apps,
    config::{Config, Scope as StoreScope, StoreConfig},
    control::Control,
    databases::{Databases, migrate_hosted_pool, migrate_platform_store, platform_place, pool_place},
    in_use::InUse,
    operations::{Operations, World},
    records::{Between, Leaving, Records, Referrer, Scope, files::Files},
    reroute::Making,
    topology::Topology,
};
use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tenantry_engine::{
    Descriptors,
    engine::{CacheLimits, Engine, ServerSpec, WorkLimits},
    model::{FieldKind, Model},
    place::{Isolation, Place},
    row::json::JsonKeys,
    sqlite::plan::Schema,
};

/// How long opening waits for what a crash left.
const RECOVERY: Duration = Duration::from_secs(10);

/// One installation, open. Cheap to clone.
#[derive(Clone)]
pub struct Platform(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) apps: Arc<Apps>,
    pub(crate) engine: Engine,
    pub(crate) control: Control,
    pub(crate) topology: Topology,
    pub(crate) access: Access,
    pub(crate) operations: Operations,
    pub(crate) making: Making,
    pub(crate) files: Files,
    pub(crate) databases: Databases,
    pub(crate) world: World,
    pub(crate) models: HashMap<String, ModelEntry>,
    /// Found by the last background pass over them.
    pub(crate) orphans: AtomicU64,
    pub(crate) exports: crate::export::Running,
    pub(crate) between: Arc<Between>,
    _in_use: InUse,
}

/// What every request on a model needs, made once.
pub(crate) struct ModelEntry {
    pub(crate) model: Arc<Model>,
    pub(crate) schema: Arc<Schema>,
    /// Lives in a system store; `place` says where. Else the tenant's placement says.
    pub(crate) system: bool,
    /// Keeps a shared model's overrides: reached through that model only.
    pub(crate) automatic: bool,
    pub(crate) place: Option<Place>,
    /// JSON keys of all columns.
    pub(crate) keys: JsonKeys,
    /// Fields of other stores that refer to this model.
    pub(crate) referrers: Vec<Referrer>,
    pub(crate) leaving: Arc<Leaving>,
}

impl Platform {
    /// Opens the installation: makes its directories and system stores if they are not there, brings
    /// the system stores to the current schema, and finishes or undoes what a crash left (M4, M7).
    /// What takes long of that goes on while the platform is in use. Tenant databases are not touched.
    pub async fn open(config: Config) -> Result<Self> {
        let platform = Self::open_to_look(config).await?;
        platform.0.operations.recover_for(RECOVERY).await?;
        Ok(platform)
    }

    /// The same without finishing or undoing anything: to look at operations, or to cancel one.
    pub async fn open_to_look(config: Config) -> Result<Self> {
        let apps = Apps::load(&config).map_err(|e| Error::invalid("apps", e.to_string()))?;
        let in_use = InUse::together(&config)?;
        let engine = open_engine(&config)?;
        let control = open_control(&engine, &config).await?;
        crate::backups::make_default_directory(&config)?;
        for store in config.stores.iter().filter(|s| is_platforms(s)) {
            migrate_platform_store(&engine, &apps, store).await?;
        }
        for store in config.stores.iter().filter(|s| s.pooled_in.is_some()) {
            refuse_clash(store, &apps)?;
            if let Some(pool) = pool_place(&config, store)? {
                migrate_hosted_pool(&engine, &apps, &pool).await?;
            }
        }
        let topology = Topology::new(control.clone());
        let access = Access::open(control.clone(), topology.clone(), &config)?;
        let apps = Arc::new(apps);
        let databases = Databases::new(engine.clone(), &config, apps.clone())?;
        let models = entries(&config, &apps, &databases)?;
        let world = World::new(control.clone(), databases.clone(), &config)?;
        let files = world.files.clone();
        let operations = Operations::new(world.clone());
        world.backups.begin(&operations, crate::control::settings::platform_id(&control).await?);
        let between = Arc::new(Between::open(&config)?);
        let inner = Inner {
            config,
            apps,
            engine,
            control,
            topology,
            access,
            operations,
            making: Making::default(),
            files,
            databases,
            world,
            models,
            orphans: AtomicU64::new(0),
            exports: crate::export::Running::default(),
            between,
            _in_use: in_use,
        };
        crate::scratch::sweep(&inner.config);
        Ok(Self(Arc::new(inner)))
    }

    /// The configuration it was opened with.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The installed apps with their models and migrations.
    pub fn apps(&self) -> &Apps {
        &self.0.apps
    }

    /// The control store.
    pub fn control(&self) -> &Control {
        &self.0.control
    }

    /// Who may come in.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// Operations: the journal's list, and what can be done to one.
    pub fn operations(&self) -> &Operations {
        &self.0.operations
    }

    /// Every model that apps declare, sorted by name.
    pub fn models(&self) -> Vec<&Arc<Model>> {
        let declared = self.0.models.values().filter(|entry| !entry.automatic);
        let mut models: Vec<_> = declared.map(|e| &e.model).collect();
        models.sort_by(|a, b| a.name.cmp(&b.name));
        models
    }

    /// The records of a model, for whoever was let in. Unknown and invisible models are both absent.
    pub fn records<'a>(&'a self, scope: impl Into<Scope<'a>>, model: &str) -> Result<Records<'a>> {
        Records::new(&self.0, scope.into(), model)
    }

    /// How the descriptors of this process are shared out.
    pub fn descriptors(&self) -> Descriptors {
        Descriptors::of_process(self.0.config.limits.open_databases)
    }

    /// Closes databases cleanly. Call it last.
    pub async fn shutdown(&self) {
        self.0.engine.shutdown().await;
    }
}

impl Inner {
    pub(crate) fn entry(&self, model: &str) -> Result<&ModelEntry> {
        self.models.get(model).ok_or(Error::NotFound("model"))
    }

    /// Every place a model's store has: one for a system store, one per tenant otherwise.
    pub(crate) async fn places_of_store(&self, entry: &ModelEntry) -> Result<Vec<Place>> {
        match &entry.place {
            Some(place) => Ok(vec![place.clone()]),
            None => crate::topology::places_of_store(&self.control, &entry.model.store).await,
        }
    }
}

pub(crate) fn open_engine(config: &Config) -> Result<Engine> {
    let mut servers = Vec::new();
    for server in &config.servers {
        make_dir(&server.path)?;
        servers.push(ServerSpec { name: server.name.clone(), root: server.path.clone() });
    }
    let limits = &config.limits;
    let cache = CacheLimits { open_databases: Some(limits.open_databases), ..CacheLimits::default() };
    let deadline = Some(std::time::Duration::from_millis(limits.statement_deadline_ms));
    let work = WorkLimits { at_once: Some(limits.blocking_threads), deadline };
    Ok(Engine::open_with(servers, cache, work)?)
}

async fn open_control(engine: &Engine, config: &Config) -> Result<Control> {
    let place = platform_place(config.store("control").ok_or(Error::NotFound("store"))?)?;
    engine.create_system(&place).await?;
    let heads = config.platform.data_dir.join("audit.heads");
    let control = Control::open(engine.system(&place).await?, Some(heads)).await?;
    engine.set_platform(&crate::control::settings::platform_id(&control).await?)?;
    Ok(control)
}

pub(crate) fn make_dir(path: &std::path::Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|e| {
        Error::invalid("platform.data_dir", format!("{} cannot be made, or is none: {e}", path.display()))
    })
}

/// Databases of which there is one: system stores other than control, and pools.
fn is_platforms(store: &StoreConfig) -> bool {
    store.name.as_str() != "control"
        && (store.scope == StoreScope::System || store.isolation == Isolation::Pooled)
}

/// A pool in the control store's database lies beside the catalog, whose tables have names too.
fn refuse_clash(store: &StoreConfig, apps: &Apps) -> Result<()> {
    let in_control = store.pooled_in.as_ref().is_some_and(|host| host.as_str() == "control");
    let models = apps.models().iter().filter(|model| in_control && model.store == store.name);
    match models.map(|model| model.name.as_str()).find(|name| crate::control::has_table(name)) {
        None => Ok(()),
        Some(name) => Err(Error::invalid(
            format!("stores.{}.pooled_in", store.name),
            format!("the catalog has a table `{name}` of its own: name another system store than `control`"),
        )),
    }
}

fn entries(config: &Config, apps: &Apps, databases: &Databases) -> Result<HashMap<String, ModelEntry>> {
    let mut entries = HashMap::new();
    for model in apps.models() {
        let store = config.store(model.store.as_str()).ok_or(Error::NotFound("store"))?;
        let place = match store.scope {
            StoreScope::System => Some(platform_place(store)?),
            StoreScope::Tenant => None,
        };
        let schema = databases.schema(&store.name)?;
        entries.insert(model.name.to_string(), entry(model, &schema, place, apps)?);
    }
    Ok(entries)
}

fn entry(model: &Arc<Model>, schema: &Arc<Schema>, place: Option<Place>, apps: &Apps) -> Result<ModelEntry> {
    let plan = schema.model(model.name.as_str()).ok_or(Error::NotFound("model"))?;
    Ok(ModelEntry {
        model: model.clone(),
        schema: schema.clone(),
        system: place.is_some(),
        automatic: apps.is_automatic(model),
        place,
        keys: plan.keys(&[])?,
        referrers: referrers(model, apps.models().iter()),
        leaving: Arc::default(),
    })
}

/// Fields of models in other stores that refer to this one.
fn referrers<'m>(target: &Model, models: impl Iterator<Item = &'m Arc<Model>>) -> Vec<Referrer> {
    let elsewhere = models.filter(|m| m.store != target.store);
    let refers = elsewhere.flat_map(|model| {
        model.fields.iter().filter_map(|field| match &field.kind {
            FieldKind::Ref { to, .. } if *to == target.name => {
                Some(Referrer { model: model.name.clone(), field: field.name.clone() })
            }
            _ => None,
        })
    });
    refers.collect()
}
