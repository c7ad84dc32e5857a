//! Moves of tenants: the verbs move, promote, demote, back and release, behind the commands and the staff API.
//!
//! The configuration and the catalog determine the targets; `move_` does the work.

use crate::{
    Error, Platform, Result,
    access::Actor,
    audit::By,
    control::members::Facts,
    moves::{Move, MoveTenant, Purpose, Target, targets::Leg},
    platform::data_dir::in_use,
    tenants,
    topology::{
        Placement, PlacementState, Policy, placement, swap,
        versions::{self, Version},
    },
};
use tenantry_engine::{
    name::{ServerName, Slug, StoreName, TenantId},
    place::{Isolation, Place},
};

/// The stores of a tenant that are in use.
pub(crate) struct Stores {
    pub(crate) tenant: TenantId,
    pub(crate) slug: Slug,
    pub(crate) ready: Vec<Placement>,
    /// Stores with external databases, which the tenant provides.
    pub(crate) brought: Vec<StoreName>,
}

impl Stores {
    /// Returns the error for a request with nothing to do. It mentions external databases, which the platform cannot
    /// move.
    pub(crate) fn nothing(&self, why: &str) -> Error {
        let names: Vec<_> = self.brought.iter().map(StoreName::as_str).collect();
        Error::Conflict(match names.is_empty() {
            true => why.to_owned(),
            false => format!(
                "{why}; the database of {} was brought by its owner, who moves it too",
                names.join(", ")
            ),
        })
    }
}

/// Moves of tenants between servers, pools and own databases.
pub struct Moves<'a> {
    pub(super) platform: &'a Platform,
}

impl Platform {
    /// Returns the moves of tenants: to a server, out of the pool and into it, and back. Also attaches a database, and
    /// falls back to a retained one.
    pub fn moves(&self) -> Moves<'_> {
        Moves { platform: self }
    }
}

