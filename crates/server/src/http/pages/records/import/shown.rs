//! The preview of an import: the first records as they would be stored, and the reasons why lines are refused.

use super::super::{Place, Row, cells, field_of, flat};
use crate::http::{
    pages::{reasons, records::detail::refers_to, words},
    problem::Result,
};
use serde_json::{Map, Value as Json};
use tenantry::{
    model::{Field, FieldKind},
    name::FieldName,
    query::{Filter, Select},
    records::ImportReport,
};
use tenantry_console::records::{Cell, Refusals};

/// Returns the columns and rows of the first records. A reference shows the name of its record.
pub(super) async fn sample(
    place: &Place<'_>,
    columns: &[String],
    report: &ImportReport,
) -> Result<(Vec<String>, Vec<Vec<Cell>>)> {
    let is_set = |field: &&Field| columns.iter().any(|name| field_of(name) == field.name.as_str());
    let fields: Vec<&Field> = place.model.fields.iter().filter(is_set).collect();
    let rows = report.sample.iter().filter_map(Json::as_object).cloned();
    let mut rows: Vec<Row> = rows.map(|row| flat(&place.model, row)).collect();
    for field in &fields {
        expand(place, field, &mut rows).await?;
    }
    let cells = |row: &Row| fields.iter().map(|field| cells::cell(place, &place.model, field, row)).collect();
    Ok((fields.iter().map(|field| field.label.clone()).collect(), rows.iter().map(cells).collect()))
}

/// Adds the record of a reference to each row, as lists with `expand` do.
async fn expand(place: &Place<'_>, field: &Field, rows: &mut [Row]) -> Result<()> {
    let Some(target) = place.target(field) else { return Ok(()) };
    let FieldKind::Ref { .. } = field.kind else { return Ok(()) };
    let id = |row: &Row| row.get(field.name.as_str()).filter(|id| !id.is_null()).map(cells::text);
    let ids: Vec<String> = rows.iter().filter_map(id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let names = FieldName::parse("id").ok().into_iter().chain(target.display.clone()).collect::<Vec<_>>();
    let Filter::In(_, values) = refers_to(field, &ids)? else { return Ok(()) };
    let Some(key) = names.first().cloned() else { return Ok(()) };
    let select = Select { filter: Filter::In(key, values), fields: names, limit: 100, ..Select::default() };
    let (found, _) = place.rows(target, select, vec![]).await?;
    for row in rows {
        let Some(id) = id(row) else { continue };
        let Some(other) = found.iter().find(|other| super::super::id_of(other) == id) else { continue };
        let expanded = row.entry("expand").or_insert_with(|| Json::Object(Map::new()));
        if let Some(expanded) = expanded.as_object_mut() {
            expanded.insert(field.name.to_string(), Json::Object(other.clone()));
        }
    }
    Ok(())
}

/// Returns the reasons why lines are refused, by column and reason, the most frequent first.
pub(super) fn reasons(place: &Place<'_>, report: &ImportReport) -> Vec<Refusals> {
    let label = |field: &str| {
        let name = field_of(field);
        place.model.field(name).map_or_else(|| words::human(field), |field| field.label.clone())
    };
    let mut all: Vec<_> = report.reasons.iter().collect();
    all.sort_by_key(|reason| std::cmp::Reverse(reason.lines));
    let shown = |reason: &&tenantry::records::Reason| Refusals {
        column: reason.field.as_deref().map(label).unwrap_or_default(),
        reason: reasons::sentence(place.words(), &reason.reason),
        lines: place.words().number(reason.lines),
        first: reason.first,
    };
    all.iter().map(shown).collect()
}
