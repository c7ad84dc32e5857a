//! Moves of tenants: the verbs move, promote, demote, back and release, behind the commands and the staff API.
//!
//! `plan` chooses the databases and their targets, `obstacles` finds what prevents a move, and `move_` does the work.

use crate::{
    Error, Platform, Result,
    access::Actor,
    audit::By,
    moves::{
        Move, Purpose, Target,
        plan::{Plan, Wanted},
    },
    tenants,
    topology::{NewPlacement, Placement, PlacementState, Policy, placement},
};
use tenantry_engine::name::{ServerName, Slug, StoreName, TenantId};

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
    /// Returns [`Error::Invalid`] for a server on which the store may not be placed, or that cannot separate rows as
    /// wanted. Returns [`Error::Conflict`] if there is nothing to move, another operation is open, or there is another
    /// obstacle that [`Moves::look`] reports.
    pub async fn to_server(
        &self,
        actor: &Actor,
        slug: &Slug,
        server: &ServerName,
        target: &Target,
    ) -> Result<i64> {
        self.begin(actor, slug, &Wanted::ToServer(server.clone(), target.clone())).await
    }

    /// Gives a pooled tenant its own schemas or databases, or a tenant with schemas its own databases. They are placed
    /// on the target server if one is given, otherwise on the server with the fewest databases, or on the server of the
    /// schema. Returns the operation's id.
    ///
    /// # Errors
    /// Returns the errors of [`Moves::to_server`].
    pub async fn promote(&self, actor: &Actor, slug: &Slug, target: &Target) -> Result<i64> {
        self.begin(actor, slug, &Wanted::Promote(target.clone())).await
    }

    /// Moves a tenant's own schemas or databases into the pools, or its databases into schemas. Returns the operation's
    /// id.
    ///
    /// # Errors
    /// Returns the errors of [`Moves::to_server`].
    pub async fn demote(&self, actor: &Actor, slug: &Slug, target: &Target) -> Result<i64> {
        self.begin(actor, slug, &Wanted::Demote(target.clone())).await
    }

    /// Moves a tenant back to where it was before its last move, with everything written since, as long as the former
    /// place is retained. The tenant gets a new copy as in any move, so no write is lost. Returns the operation's id.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] when nothing is retained.
    pub async fn back(&self, actor: &Actor, slug: &Slug, store: Option<&StoreName>) -> Result<i64> {
        self.begin(actor, slug, &Wanted::Back(store.cloned())).await
    }

    /// Begins the requested move. Returns the operation's id.
    ///
    /// # Errors
    /// Returns the errors of the verb for such a move.
    pub async fn begin(&self, actor: &Actor, slug: &Slug, wanted: &Wanted) -> Result<i64> {
        actor.require_staff()?;
        self.start(&actor.by(), self.plan(slug, wanted).await?).await
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

    /// Refuses a move that may not begin now.
    ///
    /// # Errors
    /// Returns the first obstacle.
    pub(super) async fn may_start(&self, plan: &Plan) -> Result<()> {
        plan.require_legs()?;
        for (placement, to) in plan.placements() {
            for check in self.checks(&plan.stores.slug, placement, to).await {
                check?;
            }
        }
        Ok(())
    }

    /// Starts to move the rows of a pool into an attached database, which the catalog has recorded. Returns the
    /// operation's id.
    ///
    /// # Errors
    /// Returns the first obstacle.
    pub(crate) async fn attaching(
        &self,
        by: &By,
        of: (&Slug, TenantId),
        leg: (Placement, NewPlacement),
    ) -> Result<i64> {
        self.start(by, one_leg(Purpose::Attach, of, leg)).await
    }

    /// Starts to move the rows of an attached database into the pool. Returns the operation's id.
    ///
    /// # Errors
    /// Returns the first obstacle.
    pub(crate) async fn detaching(
        &self,
        by: &By,
        of: (&Slug, TenantId),
        leg: (Placement, NewPlacement),
    ) -> Result<i64> {
        self.start(by, one_leg(Purpose::Detach, of, leg)).await
    }

    pub(super) async fn start(&self, by: &By, plan: Plan) -> Result<i64> {
        self.may_start(&plan).await?;
        for (placement, _) in plan.placements() {
            self.note_version(placement).await?;
        }
        let keep_us = self.platform.config().operations.keep_moved_us();
        self.platform.0.operations.spawn(Move::new(by, plan.into_move(keep_us))).await
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

/// Returns the plan that moves one store.
fn one_leg(
    purpose: Purpose,
    (slug, tenant): (&Slug, TenantId),
    (from, to): (Placement, NewPlacement),
) -> Plan {
    let legs = vec![(from.place.clone(), to)];
    let stores = Stores { tenant, slug: slug.clone(), ready: vec![from], brought: vec![] };
    Plan { purpose, stores, legs, nothing: String::new() }
}
