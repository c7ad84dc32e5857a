//! Puts a tenant's retained database back into use after the current one was lost with its disk. The verb behind `move
//! --back --lost` and the staff API.
//!
//! This module determines what is lost; [`FallBack`] does the rest. It never runs automatically: everything written
//! since the move is given up, and only an operator can decide that.

use super::Moves;
use crate::{
    Error, Result,
    access::Actor,
    moves::fall_back::{FallBack, Turn},
    platform::health::lost::why,
    topology::Placement,
};
use tenantry_engine::name::{Slug, StoreName};

impl Moves<'_> {
    /// Puts the retained databases of a tenant's last move or restore back into use, for stores whose current database
    /// can no longer be opened. Returns the operation's id. Everything written since the move is lost; the outcome and
    /// the audit log record its time.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if the databases in use can be opened and are intact, nothing is retained, or
    /// another operation is open.
    pub async fn fall_back(&self, actor: &Actor, slug: &Slug, store: Option<&StoreName>) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        let stores = self.stores_of(slug, store).await?;
        let retained = self.platform.0.operations.retained(stores.tenant).await?;
        let (mut turns, mut whole) = (Vec::new(), Vec::new());
        for ready in &stores.ready {
            match self.platform.0.engine.lost(&ready.place).await? {
                None => whole.push(ready.place.store.to_string()),
                Some(error) => turns.push(turn(ready, &retained, why(&error))?),
            }
        }
        if turns.is_empty() {
            let why = match whole.is_empty() {
                true => format!("the platform has no database of {slug}"),
                false => format!(
                    "nothing of {slug} is lost: {} can be opened and is whole; move it back without giving anything up",
                    whole.join(", ")
                ),
            };
            return Err(stores.nothing(&why));
        }
        let operation = FallBack::new(by.clone(), stores.tenant, stores.slug, turns);
        self.platform.0.operations.spawn(operation).await
    }
}

/// Returns the exchange of the lost database with the database of the same store that was last in use before it, never
/// with a copy that was never in use. The highest retained generation may be the wrong one: it may be a database that
/// was lost earlier and for which the current one was put back into use.
fn turn(ready: &Placement, retained: &[Placement], why: &'static str) -> Result<Turn> {
    let lost = &ready.place;
    let before =
        retained.iter().filter(|r| r.place.store == lost.store && r.place.generation < lost.generation);
    let found = before.filter_map(|r| Some((r, r.retained_at_us?))).max_by_key(|(_, since_us)| *since_us);
    let Some((retained, since_us)) = found else {
        return Err(Error::Conflict(format!(
            "{} on {} {why}, and nothing is kept of it: restore a backup",
            lost.store, lost.server
        )));
    };
    Ok(Turn { lost: lost.clone(), why: why.into(), retained: retained.place.clone(), since_us, found: None })
}
