//! `/settings/activity/`: the changes of the company's records, each with the member or the API key that made it.

use crate::http::{
    App,
    pages::{
        answer::page,
        frame,
        visit::{Inside, Managing, query},
        words::{self, Words},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use std::collections::HashMap;
use tenantry::{
    Activity as Entry,
    access::gates::{self, Verb},
    model::Model,
};
use tenantry_console::company::{Activity, Line};

/// Number of lines on a page.
const LINES: u32 = 50;

/// `GET /settings/activity/`.
pub(in crate::http) async fn show(app: App, Managing(inside): Managing) -> Result<Response> {
    let before = query(&inside.visit.query).filled("before").and_then(|text| text.parse().ok());
    let (lines, oldest) = lines(&app, &inside, before, LINES).await?;
    let frame = frame::of_company(&inside, inside.visit.say("activity"));
    let view = Activity {
        frame: &frame,
        next: oldest
            .filter(|_| lines.len() == LINES as usize)
            .map(|id| format!("/settings/activity/?before={id}")),
        is_later: before.is_some(),
        lines: &lines,
    };
    Ok(page(StatusCode::OK, &view))
}

/// Returns the newest lines of the log; `None` if its store cannot be reached.
pub(super) async fn latest(app: &App, inside: &Inside, most: u32) -> Result<Option<Vec<Line>>> {
    match entries(app, inside, None, most).await {
        Ok(entries) => Ok(Some(shown(app, inside, &entries).await?)),
        Err(error) if error.is_store_away() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns lines of the log, newest first, and the id of the last one.
async fn lines(
    app: &App,
    inside: &Inside,
    before: Option<i64>,
    most: u32,
) -> Result<(Vec<Line>, Option<i64>)> {
    let entries = entries(app, inside, before, most).await?;
    let oldest = entries.last().map(|entry| entry.id);
    Ok((shown(app, inside, &entries).await?, oldest))
}

async fn entries(app: &App, inside: &Inside, before: Option<i64>, most: u32) -> tenantry::Result<Vec<Entry>> {
    let platform = app.platform();
    // Without a store of tenants there is no log to show.
    let Ok(store) = platform.config().usual_tenant_store() else { return Ok(vec![]) };
    platform.tenant(&inside.tenant).activity(&store.name, before, most).await
}

async fn shown(app: &App, inside: &Inside, entries: &[Entry]) -> Result<Vec<Line>> {
    let people = people(app, inside).await?;
    let models = inside.visit.words.labels.models();
    let words = &inside.visit.words;
    let line = |entry: &Entry| {
        let model = models.iter().find(|model| model.name.as_str() == entry.model);
        let may = |model: &Model, verb| gates::allows(inside.tenant.actor(), &model.permissions, verb);
        // The history of a record outlives it, so the link leads there whatever happened since.
        let seen = model.filter(|model| may(model, Verb::Read) && may(model, Verb::Update));
        let href = seen.map(|model| format!("/{}/{}/history/", model.name, entry.record));
        Line {
            at: (words.datetime(&entry.at), entry.at.clone()),
            who: people.named(words, &entry.actor),
            support: entry.impersonator.as_deref().map(|by| by.replace(':', " ")).unwrap_or_default(),
            action: match entry.action.as_str() {
                "create" => "added",
                "delete" => "deleted",
                _ => "changed",
            },
            model: model.map_or_else(|| words::human(&entry.model), |model| model.label.clone()),
            record: entry.record.clone(),
            href: href.unwrap_or_default(),
            fields: changed(entry, model.map(|model| &**model)),
        }
    };
    Ok(entries.iter().map(line).collect())
}

/// Names of the members of the visitor's company; empty on pages of staff.
#[derive(Default)]
pub(in crate::http::pages) struct People(HashMap<String, String>);

/// Returns the names of the members.
pub(in crate::http::pages) async fn people(app: &App, inside: &Inside) -> Result<People> {
    let members = app.platform().members(&inside.tenant).list().await?;
    let named = |member: tenantry::users::Member| (format!("user:{}", member.user.get()), member.name);
    Ok(People(members.into_iter().map(named).collect()))
}

impl People {
    /// Returns the name of the actor of a change: a member, an API key or a program.
    pub(in crate::http::pages) fn named(&self, words: &Words, actor: &str) -> String {
        match (self.0.get(actor), actor.split_once(':')) {
            (Some(name), _) => name.clone(),
            (None, Some(("user", id))) if self.0.is_empty() => {
                words.text("user-number").with("id", id).into()
            }
            (None, Some(("user", id))) => words.text("former-member").with("id", id).into(),
            (None, Some(("key", id))) => words.text("key-number").with("id", id).into(),
            (None, _) => actor.to_owned(),
        }
    }
}

/// Returns the labels of the fields that a change touched.
fn changed(entry: &Entry, model: Option<&Model>) -> String {
    let fields = entry.detail.as_ref().and_then(serde_json::Value::as_object);
    let Some(fields) = fields.filter(|_| entry.action == "update") else { return String::new() };
    let label = |name: &String| {
        let field = model.and_then(|model| model.field(name));
        field.map_or_else(|| words::human(name), |field| field.label.clone())
    };
    fields.keys().map(label).collect::<Vec<_>>().join(", ")
}
