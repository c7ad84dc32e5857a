//! `check`: compares models with migrations, and migrations with every database, and finds references to rows of other
//! stores that no longer exist.
//!
//! The platform calls it for the command line. It only reads, one database after the other. A database that cannot be
//! read does not stop the check. Findings are reported as they are found.

pub use super::finding::{Finding, What};

use super::{
    followed::{dangling, disagreeing},
    placed::{last_tenant, placed_tenants, places},
};
use crate::{
    apps::Apps,
    control::Control,
    error::{Error, Result},
    moves::superseded::is_superseded,
    records::depends_on,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use tenantry_engine::{
    Engine, Kind, Script, Session,
    migration::Migration,
    model::{FieldKind, Model},
    name::{FieldName, PhysicalName, ServerName, Slug, StoreName, TenantId},
    place::Place,
    schema::Schema,
};

/// Number of tenants read from the catalog in one page.
const PAGE: i64 = 1_000;

/// A checker for one set of apps. `systems` are the places of the system stores.
pub struct Checker<'a> {
    engine: &'a Engine,
    apps: &'a Apps,
    systems: HashMap<StoreName, Place>,
    schemas: HashMap<StoreName, Arc<Schema>>,
    scripts: HashMap<StoreName, Arc<Script>>,
    /// Databases and stores that were already checked, and whether they are current. Pooled tenants share a database.
    inspected: HashMap<Database, bool>,
    /// Pools that could not be read. Each pool is reported once.
    unreadable: HashSet<Database>,
    pages: bool,
}

impl<'a> Checker<'a> {
    /// Creates a checker. Opens no database yet.
    ///
    /// # Errors
    /// Returns [`Error::Engine`] for models and migrations that do not compile.
    pub fn new(engine: &'a Engine, apps: &'a Apps, systems: Vec<Place>) -> Result<Self> {
        let all = apps.models().to_vec();
        let schema = |store: &StoreName| {
            let schema = Schema::new(store.clone(), all.clone(), apps.migrations())?;
            Ok((store.clone(), Arc::new(schema)))
        };
        let schemas = apps.stores().iter().map(|s| schema(&s.store)).collect::<Result<_>>()?;
        let systems = systems.into_iter().map(|place| (place.store.clone(), place)).collect();
        Ok(Self {
            engine,
            apps,
            systems,
            schemas,
            scripts: HashMap::new(),
            inspected: HashMap::new(),
            unreadable: HashSet::new(),
            pages: true,
        })
    }

    /// Sets whether to skip the check of every page and every value of every database, which takes as long as reading
    /// them.
    #[must_use]
    pub fn without_pages(mut self, without: bool) -> Self {
        self.pages = !without;
        self
    }

    /// Compares models with migrations, then checks every system store.
    ///
    /// # Errors
    /// Returns the errors of the catalog. `tell` receives each fault that is found.
    pub async fn platform(&mut self, mut tell: impl FnMut(Finding)) -> Result<()> {
        for app in self.apps.unmigrated() {
            tell(Finding { place: None, tenant: None, what: What::ModelsChanged(app.to_string()) });
        }
        for (file, id) in self.apps.unknown_texts() {
            let what = What::UnknownText { file: file.clone(), id: id.clone() };
            tell(Finding { place: None, tenant: None, what });
        }
        for place in self.systems.values().cloned().collect::<Vec<_>>() {
            self.place(None, std::slice::from_ref(&place), &place, &mut tell).await;
        }
        Ok(())
    }

    /// Checks every tenant that has databases in the catalog, or only one. Returns the number of tenants checked. `at`
    /// receives the number checked so far and the total.
    ///
    /// # Errors
    /// Returns the errors of the catalog. `tell` receives each fault that is found.
    pub(crate) async fn tenants(
        &mut self,
        control: &Control,
        only: Option<TenantId>,
        mut tell: impl FnMut(Finding),
        mut at: impl FnMut(u64, u64),
    ) -> Result<u64> {
        let (mut checked, total) = (0, placed_tenants(control, only).await?);
        at(checked, total);
        let last = match only {
            Some(only) => only.get(),
            None => last_tenant(control).await?,
        };
        let mut first = only.map_or(1, TenantId::get);
        while first <= last {
            let end = last.min(first.saturating_add(PAGE - 1));
            for (slug, places) in places(control, first, end).await? {
                self.tenant(&slug, &places, &mut tell).await;
                self.fences(control, (&slug, &places), &mut tell).await?;
                checked += 1;
                at(checked, total);
            }
            first = end + 1;
        }
        Ok(checked)
    }

