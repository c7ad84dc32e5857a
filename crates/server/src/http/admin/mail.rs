//! Staff handlers for the letters of the outbox: list them, by default those not sent yet, and send one again.

use crate::{
    http::{App, body::Json, names::PathId, problem::Result, query::QueryParams, scope::Staff},
    wire::{
        Page,
        user::{Letter, LettersQuery},
    },
};
use tenantry::mail::{Filter, LetterState};

/// `GET /api/admin/mail`: letters, newest first.
pub(in crate::http) async fn list(
    app: App,
    Staff(actor): Staff,
    QueryParams(query): QueryParams<LettersQuery>,
) -> Result<Json<Page<Letter>>> {
    let filter = filter(query)?;
    let letters = app.platform().letters().list(&actor, &filter).await?;
    Ok(app.page(letters, filter.limit, |letter: &Letter| letter.id))
}

/// Returns the filter that a query names.
///
/// # Errors
/// Returns an error if a parameter has a value that does not exist.
pub(in crate::http) fn filter(query: LettersQuery) -> Result<Filter> {
    let all = query.state.as_deref() == Some("all");
    let state = query.state.as_deref().filter(|_| !all).map(LetterState::parse).transpose()?;
    Ok(Filter { state, all, before: query.before.map(|id| id.0), limit: query.limit.0 })
}

/// `POST /api/admin/mail/{id}/send`: sends a letter again.
pub(in crate::http) async fn send(app: App, Staff(actor): Staff, PathId(id): PathId) -> Result<Json<Letter>> {
    Ok(Json(app.platform().letters().send_again(&actor, id).await?.into()))
}
