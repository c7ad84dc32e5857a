//! The tenant handle: the capability to act inside one tenant, and the only way to its data (`sealed-handle`).
//!
//! [`Access::enter`] creates it after every check. It is held for one request and dropped with it. There is no other
//! way to get one:
//!
//! ```compile_fail
//! // Sealed: all fields are private.
//! use tenantry::access::{Actor, Tenant};
//! use tenantry::topology::TenantRecord;
//! fn forge(record: std::sync::Arc<TenantRecord>, actor: Actor, other: Tenant) -> Tenant {
//!     Tenant { record, actor, ..other }
//! }
//! ```
//! ```compile_fail
//! fn another(tenant: tenantry::access::Tenant, other: std::sync::Arc<tenantry::topology::TenantRecord>) {
//!     tenant.record = other;
//! }
//! ```
//! ```compile_fail
//! fn needs<T: Default>() {}
//! needs::<tenantry::access::Tenant>();
//! ```
//! ```compile_fail
//! fn needs<T: serde::de::DeserializeOwned>() {}
//! needs::<tenantry::access::Tenant>();
//! ```
//! ```compile_fail
//! // A handle serves one request: longer work must enter again.
//! fn needs<T: Clone>() {}
//! needs::<tenantry::access::Tenant>();
//! ```
//! ```compile_fail
//! // An actor cannot be created without credentials or read from a message, either.
//! let actor = tenantry::access::Actor::system("system");
//! ```
//! ```compile_fail
//! fn needs<T: serde::de::DeserializeOwned>() {}
//! needs::<tenantry::access::Actor>();
//! ```
//! ```compile_fail
//! fn needs<T: Default>() {}
//! needs::<tenantry::access::Actor>();
//! ```
//! Using a handle compiles, also on another task:
//! ```
//! fn needs<T: Send + Sync>() {}
//! needs::<tenantry::access::Tenant>();
//! fn id(tenant: &tenantry::access::Tenant) -> i64 {
//!     tenant.id().get()
//! }
//! ```

use super::{
    Access,
    actor::Actor,
    credentials::Presented,
    meter::{Allowance, Counted, Hold},
    positions::Positions,
};
use crate::{
    Error, Result,
    clock::Clock,
    plans::{Entitlements, Limits},
    tenants::State,
    topology::TenantRecord,
};
use std::sync::Arc;
use tenantry_engine::{
    model::Model,
    name::{RoleName, Slug, StoreName, TenantId},
    place::Place,
};

/// An entered tenant, with the acting identity, the tenant's limits, and its places at the time it was entered.
#[must_use]
pub struct Tenant {
    record: Arc<TenantRecord>,
    actor: Actor,
    manages: bool,
    /// Counts against the tenant's limit of concurrent requests until dropped.
    counted: Counted,
    positions: Positions,
    /// The only store whose models may be used; `None` for all stores of the tenant.
    using: Option<StoreName>,
    clock: Clock,
}

impl Tenant {
    /// Returns the permanent id of the tenant.
    pub fn id(&self) -> TenantId {
        self.record.id
    }

    /// Returns the short name of the tenant in URLs and hosts.
    pub fn slug(&self) -> &Slug {
        &self.record.slug
    }

    /// Returns the display name of the tenant.
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Returns the acting identity, with its role in this tenant.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Checks that the actor manages the tenant: the actor holds the first configured role, or is a superuser, and
    /// neither impersonates a user nor presents an API key (`impersonation-abuse`).
    ///
    /// # Errors
    /// Returns [`Error::Denied`] for any other actor.
    pub fn require_manager(&self) -> Result<()> {
        self.actor.may_change_credentials()?;
        if self.manages { Ok(()) } else { Err(not_manager(&self.actor)) }
    }

    /// Returns the features and limits that apply now: those of the plan, with those of the
    /// licence while it is valid.
    pub fn entitlements(&self) -> &Entitlements {
        self.record.entitlements(&self.clock)
    }

