//! `/metrics` on a separate address, for a Prometheus that sends no credential.
//!
//! The command line calls it if `[metrics] listen` is set. It answers only that path, so that a firewall can
//! distinguish the two addresses, and it limits what a client can hold.

use crate::http::{App, gauges, health};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, future::Future, net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

/// Largest number of open connections. Further ones wait in the listener's backlog.
const CONNECTIONS: usize = 8;
/// Longest duration of a connection, which serves one scrape.
const PATIENCE: Duration = Duration::from_secs(15);

/// Serves `/metrics` on `listener` until `shutdown` resolves.
pub async fn serve_metrics(app: App, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    tokio::select! {
        () = accept_all(app, listener) => {}
        () = shutdown => {}
    }
}

async fn accept_all(app: App, listener: TcpListener) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    // The semaphore is never closed, so this loop ends only with its task.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(app.clone(), stream, slot))),
            Err(error) => {
                tracing::warn!(%error, "accept failed at the metrics address");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(app: App, stream: TcpStream, slot: OwnedSemaphorePermit) {
    let local = stream.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let service = service_fn(move |request| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(answer(&app, local, &request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false).max_buf_size(16 * 1024);
    // Resets and timeouts are the client's problem.
    let _ = timeout(PATIENCE, builder.serve_connection(TokioIo::new(stream), service)).await;
    drop(slot);
}

async fn answer(app: &App, local: bool, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // A web page that points its own DNS name at this machine sends that name here.
    if local && !names_this_machine(host) {
        return plain(
            StatusCode::MISDIRECTED_REQUEST,
            "ask by an address of this machine, or as localhost\n",
        );
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => match gauges::text(app).await {
            Ok(text) => plain(StatusCode::OK, text),
            Err(problem) => plain(problem.status(), "the numbers cannot be read right now\n"),
        },
        _ => plain(StatusCode::NOT_FOUND, "only /metrics is here\n"),
    }
}

/// Returns true if a Host header is a loopback address or `localhost`, with or without a port.
fn names_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(health::PROMETHEUS_TEXT));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_name_this_machine() {
        for host in ["127.0.0.1:9464", "127.0.0.1", "[::1]:9464", "[::1]", "localhost:9464", "LOCALHOST"] {
            assert!(names_this_machine(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9464",
            "127.0.0.1.evil.example",
            "192.0.2.1:9464",
            "localhost.evil",
        ] {
            assert!(!names_this_machine(host), "{host}");
        }
    }
}
