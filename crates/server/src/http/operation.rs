//! Operations in answers: what staff see, what the company sees, and `202 Accepted` for long ones.
//!
//! Used by every handler that starts an operation: spawn it, then answer with [`accepted`].

use super::{App, problem::Result, view};
use crate::instants;
use axum::{
    Json,
    response::{IntoResponse, Response, sse::Event},
};
use futures_util::{Stream, StreamExt, future};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{convert::Infallible, time::Duration};
use tenantry::operations::Listed;

/// Longest a request waits for an operation, seconds.
pub(super) const LONGEST: u64 = 300;

/// `?wait=SECONDS`: answer when the operation is over, or after so many seconds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    pub(super) wait: Option<u64>,
}

impl Wait {
    /// How long to wait.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.wait.unwrap_or(0).min(LONGEST))
    }
}

/// An operation that was started: 202 while it is at work, 200 once it is over. `Location` says where to look.
pub(super) struct Accepted(Listed);

/// Answers for the operation `id`, after waiting as asked.
pub(super) async fn accepted(app: &App, id: i64, wait: &Wait) -> Result<Accepted> {
    let operations = app.platform().operations();
    match tokio::time::timeout(wait.patience(), operations.wait(id)).await {
        Ok(over) => Ok(Accepted(over?)),
        Err(_) => Ok(Accepted(operations.show(id).await?)),
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        let status = if self.0.state.is_over() { StatusCode::OK } else { StatusCode::ACCEPTED };
        let mut response = (status, Json(for_staff(&self.0))).into_response();
        if let Ok(location) = HeaderValue::from_str(&format!("/api/admin/operations/{}", self.0.id)) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// With private detail.
pub(super) fn for_staff(operation: &Listed) -> Value {
    instants::wire(operation)
}

/// What the company may know of what is done to it.
pub(super) fn for_company(operation: &Listed) -> Value {
    json!({
        "id": operation.id, "kind": operation.kind, "what": operation.what, "state": operation.state,
        "progress": operation.progress, "reason": operation.reason, "code": operation.code,
        "started_at": view::at(operation.started_at_us), "updated_at": view::at(operation.updated_at_us),
    })
}

/// Changes as server-sent events named `operation`; the stream ends with the operation, or when the
/// server shuts down.
pub(super) fn events(
    changes: impl Stream<Item = tenantry::Result<Listed>> + Send,
    stop: impl Fn() -> bool + Send,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let going = changes.take_while(move |_| future::ready(!stop()));
    going.filter_map(|change| {
        let event = match change {
            Ok(operation) => Event::default().event("operation").json_data(for_staff(&operation)).ok(),
            Err(error) => {
                tracing::error!(%error, "stream of an operation");
                None
            }
        };
        future::ready(event.map(Ok))
    })
}
