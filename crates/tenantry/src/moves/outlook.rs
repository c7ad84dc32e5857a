//! Dry runs of moves: what would move, from where to where, and what is in the way. They change nothing.

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

/// What a move would do.
#[derive(Debug)]
pub struct Outlook {
    /// Why the tenant would be moved.
    pub purpose: Purpose,
    /// The tenant.
    pub slug: Slug,
    /// What of its stores would move.
    pub stores: Vec<StoreOutlook>,
    /// Bytes of its uploaded files, which stay where they are. `None`: they cannot be counted now.
    pub file_bytes: Option<u64>,
    /// What is in the way, whatever the store: another operation, for example.
    pub obstacles: Vec<Error>,
}

/// What a move would do with one store.
#[derive(Debug)]
pub struct StoreOutlook {
    /// Where its rows are.
    pub from: Place,
    /// The server that they would go to.
    pub server: ServerName,
    /// How they would be separated there.
    pub isolation: Isolation,
    /// The number of rows. `None`: the place cannot be read.
    pub rows: Option<u64>,
    /// The bytes that they take on disk now; of a pooled tenant, those of its values. `None`: the place cannot be read.
    pub bytes: Option<u64>,
    /// Retained rows of the tenant in the same pool, which would be replaced.
    pub replaces: Vec<Place>,
    /// What is in the way.
    pub obstacles: Vec<Error>,
}

impl Outlook {
    /// Returns true if nothing is in the way.
    pub fn is_clear(&self) -> bool {
        self.obstacles.is_empty() && self.stores.iter().all(|store| store.obstacles.is_empty())
    }
}

impl Moves<'_> {
    /// Tells what a move would do, and everything that is in its way. Asks what the move asks before it begins and while it
    /// copies; changes nothing. It may take as long as reading all rows.
    ///
    /// # Errors
    /// Those of the verb for the same move if it names nothing that could be moved.
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
                // What the checks have told makes this fail too.
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
        let kind = self.platform.loaded().databases.engine_of(&next)?;
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
            // To choose a name the catalog asks the target, and the check of that has told what is wrong.
            Err(Error::Engine(_)) if !outlook.is_clear() => {}
            Err(error) => outlook.obstacles.push(error),
        }
    }
}