    /// Checks every place of one tenant. `places` must be all places of the tenant, so that references between its
    /// stores can be followed.
    async fn tenant(&mut self, slug: &Slug, places: &[Place], tell: &mut impl FnMut(Finding)) {
        for place in places {
            self.place(Some(slug), places, place, tell).await;
        }
    }

    /// Finds places that are fenced although no operation is open on their tenant.
    async fn fences(
        &self,
        control: &Control,
        (slug, places): (&Slug, &[Place]),
        tell: &mut impl FnMut(Finding),
    ) -> Result<()> {
        for place in places {
            if is_superseded(self.engine, control, place).await? {
                tell(Finding { place: Some(place.clone()), tenant: Some(slug.clone()), what: What::Fenced });
            }
        }
        Ok(())
    }

    async fn place(
        &mut self,
        slug: Option<&Slug>,
        all: &[Place],
        place: &Place,
        tell: &mut impl FnMut(Finding),
    ) {
        if self.unreadable.contains(&key(place)) {
            return;
        }
        let mut found = Vec::new();
        self.contents(all, place, &mut |what| found.push(what)).await;
        let mut about = (place.clone(), slug.cloned());
        if place.isolation.is_pooled() && self.is_lost_pool(place, &found).await {
            self.unreadable.insert(key(place));
            let host = self.systems.values().find(|host| is_same_file(host, place));
            about = (host.cloned().unwrap_or_else(|| pool_of(place)), None);
        }
        for what in found {
            tell(Finding { place: Some(about.0.clone()), tenant: about.1.clone(), what });
        }
    }

    /// Returns true if the findings about one tenant of a pool mean that the whole pool is lost.
    async fn is_lost_pool(&self, place: &Place, found: &[What]) -> bool {
        for what in found {
            let is_lost = match what {
                What::Unreadable("database_damaged" | "no_database" | "disk_failed", _) => true,
                What::NotItsOwn => !matches!(self.engine.unusable(&pool_of(place)).await, Ok(None)),
                _ => false,
            };
            if is_lost {
                return true;
            }
        }
        false
    }

    async fn contents(&mut self, all: &[Place], place: &Place, tell: &mut impl FnMut(What)) {
        match self.definitions(place, tell).await {
            // References can only be checked if the schema is current.
            Ok(true) => {}
            Ok(false) => return,
            Err(Error::Engine(error)) if *error.kind() == Kind::WrongIdentity => {
                return tell(What::NotItsOwn);
            }
            Err(error) => return tell(What::Unreadable(error.code(), error.to_string())),
        }
        if self.pages
            && let Err(error) = self.rows(place, tell).await
        {
            tell(What::Unreadable(error.code(), error.to_string()));
        }
        if let Err(error) = self.references(all, place, tell).await {
            tell(What::Unreadable(error.code(), error.to_string()));
        }
        if let Err(error) = self.dependences(all, place, tell).await {
            tell(What::Unreadable(error.code(), error.to_string()));
        }
    }

    /// Checks ledger and definitions. Returns true if no migration is pending.
    async fn definitions(&mut self, place: &Place, tell: &mut impl FnMut(What)) -> Result<bool> {
        let key = key(place);
        if let Some(is_current) = self.inspected.get(&key) {
            return Ok(*is_current);
        }
        let migrations: &[Migration] = self.apps.migrations();
        let found = self.engine.inspect(place, migrations).await?;
        found.drift.into_iter().for_each(|drift| tell(What::Drift(drift)));
        if !found.undeclared.is_empty() {
            tell(What::Undeclared(found.undeclared));
        }
        if !found.unknown.is_empty() {
            tell(What::Unknown(found.unknown));
        }
        if self.pages {
            self.engine.check_pages(place).await?;
        }
        let is_current = found.pending.is_empty();
        if !is_current {
            tell(What::Pending(found.pending));
        } else if self.pages {
            let script = self.script(place)?;
            let faults = self.engine.check_search(place, &script).await?;
            faults.into_iter().for_each(|fault| tell(What::Contents(fault)));
        }
        self.inspected.insert(key, is_current);
        Ok(is_current)
    }

