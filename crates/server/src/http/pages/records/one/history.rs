//! `/{model}/{id}/history/`: the changes of a record, field by field, each with the member, key or staff member that
//! made it. A deleted record has a history too.

use super::super::{Place, Row, cells, choices};
use crate::http::{
    App,
    pages::{
        answer::page,
        company::{People, people},
        visit::{Site, query},
        words,
    },
    problem::Result,
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use serde_json::Value as Json;
use std::collections::{BTreeSet, HashMap};
use tenantry::{
    model::{Field, FieldKind},
    records::{ChangedValues, FieldChange, HistoryEntry},
};
use tenantry_console::records::{Cell, Change, ChangedField, History};

/// Number of changes on a page.
const CHANGES: u32 = 50;

/// Names of records by field and id.
type Names = HashMap<String, HashMap<String, String>>;

/// `GET /{model}/{id}/history/`, and the same under `/admin/data/`.
pub(in crate::http) async fn show(
    app: App,
    site: Site,
    Path((model, id)): Path<(String, String)>,
) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    let before = query(&site.visit().query).filled("before").and_then(|text| text.parse().ok());
    let found = place.whole_records().await?.history(&id, before, CHANGES).await?;
    let name = match found.exists {
        true => cells::name(place.words(), &place.model, &place.row(&id).await?),
        false => number(&place, &id),
    };
    let names = names(&place, &found.entries).await?;
    let people = match &site {
        Site::Company(inside) => people(&app, inside).await?,
        Site::Staff(..) => People::default(),
    };
    let path = place.path(&place.model, &id);
    let is_full = found.entries.len() == CHANGES as usize;
    let next =
        found.entries.last().filter(|_| is_full).map(|entry| format!("{path}history/?before={}", entry.id));
    let words = place.words();
    let change = |entry: &HistoryEntry| Change {
        at: (words.datetime(&entry.at), entry.at.clone()),
        who: people.named(words, &entry.actor),
        support: entry.impersonator.as_deref().map(|by| by.replace(':', " ")).unwrap_or_default(),
        action: match entry.action.as_str() {
            "create" => words.say("history-added"),
            "delete" => words.say("history-removed"),
            _ => words.say("history-changed"),
        },
        fields: entry.changes.iter().map(|change| changed(&place, change, &names)).collect(),
    };
    let view = History {
        frame: &place.frame(words.text("history-of").with("name", name).to_string()),
        label: &place.model.label,
        list: &place.list_path(&place.model),
        path: &path,
        exists: found.exists,
        audited: found.is_audited,
        is_later: before.is_some(),
        changes: found.entries.iter().map(change).collect(),
        next,
    };
    Ok(page(StatusCode::OK, &view))
}

fn changed(place: &Place<'_>, change: &FieldChange, names: &Names) -> ChangedField {
    let field = place.model.field(&change.field);
    let words = place.words();
    let cell = |value: &Json| value_of(place, field, value, names.get(&change.field));
    let (note, before, after) = match &change.values {
        ChangedValues::Known(before, after) => ("", cell(before), cell(after)),
        ChangedValues::Personal => (words.say("history-personal"), Cell::Empty, Cell::Empty),
        ChangedValues::TargetDeleted => (words.say("history-target-deleted"), Cell::Empty, Cell::Empty),
    };
    let label = field.map_or_else(|| words::human(&change.field), |field| field.label.clone());
    ChangedField { label, note, before, after }
}

/// Returns the name of a record that has no name of its own: its number.
fn number(place: &Place<'_>, id: &str) -> String {
    place.words().text("record-number").with("id", id).into()
}

/// Returns a value as it is shown. The model may no longer have the field.
fn value_of(
    place: &Place<'_>,
    field: Option<&Field>,
    value: &Json,
    names: Option<&HashMap<String, String>>,
) -> Cell {
    let Some(field) = field.filter(|_| !value.is_null()) else {
        return if value.is_null() { Cell::Empty } else { Cell::Text(cells::text(value)) };
    };
    match &field.kind {
        FieldKind::Ref { .. } => {
            let id = cells::text(value);
            match names.and_then(|names| names.get(&id)).zip(place.target(field)) {
                Some((name, target)) => Cell::Link { href: place.path(target, &id), text: name.clone() },
                None => Cell::Text(number(place, &id)),
            }
        }
        FieldKind::File { .. } => Cell::Text(value.get("name").map(cells::text).unwrap_or_default()),
        _ => {
            let row = Row::from_iter([(field.name.to_string(), value.clone())]);
            cells::cell(place, &place.model, field, &row)
        }
    }
}

/// Returns the names of the records that the values refer to, with one read for each reference.
async fn names(place: &Place<'_>, entries: &[HistoryEntry]) -> Result<Names> {
    let mut names = Names::new();
    for field in &place.model.fields {
        let Some(target) = place.target(field) else { continue };
        let changes = entries.iter().flat_map(|entry| &entry.changes);
        let ids =
            changes.filter(|change| change.field == field.name.as_str()).flat_map(|change| {
                match &change.values {
                    ChangedValues::Known(before, after) => vec![before, after],
                    _ => vec![],
                }
            });
        let ids: BTreeSet<String> = ids.filter(|value| !value.is_null()).map(cells::text).collect();
        if !ids.is_empty() {
            let ids: Vec<_> = ids.into_iter().collect();
            names.insert(field.name.to_string(), choices::named(place, target, &ids).await?);
        }
    }
    Ok(names)
}
