//! The operation that moves a tenant's stores to other places while the tenant keeps working: to another server, out of
//! a pool into its own database, or back into the pool.
//!
//! Steps: record | watch, copy, catch up, check | fence, hand over | swap | prove, settle | finish. Until `fence` the
//! tenant notices nothing. From there to `swap` writes wait for as long as the last few changes take, whatever the size
//! of the database. Before `swap` everything can be undone; after it the old places are retained and fenced.
//!
//! Any step may be repeated, also by a second worker while the first worker, believed dead, is still running. So
//! everything that this operation sets in a database carries its fencing token (`Move::fencing_token`) and is cleared
//! only by that token, and a copy accepts changes only until it is opened.

pub(super) mod carry;
mod steps;

use crate::operations::{Operation, Step, step};
use crate::{Error, Result, audit::By, topology::NewPlacement};
use serde::{Deserialize, Serialize};
use tenantry_engine::{
    name::{Slug, TenantId},
    place::Place,
};

/// Purpose of a move. It determines the texts, not the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Moves to another server.
    Move,
    /// Moves out of the pool, into the tenant's own database.
    Promote,
    /// Moves into the pool.
    Demote,
    /// Moves back to the place before the last move.
    Back,
    /// Moves out of the pool, into a database that its owner made.
    Attach,
    /// Moves out of a database that its owner made, into the pool.
    Detach,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Promote => "promote",
            Self::Demote => "demote",
            Self::Back => "move back",
            Self::Attach => "attach",
            Self::Detach => "detach",
        }
    }

    /// Returns the action for the audit log.
    fn action(self) -> &'static str {
        match self {
            Self::Move => "tenant.move",
            Self::Promote => "tenant.promote",
            Self::Demote => "tenant.demote",
            Self::Back => "tenant.move_back",
            Self::Attach => "tenant.attach",
            Self::Detach => "tenant.detach",
        }
    }
}

/// Request to move a tenant.
#[derive(Debug, Clone)]
pub struct MoveTenant {
    /// Purpose of the move.
    pub purpose: Purpose,
    /// Id of the tenant to move.
    pub tenant: TenantId,
    /// Slug of the tenant, for texts.
    pub slug: Slug,
    /// Current place and new placement of each store.
    pub legs: Vec<(Place, NewPlacement)>,
    /// Time for which the old places are retained, in microseconds.
    pub keep_us: i64,
}

/// State of the operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Move {
    by: By,
    purpose: Purpose,
    tenant: TenantId,
    slug: Slug,
    legs: Vec<Leg>,
    keep_us: i64,
    /// Fencing token that this operation writes with everything it sets in databases.
    #[serde(rename = "mark")]
    fencing_token: i64,
    /// Time at which writes began to wait, in microseconds.
    fenced_us: Option<i64>,
    /// Time at which writes could continue, in microseconds.
    released_us: Option<i64>,
}

/// The move of one store.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Leg {
    from: Place,
    new: NewPlacement,
    /// The new place, once it is recorded.
    to: Option<Place>,
    /// Places of retained rows of the same tenant in the target pool. The copy replaces these rows.
    in_the_way: Vec<Place>,
    /// True if the copy has replaced the rows at `in_the_way`, so that they can no longer be put back into use.
    replaced: bool,
    /// Sequence number of the last change of the old place that the new place contains.
    seq: u64,
    /// Size of the copy in bytes.
    bytes: u64,
    /// Number of rows at the hand-over.
    rows: u64,
    /// Number of changes carried after the copy.
    changes: u64,
    /// Number of records that differed at the hand-over; `None` if they were not compared yet.
    differing: Option<u64>,
}

impl Leg {
    fn to(&self) -> Result<&Place> {
        self.to.as_ref().ok_or_else(|| Error::Internal("a move before its places are recorded".into()))
    }
}

