//! Operations in answers: `202 Accepted` for long ones, and their progress as a stream.
//!
//! Used by every handler that starts an operation: spawn it, then answer with [`started`].

use super::{App, body::Json, problem::Result};
use crate::wire::operation::{Operation, Wait};
use axum::response::{IntoResponse, Response, sse::Event};
use futures_util::{Stream, StreamExt, future};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use std::{convert::Infallible, time::Duration};
use tenantry::operations::Listed;

/// Maximum time a request waits for an operation, seconds.
const LONGEST: u64 = 300;

/// A started operation: 202 while it runs, 200 once it has ended. `Location` is its address, for staff.
pub(super) struct Started<T> {
    is_over: bool,
    location: Option<HeaderValue>,
    body: T,
}

impl Started<Operation> {
    /// Returns its id.
    pub(super) fn id(&self) -> i64 {
        self.body.id
    }
}

/// Answers for the operation `id`, after the requested wait.
pub(super) async fn started(app: &App, id: i64, wait: &Wait) -> Result<Started<Operation>> {
    let mut started = waited(app, id, wait, Operation::from).await?;
    started.location = HeaderValue::from_str(&format!("/api/admin/operations/{id}")).ok();
    Ok(started)
}

/// Answers for the operation `id` in another shape, after the requested wait.
pub(super) async fn waited<T>(
    app: &App,
    id: i64,
    wait: &Wait,
    shape: impl FnOnce(Listed) -> T,
) -> Result<Started<T>> {
    let operations = app.platform().operations();
    let patience = Duration::from_secs(wait.wait.unwrap_or(0).min(LONGEST));
    let listed = match tokio::time::timeout(patience, operations.wait(id)).await {
        Ok(over) => over?,
        Err(_) => operations.show(id).await?,
    };
    Ok(Started { is_over: listed.state.is_over(), location: None, body: shape(listed) })
}

impl<T: Serialize> IntoResponse for Started<T> {
    fn into_response(self) -> Response {
        let status = if self.is_over { StatusCode::OK } else { StatusCode::ACCEPTED };
        let mut response = (status, Json(self.body)).into_response();
        if let Some(location) = self.location {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// Streams changes as server-sent events named `operation`; the stream ends with the operation or with the server.
pub(super) fn events(
    changes: impl Stream<Item = tenantry::Result<Listed>> + Send,
    stop: impl Fn() -> bool + Send,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let going = changes.take_while(move |_| future::ready(!stop()));
    going.filter_map(|change| {
        let event = match change {
            Ok(operation) => Event::default().event("operation").json_data(Operation::from(operation)).ok(),
            Err(error) => {
                tracing::error!(%error, "stream of an operation");
                None
            }
        };
        future::ready(event.map(Ok))
    })
}
