//! Values of records as cells.

use super::{Place, Row, files, id_of};
use crate::http::pages::{company::People, words::Words};
use serde_json::Value as Json;
use tenantry::model::{Field, FieldKind, Model};
use tenantry_console::records::Cell;

/// Number of characters from which a text gets the whole width.
const LONG: usize = 120;

/// Returns the value of a field as a cell.
pub(in crate::http::pages) fn cell(place: &Place<'_>, model: &Model, field: &Field, row: &Row) -> Cell {
    let value = row.get(field.name.as_str()).unwrap_or(&Json::Null);
    if value.is_null() {
        return Cell::Empty;
    }
    let words = place.words();
    match &field.kind {
        FieldKind::Text { .. }
            if model.workflow.as_ref().is_some_and(|flow| flow.author.as_ref() == Some(&field.name)) =>
        {
            Cell::Text(People::default().named(words, &text(value)))
        }
        FieldKind::Text { max_length } => {
            let text = text(value);
            match text.contains('\n') || max_length.is_none() || text.chars().count() > LONG {
                true => Cell::Long(text),
                false => Cell::Text(text),
            }
        }
        FieldKind::Integer { .. } => Cell::Number(text(value)),
        FieldKind::Decimal { .. } => Cell::Number(words.point(&text(value))),
        FieldKind::Boolean => Cell::Truth(value == &Json::Bool(true)),
        FieldKind::Date => Cell::Time(words.date(&text(value)), text(value)),
        FieldKind::Datetime => Cell::Time(words.datetime(&text(value)), text(value)),
        FieldKind::Choice { .. } => Cell::Choice(words.choice(model, field, &text(value))),
        FieldKind::Json | FieldKind::Custom => Cell::Code(value.to_string()),
        FieldKind::File { .. } => {
            let part = |name: &str| value.get(name).map(text).unwrap_or_default();
            let href = files::path(place, model, &id_of(row), field.name.as_str());
            let size = value.get("size").and_then(Json::as_u64).unwrap_or(0);
            Cell::File { href, name: part("name"), size: words.bytes(size) }
        }
        FieldKind::Ref { .. } => {
            let id = text(value);
            let named = place.target(field).and_then(|target| {
                let row = row.get("expand")?.get(field.name.as_str())?.as_object()?;
                Some((place.path(target, &id), name(words, target, row)))
            });
            match named {
                Some((href, text)) => Cell::Link { href, text },
                None => Cell::Text(words.text("record-number").with("id", id).into()),
            }
        }
    }
}

/// Returns the name of a record: the value of its model's `display` field, or its number.
pub(in crate::http::pages) fn name(words: &Words, model: &Model, row: &Row) -> String {
    let shown = model.display.as_ref().and_then(|name| {
        let value = row.get(name.as_str()).filter(|value| !value.is_null())?;
        Some(match model.field(name.as_str()).map(|field| &field.kind) {
            Some(FieldKind::Date) => words.date(&text(value)),
            Some(FieldKind::Datetime) => words.datetime(&text(value)),
            _ => text(value),
        })
    });
    shown
        .filter(|text| !text.trim().is_empty())
        .unwrap_or_else(|| words.text("record-number").with("id", id_of(row)).into())
}

/// Returns a value as text, without quotes.
pub(in crate::http::pages) fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}