impl Operation for Move {
    const KIND: &'static str = "move";
    const POINT_OF_NO_RETURN: Option<&'static str> = Some("swap");

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "record", run: steps::record, undo: Some(steps::unrecord) },
            Step::Outside { name: "watch", run: steps::watch, undo: steps::unwatch },
            Step::Outside { name: "copy", run: steps::copy, undo: steps::discard },
            Step::Outside { name: "catch_up", run: steps::catch_up, undo: step::leave },
            Step::Outside { name: "check", run: steps::check, undo: step::leave },
            Step::Outside { name: "fence", run: steps::fence, undo: steps::lift },
            Step::Outside { name: "hand_over", run: steps::hand_over, undo: step::leave },
            Step::Control { name: "swap", run: steps::swap, undo: Some(step::nothing) },
            Step::Outside { name: "prove", run: steps::prove, undo: step::leave },
            Step::Outside { name: "settle", run: steps::settle, undo: step::leave },
            Step::Control { name: "finish", run: steps::finish, undo: None },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        Some(self.tenant)
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        let places = self.legs.iter().map(|leg| format!("{} to {}", leg.from.store, leg.new.server));
        format!("{} {}: {}", self.purpose.as_str(), self.slug, places.collect::<Vec<_>>().join(", "))
    }

    fn outcome(&self) -> serde_json::Value {
        let legs = self.legs.iter().map(|leg| {
            serde_json::json!({
                "store": leg.from.store, "from": shown(Some(&leg.from)), "to": shown(leg.to.as_ref()),
                "bytes": leg.bytes, "rows": leg.rows, "changes": leg.changes, "differing": leg.differing,
            })
        });
        serde_json::json!({
            "purpose": self.purpose, "stores": legs.collect::<Vec<_>>(), "pause_us": self.pause_us(),
            "verified": self.verified(),
        })
    }
}

/// Describes a place, for outcomes and the audit log.
pub(super) fn shown(place: Option<&Place>) -> serde_json::Value {
    place.map_or(serde_json::Value::Null, |place| {
        serde_json::json!({
            "server": place.server, "database": place.physical, "isolation": place.isolation,
            "generation": place.generation,
        })
    })
}

impl Move {
    /// Returns the initial state of a move.
    pub fn new(by: &By, wanted: MoveTenant) -> Self {
        let leg = |(from, new): (Place, NewPlacement)| Leg {
            from,
            new,
            to: None,
            in_the_way: vec![],
            replaced: false,
            seq: 0,
            bytes: 0,
            rows: 0,
            changes: 0,
            differing: None,
        };
        Self {
            by: by.clone(),
            purpose: wanted.purpose,
            tenant: wanted.tenant,
            slug: wanted.slug,
            legs: wanted.legs.into_iter().map(leg).collect(),
            keep_us: wanted.keep_us,
            fencing_token: new_fencing_token(),
            fenced_us: None,
            released_us: None,
        }
    }

    /// Returns each place that moves, with the retained rows that the move replaces.
    pub(super) fn replaces(&self) -> impl Iterator<Item = (&Place, &[Place])> {
        self.legs.iter().map(|leg| (&leg.from, &*leg.in_the_way))
    }

    /// Returns the time for which writes waited, in microseconds, or `None` if they have not waited yet or still do.
    fn pause_us(&self) -> Option<i64> {
        Some((self.released_us? - self.fenced_us?).max(0))
    }

    /// Returns true if all records were equal in the old and the new place at the hand-over.
    fn verified(&self) -> bool {
        self.legs.iter().all(|leg| leg.differing == Some(0))
    }
}

/// Returns a new fencing token: random bits of a UUID. No other code uses such a number.
fn new_fencing_token() -> i64 {
    let random = uuid::Uuid::now_v7().as_u128() & u128::from(u64::MAX >> 2);
    i64::try_from(random).unwrap_or(i64::MAX).max(FIRST_TOKEN)
}

/// Smallest fencing token. Smaller numbers are reserved: they do not identify an owner.
const FIRST_TOKEN: i64 = 16;
