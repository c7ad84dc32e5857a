//! T4: no input causes a 5xx or a panic, and every answer carries the guard's headers.

use super::app::{Client, TestApp};
use axum::body::Body;
use http::{HeaderValue, Method, Request};
use proptest::prelude::*;
use tenantry_server::http::{ROUTES, call};
use tenantry_testkit::{dose, property, tried};

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("patients".to_owned()),
        Just("1".to_owned()),
        Just("acme".to_owned()),
        Just("%2e%2e".to_owned()),
        Just("..%2f..%2fetc".to_owned()),
        Just("a%00b".to_owned()),
        Just("9223372036854775808".to_owned()),
        Just("0190a0aa-0000-7000-8000-000000000000".to_owned()),
        "[a-zA-Z0-9_.~-]{1,12}",
    ]
}

fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("null".to_owned()),
        Just("[]".to_owned()),
        Just("[{}]".to_owned()),
        Just("{\"first_name\": 1, \"last_name\": {}, \"born_on\": []}".to_owned()),
        Just("first_name,last_name\n\"a,b\n".to_owned()),
        Just(format!("{}{}", "[".repeat(200), "]".repeat(200))),
        "\\PC{0,60}",
    ]
}

#[derive(Debug, Clone)]
struct Shot {
    route: prop::sample::Index,
    segments: Vec<String>,
    query: String,
    media: &'static str,
    header: (&'static str, String),
    body: String,
    prefix: bool,
}

fn shot() -> impl Strategy<Value = Shot> {
    let media =
        prop::sample::select(vec!["application/json", "text/csv", "multipart/form-data; boundary=x", ""]);
    let name = prop::sample::select(vec![
        "if-match",
        "x-tenant",
        "host",
        "cookie",
        "x-file-name",
        "if-none-match",
        "origin",
    ]);
    let query =
        prop_oneof![Just(String::new()), "[a-z_]{1,10}=[a-zA-Z0-9%+,.-]{0,20}", "after=[A-Za-z0-9_-]{0,40}"];
    let header = (name, "[ -~]{0,30}");
    (
        any::<prop::sample::Index>(),
        prop::collection::vec(segment(), 4),
        query,
        media,
        header,
        body(),
        any::<bool>(),
    )
        .prop_map(|(route, segments, query, media, header, body, prefix)| Shot {
            route,
            segments,
            query,
            media,
            header,
            body,
            prefix,
        })
}

/// Returns the path of a route with its parameters filled from `segments`.
fn path(template: &str, segments: &[String]) -> String {
    let mut segments = segments.iter();
    let fill = |part: &str| match part.starts_with('{') {
        true => segments.next().cloned().unwrap_or_default(),
        false => part.to_owned(),
    };
    template.split('/').map(fill).collect::<Vec<_>>().join("/")
}

async fn fire(app: &TestApp, client: &Client, shot: &Shot) {
    let route = &ROUTES[shot.route.index(ROUTES.len())];
    // Hashing passwords is slow and is tested elsewhere; signing out would end the test.
    if ["/api/auth/", "/api/register", "/subscription/"].iter().any(|p| route.path.starts_with(p))
        && route.method == Method::POST
    {
        return;
    }
    let prefix = if shot.prefix { "/t/acme" } else { "" };
    let uri = format!("{prefix}{}?{}", path(route.path, &shot.segments), shot.query);
    let mut request =
        Request::builder().method(route.method.clone()).uri(&uri).header("content-type", shot.media);
    request = request.header("authorization", format!("Bearer {}", client.token()));
    if let Ok(value) = HeaderValue::from_str(&shot.header.1) {
        request = request.header(shot.header.0, value);
    }
    let Ok(request) = request.body(Body::from(shot.body.clone())) else { return };
    let (served, router) = app.served();
    let response = call(&served, &router, request).await;
    assert!(response.status().as_u16() < 500, "{} {uri}: {}", route.method, response.status());
    assert!(response.headers().contains_key("x-request-id"));
    assert!(response.headers().contains_key("cache-control"));
}

#[test]
fn nothing_that_is_sent_makes_a_5xx() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (app, _, client) = runtime.block_on(TestApp::new());
    let cases = dose(5_000, 2_000_000);
    property(cases, shot(), |shot| runtime.block_on(fire(&app, &client, &shot)));
    tried("T4 over HTTP", cases, "requests");
}
