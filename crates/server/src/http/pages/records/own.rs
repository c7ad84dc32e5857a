//! `/{model}/{id}/override/`: the company's overrides of a shared record, field by field. The shared record never
//! changes.

use super::{
    Place, cells,
    inputs::{self, Typed},
    values,
};
use crate::http::{
    App,
    pages::{
        answer::{page, see},
        visit::{Inside, Sent},
    },
    problem::{Code, FieldProblem, Problem, Result},
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use std::collections::BTreeSet;
use tenantry::{
    model::{Field, FieldKind},
    name::FieldName,
    records::OwnValues,
    row::json::write_owned,
    value::Value,
};
use tenantry_console::records::{Input, OwnField, OwnForm};

/// Contents of the form.
struct Draft {
    typed: Typed,
    /// Names of the fields that have an override.
    own: BTreeSet<String>,
}

/// Returns the fields that may have an override.
fn fields<'p>(place: &'p Place<'_>) -> impl Iterator<Item = Field> + use<'p> {
    let allowed =
        place.model.overrides.as_ref().map(|overrides| overrides.fields.clone()).unwrap_or_default();
    let own = values::settable(&place.model).filter(move |field| allowed.contains(&field.name));
    own.map(|field| Field {
        // A required Boolean would be a checkbox, which always has a value; one that is not required is a choice that
        // can stay empty.
        required: field.required && !matches!(field.kind, FieldKind::Boolean),
        ..field.clone()
    })
}

/// Returns values as the JSON of a record.
fn row(values: &[(FieldName, Value)]) -> super::Row {
    let json = |value: &Value| {
        let mut bytes = vec![];
        write_owned(&mut bytes, value);
        serde_json::from_slice(&bytes).unwrap_or_default()
    };
    values.iter().map(|(name, value)| (name.to_string(), json(value))).collect()
}

/// `GET /{model}/{id}/override/`.
pub(in crate::http) async fn show(
    app: App,
    inside: Inside,
    Path((model, id)): Path<(String, String)>,
) -> Result<Response> {
    let place = Place::of(&app, &inside, &model).await?;
    let found = place.records()?.own_values(&id).await?;
    let own: BTreeSet<_> = found.own.iter().map(|(name, _)| name.to_string()).collect();
    let mut seen = row(&found.shared);
    seen.extend(row(&found.own));
    let typed =
        Typed { values: values::of_row(place.words(), &place.model, &seen), keep: true, ..Typed::default() };
    form(&place, &id, &found, Draft { typed, own }, StatusCode::OK).await
}

/// `POST /{model}/{id}/override/`.
pub(in crate::http) async fn set(
    app: App,
    inside: Inside,
    Path((model, id)): Path<(String, String)>,
    sent: Sent,
) -> Result<Response> {
    let place = Place::of(&app, &inside, &model).await?;
    let found = place.records()?.own_values(&id).await?;
    let form_fields = inside.visit.fields(sent).await?;
    let own: BTreeSet<_> =
        form_fields.0.iter().filter(|(name, _)| name == "_own").map(|(_, field)| field.clone()).collect();
    let typed: values::Values = fields(&place)
        .map(|field| (field.name.to_string(), form_fields.get(field.name.as_str()).to_owned()))
        .collect();
    let saved = match values::input(
        place.words(),
        &place.model,
        typed.iter().filter(|(name, _)| own.contains(*name)),
    ) {
        Ok(input) if input.is_empty() && found.own.is_empty() => Ok(()),
        Ok(input) if input.is_empty() => place.records()?.clear_override(&id).await.map_err(Problem::from),
        Ok(input) => place.records()?.set_override(&id, &input).await.map(drop).map_err(Problem::from),
        Err(wrong) => Err(Problem::new(Code::Invalid, "A value is not allowed.").fields(wrong)),
    };
    match saved {
        Ok(()) => Ok(see(&format!("{}?_done=own", place.path(&place.model, &id)))),
        Err(problem) if problem.code() == Code::Invalid => {
            let wrong: Vec<FieldProblem> = problem.wrong_fields().to_vec();
            let typed = Typed { values: typed, wrong, keep: true, ..Typed::default() };
            form(&place, &id, &found, Draft { typed, own }, problem.status()).await
        }
        Err(problem) => Err(problem),
    }
}

async fn form(
    place: &Place<'_>,
    id: &str,
    found: &OwnValues,
    draft: Draft,
    status: StatusCode,
) -> Result<Response> {
    let shared = row(&found.shared);
    let mut shown = Vec::new();
    for field in fields(place) {
        let mut input = inputs::field(place, &field, &draft.typed, &[]).await?;
        // The empty choice is a valid override.
        input.required &= !matches!(input.input, Input::Select { .. });
        shown.push(OwnField {
            is_own: draft.own.contains(field.name.as_str()),
            shared: cells::cell(place, &place.model, &field, &shared),
            input,
        });
    }
    let record = place.row(id).await?;
    let name = cells::name(place.words(), &place.model, &record);
    let view = OwnForm {
        frame: &place.frame(place.words().text("own-values-name").with("name", &name)),
        label: &place.model.label,
        list: &place.list_path(&place.model),
        path: &place.path(&place.model, id),
        name: &name,
        fields: &shown,
        may_set: place.records()?.may_override(),
    };
    Ok(page(status, &view))
}