    /// Checks the counters and the values of the place.
    async fn rows(&mut self, place: &Place, tell: &mut impl FnMut(What)) -> Result<()> {
        let script = self.script(place)?;
        let faults = self.engine.check_rows(place, &script).await?;
        faults.into_iter().for_each(|fault| tell(What::Contents(fault)));
        Ok(())
    }

    fn script(&mut self, place: &Place) -> Result<Arc<Script>> {
        if let Some(script) = self.scripts.get(&place.store) {
            return Ok(script.clone());
        }
        let script = Arc::new(Script::new(&place.store, self.apps.migrations())?);
        self.scripts.insert(place.store.clone(), script.clone());
        Ok(script)
    }

    async fn references(&self, all: &[Place], place: &Place, tell: &mut impl FnMut(What)) -> Result<()> {
        for (model, field, to) in self.crossing(&place.store) {
            let target =
                all.iter().find(|other| other.store == to.store).or_else(|| self.systems.get(&to.store));
            // A store in which this tenant has no database has no rows to which the field could refer.
            let Some(target) = target else { continue };
            let (from, into) = (self.session(place).await?, self.session(target).await?);
            let ids = dangling(&from, model, &field, &into, to).await?;
            if !ids.is_empty() {
                tell(What::Dangling { model: model.name.clone(), field, to: to.name.clone(), ids });
            }
        }
        Ok(())
    }

    async fn dependences(&self, all: &[Place], place: &Place, tell: &mut impl FnMut(What)) -> Result<()> {
        for model in self.apps.models().iter().filter(|model| model.store == place.store) {
            for rule in depends_on(model, self.apps.models()) {
                let Some(to) = self.apps.model(rule.to.as_str()) else { continue };
                let target = all.iter().find(|other| other.store == to.store);
                let Some(target) = target.or_else(|| self.systems.get(&to.store)) else { continue };
                let (from, into) = (self.session(place).await?, self.session(target).await?);
                let (count, ids) = disagreeing(&from, model, &rule, &into).await?;
                if count > 0 {
                    tell(What::Disagreeing { model: model.name.clone(), rule, count, ids });
                }
            }
        }
        Ok(())
    }

    /// Returns the fields of a store's models that refer to models of other stores, including overrides.
    fn crossing(&self, store: &StoreName) -> Vec<(&'a Model, FieldName, &'a Model)> {
        let mut found = Vec::new();
        for model in self.apps.models().iter().filter(|model| model.store == *store) {
            for field in &model.fields {
                let target = match &field.kind {
                    FieldKind::Ref { to, .. } => self.apps.model(to.as_str()),
                    _ if field.name.as_str() == "shared_id" => self.overridden(model),
                    _ => None,
                };
                if let Some(target) = target.filter(|target| target.store != *store) {
                    found.push((&**model, field.name.clone(), &**target));
                }
            }
        }
        found
    }

    /// Returns the shared model whose overrides this automatic model stores.
    fn overridden(&self, model: &Model) -> Option<&'a Arc<Model>> {
        let own = |shared: &&Arc<Model>| shared.override_model().is_some_and(|auto| auto.name == model.name);
        self.apps.models().iter().find(own)
    }

    async fn session(&self, place: &Place) -> Result<Session> {
        let missing = || Error::Internal(format!("store {} has no schema", place.store));
        let schema = self.schemas.get(&place.store).ok_or_else(missing)?;
        Ok(self.engine.session(place, schema).await?)
    }
}

/// A store in a database: server, physical name, store.
type Database = (ServerName, PhysicalName, StoreName);

/// Returns the place of the pool itself.
fn pool_of(place: &Place) -> Place {
    Place { tenant: None, generation: 1, ..place.clone() }
}

fn is_same_file(one: &Place, other: &Place) -> bool {
    (&one.server, &one.physical) == (&other.server, &other.physical)
}

fn key(place: &Place) -> Database {
    (place.server.clone(), place.physical.clone(), place.store.clone())
}
