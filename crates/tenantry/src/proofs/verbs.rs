//! The verbs on proofs of isolation: `platform.proofs()`.

use super::{
    record::{self, Kept, Listed},
    run::{ProofOptions, ProofRun},
};
use crate::{
    Error, Platform, Result,
    access::Actor,
    operations::{Filter, Operation},
};
use tenantry_engine::name::Slug;

/// The proofs of isolation.
pub struct Proofs<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Returns the proofs of isolation: start one, see the results.
    pub fn proofs(&self) -> Proofs<'_> {
        Proofs { platform: self }
    }
}

impl Proofs<'_> {
    /// Starts a proof of the isolation of all tenants, or of one. Returns the id of the operation.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff or there is no such tenant, [`Error::Invalid`] if an option is
    /// outside its limits, and [`Error::Occupied`] while another proof is under way.
    pub async fn start(&self, actor: &Actor, only: Option<&Slug>, options: ProofOptions) -> Result<i64> {
        actor.require_staff()?;
        options.check()?;
        let only = match only {
            Some(slug) => Some((self.platform.tenants().id_of(slug).await?, slug.clone())),
            None => None,
        };
        let open = Filter { open: true, kind: Some(ProofRun::KIND), limit: 1, ..Filter::default() };
        if let Some(open) = self.platform.operations().list(&open).await?.pop() {
            let text = format!("operation {} proves the isolation: wait for its end", open.id);
            return Err(Error::Occupied(text));
        }
        let installation = self.platform.config().platform.name.clone();
        let run = ProofRun::new(actor.by(), options, only, installation);
        self.platform.operations().spawn(run).await
    }

    /// Returns the stored results, newest first, at most 100: all, or those that a tenant is part of.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff or there is no such tenant.
    pub async fn list(&self, actor: &Actor, tenant: Option<&Slug>) -> Result<Vec<Listed>> {
        actor.require_staff()?;
        let tenant = match tenant {
            Some(slug) => Some(self.platform.tenants().id_of(slug).await?),
            None => None,
        };
        record::list(&mut self.platform.control().snapshot().await?, tenant).await
    }

    /// Returns a stored result, and whether it has the digest that the audit log has.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, or there is no such result any more.
    pub async fn get(&self, actor: &Actor, id: i64) -> Result<Kept> {
        actor.require_staff()?;
        record::find(&mut self.platform.control().snapshot().await?, id).await
    }
}
