//! `/{model}/{id}/`: one record, and the records that refer to it.

use super::{Place, Row, cells, columns, id_of, one, values};
use crate::http::{
    App,
    pages::{
        answer::page,
        visit::{Site, query as visited},
        words::Words,
    },
    problem::Result,
    query::{self, Kind},
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use tenantry::{
    access::gates::Verb,
    model::{Field, FieldKind, Model},
    name::FieldName,
    query::{Direction, Filter, Select},
};
use tenantry_console::{
    Notice,
    records::{Detail, Related, Row as Shown},
};

/// Number of records shown for each related model.
const SOME: usize = 5;
/// Number of columns for related records.
const COLUMNS: usize = 4;

/// `GET /{model}/{id}/`.
pub(in crate::http) async fn show(
    app: App,
    site: Site,
    Path((model, id)): Path<(String, String)>,
) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    let done = match visited(&site.visit().query).get("_done") {
        "added" => Some("done-added"),
        "changed" => Some("done-changed"),
        "own" => Some("done-own"),
        "same" => Some("done-same"),
        "transition" => Some("done-transition"),
        _ => None,
    };
    let notice = done.map(|id| Notice::done(site.visit().say(id)));
    render(&app, &site, &place, &id, (notice, ""), StatusCode::OK).await
}

/// Returns the page of a record, with a notice and the comment that the visitor has typed for a transition.
pub(super) async fn render(
    app: &App,
    site: &Site,
    place: &Place<'_>,
    id: &str,
    (notice, comment): (Option<Notice>, &str),
    status: StatusCode,
) -> Result<Response> {
    let row = place.row(id).await?;
    // The part of the page about the workflow shows the state and the author.
    let fields = place.model.fields.iter().filter(|field| !values::is_of_workflow(&place.model, field));
    let fields = fields.map(|field| (field.label.clone(), cells::cell(place, &place.model, field, &row)));
    let mut frame = place.frame(cells::name(place.words(), &place.model, &row));
    frame.notice = notice;
    let mut parts = Vec::new();
    for (model, field) in place.referrers() {
        parts.push(related(place, &model, &field, &row).await?);
    }
    let view = Detail {
        frame: &frame,
        label: &place.model.label,
        list: &place.list_path(&place.model),
        path: &place.path(&place.model, &id_of(&row)),
        may_change: place.may_on_record(id, Verb::Update),
        may_delete: place.may_on_record(id, Verb::Delete),
        has_history: place.may(Verb::Update) && (!place.is_shared(&place.model) || place.is_of_staff()),
        has_own_values: place.has_own_values(id),
        own: own_labels(place, id).await?,
        is_shared: place.is_shared(&place.model) && !place.is_added(id),
        is_added: place.is_added(id),
        workflow: one::workflow(app, site, place, &row, comment).await?,
        fields: fields.collect(),
        meta: meta(place.words(), &row),
        related: parts,
    };
    Ok(page(status, &view))
}

/// Returns the labels of the fields that have an override.
async fn own_labels(place: &Place<'_>, id: &str) -> Result<Vec<String>> {
    if !place.has_own_values(id) {
        return Ok(vec![]);
    }
    let found = place.records()?.own_values(id).await?;
    let label = |name: &FieldName| place.model.field(name.as_str()).map(|field| field.label.clone());
    Ok(found.own.iter().filter_map(|(name, _)| label(name)).collect())
}

fn meta(words: &Words, row: &Row) -> Vec<(&'static str, String)> {
    let text = |name: &str| row.get(name).map(cells::text).unwrap_or_default();
    vec![
        (words.say("field-number"), text("id")),
        (words.say("field-added"), words.datetime(&text("created_at"))),
        (words.say("field-changed"), words.datetime(&text("updated_at"))),
        (words.say("field-version"), text("version")),
    ]
}

/// Returns the condition that a field refers to one of these records.
pub(super) fn refers_to(field: &Field, ids: &[String]) -> Result<Filter> {
    let value = |id: &String| {
        let value = query::parse_text(Kind::Reference, id);
        value.map_err(|why| crate::http::problem::Problem::internal(format!("an id: {why}")))
    };
    Ok(Filter::In(field.name.clone(), ids.iter().map(value).collect::<Result<_>>()?))
}

async fn related(place: &Place<'_>, model: &Model, field: &Field, row: &Row) -> Result<Related> {
    let shown = columns_of(model, field);
    let names = FieldName::parse("id").ok().into_iter().chain(shown.iter().map(|field| field.name.clone()));
    let newest = FieldName::parse("id").ok().map(|id| (id, Direction::Descending).into());
    let select = Select {
        filter: refers_to(field, &[id_of(row)])?,
        sort: newest.into_iter().collect(),
        fields: names.collect(),
        limit: SOME as u32 + 1,
        ..Select::default()
    };
    let expand = place.expandable(shown.iter().copied());
    let (mut rows, _) = place.rows(model, select, expand).await?;
    let more = rows.len() > SOME;
    rows.truncate(SOME);
    let (list, id) = (place.list_path(model), id_of(row));
    // The title names the field if the model refers to this one in more than one way.
    let is_only = model.fields.iter().filter(|other| points_at(other, &place.model)).count() == 1;
    let label = if is_only { model.label.clone() } else { format!("{}: {}", model.label, field.label) };
    let rows = rows.iter().map(|row| Shown {
        id: id_of(row),
        href: place.path(model, &id_of(row)),
        name: cells::name(place.words(), model, row),
        is_added: false,
        cells: shown
            .iter()
            .enumerate()
            .map(|(index, field)| match index {
                0 => tenantry_console::records::Cell::Text(cells::name(place.words(), model, row)),
                _ => cells::cell(place, model, field, row),
            })
            .collect(),
    });
    Ok(Related {
        id: format!("related-{}-{}", model.name, field.name),
        label,
        all: format!("{list}?{}={id}", field.name),
        add: place.may_add_to(model).then(|| format!("{list}add/?{}={id}", field.name)),
        columns: shown.iter().map(|field| field.label.clone()).collect(),
        rows: rows.collect(),
        more,
    })
}

fn points_at(field: &Field, model: &Model) -> bool {
    matches!(&field.kind, FieldKind::Ref { to, .. } if *to == model.name)
}

/// Returns the columns of related records, without the reference itself.
fn columns_of<'m>(model: &'m Model, field: &Field) -> Vec<&'m Field> {
    let mut shown = columns::shown(model, &Select::default());
    shown.retain(|column| column.name != field.name);
    shown.truncate(COLUMNS);
    shown
}
