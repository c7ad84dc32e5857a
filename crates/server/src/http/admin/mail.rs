//! Staff handler that lists the letters of the outbox, by default those that were not sent.

use crate::http::{App, problem::Result, query::Words, scope::Staff, view};
use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::mail::{Filter, Letter, LetterState};

/// Query of [`list`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Query {
    state: Option<String>,
    before: Option<i64>,
    limit: Option<u32>,
}

/// `GET /api/admin/mail`: newest first.
pub(in crate::http) async fn list(
    State(app): State<App>,
    Staff(_): Staff,
    Words(query): Words<Query>,
) -> Result<Json<Value>> {
    let state = query.state.as_deref().map(LetterState::parse).transpose()?;
    let filter = Filter { state, before: query.before, limit: view::limit(query.limit) };
    let letters = app.platform().letters(&filter).await?;
    Ok(view::page(&app, letters.iter().map(shown)))
}

fn shown(letter: &Letter) -> Value {
    json!({
        "id": letter.id, "kind": letter.kind, "address": letter.address, "user": letter.user, "tenant": letter.tenant,
        "state": letter.state, "attempts": letter.attempts, "created_at": view::at(letter.created_at_us),
        "next_at": view::at_opt(letter.next_at_us), "error": letter.error,
    })
}
