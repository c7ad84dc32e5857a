//! `/settings/compare/`: then and now. A backup is staged next to the data in use. The pages show the differences
//! record by record, and take single records back by ordinary writes.

use super::backups::{refused, staged_at};
use crate::{
    http::{
        App,
        pages::{
            answer::{page, percent, see},
            frame, reasons,
            records::{Place, Row, cell, flat, name},
            visit::{Inside, Managing, Sent, query},
            words::Words,
        },
        problem::{Code, Problem, Result},
    },
    wire::restore::{DifferencesPage, DifferingRecord},
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use std::time::Duration;
use tenantry::access::gates::Verb;
use tenantry_console::{
    Notice,
    company::{Compare, Compared, Differences, Differing, Field, Since},
    records::Cell,
};

/// Number of records on a page.
const RECORDS: usize = 25;
/// Longest time for which a request waits for a backup to be staged. After that, the page of the backups shows the
/// progress.
const PATIENCE: Duration = Duration::from_secs(10);

/// `POST /settings/compare/`: opens a backup for comparison, and closes the one that is open.
pub(in crate::http) async fn open(app: App, Managing(inside): Managing, sent: Sent) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    match opened(&app, &inside, fields.get("backup")).await {
        Ok(true) => Ok(see("/settings/compare/")),
        Ok(false) => Ok(see("/settings/backups/")),
        Err(problem) => refused(&app, &inside, problem).await,
    }
}

/// Stages the backup. Returns true once it is staged, and false if staging has failed or takes longer than
/// [`PATIENCE`].
async fn opened(app: &App, inside: &Inside, backup: &str) -> Result<bool> {
    let own = app.platform().tenant(&inside.tenant);
    let backup = backup.parse().map_err(|_| Problem::absent())?;
    match own.staged_restore().await? {
        Some(staged) if staged.backup == backup => return Ok(true),
        Some(_) => own.discard_staged().await?,
        None => (),
    }
    let operation = own.stage_backup(&backup, None).await?;
    let ended = tokio::time::timeout(PATIENCE, app.platform().operations().wait(operation)).await;
    Ok(matches!(ended, Ok(Ok(listed)) if listed.state == tenantry::operations::State::Done))
}

/// `POST /settings/compare/close/`.
pub(in crate::http) async fn close(app: App, Managing(inside): Managing, sent: Sent) -> Result<Response> {
    inside.visit.fields(sent).await?;
    match app.platform().tenant(&inside.tenant).discard_staged().await.map_err(Problem::from) {
        Ok(()) => Ok(see("/settings/backups/?_done=closed")),
        Err(problem) => refused(&app, &inside, problem).await,
    }
}

/// `GET /settings/compare/`.
pub(in crate::http) async fn show(app: App, Managing(inside): Managing) -> Result<Response> {
    let Some(at) = staged_at(&app, &inside).await? else { return Ok(see("/settings/backups/")) };
    let (restore, stores) = app.platform().tenant(&inside.tenant).staged_backup().await?;
    let is_lost = stores.iter().any(|store| store.models.is_none());
    let mut models = Vec::new();
    for change in stores.iter().flat_map(|store| store.models.iter().flatten()) {
        // The page lists only the models that the visitor's role may read.
        let Ok(place) = Place::of(&app, &inside, &change.model).await else { continue };
        models.push(Compared {
            label: place.model.label.clone(),
            href: address(&change.model),
            // The counts say what a swap would do: it would add the records that were deleted since the backup.
            deleted: change.added,
            changed: change.changed,
            added: change.removed,
        });
    }
    let until = restore.expires_at_us.map(|us| inside.visit.words.moment(us));
    let frame = frame::of_company(&inside, inside.visit.say("then-and-now"));
    Ok(page(StatusCode::OK, &Compare { frame: &frame, at, until, models: &models, is_lost }))
}

fn address(model: &str) -> String {
    format!("/settings/compare/{model}/")
}

/// `GET /settings/compare/{model}/`.
pub(in crate::http) async fn records(
    app: App,
    Managing(inside): Managing,
    Path(model): Path<String>,
) -> Result<Response> {
    let query = query(&inside.visit.query);
    let notice = query.sent("_done").map(|_| {
        let (created, changed) = (query.get("_done"), query.get("_changed"));
        Notice::done(inside.visit.text("taken-back").with("created", created).with("changed", changed))
    });
    differences(&app, &inside, &model, notice, StatusCode::OK).await
}

