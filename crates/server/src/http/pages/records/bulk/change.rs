//! `/{model}/change/`: choose fields and values, preview the change, confirm it.

use super::{Asked, delete::none_ticked, recounted};
use crate::http::{
    App,
    pages::{
        answer::page,
        reasons,
        records::{
            Place, choices,
            form::{is_refresh, require},
            inputs::{self, Typed, finds},
            values::{self, Values},
        },
        visit::{Fields, Sent, Site},
        words::Words,
    },
    problem::{Code, FieldProblem, Problem, Result},
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use std::collections::BTreeSet;
use tenantry::{
    access::gates::Verb,
    model::{Field, FieldKind},
};
use tenantry_console::{
    Notice,
    records::{ChangeAll, Field as Shown, Input},
};

/// Contents of the page.
#[derive(Default)]
struct Draft {
    typed: Typed,
    /// Names of the fields to change.
    picked: BTreeSet<String>,
    /// The change was tried, and the page asks the visitor to confirm it.
    is_tried: bool,
    notice: Option<Notice>,
}

/// Returns the fields that can get the same value in several records.
fn common<'p>(place: &'p Place<'_>) -> impl Iterator<Item = Field> + use<'p> {
    values::settable(&place.model).filter(|field| !field.unique).map(|field| Field {
        // A required Boolean would be a checkbox, which always has a value; one that is not required is a choice that
        // can stay empty.
        required: field.required && !matches!(field.kind, FieldKind::Boolean),
        ..field.clone()
    })
}

/// `GET /{model}/change/`.
pub(in crate::http) async fn ask(app: App, site: Site, Path(model): Path<String>) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    require(&place, Verb::Update)?;
    let Some(asked) = Asked::of_address(&site.visit().query) else { return Ok(none_ticked(&site, &place)) };
    show(&place, &asked, Draft::default(), StatusCode::OK).await
}

