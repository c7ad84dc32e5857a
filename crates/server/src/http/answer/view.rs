//! JSON shapes that several answers share: instants, lists, a new session.
//!
//! Used by handlers. Instants are RFC 3339 in every answer, whatever their internal form.

use crate::http::{App, cookie};
use crate::instants;
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use tenantry::{access::login::SignedIn, tenants::Retirement};

/// Formats microseconds since 1970 as RFC 3339 in UTC.
pub(in crate::http) fn at(us: i64) -> Value {
    instants::text(us)
}

/// Formats an optional instant as RFC 3339 in UTC; `None` becomes null.
pub(in crate::http) fn at_opt(us: Option<i64>) -> Value {
    us.map_or(Value::Null, at)
}

/// Returns the dates on which a cancelled tenant closes and may be purged; null if it was not cancelled.
pub(in crate::http) fn ends(ends: Option<Retirement>) -> Value {
    ends.map_or(Value::Null, |e| {
        json!({
            "cancelled_at": at(e.cancelled_at_us),
            "closes_at": at(e.closes_at_us),
            "purges_at": at(e.purges_at_us),
        })
    })
}

/// Wraps items as `{"items": …}`.
pub(in crate::http) fn items<T: Serialize>(items: impl IntoIterator<Item = T>) -> Json<Value> {
    let items: Vec<_> = items.into_iter().map(|item| json!(item)).collect();
    Json(json!({ "items": items }))
}

/// Returns the largest number of items of a page: what the caller asks for, from 1 to 1000, or else 100.
pub(in crate::http) fn limit(wanted: Option<u32>) -> u32 {
    wanted.unwrap_or(100).clamp(1, 1000)
}

/// Returns `{"items": …}` for a list that clients read page by page. The page ends with the item that exceeds
/// `limits.page_bytes`; the page without items is the last.
pub(in crate::http) fn page<T: Serialize>(app: &App, items: impl IntoIterator<Item = T>) -> Json<Value> {
    let most = usize::try_from(app.platform().config().limits.page_bytes).unwrap_or(usize::MAX);
    let (mut page, mut taken) = (Vec::new(), 0);
    for item in items {
        let item = json!(item);
        taken += item.to_string().len();
        page.push(item);
        if taken > most {
            break;
        }
    }
    Json(json!({ "items": page }))
}

/// Answers with a new session: the token once in the body, for programs, and as a cookie, for browsers.
pub(in crate::http) fn session(app: &App, status: StatusCode, signed_in: &SignedIn) -> Response {
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
pub(in crate::http) fn with_cookie(
    app: &App,
    mut response: Response,
    token: &str,
    expires_us: i64,
) -> Response {
    let seconds = (expires_us - app.platform().now_us()) / 1_000_000;
    if let Some(cookie) = cookie::set(app.options().https, token, seconds.max(0)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