    /// Returns the limits of the tenant's plan and licence.
    pub fn limits(&self) -> &Limits {
        &self.entitlements().limits
    }

    /// Returns the place of one of the tenant's stores, never another place (`catalog-placement`).
    ///
    /// # Errors
    /// Returns [`Error::NoDatabase`] when the catalog has no ready placement.
    pub fn place(&self, store: &StoreName) -> Result<&Place> {
        self.record.place(store.as_str())
    }

    /// Makes all reads with this handle see what was written before these positions, and notes the handle's own writes
    /// there.
    pub fn follow(&mut self, positions: Positions) {
        self.positions = positions;
    }

    /// Restricts the handle to the models of one store, for a caller that names the store of its rows on purpose. Where
    /// the store's rows are stays the decision of the catalog.
    pub fn using(self, store: StoreName) -> Self {
        Self { using: Some(store), ..self }
    }

    /// Refuses a model of another store than the one that the caller named.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] with the store of the model.
    pub(crate) fn require_store(&self, model: &Model) -> Result<()> {
        match &self.using {
            Some(named) if *named != model.store => Err(Error::invalid(
                "store",
                format!(
                    "{} is in the store {}, not in {named}: name that store, or none",
                    model.name, model.store
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Returns the positions that the handle's reads must have reached.
    pub(crate) fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Keeps the request counted against the tenant's concurrency limit after this handle is dropped, for as long as
    /// the answer is in memory. Returns `None` for the platform's own work.
    pub fn hold(&mut self) -> Option<Hold> {
        self.counted.hold()
    }

    /// Returns the tenant's record: state, subscription and placements at the time it was entered.
    pub fn record(&self) -> &TenantRecord {
        &self.record
    }
}

fn not_manager(actor: &Actor) -> Error {
    Error::Denied(format!("{actor:?} does not manage this tenant"))
}

impl std::fmt::Debug for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tenant({} {}, {:?})", self.record.id, self.record.slug, self.actor)
    }
}

impl Access {
    /// Enters a tenant: checks membership, issuer, state, subscription, rate and concurrency in this order, so that an
    /// actor who does not belong to the tenant learns nothing. This is the only way to get a [`Tenant`], for every kind
    /// of credential.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor does not belong to the tenant; otherwise [`Error::TenantSuspended`],
    /// [`Error::Maintenance`], [`Error::SubscriptionRequired`] or [`Error::RateLimited`] if that check fails.
    pub async fn enter(&self, actor: &Actor, tenant: TenantId) -> Result<Tenant> {
        let (record, role) = self.belongs(actor, tenant).await?;
        self.check_open(&record, actor)?;
        let counted = match actor.is_system() {
            true => Counted::Not,
            false => Counted::Alone(self.meters.admit(record.id, &allowance(self.limits_of(&record)))?),
        };
        let manages = self.manages(actor, role.as_ref());
        let positions = Positions::default();
        let (clock, actor) = (self.control.clock().clone(), actor.with_role(role));
        Ok(Tenant { actor, manages, record, counted, positions, using: None, clock })
    }

    /// Returns the current record of an entered tenant after checking the same gates again, for a request whose place
    /// was moved meanwhile. Does not count the request again.
    ///
    /// # Errors
    /// Returns the errors of [`Access::enter`], except those of rate and concurrency.
    pub(crate) async fn again(&self, tenant: &Tenant) -> Result<Arc<TenantRecord>> {
        self.control.refresh().await?;
        let (record, _) = self.belongs(&tenant.actor, tenant.id()).await?;
        self.check_open(&record, &tenant.actor)?;
        Ok(record)
    }

    fn limits_of<'a>(&self, record: &'a TenantRecord) -> &'a Limits {
        &record.entitlements(self.control.clock()).limits
    }

    fn check_open(&self, record: &TenantRecord, actor: &Actor) -> Result<()> {
        check_state(record, actor, self.control.now_us())?;
        if actor.is_system() {
            return Ok(());
        }
        if let Some(reason) = &record.maintenance
            && !actor.is_staff()
            && actor.impersonator().is_none()
        {
            return Err(Error::Maintenance(reason.clone()));
        }
        match record.subscription.as_ref().is_some_and(|s| s.live_at(self.control.now_us())) {
            true => Ok(()),
            false => Err(Error::SubscriptionRequired),
        }
    }

    /// Returns true if the actor manages a tenant in which the actor has this role.
    fn manages(&self, actor: &Actor, role: Option<&RoleName>) -> bool {
        actor.is_superuser() || (role.is_some() && role == self.roles.first())
    }

    /// Returns the record of a tenant that the actor manages, without entering the tenant. The owner of a suspended,
    /// expired or cancelled tenant can thus still act on the account. This gives no access to data.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not a member; [`Error::Denied`] if the actor does not manage the
    /// tenant.
    pub async fn managed(&self, actor: &Actor, tenant: TenantId) -> Result<Arc<TenantRecord>> {
        let (record, role) = self.belongs(actor, tenant).await?;
        actor.may_change_credentials()?;
        if self.manages(actor, role.as_ref()) { Ok(record) } else { Err(not_manager(actor)) }
    }

    /// Runs [`Access::resolve`] and [`Access::enter`], for requests that need a tenant.
    ///
    /// # Errors
    /// Returns the errors of both steps, and [`Error::NotFound`] if nothing in the request names a tenant.
    pub async fn enter_presented(&self, presented: &Presented<'_>) -> Result<Tenant> {
        let resolved = self.resolve(presented).await?;
        let tenant = resolved.tenant.ok_or(Error::NotFound("tenant"))?;
        self.enter(&resolved.actor, tenant).await
    }

    /// Returns the tenant's record and the actor's role in the tenant without entering it, for the account and billing
    /// pages of a suspended or expired tenant. This gives no access to data.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor does not belong to the tenant.
    pub async fn belongs(
        &self,
        actor: &Actor,
        tenant: TenantId,
    ) -> Result<(Arc<TenantRecord>, Option<RoleName>)> {
        let absent = || Error::NotFound("tenant");
        if actor.bound().is_some_and(|bound| bound != tenant) {
            return Err(absent());
        }
        let role = match actor.is_system() {
            // The platform itself is not a member and has no role.
            true => None,
            false => Some(actor.role_in(tenant).ok_or_else(absent)?.clone()),
        };
        let record = self.directory.tenant(tenant).await?;
        if !actor.issuer_allows(&record.slug) {
            return Err(absent());
        }
        Ok((record, role))
    }
}

/// Checks the state of the tenant. A cancelled tenant closes at the set time, even if the reconciler has not recorded
/// that yet.
fn check_state(record: &TenantRecord, actor: &Actor, now_us: i64) -> Result<()> {
    match record.state {
        State::Gone => Err(Error::NotFound("tenant")),
        // The platform itself still works on tenants that are being created, suspended or closed.
        _ if actor.is_system() => Ok(()),
        State::Active if record.retirement.is_some_and(|r| r.closes_at_us <= now_us) => {
            Err(Error::TenantSuspended)
        }
        State::Active => Ok(()),
        State::Creating => Err(Error::NotFound("tenant")),
        State::Suspended | State::Cancelled | State::Purging => Err(Error::TenantSuspended),
    }
}

/// Returns the plan's rate, with bursts of two seconds' worth but at least 10, because a page sends several requests.
fn allowance(limits: &Limits) -> Allowance {
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let per_second = limits.requests_per_second.map(small);
    Allowance {
        per_second,
        burst: per_second.map_or(1, |rate| rate.saturating_mul(2).max(10)),
        concurrent: limits.concurrency.map(small),
    }
}
