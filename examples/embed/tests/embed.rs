//! Tests the example: two tenants, own routes, own SQL; neither tenant sees the other's data.

use axum::{Router, body::Body};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tenantry_server::http::{App, call};

async fn send(
    app: &App,
    router: &Router,
    method: &str,
    path: &str,
    token: &str,
    body: Value,
) -> (u16, Value) {
    let mut request =
        axum::http::Request::builder().method(method).uri(path).header("content-type", "application/json");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = call(app, router, request.body(Body::from(body.to_string())).unwrap()).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn own_routes_are_inside_the_callers_tenant() {
    let dir = tempfile::tempdir().unwrap();
    let (app, router) = embed::service(dir.path()).await.unwrap();
    let mut tokens = Vec::new();
    for slug in ["one-clinic", "two-clinic"] {
        let form = json!({"company": slug, "email": format!("a@{slug}.example"), "password": "correct horse battery"});
        let (status, body) = send(&app, &router, "POST", "/api/register", "", form).await;
        assert_eq!(status, 201, "{body}");
        tokens.push(body["token"].as_str().unwrap().to_owned());
    }
    let patient = json!({"first_name": "A", "last_name": "B", "born_on": "1990-01-01"});
    send(&app, &router, "POST", "/api/records/patients", &tokens[0], patient).await;
    let count = async |token: &str| send(&app, &router, "GET", "/clinic/today", token, Value::Null).await;
    assert_eq!(count(&tokens[0]).await.1["patients"], 1);
    assert_eq!(count(&tokens[1]).await.1["patients"], 0);
    assert_eq!(count("").await.0, 401, "no route of ours runs without the checks");
    let (status, ages) = send(&app, &router, "GET", "/clinic/ages", &tokens[0], Value::Null).await;
    assert_eq!((status, &ages["rows"]), (200, &json!([["1990", 1]])), "{ages}");
}
