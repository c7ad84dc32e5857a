//! The columns of a list: the default ones, and how they sort.

use super::links::Params;
use tenantry::{
    model::{Field, FieldKind, Model},
    query::{Direction, Select},
};
use tenantry_console::records::Column;

/// Number of columns that a list shows by default.
const USUAL: usize = 7;
/// Longest text that is a column by default, in characters.
const SHORT: u32 = 200;

/// Returns the fields that a list shows: those that the address names, or the first ones. The model's `display` field
/// is first.
pub(super) fn shown<'m>(model: &'m Model, select: &Select) -> Vec<&'m Field> {
    let wanted = |field: &&Field| select.fields.contains(&field.name);
    let mut fields: Vec<&Field> = match select.fields.is_empty() {
        true => model.fields.iter().filter(|field| is_short(field)).take(USUAL).collect(),
        false => model.fields.iter().filter(wanted).collect(),
    };
    if let Some(display) = model.display.as_ref().and_then(|name| model.field(name.as_str())) {
        fields.retain(|field| field.name != display.name);
        fields.insert(0, display);
    }
    fields
}

fn is_short(field: &Field) -> bool {
    match &field.kind {
        FieldKind::Text { max_length } => max_length.is_some_and(|length| length <= SHORT),
        FieldKind::Json | FieldKind::Custom | FieldKind::File { .. } => false,
        _ => true,
    }
}

/// Returns the default order of a list: by name where an index has that order, otherwise newest first.
pub(super) fn usual_order(model: &Model, is_shared: bool) -> String {
    let display = model.display.as_ref().and_then(|name| model.field(name.as_str()));
    let by_name = display.filter(|field| {
        let leads = model.indexes.iter().any(|index| index.fields.first() == Some(&field.name));
        matches!(field.kind, FieldKind::Text { .. }) && (is_shared || leads || field.has_index())
    });
    by_name.map_or_else(|| "-id".to_owned(), |field| field.name.to_string())
}

/// Returns the head of a column.
pub(super) fn head(field: &Field, select: &Select, params: &Params, path: &str) -> Column {
    let is_sortable = !matches!(
        field.kind,
        FieldKind::Json | FieldKind::Custom | FieldKind::File { .. } | FieldKind::Ref { .. }
    );
    let (sorted, other) = match select
        .sort
        .first()
        .filter(|by| by.via.is_empty() && by.field == field.name)
        .map(|by| by.direction)
    {
        Some(Direction::Ascending) => ("ascending", format!("-{}", field.name)),
        Some(Direction::Descending) => ("descending", field.name.to_string()),
        None => ("", field.name.to_string()),
    };
    Column {
        label: field.label.clone(),
        sort: is_sortable.then(|| params.with("sort", &other).href(path)),
        sorted,
        is_number: matches!(field.kind, FieldKind::Integer { .. } | FieldKind::Decimal { .. }),
    }
}
