//! Verbs on the installation as a whole: check it, and accept its clock.
//!
//! The staff API and the command line call them.

use crate::{
    Platform, Result,
    access::Actor,
    control::{ClockState, witness},
    migrations::check::{Checker, Finding, What},
};
use std::path::PathBuf;
use tenantry_engine::{
    name::{Slug, StoreName},
    place::EngineKind,
};

impl Platform {
    /// Checks models, migrations and every database, or only the databases of one tenant. Returns the number of tenants
    /// checked. Reports findings as it finds them. With `pages`, it also reads every page of every database. `at`
    /// receives the number of tenants checked so far and the total.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] for a tenant that does not exist. An error of a database is a finding.
    pub async fn check(
        &self,
        only: Option<&Slug>,
        pages: bool,
        mut tell: impl FnMut(Finding),
        at: impl FnMut(u64, u64),
    ) -> Result<u64> {
        let loaded = self.loaded();
        let systems = loaded.models.values().filter_map(|entry| entry.place.clone());
        let mut checker =
            Checker::new(&self.0.engine, &loaded.apps, systems.collect())?.without_pages(!pages);
        let only = match only {
            Some(slug) => Some(self.tenants().id_of(slug).await?),
            None => None,
        };
        for refused in self.migrations().refused().await.iter() {
            tell(Finding {
                place: Some(refused.place.clone()),
                tenant: None,
                what: What::Refused(refused.clone()),
            });
        }
        checker.platform(&mut tell).await?;
        checker.tenants(self.control(), only, tell, at).await
    }

    /// Returns the statements that create the tables of a tenant store's models in a database that its owner makes, and the
    /// views of those that read tables of another program.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] if there is no such store of tenants.
    pub fn schema_sql(&self, store: &StoreName, engine: EngineKind) -> Result<Vec<String>> {
        let databases = self.loaded().databases.clone();
        let mut statements = databases.script(store)?.create_statements(engine)?;
        let config = self.config().tenant_store(store)?;
        if engine == EngineKind::Postgres {
            statements.extend(databases.schema(store)?.view_statements(&config.schema));
        }
        Ok(statements)
    }

    /// Returns the damaged template files, from which new databases would be made.
    ///
    /// # Errors
    /// Returns the errors of the disk.
    pub async fn damaged_templates(&self) -> Result<Vec<PathBuf>> {
        self.loaded().databases.damaged_templates().await
    }

    /// Returns the system time, and the time up to which irreversible work trusts it.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn clock_state(&self) -> Result<ClockState> {
        witness::state(self.control()).await
    }

    /// Accepts the current time of the system clock, which the operator has compared with another clock.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn accept_clock(&self, actor: &Actor) -> Result<ClockState> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.control().begin().await?;
        witness::accept(&mut write, by, self.control().clock()).await?;
        write.commit().await?;
        self.clock_state().await
    }
}
