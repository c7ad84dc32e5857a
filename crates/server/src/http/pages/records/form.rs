//! `/{model}/add/` and `/{model}/{id}/edit/`: the form of a record.
//!
//! Sent with `_refresh` it only offers the choices anew. A refused form comes back with what was typed.

use super::{
    Place, Row, cells,
    choices::{self, Asked},
    conflict::Edit,
    id_of,
    values::{self, Values},
    version_of,
};
use crate::http::{
    App,
    pages::{
        answer::{page, see},
        frame,
        visit::{Fields, Inside, Sent, query},
        words,
    },
    problem::{Code, FieldProblem, Problem, Result},
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use tenantry::{
    access::gates::Verb,
    model::{Field, FieldKind},
    records::Dependence,
};
use tenantry_console::{
    Notice,
    records::{self as view, Input},
};

/// Length from which a text gets an input of several lines, characters.
const LONG: u32 = 300;

/// A form to show.
#[derive(Default)]
struct Draft {
    values: Values,
    was: Values,
    version: Option<i64>,
    wrong: Vec<FieldProblem>,
    /// Fields that another person has changed too: name, stored now, before.
    both: Vec<(String, String, String)>,
    conflict: bool,
    notice: Option<Notice>,
    /// What is searched for in long lists of choices.
    find: Vec<(String, String)>,
    /// Chosen records stay although they do not fit the other references.
    keep: bool,
}

/// Refuses to show a form that the visitor's role may not send. The platform checks the role again when the form is sent.
fn require(place: &Place<'_>, verb: Verb) -> Result<()> {
    match place.may(verb) {
        true => Ok(()),
        false => Err(tenantry::Error::Denied(format!("{verb:?} on {}", place.model.name)).into()),
    }
}

fn is_refresh(inside: &Inside, fields: &Fields) -> bool {
    fields.sent("_refresh").is_some() || query(&inside.visit.query).sent("_refresh").is_some()
}

fn finds(fields: &Fields) -> Vec<(String, String)> {
    let find =
        |(name, value): &(String, String)| Some((name.strip_prefix("_find_")?.to_owned(), value.clone()));
    fields.0.iter().filter_map(find).collect()
}

/// `GET /{model}/add/`: parameters with names of fields are their first values.
pub(in crate::http) async fn add(app: App, inside: Inside, Path(model): Path<String>) -> Result<Response> {
    let place = Place::of(&app, &inside, &model)?;
    require(&place, Verb::Create)?;
    let parameters = query(&inside.visit.query);
    let mut values = values::defaults(&place.model);
    for (name, value) in &mut values {
        if let Some(given) = parameters.filled(name) {
            given.clone_into(value);
        }
    }
    let notice =
        (parameters.get("_done") == "added").then(|| Notice::done("The record is added. Add the next one."));
    let draft = Draft { values, notice, keep: true, ..Draft::default() };
    show(&place, None, draft, StatusCode::OK).await
}

/// `POST /{model}/add/`.
pub(in crate::http) async fn create(
    app: App,
    inside: Inside,
    Path(model): Path<String>,
    sent: Sent,
) -> Result<Response> {
    let place = Place::of(&app, &inside, &model)?;
    require(&place, Verb::Create)?;
    let fields = inside.visit.fields(sent).await?;
    let values = values::sent(&place.model, &fields);
    let find = finds(&fields);
    if is_refresh(&inside, &fields) {
        return show(&place, None, Draft { values, find, ..Draft::default() }, StatusCode::OK).await;
    }
    let created = match values::input(&place.model, values.iter()) {
        Ok(input) => place.records()?.create(&input).await.map_err(Problem::from),
        Err(wrong) => Err(Problem::new(Code::Invalid, "A value is not allowed.").fields(wrong)),
    };
    match created {
        Ok(document) => {
            let row: Row = serde_json::from_slice(&document.body).unwrap_or_default();
            let to = match fields.sent("_again") {
                Some(_) => format!("/{}/add/?_done=added", place.model.name),
                None => format!("{}?_done=added", Place::path(&place.model, &id_of(&row))),
            };
            Ok(see(&to))
        }
        Err(problem) => {
            refused(&place, None, Draft { values, find, keep: true, ..Draft::default() }, problem).await
        }
    }
}

/// `GET /{model}/{id}/edit/`.
pub(in crate::http) async fn edit(
    app: App,
    inside: Inside,
    Path((model, id)): Path<(String, String)>,
) -> Result<Response> {
    let place = Place::of(&app, &inside, &model)?;
    let row = place.row(&id).await?;
    require(&place, Verb::Update)?;
    let values = values::of_row(&place.model, &row);
    let draft =
        Draft { was: values.clone(), values, version: version_of(&row), keep: true, ..Draft::default() };
    show(&place, Some(&row), draft, StatusCode::OK).await
}

/// `POST /{model}/{id}/edit/`: changes what the person changed, if no other person has changed the record.
pub(in crate::http) async fn change(
    app: App,
    inside: Inside,
    Path((model, id)): Path<(String, String)>,
    sent: Sent,
) -> Result<Response> {
    let place = Place::of(&app, &inside, &model)?;
    let row = place.row(&id).await?;
    require(&place, Verb::Update)?;
    let fields = inside.visit.fields(sent).await?;
    let edit = Edit::of(values::sent(&place.model, &fields), &fields);
    let version = fields.get("_version").parse().ok();
    let draft = |edit: &Edit| Draft {
        values: edit.mine.clone(),
        was: edit.was.clone(),
        version,
        find: finds(&fields),
        ..Draft::default()
    };
    if is_refresh(&inside, &fields) {
        return show(&place, Some(&row), draft(&edit), StatusCode::OK).await;
    }
    let path = Place::path(&place.model, &id_of(&row));
    if edit.changed().next().is_none() {
        return Ok(see(&format!("{path}?_done=same")));
    }
    let changed = match (values::input(&place.model, edit.changed()), version) {
        (Ok(input), Some(_)) => place.records()?.patch(&id, version, &input).await.map_err(Problem::from),
        (Ok(_), None) => Err(Problem::new(Code::PreconditionRequired, "The form names no version.")),
        (Err(wrong), _) => Err(Problem::new(Code::Invalid, "A value is not allowed.").fields(wrong)),
    };
    match changed {
        Ok(_) => Ok(see(&format!("{path}?_done=changed"))),
        Err(problem) if problem.code() == Code::VersionConflict => {
            let row = place.row(&id).await?;
            let now = values::of_row(&place.model, &row);
            let (values, both) = edit.join(&now);
            let version = version_of(&row);
            let draft = Draft { values, was: now, version, both, conflict: true, keep: true, ..draft(&edit) };
            show(&place, Some(&row), draft, problem.status()).await
        }
        Err(problem) => refused(&place, Some(&row), Draft { keep: true, ..draft(&edit) }, problem).await,
    }
}

/// Shows a form again with what is wrong. Problems that no field can mend are passed on.
async fn refused(
    place: &Place<'_>,
    row: Option<&Row>,
    mut draft: Draft,
    problem: Problem,
) -> Result<Response> {
    let mendable =
        matches!(problem.code(), Code::Invalid | Code::NotUnique | Code::Reference | Code::LimitExceeded);
    if !mendable {
        return Err(problem);
    }
    draft.wrong = problem.wrong_fields().to_vec();
    let is_of_field = |wrong: &FieldProblem| place.model.field(&wrong.field).is_some();
    draft.notice = Some(match draft.wrong.iter().all(is_of_field) && !draft.wrong.is_empty() {
        true => Notice::wrong("Nothing is saved yet. Correct the marked fields, then save again."),
        false => Notice::wrong(format!("{} {}", problem.detail(), problem.remedy_text()).trim()),
    });
    show(place, row, draft, problem.status()).await
}

async fn show(place: &Place<'_>, row: Option<&Row>, draft: Draft, status: StatusCode) -> Result<Response> {
    let rules = choices::rules(place);
    let mut fields = Vec::new();
    for field in values::settable(&place.model) {
        fields.push(field_of(place, field, &draft, &rules).await?);
    }
    let (title, back) = match row {
        Some(row) => {
            (format!("Edit {}", cells::name(&place.model, row)), Place::path(&place.model, &id_of(row)))
        }
        None => (format!("Add to {}", place.model.label), Place::list_path(&place.model)),
    };
    let mut frame = frame::of_company(place.inside, &title);
    frame.notice = draft.notice;
    let form = view::Form {
        frame: &frame,
        label: &place.model.label,
        list: &Place::list_path(&place.model),
        back: &back,
        version: row.and(draft.version),
        was: &serde_json::to_string(&draft.was).unwrap_or_default(),
        conflict: draft.conflict,
        fields,
    };
    Ok(page(status, &form))
}

async fn field_of(
    place: &Place<'_>,
    field: &Field,
    draft: &Draft,
    rules: &[Dependence],
) -> Result<view::Field> {
    let name = field.name.to_string();
    let value = draft.values.get(&name).cloned().unwrap_or_default();
    let wrong: Vec<_> =
        draft.wrong.iter().filter(|wrong| wrong.field == name).map(|w| words::human(&w.message)).collect();
    let theirs = draft.both.iter().find(|(known, ..)| *known == name);
    let input = match field.kind {
        FieldKind::Ref { .. } => reference(place, field, draft, rules, value).await?,
        _ => input_of(field, value),
    };
    Ok(view::Field {
        label: field.label.clone(),
        required: field.required,
        help: help(field),
        wrong: wrong.join(". "),
        theirs: theirs.map(|(_, now, was)| (now.clone(), was.clone())),
        narrows: rules.iter().any(|rule| rule.with == field.name),
        input,
        name,
    })
}

async fn reference(
    place: &Place<'_>,
    field: &Field,
    draft: &Draft,
    rules: &[Dependence],
    value: String,
) -> Result<Input> {
    let find = draft.find.iter().find(|(name, _)| *name == field.name.as_str()).map(|(_, text)| text.trim());
    let asked = Asked {
        chosen: &value,
        find: find.unwrap_or_default(),
        narrow: choices::narrowing(place, rules, field, &draft.values),
        keep: draft.keep,
    };
    Ok(match choices::choices(place, field, asked).await? {
        Some(found) => {
            let find = (found.more || find.is_some()).then(|| find.unwrap_or_default().to_owned());
            Input::Select { options: found.options, find }
        }
        // The person may not see what it refers to, and types its number.
        None => Input::Text { value, longest: 40, kind: "text" },
    })
}

fn input_of(field: &Field, value: String) -> Input {
    match &field.kind {
        FieldKind::Text { max_length } => {
            let longest = max_length.unwrap_or(0);
            match longest == 0 || longest >= LONG {
                true => Input::Long { value, longest },
                false => Input::Text { value, longest, kind: kind_of(field.name.as_str()) },
            }
        }
        FieldKind::Integer { min, max } => {
            let text = |end: &Option<i64>| end.map(|end| end.to_string()).unwrap_or_default();
            Input::Number { value, step: "1".into(), min: text(min), max: text(max) }
        }
        FieldKind::Decimal { scale } => {
            let step =
                if *scale == 0 { "1".into() } else { format!("0.{}1", "0".repeat(*scale as usize - 1)) };
            Input::Number { value, step, min: String::new(), max: String::new() }
        }
        FieldKind::Boolean if field.required => Input::Check { on: value == "true" },
        FieldKind::Boolean => {
            let option = |name: &str, label: &str| view::Choice {
                value: name.into(),
                label: label.into(),
                chosen: value == name,
            };
            Input::Select { options: vec![option("true", "Yes"), option("false", "No")], find: None }
        }
        FieldKind::Date => Input::Time { value, kind: "date" },
        FieldKind::Datetime => Input::Time { value, kind: "datetime-local" },
        FieldKind::Choice { choices } => {
            let option = |name: &String| view::Choice {
                value: name.clone(),
                label: words::human(name),
                chosen: *name == value,
            };
            Input::Select { options: choices.iter().map(option).collect(), find: None }
        }
        FieldKind::Json => Input::Json { value },
        FieldKind::Ref { .. } | FieldKind::File { .. } => Input::Text { value, longest: 0, kind: "text" },
    }
}

/// Returns the type of an input, which gives phones the right keyboard. The platform does not check more for it.
fn kind_of(name: &str) -> &'static str {
    match name {
        "phone" | "mobile" | "fax" => "tel",
        _ => "text",
    }
}

fn help(field: &Field) -> String {
    match &field.kind {
        FieldKind::Datetime => "UTC".into(),
        FieldKind::Json => "JSON".into(),
        FieldKind::Integer { min: Some(min), max: Some(max) } => format!("{min} to {max}"),
        FieldKind::Text { .. } if field.unique => "No two records have the same".into(),
        _ => String::new(),
    }
}
