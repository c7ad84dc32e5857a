//! Workflows: states that change only by transitions, and the trail of the transitions that a record made.
//!
//! `guard.rs` refuses every other write of a state, whatever way it comes; `transitions.rs` makes transitions; `trail.rs`
//! reads the trail. A transition and its entry in the trail are one transaction.

mod guard;
mod trail;
mod transitions;

pub use trail::Made;
pub use transitions::{OfferedTransition, Standing};

use super::Records;
use crate::{Error, Result, access::Actor};
use tenantry_engine::{
    model::Workflow,
    name::{FieldName, ModelName},
    query::RecordId,
    value::Value,
};

impl Records<'_> {
    /// Returns the workflow of the model.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the model has none.
    fn workflow(&self) -> Result<&Workflow> {
        self.entry.model.workflow.as_ref().ok_or(Error::NotFound("workflow"))
    }

    /// Returns the name of the automatic model that holds the trail.
    fn trail_name(&self) -> Result<ModelName> {
        Ok(self.entry.model.trail_model().ok_or(Error::NotFound("workflow"))?.name)
    }
}

/// Returns the label of the member behind an actor: for an API key, the member that created it.
fn person(actor: &Actor) -> String {
    match actor.api_key().and_then(|key| key.made_by) {
        Some(member) => format!("user:{member}"),
        None => actor.label().to_owned(),
    }
}

fn field(name: &str) -> FieldName {
    FieldName::parse(name).expect("a constant field name")
}

/// Returns the id of a record as the trail holds it.
fn id_in_trail(id: &RecordId) -> Value {
    match id {
        RecordId::Integer(id) => Value::Integer(*id),
        RecordId::Uuid(id) => Value::Text(id.to_string()),
    }
}
