//! Checks that can prevent a move. A move and its dry run make the same checks, which change nothing.

use super::{Moves, move_::carry};
use crate::{
    Error, Result,
    config::Location,
    control::members::Facts,
    platform::{data_dir::in_use, health::room::Room},
    topology::{
        NewPlacement, Placement, Policy, swap,
        versions::{self, Version},
    },
};
use tenantry_engine::{
    name::{ServerName, Slug},
    place::{EngineKind, Isolation, Place},
};

impl Moves<'_> {
    /// Checks whether a move of this placement may begin, according to the catalog, the servers and other processes.
    pub(super) async fn checks(
        &self,
        slug: &Slug,
        placement: &Placement,
        to: &NewPlacement,
    ) -> [Result<()>; 4] {
        [
            self.refuse_other_version(slug, placement, to.isolation).await,
            self.refuse_unknown(&to.server).await,
            self.refuse_unfit(&to.server).await,
            self.refuse_full(&placement.place, &to.server).await,
        ]
    }

    /// Checks whether everything in a place can be carried. Reads all rows if some of them may not fit.
    pub(super) async fn check_contents(
        &self,
        slug: &Slug,
        from: &Place,
        (to, kind): (Place, EngineKind),
    ) -> Result<()> {
        let databases = self.platform.loaded().databases.clone();
        let pool = match to.isolation.is_pooled() {
            // The move creates or migrates a pool without tenants.
            true => {
                let mut tx = self.platform.control().snapshot().await?;
                let others = swap::in_pool(&mut tx, &to).await?;
                (others > 0).then(|| Place { tenant: None, generation: 1, ..to.clone() })
            }
            false => None,
        };
        let script = databases.script(&from.store)?;
        let told = self.platform.0.engine.rehearse_fill(from, (&to, kind), pool.as_ref(), &script).await;
        match told {
            Ok(left_out) => carry::refuse_left_out(&left_out),
            Err(error) => Err(carry::refused(&databases, slug, from, &to, error).await),
        }
    }

    /// Refuses a server that does not answer, or that does not meet the installation's requirements.
    async fn refuse_unfit(&self, server: &ServerName) -> Result<()> {
        let lacking = self.platform.0.engine.shortcomings(server).await?;
        match lacking.is_empty() {
            true => Ok(()),
            false => Err(Error::Conflict(format!("server {server} cannot be used: {}", lacking.join("; ")))),
        }
    }

    /// Refuses a server that has less room than the place takes now.
    async fn refuse_full(&self, from: &Place, server: &ServerName) -> Result<()> {
        let Some((free, remedy)) = self.free_on(server).await? else { return Ok(()) };
        // If the place cannot be read, the move itself reports that.
        match self.platform.0.engine.size_bytes(from).await {
            Ok(needed) if needed > free => Err(Error::Conflict(format!(
                "server {server} has {free} bytes left, and the database takes {needed} bytes now: make its disk \
                 larger{remedy}"
            ))),
            _ => Ok(()),
        }
    }

    /// Returns the bytes that databases on a server may still take, and a further remedy for the error. Returns `None`
    /// if the number is unknown.
    async fn free_on(&self, server: &ServerName) -> Result<Option<(u64, String)>> {
        let (engine, config) = (&self.platform.0.engine, self.platform.config());
        match config.server(server.as_str()).map(|server| &server.location) {
            Some(Location::Postgres(postgres)) if postgres.capacity.is_some() => {
                let free = Room::of(engine, config, server).await?.and_then(|room| room.free());
                Ok(free.map(|free| (free, format!(", then raise servers.{server}.capacity"))))
            }
            Some(Location::Postgres(_)) => Ok(None),
            _ => {
                let known = engine.free_bytes().into_iter().find(|(name, _)| name == server);
                let free = known.and_then(|(_, free)| free);
                let usable = free.map(|free| free.saturating_sub(config.limits.disk_reserve));
                Ok(usable.map(|usable| (usable, String::new())))
            }
        }
    }

    /// Refuses a server that a running process lacks, because that process could not serve the tenant there.
    pub(super) async fn refuse_unknown(&self, server: &ServerName) -> Result<()> {
        // Every process finds an attached database in the catalog.
        if crate::attachments::is_attached(server) {
            return Ok(());
        }
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

    /// Refuses a database that has migrations unknown here. Also refuses one that moves to a pool and lacks migrations,
    /// because the tenants of a pool share tables. Every other database moves with its schema version.
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
            Version::Behind if !to.is_pooled() || self.is_migrated_pool(&placement.place).await? => Ok(()),
            Version::Behind => {
                let reason =
                    self.platform.0.reason_of(&placement.place).or_else(|| placement.migration_error.clone());
                let is_external = placement.policy == Policy::External;
                let detail = "what goes into a pool must be at the loaded version".to_owned();
                Err(Error::MigrationsPending { slug, store, reason, is_external, detail })
            }
        }
    }

    /// Records the current version of a placement in a pool that was migrated when the apps were loaded: only the
    /// catalog has the old version.
    pub(super) async fn note_version(&self, placement: &Placement) -> Result<()> {
        let (apps, control) = (self.platform.apps(), self.platform.control());
        let schema = apps.store(&placement.place.store).ok_or(Error::NotFound("store"))?;
        let is_behind =
            versions::of(control, schema, placement.schema_version.as_deref()).await? == Version::Behind;
        if is_behind && self.is_migrated_pool(&placement.place).await? {
            let mut write = control.begin().await?;
            swap::set_version(&mut write, &placement.place, &schema.fingerprint).await?;
            write.commit_unaudited().await?;
        }
        Ok(())
    }

    /// Returns true if the place is in a pool that has every loaded migration.
    async fn is_migrated_pool(&self, place: &Place) -> Result<bool> {
        if !place.isolation.is_pooled() {
            return Ok(false);
        }
        Ok(self.platform.0.engine.inspect(place, self.platform.apps().migrations()).await?.pending.is_empty())
    }
}
