//! Choices of a reference: a drop-down list of at most thirty records, narrowed by the other references of the form.
//!
//! A search on the server finds the rest. The rules that narrow the list come from the models (`depends_on`); the
//! platform checks them again when it writes the record.

use super::{Place, Row, cells, id_of};
use crate::http::{
    problem::Result,
    query::{self, Kind},
};
use std::collections::{BTreeMap, HashMap};
use tenantry::{
    model::{Field, FieldKind, Model},
    name::FieldName,
    query::{Direction, Filter, Operator, Select},
    records::{Dependence, depends_on},
    value::Value,
};
use tenantry_console::records::Choice;

/// Largest number of records in a drop-down list.
const MOST: usize = 30;

/// The records that can be chosen for a reference.
pub(super) struct Choices {
    pub(super) options: Vec<Choice>,
    /// More records match than are listed.
    pub(super) more: bool,
}

/// Parameters of a list of choices.
#[derive(Default)]
pub(super) struct Asked<'a> {
    /// Id of the chosen record; empty if none is chosen.
    pub(super) chosen: &'a str,
    /// Part of the name to search for; empty for all records.
    pub(super) find: &'a str,
    /// Conditions that the other references of the form set.
    pub(super) narrow: Vec<Filter>,
    /// Keep the chosen record even if it does not meet the conditions, so that the visitor sees it.
    pub(super) keep: bool,
}

/// Returns the choices of a field, or `None` if the visitor may not read the model that it refers to.
pub(super) async fn choices(place: &Place<'_>, field: &Field, asked: Asked<'_>) -> Result<Option<Choices>> {
    let Some(target) = place.target(field) else { return Ok(None) };
    let chosen = |row: &Row| id_of(row) == asked.chosen;
    let (mut rows, _) = place.rows(target, select(target, &asked), vec![]).await?;
    let more = rows.len() > MOST;
    rows.truncate(MOST);
    if !asked.chosen.is_empty() && !rows.iter().any(chosen) {
        rows.extend(one(place, target, &asked).await?);
    }
    let option = |row: &Row| Choice {
        value: id_of(row),
        label: cells::name(place.words(), target, row),
        chosen: chosen(row),
    };
    Ok(Some(Choices { options: rows.iter().map(option).collect(), more }))
}

/// Returns the chosen record of a field as the only choice, if one is chosen. Returns `None` if the visitor may not
/// read the model that the field refers to.
pub(super) async fn chosen(place: &Place<'_>, field: &Field, asked: Asked<'_>) -> Result<Option<Choices>> {
    let Some(target) = place.target(field) else { return Ok(None) };
    let row = match asked.chosen {
        "" => None,
        _ => one(place, target, &asked).await?,
    };
    let option = |row: Row| Choice {
        value: id_of(&row),
        label: cells::name(place.words(), target, &row),
        chosen: true,
    };
    Ok(Some(Choices { options: row.map(option).into_iter().collect(), more: false }))
}

fn fields(target: &Model) -> Vec<FieldName> {
    FieldName::parse("id").ok().into_iter().chain(target.display.clone()).collect()
}

fn select(target: &Model, asked: &Asked<'_>) -> Select {
    let mut conditions = asked.narrow.clone();
    let display = target.display.as_ref().and_then(|name| target.field(name.as_str()));
    let text = display.filter(|field| matches!(field.kind, FieldKind::Text { .. }));
    if let Some(field) = text.filter(|_| !asked.find.is_empty()) {
        let part = Value::Text(asked.find.into());
        conditions.push(Filter::Compare(field.name.clone(), Operator::Contains, part));
    }
    let sort = text.map(|field| (field.name.clone(), Direction::Ascending).into()).into_iter().collect();
    Select {
        filter: Filter::All(conditions),
        sort,
        fields: fields(target),
        limit: u32::try_from(MOST + 1).unwrap_or(u32::MAX),
        ..Select::default()
    }
}

/// Returns the chosen record, if it exists and meets the conditions.
async fn one(place: &Place<'_>, target: &Model, asked: &Asked<'_>) -> Result<Option<Row>> {
    let (Ok(id), Ok(value)) = (FieldName::parse("id"), query::parse_text(Kind::Reference, asked.chosen))
    else {
        return Ok(None);
    };
    // An id of the wrong kind belongs to no record of this model.
    if !fits(target, &value) {
        return Ok(None);
    }
    let mut conditions = if asked.keep { vec![] } else { asked.narrow.clone() };
    conditions.push(Filter::Compare(id, Operator::Eq, value));
    let select =
        Select { filter: Filter::All(conditions), fields: fields(target), limit: 1, ..Select::default() };
    Ok(place.rows(target, select, vec![]).await?.0.into_iter().next())
}

/// Returns the names of the records with these ids, by id. The map omits ids that belong to no record.
pub(in crate::http::pages) async fn named(
    place: &Place<'_>,
    target: &Model,
    ids: &[String],
) -> Result<HashMap<String, String>> {
    let ids: Vec<_> = ids.iter().filter_map(|id| query::parse_text(Kind::Reference, id).ok()).collect();
    let Ok(id) = FieldName::parse("id") else { return Ok(HashMap::new()) };
    let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX).clamp(1, 1000);
    let select = Select { filter: Filter::In(id, ids), fields: fields(target), limit, ..Select::default() };
    let (rows, _) = place.rows(target, select, vec![]).await?;
    Ok(rows.iter().map(|row| (id_of(row), cells::name(place.words(), target, row))).collect())
}

/// Returns true if a record of the model can have this id.
fn fits(target: &Model, id: &Value) -> bool {
    use tenantry::model::IdKind;
    matches!((target.id, id), (IdKind::Integer, Value::Integer(_)) | (IdKind::Uuid, Value::Uuid(_)))
}

/// Returns the rules by which one reference of the model narrows the choices of another.
pub(super) fn rules(place: &Place<'_>) -> Vec<Dependence> {
    depends_on(&place.model, &place.models)
}

/// Returns the conditions that the other values of a form set for the choices of a field.
pub(super) fn narrowing(
    place: &Place<'_>,
    rules: &[Dependence],
    field: &Field,
    values: &BTreeMap<String, String>,
) -> Vec<Filter> {
    let of_field = rules.iter().filter(|rule| rule.field == field.name);
    let conditions = of_field.filter_map(|rule| {
        let text = values.get(rule.with.as_str()).filter(|text| !text.is_empty())?;
        let value = query::parse_text(Kind::Reference, text).ok()?;
        let with = place.target(place.model.field(rule.with.as_str())?)?;
        fits(with, &value).then(|| Filter::Compare(rule.through.clone(), Operator::Eq, value))
    });
    conditions.collect()
}
