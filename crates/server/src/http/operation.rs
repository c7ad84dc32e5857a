//! Answers about operations: `202 Accepted` for long ones, and a stream of their progress.
//!
//! A handler that starts an operation spawns it, and then answers with [`started`].

use super::{App, body::Json, problem::Result};
use crate::wire::operation::{Operation, Wait};
use axum::response::{IntoResponse, Response, sse::Event};
use futures_util::{Stream, StreamExt, future};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use std::{convert::Infallible, time::Duration};
use tenantry::operations::Listed;

/// Longest time that a request may wait for an operation, in seconds.
const LONGEST: u64 = 300;

/// Answer for a started operation: 202 while it runs, 200 once it has ended. `Location` is its address, for staff.
pub(super) struct Started<T> {
    is_over: bool,
    location: Option<HeaderValue>,
    body: T,
}

impl Started<Operation> {
    /// Returns the id of the operation.
    pub(super) fn id(&self) -> i64 {
        self.body.id
    }
}

/// Waits as long as the request asks, and returns the answer for the operation `id`.
pub(super) async fn started(app: &App, id: i64, wait: &Wait) -> Result<Started<Operation>> {
    let mut started = waited(app, id, wait, Operation::from).await?;
    started.location = HeaderValue::from_str(&format!("/api/admin/operations/{id}")).ok();
    Ok(started)
}

/// Waits as long as the request asks, and returns the answer for the operation `id`, converted by `shape`.
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

/// Streams changes as server-sent events named `operation`. The stream ends with the operation or the server.
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
