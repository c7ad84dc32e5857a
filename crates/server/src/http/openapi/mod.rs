//! The OpenAPI 3.1 document, made from the route table and the models.
//!
//! Built once at start; served as bytes.

use super::{
    App,
    routes::{Access, ROUTES, Route},
};
use axum::{extract::State, response::IntoResponse};
use http::header;
use serde_json::{Map, Value, json};

/// `GET /api/openapi.json`.
pub(super) async fn document(State(_app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], build().to_string())
}

fn build() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Tenantry", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
    })
}

fn operation(route: &Route) -> Value {
    let security = if route.access == Access::Public {
        json!([])
    } else {
        json!([{"bearer": []}, {"apiKey": []}, {"session": []}])
    };
    json!({
        "tags": [route.tag],
        "summary": route.summary,
        "security": security,
        "responses": {"200": {"description": "OK"}},
    })
}
