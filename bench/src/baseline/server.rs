//! The hand-written server: axum, one database, three handlers, no tenancy, no sign-in. The harness starts it as a
//! separate process.

use super::store::{NewPatient, Patient, Store};
use anyhow::Result;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use std::sync::Arc;

type Answer<T> = Result<T, StatusCode>;

/// Serves until killed. The runtime is tokio's default, as in the measured binary.
pub(crate) fn serve(database: &std::path::Path, port: u16) -> Result<()> {
    let store = Arc::new(Store::open(database)?);
    let app = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/patients", get(list).post(insert))
        .route("/patients/{id}", get(one))
        .with_state(store);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        Ok(axum::serve(axum::serve::ListenerExt::tap_io(listener, nodelay), app).await?)
    })
}

fn nodelay(stream: &mut tokio::net::TcpStream) {
    // A failure only costs latency.
    let _ = stream.set_nodelay(true);
}

#[derive(serde::Deserialize)]
struct Page {
    #[serde(default)]
    after: i64,
    limit: u32,
}

async fn one(State(store): State<Arc<Store>>, Path(id): Path<i64>) -> Answer<Json<Patient>> {
    store.get(id).map_err(internal)?.map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn list(State(store): State<Arc<Store>>, Query(page): Query<Page>) -> Answer<Json<Vec<Patient>>> {
    store.list(page.after, page.limit.min(200)).map(Json).map_err(internal)
}

async fn insert(
    State(store): State<Arc<Store>>,
    Json(new): Json<NewPatient>,
) -> Answer<(StatusCode, Json<Patient>)> {
    store.insert(new).map(|patient| (StatusCode::CREATED, Json(patient))).map_err(internal)
}

fn internal(error: anyhow::Error) -> StatusCode {
    eprintln!("{error:#}");
    StatusCode::INTERNAL_SERVER_ERROR
}
