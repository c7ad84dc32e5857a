//! `/{model}/add/` and `/{model}/{id}/edit/`: the form of a record.
//!
//! With `_refresh`, the form is only shown again with fresh choices. A refused form keeps the typed values.

use super::{
    Place, Row, cells, choices,
    conflict::Edit,
    files, id_of,
    inputs::{self, Typed, finds},
    values::{self, Values},
    version_of,
};
use crate::http::{
    App,
    pages::{
        answer::{page, see},
        reasons,
        visit::{Fields, Sent, Site, query},
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
use tenantry_console::{Notice, records as view};

/// Contents of a form.
#[derive(Default)]
struct Draft {
    typed: Typed,
    was: Values,
    version: Option<i64>,
    /// Fields that another user has changed too: name, value now, value before.
    both: Vec<(String, String, String)>,
    conflict: bool,
    notice: Option<Notice>,
}

/// Refuses to show a form that the visitor's role may not send. The platform checks the role again when the form is
/// sent.
pub(super) fn require(place: &Place<'_>, verb: Verb) -> Result<()> {
    allow(place, verb, place.may(verb))
}

fn allow(place: &Place<'_>, verb: Verb, may: bool) -> Result<()> {
    match may {
        true => Ok(()),
        false => Err(tenantry::Error::Denied(format!("{verb:?} on {}", place.model.name)).into()),
    }
}

pub(super) fn is_refresh(site: &Site, fields: &Fields) -> bool {
    fields.sent("_refresh").is_some() || query(&site.visit().query).sent("_refresh").is_some()
}

/// `GET /{model}/add/`: parameters named like fields set their first values.
pub(in crate::http) async fn add(app: App, site: Site, Path(model): Path<String>) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    allow(&place, Verb::Create, place.may_add())?;
    let parameters = query(&site.visit().query);
    let mut values = values::defaults(place.words(), &place.model);
    for (name, value) in &mut values {
        if let Some(given) = parameters.filled(name) {
            given.clone_into(value);
        }
    }
    let notice =
        (parameters.get("_done") == "added").then(|| Notice::done(site.visit().say("done-added-next")));
    let typed = Typed { values, keep: true, ..Typed::default() };
    let draft = Draft { typed, notice, ..Draft::default() };
    show(&place, None, draft, StatusCode::OK).await
}

/// `POST /{model}/add/`.
pub(in crate::http) async fn create(
    app: App,
    site: Site,
    Path(model): Path<String>,
    sent: Sent,
) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    allow(&place, Verb::Create, place.may_add())?;
    let (fields, sent_files) = files::read(site.visit(), sent).await?;
    let values = values::sent(&place.model, &fields);
    let mut typed = Typed { values, find: finds(&fields), ..Typed::default() };
    if is_refresh(&site, &fields) {
        return show(&place, None, Draft { typed, ..Draft::default() }, StatusCode::OK).await;
    }
    let wanted = both(
        values::input(place.words(), &place.model, typed.values.iter()),
        files::Change::of(&place, &fields, sent_files),
    );
    let created = match wanted {
        Ok((input, files)) => {
            place.records()?.create(&input).await.map(|row| (row, files)).map_err(Problem::from)
        }
        Err(wrong) => Err(Problem::new(Code::Invalid, "A value is not allowed.").fields(wrong)),
    };
    match created {
        Ok((document, files)) => {
            let row: Row = serde_json::from_slice(&document.body).unwrap_or_default();
            let failed = files.store(&place, &id_of(&row)).await?;
            if !failed.is_empty() {
                return Ok(see(&format!("{}edit/?_file={failed}", place.path(&place.model, &id_of(&row)))));
            }
            let to = match fields.sent("_again") {
                Some(_) => format!("{}add/?_done=added", place.list_path(&place.model)),
                None => format!("{}?_done=added", place.path(&place.model, &id_of(&row))),
            };
            Ok(see(&to))
        }
        Err(problem) => {
            typed.keep = true;
            refused(&place, None, Draft { typed, ..Draft::default() }, problem).await
        }
    }
}

/// `GET /{model}/{id}/edit/`.
pub(in crate::http) async fn edit(
    app: App,
    site: Site,
    Path((model, id)): Path<(String, String)>,
) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    let row = place.row(&id).await?;
    allow(&place, Verb::Update, place.may_on_record(&id, Verb::Update))?;
    let values = values::of_row(place.words(), &place.model, &row);
    let was = values.clone();
    let typed = Typed { values, keep: true, ..Typed::default() };
    let notice = files::notice(place.words(), query(&site.visit().query).get("_file")).map(Notice::wrong);
    let draft = Draft { typed, was, version: version_of(&row), notice, ..Draft::default() };
    show(&place, Some(&row), draft, StatusCode::OK).await
}

