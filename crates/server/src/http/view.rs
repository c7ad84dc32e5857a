//! Shapes that several answers share: instants, lists, a new session.
//!
//! Used by handlers. Instants are RFC 3339 in every answer, whatever they are inside.

use super::{App, cookie};
use crate::instants;
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use tenantry::{access::login::SignedIn, tenants::Retirement};

/// Microseconds since 1970 as RFC 3339, UTC.
pub(super) fn at(us: i64) -> Value {
    instants::text(us)
}

/// The same where there may be none.
pub(super) fn at_opt(us: Option<i64>) -> Value {
    us.map_or(Value::Null, at)
}

/// When a tenant that was cancelled closes and is purged; null: it was not.
pub(super) fn ends(ends: Option<Retirement>) -> Value {
    ends.map_or(Value::Null, |e| {
        json!({
            "cancelled_at": at(e.cancelled_at_us),
            "closes_at": at(e.closes_at_us),
            "purges_at": at(e.purges_at_us),
        })
    })
}

/// `{"items": …}`.
pub(super) fn items<T: Serialize>(items: impl IntoIterator<Item = T>) -> Json<Value> {
    let items: Vec<_> = items.into_iter().map(|item| json!(item)).collect();
    Json(json!({ "items": items }))
}

/// A new session: the token once in the body, for programs, and as a cookie, for browsers.
pub(super) fn session(app: &App, status: StatusCode, signed_in: &SignedIn) -> Response {
    let token = signed_in.token.reveal();
    let current = signed_in.tenant.map(|id| id.get());
    let tenant = signed_in.choices.iter().find(|c| Some(c.tenant) == current).map(|c| c.slug.as_str());
    let body = json!({
        "token": token,
        "expires_at": at(signed_in.expires_us),
        "user": {"id": signed_in.user.id, "email": signed_in.user.email, "name": signed_in.user.name},
        "tenant": tenant,
        "tenants": signed_in.choices,
    });
    with_cookie(app, (status, Json(body)).into_response(), &token, signed_in.expires_us)
}

/// Adds the session cookie to an answer.
pub(super) fn with_cookie(app: &App, mut response: Response, token: &str, expires_us: i64) -> Response {
    let seconds = (expires_us - app.platform().control().now_us()) / 1_000_000;
    if let Some(cookie) = cookie::set(app.options().https, token, seconds.max(0)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