async fn differences(
    app: &App,
    inside: &Inside,
    model: &str,
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<Response> {
    let place = Place::of(app, inside, model).await?;
    let Some(at) = staged_at(app, inside).await? else { return Ok(see("/settings/backups/")) };
    let query = query(&inside.visit.query);
    let after = query.filled("after");
    let found = app.platform().tenant(&inside.tenant).differences(model, after, RECORDS).await?;
    let found = DifferencesPage::from(found);
    let records: Vec<_> = found.items.iter().map(|record| differing(&place, record)).collect();
    let path = address(model);
    let mut frame =
        frame::of_company(inside, inside.visit.text("compare-of").with("label", &place.model.label));
    frame.notice = notice;
    let view = Differences {
        frame: &frame,
        label: &place.model.label,
        path: &path,
        at,
        records: &records,
        next: found.next.map(|next| format!("{path}?after={}", percent(&next))),
        is_later: after.is_some(),
        may_take: place.may(Verb::Create) && place.may(Verb::Update),
    };
    Ok(page(status, &view))
}

fn differing(place: &Place<'_>, record: &DifferingRecord) -> Differing {
    let id = record.id.as_str().map_or_else(|| record.id.to_string(), str::to_owned);
    let since = match (&record.now, &record.then) {
        (None, _) => Since::Deleted,
        (Some(_), None) => Since::Added,
        (Some(_), Some(_)) => Since::Changed,
    };
    let row = |values: &Option<Row>| flat(&place.model, values.clone().unwrap_or_default());
    let (now, then) = (&row(&record.now), &row(&record.then));
    let is_shown = |field: &tenantry::model::Field| match since {
        Since::Changed if field.name.of_custom().is_some() => {
            now.get(field.name.as_str()) != then.get(field.name.as_str())
        }
        Since::Changed => record.fields.iter().any(|name| field.name.as_str() == name),
        Since::Deleted => then.get(field.name.as_str()).is_some_and(|value| !value.is_null()),
        Since::Added => now.get(field.name.as_str()).is_some_and(|value| !value.is_null()),
    };
    // The download address of a record leads to its current file, not to that of the backup.
    let plain = |value: Cell| match value {
        Cell::File { name, size, .. } => Cell::Text(format!("{name}, {size}")),
        other => other,
    };
    let field = |field: &tenantry::model::Field| Field {
        label: field.label.clone(),
        then: plain(cell(place, &place.model, field, then)),
        now: plain(cell(place, &place.model, field, now)),
    };
    Differing {
        name: name(place.words(), &place.model, if since == Since::Deleted { then } else { now }),
        href: if since == Since::Deleted { String::new() } else { place.path(&place.model, &id) },
        fields: place.model.fields.iter().filter(|field| is_shown(field)).map(field).collect(),
        since,
        id,
    }
}

/// `POST /settings/compare/{model}/`: takes the chosen records back, either all of them or none.
pub(in crate::http) async fn take_back(
    app: App,
    Managing(inside): Managing,
    Path(model): Path<String>,
    sent: Sent,
) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    let ids: Vec<_> = fields.0.iter().filter(|(name, _)| name == "id").map(|(_, id)| id.clone()).collect();
    if ids.is_empty() {
        let notice = Notice::wrong(inside.visit.say("take-back-none"));
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return differences(&app, &inside, &model, Some(notice), status).await;
    }
    match app.platform().tenant(&inside.tenant).take_back(&model, &ids).await.map_err(Problem::from) {
        Ok(taken) => {
            let (path, created, changed) = (address(&model), taken.created, taken.changed);
            Ok(see(&format!("{path}?_done={created}&_changed={changed}")))
        }
        Err(problem) => {
            let text = match problem.code() {
                Code::Invalid => wrong(&inside.visit.words, &problem),
                Code::Conflict | Code::LimitExceeded | Code::NotUnique => {
                    reasons::detail(&inside.visit.words, &problem)
                }
                _ => return Err(problem),
            };
            let notice = Notice::wrong(inside.visit.text("take-back-refused").with("reason", text));
            differences(&app, &inside, &model, Some(notice), problem.status()).await
        }
    }
}

/// Returns why the records were refused, in the platform's words.
fn wrong(words: &Words, problem: &Problem) -> String {
    let all = problem.wrong_fields();
    let text =
        all.iter().map(|wrong| format!("{}: {}", wrong.field, reasons::of(words, problem, &wrong.field)));
    let text: Vec<_> = text.collect();
    if text.is_empty() { reasons::detail(words, problem) } else { text.join(" ") }
}
