//! Parses one field table to a [`Field`]. Model files and migrations use the same format.

use super::{
    Field, FieldKind, OnDelete, default,
    parse::human,
    problem::Sink,
    reader::{self, At, Section},
};
use crate::name::{FieldName, ModelName};

/// A field, and the byte offset of its `to` key.
pub(crate) struct ParsedField {
    pub(crate) field: Field,
    pub(crate) to_at: Option<usize>,
}

const KINDS: &str = "text, integer, decimal, boolean, date, datetime, json, file, choice, ref";
const COMMON: &str = "type, required, unique, index, search, personal, default, label";
/// Default of the maximum size of a file: 10 MiB.
const FILE_MAX_BYTES: i64 = 10 * 1024 * 1024;
/// Columns that every model has, and the names that SQLite gives to its row number.
pub(crate) const RESERVED: [&str; 6] = ["id", "created_at", "updated_at", "version", "rowid", "oid"];

/// Parses a field table whose `name` key was already taken.
pub(crate) fn read(
    sink: &mut Sink,
    mut table: Section<'_>,
    name: FieldName,
    tenant_field: Option<&FieldName>,
    at: usize,
) -> Option<ParsedField> {
    if RESERVED.contains(&name.as_str()) || tenant_field == Some(&name) {
        sink.add(at, format!("`{name}` is reserved: every model has that column already"));
    }
    let mut to_at = None;
    let (kind, own) = kind(sink, &mut table, &mut to_at, at)?;
    let label = table.text(sink, "label").map_or_else(|| human(name.as_str()), |t| t.value.to_owned());
    let mut field = Field {
        name,
        kind,
        label,
        required: table.flag(sink, "required"),
        unique: table.flag(sink, "unique"),
        index: table.flag(sink, "index"),
        search: table.flag(sink, "search"),
        personal: table.flag(sink, "personal"),
        default: None,
        consistent: true,
    };
    if matches!(field.kind, FieldKind::Ref { .. }) && table.has("consistent") {
        field.consistent = table.flag(sink, "consistent");
    }
    field.default = default_of(sink, &mut table, &field);
    rules(sink, &field, at);
    let known = if own.is_empty() { COMMON.to_owned() } else { format!("{COMMON}, {own}") };
    table.finish(sink, &known);
    Some(ParsedField { field, to_at })
}

fn kind(
    sink: &mut Sink,
    table: &mut Section<'_>,
    to_at: &mut Option<usize>,
    at: usize,
) -> Option<(FieldKind, &'static str)> {
    let present = table.has("type");
    let Some(At { value, at }) = table.text(sink, "type") else {
        if !present {
            sink.add(at, format!("`type` is missing; one of {KINDS}"));
        }
        return None;
    };
    Some(match value {
        "text" => (text(sink, table), "max_length"),
        "integer" => (integer(sink, table), "min, max"),
        "decimal" => {
            let scale = table.bounded(sink, "scale", 0..=9).unwrap_or(2);
            (FieldKind::Decimal { scale: u32::try_from(scale).unwrap_or(2) }, "scale")
        }
        "boolean" => (FieldKind::Boolean, ""),
        "date" => (FieldKind::Date, ""),
        "datetime" => (FieldKind::Datetime, ""),
        "json" => (FieldKind::Json, ""),
        // Only migrations have it; `parse.rs` refuses it in models.
        "custom" => (FieldKind::Custom, ""),
        "file" => {
            let max = table.bounded(sink, "max_bytes", 1..=i64::MAX).unwrap_or(FILE_MAX_BYTES);
            (FieldKind::File { max_bytes: max.unsigned_abs() }, "max_bytes")
        }
        "choice" => (choice(sink, table, at), "choices"),
        "ref" => (reference(sink, table, to_at, at)?, "to, on_delete, consistent"),
        other => {
            sink.add(at, format!("`type` {other:?} is not known; one of {KINDS}"));
            return None;
        }
    })
}

