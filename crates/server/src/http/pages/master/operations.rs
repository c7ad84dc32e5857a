//! `/master-admin/operations/`: operations, each with its steps. The page of a running operation updates itself.

use super::{form::Ask, people::People, words};
use crate::http::{
    App, admin,
    names::{PathId, filtered},
    pages::{
        answer::{page, see},
        frame,
        visit::{Oneself, Sent, Staffed, Super, query},
        words::Words,
    },
    problem::{Problem, Result},
    query::QueryParams,
    scope::{Staff, Superuser},
};
use crate::wire::operation::Wait;
use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::{StreamExt, future, stream};
use http::StatusCode;
use std::convert::Infallible;
use tenantry::operations::{Filter, Listed, StepState};
use tenantry_console::master::{
    Body, Button, Cell, Choice, Field, Kind, Note, Operation, Section, Sheet, Step, Table,
};

/// Number of operations on a page.
const PAGE: u32 = 50;

/// `GET /master-admin/operations/`.
pub(in crate::http) async fn list(app: App, Staffed(of): Staffed) -> Result<Response> {
    let (query, words) = (query(&of.visit.query), &of.visit.words);
    let open = query.get("open") == "true";
    let before = query.filled("before").and_then(|id| id.parse().ok());
    let tenant = filtered(&app, query.filled("tenant")).await?;
    let filter = Filter { open, tenant, before, limit: PAGE, ..Filter::default() };
    let listed = app.platform().operations().list(&filter).await?;
    let more = |before: Option<i64>| {
        let before = before.map(|id| format!("&before={id}")).unwrap_or_default();
        let open = if open { "&open=true" } else { "" };
        let tenant = query.filled("tenant").map(|slug| format!("&tenant={slug}")).unwrap_or_default();
        format!("/master-admin/operations/?{}", format!("{open}{tenant}{before}").trim_start_matches('&'))
    };
    let mut body = table(&of, &listed).await?;
    if let Body::Table(table) = &mut body {
        table.first = before.map(|_| more(None));
        let last = listed.last().filter(|_| listed.len() == PAGE as usize);
        table.next = last.map(|last| more(Some(last.id)));
    }
    let which = vec![Choice::new("", words.say("all")), Choice::new("true", words.say("not-ended"))];
    let fields = vec![
        Field::new("open", words.say("which"), Kind::Select(which)).value(query.get("open")),
        Field::new("tenant", words.say("short-name-of-a-company"), Kind::Text).value(query.get("tenant")),
    ];
    let filter = tenantry_console::master::Filter { action: "/master-admin/operations/", q: None, fields };
    let frame = frame::of_operator(&of, words.say("operations"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("operations-lead").into(),
        tags: vec![],
        buttons: vec![],
        sections: vec![Section::new("filter", "", Body::Filter(filter)), Section::new("list", "", body)],
    };
    Ok(page(StatusCode::OK, &sheet))
}

/// Returns operations as a table.
pub(super) async fn table(of: &Oneself, listed: &[Listed]) -> Result<Body> {
    let words = &of.visit.words;
    if listed.is_empty() {
        return Ok(Body::Nothing(
            "list-checks",
            words.say("no-operation").into(),
            words.say("operations-none").into(),
        ));
    }
    let people = People::of(of, &listed.iter().map(|one| one.actor.as_str()).collect::<Vec<_>>()).await?;
    let row = |one: &Listed| {
        let tenant =
            one.slug.as_deref().map(|slug| Cell::link(slug, format!("/master-admin/companies/{slug}/")));
        vec![
            Cell::link(words.language.translated(&one.what), format!("/master-admin/operations/{}/", one.id)),
            words::operation(words, one),
            tenant.unwrap_or_default(),
            Cell::text(words::kind(words, &one.kind)),
            Cell::text(people.name(&one.actor)),
            words::at(words, one.started_at_us),
        ]
    };
    let head = words.each(["what", "state", "company", "kind", "by", "started"]);
    Ok(Body::Table(Table::new(&head, listed.iter().map(row).collect())))
}

/// An operation and its steps, ready to be rendered.
struct Shown {
    listed: Listed,
    steps: Vec<Step>,
    facts: Vec<(String, Cell)>,
    result: String,
    hint: &'static str,
    error: String,
    buttons: Vec<Button>,
}

impl Shown {
    fn of(words: &Words, people: &People, listed: Listed) -> Self {
        let step = |step: &tenantry::operations::StepShown| {
            let (state, text) = match step.state {
                StepState::Waiting => ("waiting", "step-waits"),
                StepState::Now => ("now", "step-now"),
                StepState::Done => ("done", "step-done"),
                StepState::Undoing => ("undoing", "step-undoing"),
                StepState::Undone => ("undone", "step-undone"),
            };
            Step {
                name: words.known(&crate::http::pages::words::human(step.name)),
                state,
                words: words.say(text),
            }
        };
        let steps = listed.steps.iter().map(step).collect();
        let company = listed.slug.as_deref();
        let mut facts = vec![
            (words.say("number"), Cell::text(listed.id.to_string())),
            (words.say("kind"), Cell::text(words::kind(words, &listed.kind))),
            (
                words.say("company"),
                company.map_or_else(Cell::default, |slug| {
                    Cell::link(slug, format!("/master-admin/companies/{slug}/"))
                }),
            ),
            (words.say("started-by"), Cell::text(people.name(&listed.actor))),
            (words.say("started"), words::at(words, listed.started_at_us)),
            (words.say("last-change"), words::at(words, listed.updated_at_us)),
        ];
        if listed.attempts > 1 {
            facts.push((words.say("servers-that-have-tried"), Cell::text(listed.attempts.to_string())));
        }
        let facts = facts.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect();
        let result =
            listed.result.as_ref().map(|json| serde_json::to_string_pretty(json).unwrap_or_default());
        let hint = match () {
            () if listed.stuck => words.say("hint-stuck"),
            () if listed.resting => words.say("hint-resting"),
            () => "",
        };
        let mut buttons = vec![];
        if let Some(slug) = company {
            let back = format!("/master-admin/companies/{slug}/");
            buttons.push(Button::new(words.say("to-the-company"), back, "building-2"));
            if listed.kind == "purge" && listed.state == tenantry::operations::State::Done {
                let certificate = format!("/master-admin/companies/{slug}/certificate/");
                buttons.push(Button::new(words.say("certificate"), certificate, "file").primary());
            }
        }
        Self {
            error: words.known(&listed.error.clone().or_else(|| listed.reason.clone()).unwrap_or_default()),
            listed,
            steps,
            facts,
            result: result.unwrap_or_default(),
            hint,
            buttons,
        }
    }

    /// Returns the page for an actor with these rights.
    fn page<'s>(&'s self, frame: &'s tenantry_console::Frame, of: &Oneself) -> Operation<'s> {
        let (one, words) = (&self.listed, &of.visit.words);
        let is_open = !one.state.is_over();
        let running = is_open && one.state == tenantry::operations::State::Running;
        Operation {
            frame,
            id: one.id,
            is_open,
            state: words::operation(words, one),
            steps: &self.steps,
            progress: one.progress.as_ref().filter(|_| is_open).map(|amount| progress(words, amount)),
            error: &self.error,
            hint: self.hint,
            pause: one.result.as_ref().and_then(|result| pause(words, result)),
            facts: &self.facts,
            result: &self.result,
            buttons: &self.buttons,
            may_cancel: running && !one.past_return && !one.cancel_requested,
            may_retry: is_open && one.resting && one.error.is_some(),
            may_abandon: one.stuck && of.actor.is_superuser(),
        }
    }
}

fn progress(words: &Words, amount: &tenantry::operations::Amount) -> (u64, String) {
    let percent = u128::from(amount.done.min(amount.total)) * 100 / u128::from(amount.total.max(1));
    let text = words.amount(&amount.unit, amount.done, amount.total);
    (u64::try_from(percent).unwrap_or(100), text)
}

/// Returns the time for which writers waited, if the operation's result has it.
fn pause(words: &Words, result: &serde_json::Value) -> Option<String> {
    let us = result.get("pause_us")?.as_u64()?;
    let ms = words.grouped(&format!("{}.{}", us / 1000, us / 100 % 10));
    Some(words.text("milliseconds").with("ms", ms).into())
}

/// `GET /master-admin/operations/{id}/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed, PathId(id): PathId) -> Result<Response> {
    let listed = app.platform().operations().show(id).await?;
    let people = People::of(&of, &[listed.actor.as_str()]).await?;
    let shown = Shown::of(&of.visit.words, &people, listed);
    let frame =
        frame::of_operator(&of, of.visit.words.known(&crate::http::pages::words::human(&shown.listed.what)));
    Ok(page(StatusCode::OK, &shown.page(&frame, &of)))
}