/// `POST /{model}/{id}/edit/`: writes the fields that the user changed, if no other user has changed the record
/// meanwhile.
pub(in crate::http) async fn change(
    app: App,
    site: Site,
    Path((model, id)): Path<(String, String)>,
    sent: Sent,
) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    let row = place.row(&id).await?;
    allow(&place, Verb::Update, place.may_on_record(&id, Verb::Update))?;
    let (fields, sent_files) = files::read(site.visit(), sent).await?;
    let edit = Edit::of(values::sent(&place.model, &fields), &fields);
    let version = fields.get("_version").parse().ok();
    let typed =
        |values: &Values, keep| Typed { values: values.clone(), find: finds(&fields), keep, wrong: vec![] };
    let draft =
        |keep| Draft { typed: typed(&edit.mine, keep), was: edit.was.clone(), version, ..Draft::default() };
    if is_refresh(&site, &fields) {
        return show(&place, Some(&row), draft(false), StatusCode::OK).await;
    }
    let path = place.path(&place.model, &id_of(&row));
    let files = files::Change::of(&place, &fields, sent_files);
    if edit.changed().next().is_none() && files.as_ref().is_ok_and(files::Change::is_none) {
        return Ok(see(&format!("{path}?_done=same")));
    }
    let changed = match (both(values::input(place.words(), &place.model, edit.changed()), files), version) {
        (Ok((mut input, files)), Some(_)) => {
            files.remove(&mut input);
            let changed = match input.is_empty() {
                true => Ok(()),
                false => place.records()?.patch(&id, version, &input).await.map(drop),
            };
            changed.map(|()| files).map_err(Problem::from)
        }
        (Ok(_), None) => Err(Problem::new(Code::PreconditionRequired, "The form names no version.")),
        (Err(wrong), _) => Err(Problem::new(Code::Invalid, "A value is not allowed.").fields(wrong)),
    };
    match changed {
        Ok(files) => Ok(see(&match files.store(&place, &id).await? {
            "" => format!("{path}?_done=changed"),
            failed => format!("{path}edit/?_file={failed}"),
        })),
        Err(problem) if problem.code() == Code::VersionConflict => {
            let row = place.row(&id).await?;
            let now = values::of_row(place.words(), &place.model, &row);
            let (values, both) = edit.join(&now);
            let version = version_of(&row);
            let typed = typed(&values, true);
            let draft = Draft { typed, was: now, version, both, conflict: true, notice: None };
            show(&place, Some(&row), draft, problem.status()).await
        }
        Err(problem) => refused(&place, Some(&row), draft(true), problem).await,
    }
}

/// Returns both values, or the problems of both.
fn both<A, B>(
    a: Result<A, Vec<FieldProblem>>,
    b: Result<B, Vec<FieldProblem>>,
) -> Result<(A, B), Vec<FieldProblem>> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err(a.err().into_iter().chain(b.err()).flatten().collect()),
    }
}

/// Shows a form again with its problems. Passes on problems that no field can mend.
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
    draft.typed.wrong = problem.wrong_fields().to_vec();
    let is_of_field = |wrong: &FieldProblem| place.model.field(&wrong.field).is_some();
    draft.notice = Some(match draft.typed.wrong.iter().all(is_of_field) && !draft.typed.wrong.is_empty() {
        true => Notice::wrong(place.words().say("form-correct")),
        false => Notice::wrong(reasons::with_remedy(place.words(), &problem)),
    });
    show(place, row, draft, problem.status()).await
}

async fn show(place: &Place<'_>, row: Option<&Row>, draft: Draft, status: StatusCode) -> Result<Response> {
    let rules = choices::rules(place);
    let mut fields = Vec::new();
    for field in place.model.fields.iter().filter(|field| !values::is_of_workflow(&place.model, field)) {
        match field.kind {
            FieldKind::File { .. } => fields.extend(files::input(place, field, row, &draft.typed.wrong)),
            _ => fields.push(field_of(place, field, &draft, &rules).await?),
        }
    }
    let (title, back) = match row {
        Some(row) => {
            let name = cells::name(place.words(), &place.model, row);
            (place.words().text("edit-name").with("name", name), place.path(&place.model, &id_of(row)))
        }
        None => {
            (place.words().text("add-to").with("label", &place.model.label), place.list_path(&place.model))
        }
    };
    let mut frame = place.frame(title);
    frame.notice = draft.notice;
    let form = view::Form {
        frame: &frame,
        label: &place.model.label,
        list: &place.list_path(&place.model),
        back: &back,
        version: row.and(draft.version),
        was: &serde_json::to_string(&draft.was).unwrap_or_default(),
        conflict: draft.conflict,
        fields,
        impact: &row.map(|row| place.impact_path(&id_of(row))).unwrap_or_default(),
    };
    Ok(page(status, &form))
}

async fn field_of(
    place: &Place<'_>,
    field: &Field,
    draft: &Draft,
    rules: &[Dependence],
) -> Result<view::Field> {
    let shown = inputs::field(place, field, &draft.typed, rules).await?;
    let theirs = draft.both.iter().find(|(known, ..)| *known == shown.name);
    Ok(view::Field { theirs: theirs.map(|(_, now, was)| (now.clone(), was.clone())), ..shown })
}
