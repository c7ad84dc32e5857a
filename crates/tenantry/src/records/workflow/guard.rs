//! The check that every write of records passes: a record begins in the initial state, and no ordinary write changes its
//! state or its author.

use super::{super::custom::refused, Records, field, id_in_trail, person};
use crate::{
    Result,
    error::{FieldError, Rule},
    platform::loaded::ModelEntry,
};
use std::borrow::Cow;
use tenantry_engine::{
    model::Workflow,
    name::FieldName,
    query::{Change, Direction, Filter, Operator, RecordId, Select},
    row::Collect,
    value::Value,
};

impl Records<'_> {
    /// Returns the changes with the authors of new records.
    ///
    /// # Errors
    /// Returns [`crate::Error::InvalidFields`] for a change that sets the state or the author of a record.
    pub(in crate::records) fn with_states<'c>(
        &self,
        entry: &ModelEntry,
        changes: &'c [Change],
    ) -> Result<Cow<'c, [Change]>> {
        let Some(workflow) = &entry.model.workflow else { return Ok(changes.into()) };
        for (index, change) in changes.iter().enumerate() {
            if let Some(wrong) = wrong_in(workflow, change) {
                return Err(refused(vec![wrong], index, changes.len()));
            }
        }
        let Some(author) = &workflow.author else { return Ok(changes.into()) };
        if !changes.iter().any(|change| matches!(change, Change::Insert { .. })) {
            return Ok(changes.into());
        }
        let by = person(self.actor());
        let mut changes = changes.to_vec();
        for change in &mut changes {
            if let Change::Insert { values, .. } = change {
                values.retain(|(name, _)| name != author);
                values.push((author.clone(), Value::Text(by.clone())));
            }
        }
        Ok(changes.into())
    }

    /// Returns the fields without those that only transitions and the platform write.
    pub(in crate::records) fn free_of_states(&self, mut fields: Vec<FieldName>) -> Vec<FieldName> {
        if let Some(workflow) = &self.entry.model.workflow {
            fields.retain(|field| !workflow.owns(field));
        }
        fields
    }

    /// Sets the state of a deleted record that is taken back: the one to which its last transition led, or the initial one.
    /// A backup could otherwise return a record to a state that a later transition has ended.
    pub(in crate::records) async fn return_to_state(
        &self,
        id: &RecordId,
        values: &mut Vec<(FieldName, Value)>,
    ) -> Result<()> {
        let Some(workflow) = &self.entry.model.workflow else { return Ok(()) };
        let last = self.last_in_trail(id, "to_state").await?;
        values.retain(|(name, _)| *name != workflow.field);
        let state = last.unwrap_or_else(|| Value::Text(workflow.initial.clone()));
        values.push((workflow.field.clone(), state));
        Ok(())
    }

    /// Returns a value of the newest entry in the trail of a record.
    pub(super) async fn last_in_trail(&self, id: &RecordId, column: &str) -> Result<Option<Value>> {
        let select = Select {
            filter: Filter::Compare(field("record"), Operator::Eq, id_in_trail(id)),
            sort: vec![(field("id"), Direction::Descending).into()],
            limit: 1,
            fields: vec![field(column)],
            ..Select::default()
        };
        let (session, trail) = (self.session().await?, self.trail_name()?);
        let (found, _) = session.select(trail.as_str(), &select, None, Collect::default()).await?;
        Ok(found.rows.into_iter().next().and_then(|row| row.into_iter().next()))
    }
}

/// Returns what is wrong with a change of a record that has states.
fn wrong_in(workflow: &Workflow, change: &Change) -> Option<FieldError> {
    let (values, is_new) = match change {
        Change::Insert { values, .. } => (values, true),
        Change::Update { values, .. } => (values, false),
        Change::Delete { .. } => return None,
    };
    let (name, value) = values.iter().find(|(name, _)| workflow.owns(name))?;
    let reason = match (*name == workflow.field, is_new) {
        (true, true) if matches!(value, Value::Text(state) if *state == workflow.initial) => return None,
        (true, true) => format!("a new record begins as `{}`: leave the field out", workflow.initial),
        (true, false) => "changes only by a transition: POST to the record's transitions".to_owned(),
        (false, _) => "is set by the platform: leave the field out".to_owned(),
    };
    Some(FieldError::new(name.as_str(), Rule::ReadOnly, reason))
}