/// `GET /master-admin/operations/{id}/events/`: the changing part of the page after each change, as server-sent events.
/// The last event is named `end`.
pub(in crate::http) async fn events(app: App, Staffed(of): Staffed, PathId(id): PathId) -> Result<Response> {
    let listed = app.platform().operations().show(id).await?;
    let people = People::of(&of, &[listed.actor.as_str()]).await?;
    let frame = frame::of_operator(&of, listed.what);
    let changes =
        app.platform().operations().watch(id).take_while(move |_| future::ready(!app.is_draining()));
    let pages = changes.filter_map(move |change| {
        let html = change
            .map(|one| Shown::of(&of.visit.words, &people, one).page(&frame, &of).as_live().to_string());
        future::ready(match html {
            Ok(html) => Some(Ok::<_, Infallible>(Event::default().data(html))),
            Err(error) => {
                tracing::error!(%error, "stream of an operation");
                None
            }
        })
    });
    let end = stream::once(future::ready(Ok(Event::default().event("end").data("end"))));
    Ok(Sse::new(pages.chain(end)).keep_alive(KeepAlive::default()).into_response())
}

fn address(id: i64) -> String {
    format!("/master-admin/operations/{id}/")
}

/// `POST /master-admin/operations/{id}/cancel/`.
pub(in crate::http) async fn cancel(
    app: App,
    Staffed(of): Staffed,
    PathId(id): PathId,
    sent: Sent,
) -> Result<Response> {
    of.visit.fields(sent).await?;
    let wait = QueryParams(Wait { wait: None });
    admin::cancel_operation(app, Staff(of.actor), PathId(id), wait).await?;
    Ok(see(&address(id)))
}

