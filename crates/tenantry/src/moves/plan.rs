//! The request for a move, and the places that follow from it. Changes nothing.

use super::{MoveTenant, Moves, Purpose, Target, targets::Leg, verbs::Stores};
use crate::{
    Error, Result,
    topology::{NewPlacement, Placement},
};
use tenantry_engine::{
    name::{ServerName, Slug, StoreName},
    place::Isolation,
};

/// A requested move. Each variant has a verb of [`Moves`].
#[derive(Debug, Clone)]
pub enum Wanted {
    /// To this server.
    ToServer(ServerName, Target),
    /// Out of the pool, or out of schemas.
    Promote(Target),
    /// Into the pool, or into schemas.
    Demote(Target),
    /// Back to the place before the last move, for this store or for each store.
    Back(Option<StoreName>),
    /// To servers that fit the tenant's plan, for this store or for each store on another server.
    Fit(Option<StoreName>),
}

/// The placements that move, and their targets.
pub(super) struct Plan {
    pub(super) purpose: Purpose,
    pub(super) stores: Stores,
    pub(super) legs: Vec<Leg>,
    /// Reason why there are no legs, if there are none.
    pub(super) nothing: String,
}

impl Plan {
    /// Refuses a plan without legs.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] with the reason.
    pub(super) fn require_legs(&self) -> Result<()> {
        if self.legs.is_empty() { Err(self.stores.nothing(&self.nothing)) } else { Ok(()) }
    }

    /// Returns each placement that moves, with its next placement.
    pub(super) fn placements(&self) -> impl Iterator<Item = (&Placement, &NewPlacement)> {
        self.legs.iter().filter_map(|(from, to)| {
            let placement = self.stores.ready.iter().find(|placement| placement.place == *from)?;
            Some((placement, to))
        })
    }

    /// Returns the request for the operation.
    pub(super) fn into_move(self, keep_us: i64) -> MoveTenant {
        let Self { purpose, stores: Stores { tenant, slug, .. }, legs, .. } = self;
        MoveTenant { purpose, tenant, slug, legs, keep_us }
    }
}

impl Moves<'_> {
    /// Chooses the placements that move, and their targets.
    ///
    /// # Errors
    /// Returns the errors of the verbs for such a move.
    pub(super) async fn plan(&self, slug: &Slug, wanted: &Wanted) -> Result<Plan> {
        match wanted {
            Wanted::ToServer(server, target) => self.plan_to(slug, server, target).await,
            Wanted::Promote(target) => self.plan_up(slug, target).await,
            Wanted::Demote(target) => self.plan_down(slug, target).await,
            Wanted::Back(store) => self.plan_back(slug, store.as_ref()).await,
            Wanted::Fit(store) => self.plan_fit(slug, store.as_ref()).await,
        }
    }

    async fn plan_to(&self, slug: &Slug, server: &ServerName, target: &Target) -> Result<Plan> {
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
        Ok(Plan { purpose: Purpose::Move, stores, legs, nothing })
    }

    async fn plan_up(&self, slug: &Slug, target: &Target) -> Result<Plan> {
        let stores = self.stores_of(slug, target.store.as_ref()).await?;
        let mut legs = Vec::new();
        for from in &stores.ready {
            legs.extend(self.up(slug, from, target).await?);
        }
        let nothing = format!("{slug} has databases of its own already");
        Ok(Plan { purpose: Purpose::Promote, stores, legs, nothing })
    }

    async fn plan_down(&self, slug: &Slug, target: &Target) -> Result<Plan> {
        let stores = self.stores_of(slug, target.store.as_ref()).await?;
        let mut legs = Vec::new();
        for from in &stores.ready {
            legs.extend(self.down(slug, from, target)?);
        }
        let there = if target.isolation == Some(Isolation::Schema) { "in schemas" } else { "in the pool" };
        Ok(Plan { purpose: Purpose::Demote, stores, legs, nothing: format!("{slug} is {there} already") })
    }

    async fn plan_back(&self, slug: &Slug, store: Option<&StoreName>) -> Result<Plan> {
        let stores = self.stores_of(slug, store).await?;
        let retained = self.platform.0.operations.retained(stores.tenant).await?;
        let mut legs = Vec::new();
        for ready in &stores.ready {
            if let Some(last) = retained.iter().find(|last| last.place.store == ready.place.store) {
                legs.extend(self.like(slug, ready, &last.place)?);
            }
        }
        let nothing = format!("nothing is kept of a move of {slug}: move it to where you want it");
        Ok(Plan { purpose: Purpose::Back, stores, legs, nothing })
    }
}