/// `POST /{model}/change/`: tries the change, and makes it once the visitor has confirmed it.
pub(in crate::http) async fn change(
    app: App,
    site: Site,
    Path(model): Path<String>,
    sent: Sent,
) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    require(&place, Verb::Update)?;
    let (fields, asked, expected) = Asked::of_form(&site, sent).await?;
    let mut draft = draft_of(&place, &fields);
    if is_refresh(&site, &fields) {
        return show(&place, &asked, draft, StatusCode::OK).await;
    }
    if draft.picked.is_empty() {
        draft.notice = Some(Notice::wrong(place.words().say("bulk-tick-field")));
        return show(&place, &asked, draft, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let is_confirmed = fields.sent("_confirm").is_some();
    let values = draft.typed.values.iter().filter(|(name, _)| draft.picked.contains(*name));
    let changed = match values::input(place.words(), &place.model, values) {
        Ok(input) => {
            let which = asked.matching(&place, expected)?;
            let records = place.whole_records().await?.with_dry_run(!is_confirmed);
            records.patch_matching(&which, &input).await.map_err(Problem::from)
        }
        Err(wrong) => Err(Problem::new(Code::Invalid, "A value is not allowed.").fields(wrong)),
    };
    match changed {
        Ok(count) if is_confirmed => Ok(asked.done(&place, "changed", count)),
        Ok(_) => {
            draft.is_tried = true;
            show(&place, &asked, draft, StatusCode::OK).await
        }
        Err(problem) => refused(&place, &asked, draft, (problem, expected)).await,
    }
}

fn draft_of(place: &Place<'_>, fields: &Fields) -> Draft {
    let value = |field: Field| {
        let name = field.name.to_string();
        let value = fields.get(&name).to_owned();
        (name, value)
    };
    let values: Values = common(place).map(value).collect();
    let picked = fields.0.iter().filter(|(name, value)| name == "_set" && values.contains_key(value));
    Draft {
        picked: picked.map(|(_, field)| field.clone()).collect(),
        typed: Typed { values, find: finds(fields), keep: true, wrong: vec![] },
        ..Draft::default()
    }
}

/// Shows the form again with the refusal. The platform names the record before the field: `12.city`.
async fn refused(
    place: &Place<'_>,
    asked: &Asked,
    mut draft: Draft,
    (problem, expected): (Problem, u64),
) -> Result<Response> {
    let status = problem.status();
    draft.notice = Some(match problem.code() {
        Code::Invalid | Code::NotUnique | Code::Reference | Code::LimitExceeded => {
            let of = problem.wrong_fields().iter().find_map(|wrong| Some(wrong.field.split_once('.')?.0));
            draft.typed.wrong = problem.wrong_fields().iter().map(of_field).collect();
            match of {
                Some(id) => Notice::wrong(place.words().text("bulk-record-refuses").with("id", id)),
                None => {
                    let reason = reasons::detail(place.words(), &problem);
                    Notice::wrong(place.words().text("bulk-not-changed").with("reason", reason))
                }
            }
        }
        _ => {
            let (now, _) = asked.selection(place).await?;
            recounted(place.words(), problem, expected, &now)?
        }
    });
    show(place, asked, draft, status).await
}

fn of_field(wrong: &FieldProblem) -> FieldProblem {
    let name = wrong.field.split_once('.').map_or(wrong.field.as_str(), |(_, name)| name);
    FieldProblem { field: name.to_owned(), ..wrong.clone() }
}

async fn show(place: &Place<'_>, asked: &Asked, draft: Draft, status: StatusCode) -> Result<Response> {
    let (selection, _) = asked.selection(place).await?;
    let rules = choices::rules(place);
    let mut fields = Vec::new();
    for field in common(place) {
        let mut shown = inputs::field(place, &field, &draft.typed, &rules).await?;
        // A required input that is hidden would prevent the browser from sending the form.
        shown.required = false;
        if shown.help.is_empty() && !field.required {
            shown.help = place.words().say("help-empty-removes").to_owned();
        }
        let is_picked = draft.picked.contains(&shown.name);
        fields.push((shown, is_picked));
    }
    let picked = || fields.iter().filter(|(_, is_picked)| draft.is_tried && *is_picked);
    let changes = picked().map(|(field, _)| (field.label.clone(), in_words(place.words(), field))).collect();
    let value = |name: &String| draft.typed.values.get(name).cloned().unwrap_or_default();
    let pair =
        |field: &Shown| [("_set".to_owned(), field.name.clone()), (field.name.clone(), value(&field.name))];
    let sent = picked().flat_map(|(field, _)| pair(field)).collect();
    let title = match selection.count {
        0 => place.words().say("nothing-to-change").to_owned(),
        count => place.words().text("change-counted").with("count", count).into(),
    };
    let mut frame = place.frame(title);
    frame.notice = draft.notice;
    let view = ChangeAll {
        frame: &frame,
        label: &place.model.label,
        list: &asked.list(place),
        path: &format!("{}change/", place.list_path(&place.model)),
        selection: &selection,
        fields,
        changes,
        sent,
    };
    Ok(page(status, &view))
}

/// Returns the value of an input in words.
fn in_words(words: &Words, field: &Shown) -> String {
    let text = match &field.input {
        Input::Select { options, .. } => {
            options.iter().find(|option| option.chosen).map(|option| option.label.clone()).unwrap_or_default()
        }
        Input::Time { value, kind: "date" } => words.date(value),
        Input::Time { value, .. } => value.replace('T', " "),
        // Files cannot be set for several records at once.
        Input::File { .. } => String::new(),
        Input::Check { on } => words.say(if *on { "yes" } else { "no" }).to_owned(),
        Input::Text { value, .. }
        | Input::Long { value, .. }
        | Input::Number { value, .. }
        | Input::Json { value } => value.clone(),
    };
    if text.trim().is_empty() { words.say("value-removed").to_owned() } else { text }
}
