//! Everything compiled from the apps: models, schemas, templates. The value is immutable. A reload creates a new one; a
//! request or operation keeps the value with which it began.
//!
//! The platform creates it when it opens and in [`crate::Platform::reload`].

use crate::{
    Error, Result,
    apps::Apps,
    config::{Config, Scope},
    platform::databases::{Databases, platform_place},
    records::references::{
        dependence::{Dependence, depends_on},
        leaving::Referrer,
    },
    topology::{PlacementState, TenantRecord},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tenantry_engine::{
    SharedStore,
    engine::Engine,
    model::{FieldKind, Grant, Model},
    name::StoreName,
    place::{Isolation, Place},
    row::json::JsonKeys,
    schema::Schema,
};

/// The loaded apps and everything compiled from them.
pub(crate) struct Loaded {
    pub(crate) apps: Arc<Apps>,
    pub(crate) databases: Databases,
    pub(crate) models: HashMap<String, Arc<ModelEntry>>,
    /// Tables of the system stores that a tenant's own SQL may read.
    pub(crate) shared: Arc<[SharedStore]>,
    /// Number of this load. Each reload increases it.
    pub(super) number: u64,
    /// Earlier loads, newest first, for tenants that are not migrated yet.
    before: Vec<Arc<Loaded>>,
}

/// Number of earlier loads retained for tenants that are not migrated yet.
const RETAINED: usize = 2;

/// The facts about a model that every request needs, computed once.
pub(crate) struct ModelEntry {
    pub(crate) model: Arc<Model>,
    pub(crate) schema: Arc<Schema>,
    /// True if the model lives in a system store; `place` then names the database. Otherwise the tenant's placement
    /// does.
    pub(crate) system: bool,
    /// True if the model stores the overrides of a shared model. It is reachable only through that model.
    pub(crate) automatic: bool,
    pub(crate) place: Option<Place>,
    /// JSON keys of all columns.
    pub(crate) keys: JsonKeys,
    /// Fields in other stores that refer to this model.
    pub(crate) referrers: Vec<Referrer>,
    /// References of this model that must agree with another reference in the same row.
    pub(crate) depends: Vec<Dependence>,
}

impl Loaded {
    /// Compiles the apps. Accesses no disk. `before` is the load that the new one replaces.
    pub(crate) fn new(engine: &Engine, config: &Config, apps: Apps, before: Option<&Self>) -> Result<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let apps = Arc::new(apps);
        let databases = Databases::new(engine.clone(), config, apps.clone())?;
        let models = entries(config, &apps, &databases)?;
        let shared = shared(config, &models);
        let number = NUMBERS.fetch_add(1, Relaxed);
        let mut loaded = Self { apps, databases, models, shared, number, before: Vec::new() };
        if let Some(before) = before {
            let earlier = std::iter::once(before).chain(before.before.iter().map(|earlier| &**earlier));
            let other = earlier.filter(|earlier| !loaded.has_versions_of(earlier));
            loaded.before = other
                .take(RETAINED)
                .map(|earlier| Arc::new(earlier.with_system_stores_of(&loaded)))
                .collect();
        }
        Ok(loaded)
    }

    /// Returns the load with which to serve a tenant: the one that matches the tenant's databases, otherwise the
    /// newest. A process that holds both versions can thus serve a tenant before and after its migration.
    pub(crate) fn of(self: Arc<Self>, record: &TenantRecord) -> Arc<Self> {
        if self.before.is_empty() || self.fits(&self, record) {
            return self;
        }
        self.before.iter().find(|before| before.fits(&self, record)).cloned().unwrap_or(self)
    }

    /// Returns true if all databases of the tenant are at this version. A pool is always at the version of `newest`.
    fn fits(&self, newest: &Self, record: &TenantRecord) -> bool {
        let mut ready = record.placements.iter().filter(|placement| placement.state == PlacementState::Ready);
        ready.all(|placement| {
            let store = &placement.place.store;
            match placement.place.isolation {
                Isolation::Schema | Isolation::Database => {
                    placement.schema_version.as_deref() == self.version(store)
                }
                Isolation::Pooled => newest.version(store) == self.version(store),
            }
        })
    }

    fn version(&self, store: &StoreName) -> Option<&str> {
        self.apps.store(store).map(|schema| schema.fingerprint.as_str())
    }

    /// Returns true if both loads have the same versions of all tenant stores.
    fn has_versions_of(&self, other: &Self) -> bool {
        let mut stores = self.apps.stores().iter().filter(|schema| schema.scope == Scope::Tenant);
        stores.all(|schema| self.version(&schema.store) == other.version(&schema.store))
    }

    /// Combines this load's tenant stores with the system stores of `newer`, which are already migrated.
    fn with_system_stores_of(&self, newer: &Self) -> Self {
        let own = self.models.iter().filter(|(_, entry)| !entry.system);
        let shared = newer.models.iter().filter(|(_, entry)| entry.system);
        let models = own.chain(shared).map(|(name, entry)| (name.clone(), entry.clone())).collect();
        let (apps, databases, shared) = (self.apps.clone(), self.databases.clone(), newer.shared.clone());
        Self { apps, databases, models, shared, number: self.number, before: Vec::new() }
    }

    /// Returns the model with this name.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when no loaded app has it.
    pub(crate) fn entry(&self, model: &str) -> Result<&ModelEntry> {
        self.models.get(model).map(|entry| &**entry).ok_or(Error::NotFound("model"))
    }
}

/// Loads the apps of the configuration from their folders.
pub(crate) fn load_apps(config: &Config) -> Result<Apps> {
    Apps::load(config).map_err(|e| Error::invalid("apps", e.to_string()))
}

fn entries(config: &Config, apps: &Apps, databases: &Databases) -> Result<HashMap<String, Arc<ModelEntry>>> {
    let mut entries = HashMap::new();
    for model in apps.models() {
        let store = config.store(model.store.as_str()).ok_or(Error::NotFound("store"))?;
        let place = match store.scope {
            Scope::System => Some(platform_place(store)?),
            Scope::Tenant => None,
        };
        let schema = databases.schema(&store.name)?;
        entries.insert(model.name.to_string(), Arc::new(entry(model, &schema, place, apps)?));
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
        depends: depends_on(model, apps.models()),
    })
}

/// Returns the models of system stores that the managers of a tenant may read. Only managers may use SQL.
fn shared(config: &Config, models: &HashMap<String, Arc<ModelEntry>>) -> Arc<[SharedStore]> {
    let manager = config.auth.roles.first();
    let may_read = |grant: &Grant| match grant {
        Grant::Any => true,
        Grant::Platform => false,
        Grant::Role(role) => Some(role) == manager,
    };
    let mut stores: BTreeMap<StoreName, SharedStore> = BTreeMap::new();
    for entry in models.values().filter(|entry| !entry.automatic && entry.model.store.as_str() != "control") {
        let Some(place) = entry.place.as_ref() else { continue };
        if entry.model.permissions.read.iter().any(may_read) {
            let (place, schema) = (place.clone(), entry.schema.clone());
            let new = || SharedStore { place, schema, models: Vec::new() };
            let store = stores.entry(entry.model.store.clone()).or_insert_with(new);
            store.models.push(entry.model.name.clone());
        }
    }
    let mut stores: Vec<_> = stores.into_values().collect();
    stores.iter_mut().for_each(|store| store.models.sort());
    stores.into()
}

/// Returns the fields of models in other stores that refer to `target`.
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