fn text(sink: &mut Sink, table: &mut Section<'_>) -> FieldKind {
    let max = table.bounded(sink, "max_length", 1..=i64::from(u32::MAX));
    FieldKind::Text { max_length: max.and_then(|m| u32::try_from(m).ok()) }
}

fn integer(sink: &mut Sink, table: &mut Section<'_>) -> FieldKind {
    let min = table.integer(sink, "min");
    let max = table.integer(sink, "max");
    if let (Some(low), Some(high)) = (&min, &max)
        && low.value > high.value
    {
        sink.add(high.at, format!("`max` {} is smaller than `min` {}", high.value, low.value));
    }
    FieldKind::Integer { min: min.map(|m| m.value), max: max.map(|m| m.value) }
}

fn choice(sink: &mut Sink, table: &mut Section<'_>, at: usize) -> FieldKind {
    let listed = table.texts(sink, "choices").unwrap_or_default();
    if listed.is_empty() {
        sink.add(at, "a choice needs `choices = [\"…\"]`");
    }
    let mut choices: Vec<String> = Vec::new();
    for At { value, at } in listed {
        if value.is_empty() || choices.iter().any(|c| c == value) {
            sink.add(at, format!("choice {value:?} is empty or listed twice"));
        }
        choices.push(value.to_owned());
    }
    FieldKind::Choice { choices }
}

fn reference(
    sink: &mut Sink,
    table: &mut Section<'_>,
    to_at: &mut Option<usize>,
    at: usize,
) -> Option<FieldKind> {
    let on_delete = match table.text(sink, "on_delete") {
        Some(At { value: "set_null", .. }) => OnDelete::SetNull,
        Some(At { value: "protect", .. }) | None => OnDelete::Protect,
        Some(At { value, at }) => {
            sink.add(at, format!("`on_delete` must be \"protect\" or \"set_null\", not {value:?}"));
            OnDelete::Protect
        }
    };
    let present = table.has("to");
    let Some(to) = table.parsed::<ModelName>(sink, "to") else {
        if !present {
            sink.add(at, "a reference needs `to = \"model\"`");
        }
        return None;
    };
    *to_at = Some(to.at);
    Some(FieldKind::Ref { to: to.value, on_delete })
}

/// Parses `default` as a TOML value, or `default_json` as JSON text for values that TOML cannot express (null).
fn default_of(sink: &mut Sink, table: &mut Section<'_>, field: &Field) -> Option<serde_json::Value> {
    let (json, at) = match (table.take("default"), table.text(sink, "default_json")) {
        (Some(v), _) => (reader::json(v.get_ref()), v.span().start),
        (None, Some(text)) => (serde_json::from_str(text.value).ok(), text.at),
        (None, None) => return None,
    };
    let fits = json
        .ok_or_else(|| "cannot be read".to_owned())
        .and_then(|j| default::typed(&field.kind, &j).map(|_| j));
    fits.map_err(|e| sink.add(at, format!("default of `{}`: {e}", field.name))).ok()
}

fn rules(sink: &mut Sink, field: &Field, at: usize) {
    let name = &field.name;
    if field.search && !matches!(field.kind, FieldKind::Text { .. }) {
        sink.add(at, format!("`{name}`: only text can have `search`"));
    }
    if field.search && name.as_str() == "rank" {
        sink.add(at, "a searched field cannot be called `rank`: full-text search uses that name");
    }
    let opaque = matches!(field.kind, FieldKind::Json | FieldKind::Custom | FieldKind::File { .. });
    if opaque && (field.unique || field.index) {
        sink.add(at, format!("`{name}`: a json or file field cannot be indexed or unique"));
    }
    if let FieldKind::Ref { on_delete: OnDelete::SetNull, .. } = field.kind
        && field.required
    {
        sink.add(at, format!("`{name}` is required, so `on_delete = \"set_null\"` could never work"));
    }
}
