//! Plain pages for browsers that post a form: the result, or the reason of a refusal.
//!
//! Used by registration. They contain no script and no style: their content security policy allows none.

use crate::http::{
    App,
    problem::Problem,
    typed::{WithCookie, session_cookie},
};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::fmt::Write;
use tenantry::access::login::SignedIn;

/// Returns true if the client accepts HTML, as browsers do and programs do not.
pub(in crate::http) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|range| range.split(';').next().is_some_and(|media| media.trim() == "text/html"))
}

/// Returns the page after a registration, with a session cookie.
pub(in crate::http) fn welcome(app: &App, signed_in: &SignedIn) -> Response {
    let tenant = signed_in.choices.first().map_or("", |choice| choice.name.as_str());
    let text = format!(
        "<h1>{} is registered</h1><p>You are signed in as {}. <a href=\"/api/docs\">What you can do now</a></p>",
        escaped(tenant),
        escaped(&signed_in.user.email)
    );
    WithCookie(page(StatusCode::CREATED, &text), session_cookie(app, signed_in)).into_response()
}

/// Returns the page for a problem, with its public text only (`absent-not-forbidden`).
pub(in crate::http) fn refusal(problem: &Problem) -> Response {
    let wire: serde_json::Value = serde_json::from_slice(&problem.body(None)).unwrap_or_default();
    let text = |key: &str| escaped(wire[key].as_str().unwrap_or_default());
    let mut html = format!("<h1>{}</h1><p>{}</p>", text("title"), text("detail"));
    for field in wire["errors"].as_array().into_iter().flatten() {
        let part = |key: &str| escaped(field[key].as_str().unwrap_or_default());
        let _ = write!(html, "<p>{}: {}</p>", part("field"), part("message"));
    }
    if wire["remedy"].is_string() {
        let _ = write!(html, "<p>{}</p>", text("remedy"));
    }
    tracing::debug!(problem = problem.log_text(), "a form was refused");
    let mut response = page(problem.status(), &html);
    // Copies Retry-After and similar headers.
    for (name, value) in problem.clone().into_response().headers() {
        response.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    response
}

fn page(status: StatusCode, body: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tenantry</title>{body}</html>"
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = "default-src 'none'; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
