//! Dry runs of moves: the databases that would move, their sources and targets, and the obstacles. They change nothing.

use super::{
    Move, Moves, Purpose,
    plan::{Plan, Wanted},
};
use crate::{
    Error, Result,
    access::Actor,
    platform::health::lost,
    topology::{NewPlacement, Placement},
};
use tenantry_engine::{
    name::{ServerName, Slug},
    place::{Isolation, Place},
};

/// The effect of a move, found by a dry run.
#[derive(Debug)]
pub struct Outlook {
    /// Purpose of the move.
    pub purpose: Purpose,
    /// Slug of the tenant.
    pub slug: Slug,
    /// Effect on each store that would move.
    pub stores: Vec<StoreOutlook>,
    /// Bytes of the tenant's uploaded files, which do not move. `None`: they cannot be counted now.
    pub file_bytes: Option<u64>,
    /// Obstacles that concern no single store, for example another operation.
    pub obstacles: Vec<Error>,
}

/// The effect of a move on one store.
#[derive(Debug)]
pub struct StoreOutlook {
    /// Current place of the rows.
    pub from: Place,
    /// Server to which the rows would move.
    pub server: ServerName,
    /// Isolation of the rows on that server.
    pub isolation: Isolation,
    /// Number of rows; `None` if the place cannot be read.
    pub rows: Option<u64>,
    /// Size on disk, bytes; for a pooled tenant, the bytes of its values. `None` if the place cannot be read.
    pub bytes: Option<u64>,
    /// Places of the tenant's retained rows in the same pool, which the move would replace.
    pub replaces: Vec<Place>,
    /// Obstacles that concern the store.
    pub obstacles: Vec<Error>,
}

impl Outlook {
    /// Returns true if there are no obstacles.
    pub fn is_clear(&self) -> bool {
        self.obstacles.is_empty() && self.stores.iter().all(|store| store.obstacles.is_empty())
    }
}

impl Moves<'_> {
    /// Describes the effect of a move, and every obstacle. Makes the checks that the move makes before it begins and
    /// while it copies, and changes nothing. This may take as long as reading all rows.
    ///
    /// # Errors
    /// Returns the errors of the verb for the same move if nothing could be moved.
    pub async fn look(&self, actor: &Actor, slug: &Slug, wanted: &Wanted) -> Result<Outlook> {
        actor.require_staff()?;
        let plan = self.plan(slug, wanted).await?;
        plan.require_legs()?;
        let mut stores = Vec::new();
        for (placement, to) in plan.placements() {
            stores.push(self.look_at(slug, placement, to).await);
        }
        let mut outlook = Outlook {
            purpose: plan.purpose,
            slug: slug.clone(),
            stores,
            file_bytes: self.platform.0.files.used_bytes(plan.stores.tenant).await.ok(),
            obstacles: vec![],
        };
        self.rehearse(actor, plan, &mut outlook).await;
        Ok(outlook)
    }

    async fn look_at(&self, slug: &Slug, placement: &Placement, to: &NewPlacement) -> StoreOutlook {
        let (engine, from) = (&self.platform.0.engine, &placement.place);
        let mut found = StoreOutlook {
            from: from.clone(),
            server: to.server.clone(),
            isolation: to.isolation,
            rows: None,
            bytes: engine.size_bytes(from).await.ok(),
            replaces: vec![],
            obstacles: vec![],
        };
        found.obstacles.extend(self.checks(slug, placement, to).await.into_iter().filter_map(Result::err));
        match engine.place_info(from).await {
            Ok(info) => {
                found.rows = Some(info.rows);
                // An obstacle that the checks have found makes this fail, too.
                if found.obstacles.is_empty() {
                    found.obstacles.extend(self.look_inside(slug, from, to).await.err());
                }
            }
            Err(error) => {
                let databases = self.platform.loaded().databases.clone();
                found.obstacles.push(lost::named(&databases, slug, from, error).await);
            }
        }
        found
    }

    async fn look_inside(&self, slug: &Slug, from: &Place, to: &NewPlacement) -> Result<()> {
        let next = Place {
            server: to.server.clone(),
            isolation: to.isolation,
            physical: to.base.clone(),
            generation: from.generation + 1,
            ..from.clone()
        };
        let kind = self.platform.loaded().databases.engine_of(&next).await?;
        self.check_contents(slug, from, (next, kind)).await
    }

    /// Runs the first steps of the move in the catalog and undoes them.
    async fn rehearse(&self, actor: &Actor, plan: Plan, outlook: &mut Outlook) {
        let keep_us = self.platform.config().operations.keep_moved_us();
        let wanted = Move::new(&actor.by(), plan.into_move(keep_us));
        match self.platform.0.operations.rehearse(wanted).await {
            Ok(recorded) => {
                for (from, replaced) in recorded.replaces() {
                    let of = outlook.stores.iter_mut().find(|store| store.from == *from);
                    of.into_iter().for_each(|store| store.replaces = replaced.to_vec());
                }
            }
            // The catalog asks the target server for an unused name, and the check of that server has already reported
            // the error.
            Err(Error::Engine(_)) if !outlook.is_clear() => {}
            Err(error) => outlook.obstacles.push(error),
        }
    }
}
