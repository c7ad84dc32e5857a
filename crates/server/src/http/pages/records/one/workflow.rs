//! The workflow of a record on its page: its state, the transitions that the visitor may make, and its trail.

use super::super::{Place, Row, detail::render, id_of};
use crate::http::{
    App,
    pages::{
        answer::see,
        company::{People, people},
        visit::{Sent, Site, query},
    },
    problem::{Code, Problem, Result},
};
use axum::{extract::Path, response::Response};
use tenantry_console::{
    Notice,
    records::{Step, TrailEntry, Workflow},
};

/// Number of entries of the trail on a page.
const ENTRIES: u32 = 20;

/// `POST /{model}/{id}/transition/`, and the same under `/admin/data/`: makes a transition if the record still has the
/// version that the page showed.
pub(in crate::http) async fn make(
    app: App,
    site: Site,
    Path((model, id)): Path<(String, String)>,
    sent: Sent,
) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    // A record that is not there is absent, whatever the form says.
    place.records()?.standing(&id).await?;
    let fields = site.visit().fields(sent).await?;
    let Ok(version) = fields.get("_version").parse() else {
        return Err(Problem::new(Code::PreconditionRequired, "The form names no version."));
    };
    let comment = fields.get("comment");
    let made = place.records()?.transit(&id, fields.get("transition"), Some(version), Some(comment)).await;
    match made.map_err(Problem::from) {
        Ok(_) => Ok(see(&format!("{}?_done=transition", place.path(&place.model, &id)))),
        Err(problem) => {
            let text = match problem.code() {
                Code::VersionConflict => "transition-changed",
                Code::Invalid => "transition-comment-wrong",
                Code::Conflict => "transition-not-now",
                _ => return Err(problem),
            };
            let notice = Notice::wrong(site.visit().say(text));
            render(&app, &site, &place, &id, (Some(notice), comment), problem.status()).await
        }
    }
}

/// Returns the workflow of a record as its page shows it; `None` for a model without one.
pub(in crate::http::pages::records) async fn shown(
    app: &App,
    site: &Site,
    place: &Place<'_>,
    row: &Row,
    comment: &str,
) -> Result<Option<Workflow>> {
    let Some(workflow) = &place.model.workflow else { return Ok(None) };
    let (records, words, id) = (place.records()?, place.words(), id_of(row));
    let field = place.model.field(workflow.field.as_str());
    let state = |name: &str| field.map_or_else(|| name.to_owned(), |f| words.choice(&place.model, f, name));
    let label = |name: &str, own: &str| words.transition(&place.model, name, own);
    let people = match site {
        Site::Company(inside) => people(app, inside).await?,
        Site::Staff(..) => People::default(),
    };
    let author = workflow.author.as_ref().and_then(|author| row.get(author.as_str())?.as_str());
    let standing = records.standing(&id).await?;
    let before = query(&site.visit().query).filled("_trail").and_then(|text| text.parse().ok());
    let trail = records.trail(&id, before, ENTRIES).await?;
    let is_full = trail.len() == ENTRIES as usize;
    let older = trail.last().filter(|_| is_full).map(|last| last.id);
    let entry = |made: tenantry::records::Made| TrailEntry {
        who: people.named(words, &made.actor),
        support: made.impersonator.as_deref().map(|by| by.replace(':', " ")).unwrap_or_default(),
        label: match workflow.transition(&made.transition) {
            Some(known) => label(&made.transition, &known.label),
            None => made.transition.clone(),
        },
        from: state(&made.from),
        to: state(&made.to),
        comment: made.comment.unwrap_or_default(),
        at: (words.datetime(&made.at), made.at),
    };
    Ok(Some(Workflow {
        state: state(&standing.state),
        author: author.map(|author| people.named(words, author)).unwrap_or_default(),
        version: standing.version,
        steps: standing
            .transitions
            .iter()
            .map(|offered| Step {
                label: label(&offered.name, &offered.label),
                name: offered.name.clone(),
                needs_comment: offered.needs_comment,
            })
            .collect(),
        comment: comment.to_owned(),
        trail: trail.into_iter().map(entry).collect(),
        is_later: before.is_some(),
        older: older.map(|last| format!("?_trail={last}#trail")),
    }))
}
