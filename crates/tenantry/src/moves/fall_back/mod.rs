//! The operation that puts a retained database back into use because the current one is lost.
//!
//! Steps: begin | look | swap | open. Only `Moves::fall_back` starts it, after an operator has explicitly accepted the
//! loss of everything written since. It copies and deletes nothing: the retained database is used as it is. `look` sets
//! the remains of the lost database aside, and they stay until an operator releases them. The catalog does not change
//! before `swap`; from there the operation only goes forward.

mod steps;

use crate::{
    audit::By,
    control::clock,
    moves::move_::shown,
    operations::{Operation, Step, step},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use tenantry_engine::{
    PlaceState,
    name::{Slug, TenantId},
    place::Place,
};

/// State of the operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FallBack {
    by: By,
    tenant: TenantId,
    slug: Slug,
    turns: Vec<Turn>,
}

/// The exchange of databases in one store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// The lost place, which is still in use.
    pub(crate) lost: Place,
    /// Description of the loss, for operators.
    pub(crate) why: String,
    /// The retained place that was in use before the lost one.
    #[serde(rename = "kept")]
    pub(crate) retained: Place,
    /// Time at which the retained place went out of use, in microseconds. Everything written since then is lost.
    pub(crate) since_us: i64,
    /// State of the retained place before the exchange; `None` if it was not read yet.
    #[serde(default, alias = "fence", deserialize_with = "state_or_token")]
    pub(crate) found: Option<PlaceState>,
}

/// Reads the state of a retained place. Earlier versions of this program stored its fencing token instead: 0 for an
/// open place, 1 for a fence that no operation holds.
fn state_or_token<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PlaceState>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Found {
        State(PlaceState),
        Token(i64),
    }
    Ok(Option::<Found>::deserialize(from)?.map(|found| match found {
        Found::State(state) => state,
        Found::Token(0) => PlaceState::Open,
        Found::Token(1) => PlaceState::Fenced { holder: None },
        Found::Token(token) => PlaceState::Fenced { holder: Some(token) },
    }))
}

impl FallBack {
    pub(crate) fn new(by: By, tenant: TenantId, slug: Slug, turns: Vec<Turn>) -> Self {
        Self { by, tenant, slug, turns }
    }

    /// Describes for each store the lost database and its replacement.
    fn told(&self) -> Value {
        let turn = |turn: &Turn| {
            json!({
                "store": turn.lost.store, "lost": shown(Some(&turn.lost)), "why": turn.why, "now": shown(Some(&turn.retained)),
                "writes_lost_since": clock::text(turn.since_us),
            })
        };
        self.turns.iter().map(turn).collect()
    }
}

impl Operation for FallBack {
    const KIND: &'static str = "fall_back";
    const POINT_OF_NO_RETURN: Option<&'static str> = Some("swap");

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "begin", run: steps::begin, undo: Some(step::nothing) },
            Step::Outside { name: "look", run: steps::look, undo: steps::unlook },
            Step::Control { name: "swap", run: steps::swap, undo: Some(step::nothing) },
            Step::Outside { name: "open", run: steps::open, undo: step::leave },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        Some(self.tenant)
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        let turn = |t: &Turn| {
            format!("{} on {} as it was at {}", t.lost.store, t.retained.server, clock::text(t.since_us))
        };
        let turns: Vec<_> = self.turns.iter().map(turn).collect();
        format!("put back into use of {}: {}", self.slug, turns.join(", "))
    }

    fn outcome(&self) -> Value {
        json!({ "purpose": Self::KIND, "stores": self.told() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_found_is_read_from_its_journal() {
        let place = json!({
            "server": "main", "store": "tenant", "isolation": "database", "physical": "tenant_1", "tenant": 1,
            "generation": 1,
        });
        let found = |fence: Value| {
            let turn = json!({"lost": place, "why": "", "kept": place, "since_us": 1, "fence": fence});
            let turn: Turn = serde_json::from_value(turn).unwrap();
            let again: Turn = serde_json::from_value(serde_json::to_value(&turn).unwrap()).unwrap();
            assert_eq!(again.found, turn.found);
            turn.found
        };
        assert_eq!(found(Value::Null), None);
        assert_eq!(found(0.into()), Some(PlaceState::Open));
        assert_eq!(found(1.into()), Some(PlaceState::Fenced { holder: None }));
        assert_eq!(found(77.into()), Some(PlaceState::Fenced { holder: Some(77) }));
    }
}
