//! Operations in answers: their form for staff and for the tenant, and `202 Accepted` for long ones.
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

/// Maximum time a request waits for an operation, seconds.
pub(super) const LONGEST: u64 = 300;

/// Query `?wait=SECONDS`: answer when the operation has ended, at the latest after that many seconds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    pub(super) wait: Option<u64>,
}

impl Wait {
    /// Returns how long to wait.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.wait.unwrap_or(0).min(LONGEST))
    }
}

/// A started operation: 202 while it runs, 200 once it has ended. `Location` is its address.
pub(super) struct Accepted(Listed);

/// Answers for the operation `id`, after the requested wait.
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

/// Returns the operation's JSON for staff, with private detail.
pub(super) fn for_staff(operation: &Listed) -> Value {
    instants::wire(operation)
}

/// Returns the operation's JSON for its tenant, without private detail.
pub(super) fn for_company(operation: &Listed) -> Value {
    json!({
        "id": operation.id, "kind": operation.kind, "what": operation.what, "state": operation.state,
        "progress": operation.progress, "reason": operation.reason, "code": operation.code,
        "started_at": view::at(operation.started_at_us), "updated_at": view::at(operation.updated_at_us),
    })
}

/// Streams changes as server-sent events named `operation`; the stream ends with the operation or with the server.
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