/// `POST /master-admin/operations/{id}/retry/`.
pub(in crate::http) async fn retry(
    app: App,
    Staffed(of): Staffed,
    PathId(id): PathId,
    sent: Sent,
) -> Result<Response> {
    of.visit.fields(sent).await?;
    let wait = QueryParams(Wait { wait: None });
    admin::retry_operation(app, Staff(of.actor), PathId(id), wait).await?;
    Ok(see(&address(id)))
}

/// `GET /master-admin/operations/{id}/abandon/`.
pub(in crate::http) async fn ask_abandon(app: App, Super(of): Super, PathId(id): PathId) -> Result<Response> {
    Ok(abandoning(&of.visit.words, &app, id).await?.show(&of))
}

async fn abandoning(words: &Words, app: &App, id: i64) -> Result<Ask> {
    let one = app.platform().operations().show(id).await?;
    if !one.stuck {
        return Err(Problem::from(tenantry::Error::Conflict("the operation is not stuck".into())));
    }
    Ok(Ask {
        title: words.say("abandon-the-operation").into(),
        back: (address(id), one.what),
        lead: words.say("abandon-lead").into(),
        notes: vec![Note::warns(words.say("abandon-warning"))],
        button: words.say("abandon-the-operation"),
        danger: true,
        ..Ask::default()
    })
}

/// `POST /master-admin/operations/{id}/abandon/`.
pub(in crate::http) async fn abandon(
    app: App,
    Super(of): Super,
    PathId(id): PathId,
    sent: Sent,
) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    match admin::abandon_operation(app.clone(), Superuser(of.actor.clone()), PathId(id)).await {
        Ok(_) => Ok(see(&address(id))),
        Err(problem) => abandoning(&of.visit.words, &app, id).await?.refused(&of, &fields, problem),
    }
}
