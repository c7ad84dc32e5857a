//! Staff handler that lists the letters of the outbox, by default those that were not sent.

use crate::{
    http::{App, body::Json, problem::Result, query::QueryParams, scope::Staff},
    wire::{
        Page,
        user::{Letter, LettersQuery},
    },
};
use tenantry::mail::{Filter, LetterState};

/// `GET /api/admin/mail`: newest first.
pub(in crate::http) async fn list(
    app: App,
    Staff(_): Staff,
    QueryParams(query): QueryParams<LettersQuery>,
) -> Result<Json<Page<Letter>>> {
    let state = query.state.as_deref().map(LetterState::parse).transpose()?;
    let filter = Filter { state, before: query.before.map(|id| id.0), limit: query.limit.0 };
    let letters = app.platform().letters().list(&filter).await?;
    Ok(app.page(letters, filter.limit, |letter: &Letter| letter.id))
}
