//! `/settings/fields/`: the fields that the company adds to its records.

use crate::http::{
    App,
    pages::{
        answer::{page, see},
        frame, reasons,
        visit::{Fields, Inside, Sent, query},
        words::Words,
    },
    problem::{Code, Problem, Result},
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{
    access::gates::{self, Verb},
    records::{CustomChange, CustomField, CustomKind, NewCustomField},
};
use tenantry_console::{
    Notice,
    company::{FieldDraft, ModelFields, OwnField, OwnFields},
};

/// Names of the kinds, and the ids of their texts.
const KINDS: [(&str, &str); 7] = [
    ("text", "own-kind-text"),
    ("integer", "own-kind-integer"),
    ("decimal", "own-kind-decimal"),
    ("boolean", "own-kind-boolean"),
    ("date", "own-kind-date"),
    ("datetime", "own-kind-datetime"),
    ("choice", "own-kind-choice"),
];

/// `GET /settings/fields/`.
pub(in crate::http) async fn list(app: App, inside: Inside) -> Result<Response> {
    let query = query(&inside.visit.query);
    let notice = match query.get("_done") {
        "added" => Some("done-own-field-added"),
        "saved" => Some("done-own-field-saved"),
        "removed" => Some("done-own-field-removed"),
        "removing" => Some("done-own-field-removing"),
        _ => None,
    };
    let notice = notice.map(|id| Notice::done(inside.visit.say(id)));
    show(&app, &inside, (FieldDraft::default(), String::new()), notice, StatusCode::OK).await
}

/// `POST /settings/fields/`: adds a field.
pub(in crate::http) async fn add(app: App, inside: Inside, sent: Sent) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    match added(&app, &inside, &fields).await {
        Ok(_) => Ok(see("/settings/fields/?_done=added")),
        Err(problem) if matches!(problem.code(), Code::Invalid | Code::Conflict | Code::NotUnique) => {
            let wrong = reasons::first(&inside.visit.words, &problem);
            let draft = FieldDraft {
                model: fields.get("model").to_owned(),
                name: fields.get("name").to_owned(),
                label: fields.get("label").to_owned(),
                kind: fields.get("kind").to_owned(),
                choices: fields.get("choices").to_owned(),
            };
            show(&app, &inside, (draft, wrong), None, problem.status()).await
        }
        Err(problem) => Err(problem),
    }
}

async fn added(app: &App, inside: &Inside, fields: &Fields) -> Result<CustomField> {
    let choices = fields.get("choices").split(',').map(str::trim).filter(|choice| !choice.is_empty());
    let kind = match fields.get("kind") {
        "integer" => CustomKind::Integer { min: None, max: None },
        "decimal" => CustomKind::Decimal { scale: 2 },
        "boolean" => CustomKind::Boolean,
        "date" => CustomKind::Date,
        "datetime" => CustomKind::Datetime,
        "choice" => CustomKind::Choice { choices: choices.map(str::to_owned).collect() },
        _ => CustomKind::Text { max_length: 500 },
    };
    let new = NewCustomField {
        name: fields.get("name").trim().to_owned(),
        label: fields.get("label").to_owned(),
        kind,
        required: fields.sent("required").is_some(),
        personal: fields.sent("personal").is_some(),
    };
    let records = app.platform().records(&inside.tenant, fields.get("model"))?;
    Ok(records.own_fields()?.add(&new).await?)
}

/// `POST /settings/fields/change/`: changes or removes a field.
pub(in crate::http) async fn change(app: App, inside: Inside, sent: Sent) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    let records = app.platform().records(&inside.tenant, fields.get("model"))?;
    let own = records.own_fields()?;
    let done = if fields.get("act") == "remove" {
        let removed = own.remove(fields.get("name")).await.map_err(Problem::from);
        removed.map(|removed| if removed.is_done { "removed" } else { "removing" })
    } else {
        let change = CustomChange {
            label: Some(fields.get("label").to_owned()),
            kind: None,
            required: Some(fields.sent("required").is_some()),
            personal: Some(fields.sent("personal").is_some()),
        };
        own.change(fields.get("name"), &change).await.map_err(Problem::from).map(|_| "saved")
    };
    match done {
        Ok(done) => Ok(see(&format!("/settings/fields/?_done={done}"))),
        Err(problem) if matches!(problem.code(), Code::Invalid | Code::Conflict) => {
            let notice = Notice::wrong(reasons::first(&inside.visit.words, &problem));
            let none = (FieldDraft::default(), String::new());
            show(&app, &inside, none, Some(notice), problem.status()).await
        }
        Err(problem) => Err(problem),
    }
}

async fn show(
    app: &App,
    inside: &Inside,
    (draft, wrong): (FieldDraft, String),
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<Response> {
    let words = &inside.visit.words;
    let mut models = vec![];
    for model in words.labels.models().iter().filter(|model| model.has_custom_fields()) {
        if !gates::allows(inside.tenant.actor(), &model.permissions, Verb::Read) {
            continue;
        }
        let records = app.platform().records(&inside.tenant, model.name.as_str())?;
        let own = records.own_fields()?;
        let fields = own.list().await?;
        models.push(ModelFields {
            model: model.name.to_string(),
            label: model.label.clone(),
            fields: fields.into_iter().map(|field| shown(words, field)).collect(),
            may_change: own.may_change(),
        });
    }
    let mut frame = frame::of_company(inside, words.say("own-fields"));
    frame.notice = notice;
    let kinds: Vec<_> = KINDS.iter().map(|(name, id)| (*name, words.say(id).to_owned())).collect();
    let view = OwnFields {
        frame: &frame,
        may_add: models.iter().any(|of| of.may_change),
        models: &models,
        kinds: &kinds,
        draft: &draft,
        wrong: &wrong,
    };
    Ok(page(status, &view))
}

fn shown(words: &Words, field: CustomField) -> OwnField {
    let kind = match &field.kind {
        CustomKind::Text { .. } => words.say("own-kind-text").to_owned(),
        CustomKind::Integer { .. } => words.say("own-kind-integer").to_owned(),
        CustomKind::Decimal { .. } => words.say("own-kind-decimal").to_owned(),
        CustomKind::Boolean => words.say("own-kind-boolean").to_owned(),
        CustomKind::Date => words.say("own-kind-date").to_owned(),
        CustomKind::Datetime => words.say("own-kind-datetime").to_owned(),
        CustomKind::Choice { choices } => format!("{}: {}", words.say("own-kind-choice"), choices.join(", ")),
    };
    OwnField {
        name: field.name.to_string(),
        label: field.label,
        kind,
        required: field.required,
        personal: field.personal,
        closed: field.closed,
    }
}
