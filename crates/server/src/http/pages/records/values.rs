//! Values of forms as text, and their conversion to the values that the platform reads.

use super::{Row, cells::text, clock};
use crate::http::{
    pages::{visit::Fields, words::Words},
    problem::FieldProblem,
};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tenantry::{
    model::{Field, FieldKind, Model, custom},
    records::Input,
};

/// Texts of inputs, by the names of their fields.
pub(super) type Values = BTreeMap<String, String>;

/// Returns the fields that a form sets as text. Files are sent separately.
pub(super) fn settable(model: &Model) -> impl Iterator<Item = &Field> {
    model
        .fields
        .iter()
        .filter(|field| !matches!(field.kind, FieldKind::File { .. }) && !is_of_workflow(model, field))
}

/// Returns true for the state and the author of a record, which no form sets.
pub(super) fn is_of_workflow(model: &Model, field: &Field) -> bool {
    model.workflow.as_ref().is_some_and(|workflow| workflow.owns(&field.name))
}

/// Returns the values of a record.
pub(super) fn of_row(words: &Words, model: &Model, row: &Row) -> Values {
    let value = |field: &Field| raw(words, field, row.get(field.name.as_str()).unwrap_or(&Json::Null));
    settable(model).map(|field| (field.name.to_string(), value(field))).collect()
}

/// Returns the values of a new record.
pub(super) fn defaults(words: &Words, model: &Model) -> Values {
    let value =
        |field: &Field| field.default.as_ref().map(|value| raw(words, field, value)).unwrap_or_default();
    settable(model).map(|field| (field.name.to_string(), value(field))).collect()
}

/// Returns the values of a sent form. Browsers do not send a checkbox that is not ticked.
pub(super) fn sent(model: &Model, fields: &Fields) -> Values {
    let value = |field: &Field| match (&field.kind, fields.sent(field.name.as_str())) {
        (FieldKind::Boolean, None) => "false".to_owned(),
        (_, value) => value.unwrap_or_default().to_owned(),
    };
    settable(model).map(|field| (field.name.to_string(), value(field))).collect()
}

fn raw(words: &Words, field: &Field, value: &Json) -> String {
    match &field.kind {
        _ if value.is_null() => String::new(),
        FieldKind::Json | FieldKind::Custom => value.to_string(),
        FieldKind::Datetime => clock::input(&words.zone, &text(value)),
        _ => text(value),
    }
}

/// Returns the input for the platform, with these fields only.
///
/// # Errors
/// Returns one problem for each field whose text does not have the input's format.
pub(super) fn input<'v>(
    words: &Words,
    model: &Model,
    values: impl Iterator<Item = (&'v String, &'v String)>,
) -> Result<Input, Vec<FieldProblem>> {
    let (mut input, mut customs, mut wrong) = (Input::new(), Input::new(), Vec::new());
    for (name, value) in values {
        let Some(field) = model.field(name) else { continue };
        match typed(words, field, value) {
            Ok(value) => match field.name.of_custom() {
                None => drop(input.insert(name.clone(), value)),
                Some(own) => drop(customs.insert(own.to_owned(), value)),
            },
            Err(message) => wrong.push(FieldProblem::new(name, message)),
        }
    }
    if !customs.is_empty() {
        input.insert(custom::FIELD.to_owned(), customs.into());
    }
    if wrong.is_empty() { Ok(input) } else { Err(wrong) }
}

fn typed(words: &Words, field: &Field, value: &str) -> Result<Json, String> {
    let trimmed = value.trim();
    if trimmed.is_empty() {
        return Ok(Json::Null);
    }
    let as_text = || Json::from(trimmed);
    Ok(match &field.kind {
        FieldKind::Text { .. } => Json::from(value),
        // The platform refuses text that is not a number, with its own message.
        FieldKind::Integer { .. } | FieldKind::Ref { .. } => {
            trimmed.parse::<i64>().map_or_else(|_| as_text(), Json::from)
        }
        FieldKind::Boolean => Json::Bool(trimmed == "true"),
        FieldKind::Datetime => clock::instant(words, trimmed)?.map_or_else(as_text, Json::from),
        FieldKind::Json | FieldKind::Custom => {
            serde_json::from_str(trimmed).map_err(|error| format!("is not JSON: {error}"))?
        }
        _ => as_text(),
    })
}
