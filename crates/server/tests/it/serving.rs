//! The guard and the serve loop: the headers of every answer, and the end of the loop.

use super::app::TestApp;
use std::{net::SocketAddr, time::Duration};
use tenantry_server::http::{self, Options, ServeOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

const METRICS_TOKEN: &str = "token of prometheus";

async fn start(
    options: ServeOptions,
    own: axum::Router,
) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let http = Options { metrics_token: Some(METRICS_TOKEN.into()), ..Options::default() };
    let test_app = TestApp::with(http).await;
    let (app, router) = test_app.served();
    let router = router.merge(own);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        http::serve(app, router, listener, options, async { drop(stopped.await) }).await.unwrap();
        // The directory is removed with the test app.
        drop(test_app);
    });
    (address, stop, running)
}

/// Sends raw text and reads until the server closes.
async fn raw(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(address: SocketAddr, path: &str) -> String {
    let token = format!("authorization: Bearer {METRICS_TOKEN}\r\n");
    raw(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n{token}connection: close\r\n\r\n")).await
}

#[tokio::test]
async fn every_answer_carries_the_guards_headers_shared_cache() {
    let (address, _stop, _running) = start(ServeOptions::default(), axum::Router::new()).await;
    for path in ["/healthz", "/readyz", "/metrics", "/api/openapi.json", "/nothing/here"] {
        let answer = get(address, path).await;
        for header in
            ["cache-control: private, no-store", "x-content-type-options: nosniff", "x-request-id: "]
        {
            assert!(answer.contains(header), "{path}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_is_absent_is_a_problem_with_the_request_id() {
    let (address, _stop, _running) = start(ServeOptions::default(), axum::Router::new()).await;
    let answer = get(address, "/nothing/here").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.contains("application/problem+json") && answer.contains("\"request_id\":\""), "{answer}");
    let wrong = raw(address, "DELETE /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(wrong.starts_with("HTTP/1.1 405") && wrong.contains("method_not_allowed"), "{wrong}");
}

#[tokio::test]
async fn a_panic_is_answered_counted_and_kept_private_absent_not_forbidden() {
    async fn fault() {
        panic!("secret detail")
    }
    let own = axum::Router::new().route("/own/fault", axum::routing::get(fault));
    let (address, _stop, _running) = start(ServeOptions::default(), own).await;
    let answer = get(address, "/own/fault").await;
    assert!(answer.starts_with("HTTP/1.1 500") && !answer.contains("secret"), "{answer}");
    let metrics = get(address, "/metrics").await;
    assert!(metrics.contains("tenantry_http_panics_total 1"), "{metrics}");
    assert!(metrics.contains("route=\"other\",class=\"5xx\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_slow_head_is_cut_off() {
    let options = ServeOptions { header_timeout: Duration::from_millis(200), ..ServeOptions::default() };
    let (address, _stop, _running) = start(options, axum::Router::new()).await;
    let cut = tokio::time::timeout(Duration::from_secs(5), raw(address, "GET /healthz HT")).await;
    assert!(cut.is_ok(), "the connection must not live on");
}

#[tokio::test]
async fn shutdown_lets_running_requests_end() {
    async fn slow() -> &'static str {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "done"
    }
    let own = axum::Router::new().route("/own/slow", axum::routing::get(slow));
    let (address, stop, running) = start(ServeOptions::default(), own).await;
    let request = tokio::spawn(async move { get(address, "/own/slow").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.send(()).unwrap();
    assert!(request.await.unwrap().ends_with("done"));
    running.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
}

#[tokio::test]
async fn what_cannot_be_parsed_is_told_so() {
    let (address, _stop, _running) = start(ServeOptions::default(), axum::Router::new()).await;
    for broken in ["GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n"] {
        let answer = raw(address, broken).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{broken:?}: {answer:?}");
    }
    // Send a broken request behind a good one, in a pipeline.
    let answer = raw(address, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_head_is_as_long_as_is_said_and_no_longer() {
    let options = ServeOptions::default();
    let most = options.max_head_bytes;
    let (address, _stop, _running) = start(options, axum::Router::new()).await;
    let head = |bytes: usize| {
        let frame = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: \r\n\r\n";
        frame.replace("x: ", &format!("x: {}", "a".repeat(bytes - frame.len())))
    };
    assert_eq!(head(most).len(), most);
    let answer = raw(address, &head(most)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    for more in [1, 100, 9_000, 16_000] {
        let answer = raw(address, &head(most + more)).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{more} more: {answer}");
    }
}

/// RFC 9112, section 3.2.2: the host of an absolute request target takes precedence.
#[tokio::test]
async fn the_host_of_an_absolute_target_counts() {
    async fn host(headers: axum::http::HeaderMap) -> String {
        headers.get_all("host").iter().map(|value| value.to_str().unwrap_or_default()).collect()
    }
    let own = axum::Router::new().route("/own/host", axum::routing::get(host));
    let (address, _stop, _running) = start(ServeOptions::default(), own).await;
    let ask =
        |target: &str| format!("GET {target} HTTP/1.1\r\nhost: there.example\r\nconnection: close\r\n\r\n");
    let here = raw(address, &ask("http://here.example:81/own/host")).await;
    assert!(here.ends_with("\r\nhere.example:81"), "{here}");
    assert!(raw(address, &ask("/own/host")).await.ends_with("\r\nthere.example"));
    let user = raw(address, &ask("http://me@here.example/own/host")).await;
    assert!(user.starts_with("HTTP/1.1 400 "), "{user}");
}
