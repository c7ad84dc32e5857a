//! Checks the values of own fields in a write, against the definitions in the place that is written.
//!
//! The definitions are read before the transaction. Therefore the transaction also contains a change of their row that
//! changes nothing, but expects the version that was read. If the definitions have changed in between, on whatever node,
//! the write is refused there, and is checked again.

use super::{Definitions, ROW, field};
use crate::{
    Error, Result,
    error::{FieldError, Rule, Wrong},
    platform::loaded::ModelEntry,
    records::Records,
};
use serde_json::{Map, Value as Json};
use std::{borrow::Cow, sync::Arc};
use tenantry_engine::{
    Kind, engine::Session, model::custom, name::FieldName, query::Change, value::Value, write::Written,
};

/// The changes of a write, with checked values of own fields.
pub(in crate::records) struct Guarded<'c> {
    pub(in crate::records) changes: Cow<'c, [Change]>,
    /// The own fields with personal data.
    pub(in crate::records) personal: Arc<[FieldName]>,
    /// Number of the caller's changes. A change after them guards the definitions.
    callers: usize,
}

impl Guarded<'_> {
    /// Returns true if the write was refused only because the definitions have changed.
    pub(in crate::records) fn is_outdated(&self, error: &tenantry_engine::Error) -> bool {
        matches!(error.kind(), Kind::Conflict(_) | Kind::NotFound)
            && error.index() == Some(self.callers)
            && self.callers < self.changes.len()
    }

    /// Returns the rows of the caller's changes.
    pub(in crate::records) fn callers(&self, mut written: Vec<Written>) -> Vec<Written> {
        written.truncate(self.callers);
        written
    }
}

impl Records<'_> {
    /// Checks the values of own fields in changes of a model, and returns the changes with the values in the form that
    /// is stored.
    ///
    /// # Errors
    /// Returns [`Error::InvalidFields`] for values that the definitions do not allow, and the errors of a read.
    pub(in crate::records) async fn guarded<'c>(
        &self,
        session: &Session,
        entry: &ModelEntry,
        changes: &'c [Change],
    ) -> Result<Guarded<'c>> {
        let callers = changes.len();
        let of = match self.custom_entry(entry) {
            Some(of) if changes.iter().any(needs_check) => of,
            _ => return Ok(Guarded { changes: changes.into(), personal: Arc::default(), callers }),
        };
        let definitions = self.definitions(session, entry).await?;
        let (mut checked, mut has_values) = (changes.to_vec(), false);
        for (index, change) in checked.iter_mut().enumerate() {
            let done = check(&definitions, change);
            has_values |= done.map_err(|wrong| refused(wrong, index, callers))?;
        }
        if let (true, Some(version)) = (has_values, definitions.version) {
            checked.push(Change::Update {
                model: of.model.name.clone(),
                id: ROW,
                expected_version: Some(version),
                values: vec![],
            });
        }
        let personal = definitions.fields.iter().filter(|field| field.personal);
        let personal = personal.map(|field| field.name.clone()).collect();
        Ok(Guarded { changes: checked.into(), personal, callers })
    }
}

/// Returns true if a change can have values of own fields, lack required ones, or log some.
fn needs_check(change: &Change) -> bool {
    match change {
        Change::Insert { .. } => true,
        Change::Update { values, .. } => values.iter().any(|(name, _)| name.as_str() == custom::FIELD),
        // The activity log has the values of the deleted record.
        Change::Delete { .. } => true,
    }
}

/// Checks one change and replaces its values by their stored form. Returns true if it has values.
fn check(definitions: &Definitions, change: &mut Change) -> Result<bool, Vec<FieldError>> {
    let (values, is_new) = match change {
        Change::Insert { values, .. } => (values, true),
        Change::Update { values, .. } => (values, false),
        Change::Delete { .. } => return Ok(false),
    };
    let at = values.iter().position(|(name, _)| name.as_str() == custom::FIELD);
    if at.is_none() && !is_new {
        return Ok(false);
    }
    let given = match at.map(|at| &values[at].1) {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Json(Json::Object(given))) => given.clone(),
        Some(_) => {
            let reason = "must be an object with the values of the organisation's own fields";
            return Err(vec![FieldError::new(custom::FIELD, Rule::Value, reason)]);
        }
    };
    let stored = all(definitions, &given)?;
    let has_values = !stored.is_empty();
    let stored = if has_values { Value::Json(Json::Object(stored)) } else { Value::Null };
    match at {
        Some(at) => values[at].1 = stored,
        None if has_values => values.push((field(custom::FIELD), stored)),
        None => {}
    }
    Ok(has_values)
}

/// Checks all values of a record. Null is no value, and neither is the value of a field that is being removed.
fn all(definitions: &Definitions, given: &Map<String, Json>) -> Result<Map<String, Json>, Vec<FieldError>> {
    let (mut stored, mut wrong) = (Map::new(), Vec::new());
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        match definitions.find(name) {
            None => wrong.push(unknown(definitions, name)),
            Some(of) if of.closed => {}
            Some(of) => match of.value(value) {
                Ok(value) => drop(stored.insert(name.clone(), value)),
                Err(error) => {
                    wrong.push(FieldError::new(of.name.custom().as_str(), Rule::Value, reason(&error)))
                }
            },
        }
    }
    let named =
        |name: &str| stored.contains_key(name) || given.get(name).is_some_and(|value| !value.is_null());
    let missing = definitions.open().filter(|of| of.required && !named(of.name.as_str()));
    wrong.extend(missing.map(|of| FieldError::required(of.name.custom().as_str())));
    if wrong.is_empty() { Ok(stored) } else { Err(wrong) }
}

fn reason(error: &tenantry_engine::Error) -> String {
    match error.kind() {
        Kind::Invalid(_, rule) => rule.clone(),
        _ => "is not allowed".into(),
    }
}

fn unknown(definitions: &Definitions, name: &str) -> FieldError {
    let names: Vec<_> = definitions.open().map(|field| field.name.as_str()).collect();
    let reason = match names.is_empty() {
        true => "no such field: the organisation has added none".to_owned(),
        false => format!("no such field; the organisation has added: {}", names.join(", ")),
    };
    let shown: String = name.chars().take(60).collect();
    FieldError::new(format!("{}.{shown}", custom::FIELD), Rule::Unknown, reason)
}

/// Returns the error of a change. Of several changes, it names the first one that is refused, as the engine does.
pub(in crate::records) fn refused(wrong: Vec<FieldError>, index: usize, changes: usize) -> Error {
    if changes == 1 {
        let mut all = Wrong::default();
        wrong.into_iter().for_each(|error| all.add(error));
        return match all.finish() {
            Err(error) => error,
            Ok(()) => Error::Internal("a refused change without a reason".into()),
        };
    }
    let first = wrong.into_iter().next();
    let (field, reason) = first.map(|first| (first.field, first.reason)).unwrap_or_default();
    tenantry_engine::Error::invalid(field, reason).with_index(index).into()
}