impl Moves<'_> {
    /// Moves the tenant's own databases, or only that of one store, to another server while the tenant keeps working.
    /// Rows in a pool move to the pool on that server, if the configuration has a pool there. Returns the operation's
    /// id.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for a server on which the store may not be placed, or that does not support the
    /// requested isolation; [`Error::Conflict`] if there is nothing to move, or another operation is open.
    pub async fn to_server(
        &self,
        actor: &Actor,
        slug: &Slug,
        server: &ServerName,
        target: &Target,
    ) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        let stores = self.stores_of(slug, target.store.as_ref()).await?;
        let (mut legs, mut pooled) = (Vec::new(), false);
        for from in &stores.ready {
            if let Some(leg) = self.on_server(slug, from, server, target.isolation)? {
                legs.push(leg);
            } else if from.place.isolation.is_pooled() && from.place.server != *server {
                pooled = true;
                if target.store.is_some() {
                    let text = format!("{} of {slug} lies in the pool; promote it first", from.place.store);
                    return Err(Error::Conflict(text));
                }
            }
        }
        let nothing = match pooled {
            true => format!("{slug} lies in the pool: promote it to {server} instead"),
            false => format!("{slug} lies on {server} already"),
        };
        self.start(by, Purpose::Move, stores, legs, &nothing).await
    }

    /// Gives a pooled tenant its own schemas or databases, or a tenant with schemas its own databases. They are placed
    /// on the target server if one is given, otherwise on the server with the fewest databases, or on the server of the
    /// schema. Returns the operation's id.
    ///
    /// # Errors
    /// Returns the errors of [`Moves::to_server`].
    pub async fn promote(&self, actor: &Actor, slug: &Slug, target: &Target) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        let stores = self.stores_of(slug, target.store.as_ref()).await?;
        let mut legs = Vec::new();
        for from in &stores.ready {
            legs.extend(self.up(slug, from, target).await?);
        }
        self.start(by, Purpose::Promote, stores, legs, &format!("{slug} has databases of its own already"))
            .await
    }

    /// Moves a tenant's own schemas or databases into the pools, or its databases into schemas. Returns the operation's
    /// id.
    ///
    /// # Errors
    /// Returns the errors of [`Moves::to_server`].
    pub async fn demote(&self, actor: &Actor, slug: &Slug, target: &Target) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        let stores = self.stores_of(slug, target.store.as_ref()).await?;
        let mut legs = Vec::new();
        for from in &stores.ready {
            legs.extend(self.down(slug, from, target)?);
        }
        let there = if target.isolation == Some(Isolation::Schema) { "in schemas" } else { "in the pool" };
        self.start(by, Purpose::Demote, stores, legs, &format!("{slug} is {there} already")).await
    }

    /// Moves a tenant back to where it was before its last move, with everything written since, as long as the former
    /// place is retained. The tenant gets a new copy as in any move, so no write is lost. Returns the operation's id.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] when nothing is retained.
    pub async fn back(&self, actor: &Actor, slug: &Slug, store: Option<&StoreName>) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        let stores = self.stores_of(slug, store).await?;
        let retained = self.platform.0.operations.retained(stores.tenant).await?;
        let mut legs = Vec::new();
        for ready in &stores.ready {
            if let Some(last) = retained.iter().find(|last| last.place.store == ready.place.store) {
                legs.extend(self.like(slug, ready, &last.place)?);
            }
        }
        let nothing = format!("nothing is kept of a move of {slug}: move it to where you want it");
        self.start(by, Purpose::Back, stores, legs, &nothing).await
    }

    /// Removes the databases retained after a tenant's moves and restores, before their retention ends. Returns their
    /// number.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] when nothing is retained, or another operation is open.
    pub async fn release(&self, actor: &Actor, slug: &Slug, store: Option<&StoreName>) -> Result<usize> {
        actor.require_staff()?;
        let by = &actor.by();
        let tenant = self.platform.tenants().id_of(slug).await?;
        let retained = self.platform.0.operations.retained(tenant).await?;
        let wanted: Vec<_> =
            retained.into_iter().filter(|old| store.is_none_or(|store| old.place.store == *store)).collect();
        if wanted.is_empty() {
            return Err(Error::Conflict(format!("nothing is kept of {slug}")));
        }
        let released = wanted.len();
        for old in wanted {
            self.platform.0.operations.release(by, old.place).await?;
        }
        Ok(released)
    }

    pub(super) async fn start(
        &self,
        by: &By,
        purpose: Purpose,
        stores: Stores,
        legs: Vec<Leg>,
        nothing: &str,
    ) -> Result<i64> {
        if legs.is_empty() {
            return Err(stores.nothing(nothing));
        }
        for (from, to) in &legs {
            for placement in stores.ready.iter().filter(|placement| placement.place == *from) {
                self.refuse_other_version(&stores.slug, placement, to.isolation).await?;
            }
            self.refuse_unknown(&to.server).await?;
        }
        let keep_us = self.platform.config().operations.keep_moved_us();
        let Stores { tenant, slug, .. } = stores;
        let wanted = MoveTenant { purpose, tenant, slug, legs, keep_us };
        self.platform.0.operations.spawn(Move::new(by, wanted)).await
    }

    /// Refuses a server that a running process does not know, because that process could not serve the tenant there.
    pub(super) async fn refuse_unknown(&self, server: &ServerName) -> Result<()> {
        let processes = match self.platform.control().members().await? {
            Some(members) => {
                let lacks = |facts: &Facts| !facts.servers.iter().any(|name| name == server.as_str());
                members.into_iter().map(|member| member.facts).filter(lacks).map(|facts| facts.name).collect()
            }
            None => self.started_here_without(server).await?,
        };
        match processes.is_empty() {
            true => Ok(()),
            false => Err(Error::Conflict(format!(
                "a running process was started without server {server} and could not serve the tenant there (process \
                 {}): restart it with the current configuration, then move",
                processes.join(", ")
            ))),
        }
    }

    /// Returns the ids of processes with this data directory that were started without the server.
    async fn started_here_without(&self, server: &ServerName) -> Result<Vec<String>> {
        let (config, server) = (self.platform.config().clone(), server.clone());
        let look = move || in_use::started_without(&config, &server);
        tokio::task::spawn_blocking(look).await.map_err(|e| Error::Internal(e.to_string()))?
    }

    /// Refuses a database with migrations that are unknown here, and one that goes to a pool and lacks migrations: the
    /// tenants of a pool share tables. Every other database moves at its own version.
    pub(super) async fn refuse_other_version(
        &self,
        slug: &Slug,
        placement: &Placement,
        to: Isolation,
    ) -> Result<()> {
        let (apps, store) = (self.platform.apps(), &placement.place.store);
        let schema = apps.store(store).ok_or(Error::NotFound("store"))?;
        let version =
            versions::of(self.platform.control(), schema, placement.schema_version.as_deref()).await?;
        let (slug, store) = (slug.to_string(), store.to_string());
        match version {
            Version::Current => Ok(()),
            Version::Ahead => {
                let detail = "it has migrations that are not loaded here".to_owned();
                Err(Error::ServerOutdated { slug, store, detail })
            }
            // If the configuration pools a store, its pool was migrated when the apps were loaded, and only the catalog
            // is behind.
            Version::Behind if self.is_migrated_pool(&placement.place).await? => {
                let mut write = self.platform.control().begin().await?;
                swap::set_version(&mut write, &placement.place, &schema.fingerprint).await?;
                write.commit_unaudited().await
            }
            Version::Behind if !to.is_pooled() => Ok(()),
            Version::Behind => {
                let reason =
                    self.platform.0.reason_of(&placement.place).or_else(|| placement.migration_error.clone());
                let is_external = placement.policy == Policy::External;
                let detail = "what goes into a pool must be at the loaded version".to_owned();
                Err(Error::MigrationsPending { slug, store, reason, is_external, detail })
            }
        }
    }

    /// Returns true if the place is in a pool that has every loaded migration.
    async fn is_migrated_pool(&self, place: &Place) -> Result<bool> {
        if !place.isolation.is_pooled() {
            return Ok(false);
        }
        Ok(self.platform.0.engine.inspect(place, self.platform.apps().migrations()).await?.pending.is_empty())
    }

    /// Returns the stores in use that the platform can move.
    pub(crate) async fn stores_of(&self, slug: &Slug, only: Option<&StoreName>) -> Result<Stores> {
        only.map(|store| self.platform.config().tenant_store(store)).transpose()?;
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?.id;
        let all = placement::of_tenant(&mut tx, tenant).await?;
        let in_use = all.into_iter().filter(|p| p.state == PlacementState::Ready);
        let ready: Vec<_> = in_use.filter(|p| only.is_none_or(|store| p.place.store == *store)).collect();
        if let Some(store) = only
            && ready.is_empty()
        {
            return Err(Error::NoDatabase { slug: slug.to_string(), store: store.to_string() });
        }
        let (brought, ready) = ready.into_iter().partition::<Vec<_>, _>(|p| p.policy == Policy::External);
        let brought = brought.into_iter().map(|p| p.place.store).collect();
        Ok(Stores { tenant, slug: slug.clone(), ready, brought })
    }
}
