//! Access to `/metrics`: staff, the bearer of the configured token, and the separate address; never other clients of a
//! proxy on the same machine.

use super::app::TestApp;
use std::net::SocketAddr;
use tenantry_server::http::{Options, serve_metrics};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[tokio::test]
async fn coming_from_this_machine_opens_no_numbers() {
    let options = Options {
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        metrics_token: Some("token of prometheus".into()),
        ..Options::default()
    };
    let app = TestApp::with(options).await;
    let owner = app.register("acme").await;
    let anon = app.anon();
    // In process the peer is 127.0.0.1, as behind a proxy on this machine.
    let plain = anon.with("host", "127.0.0.1:8000");
    for client in [
        anon.clone(),
        plain.clone(),
        plain.with("x-real-ip", "192.0.2.1"),
        plain.with("via", "1.1 proxy"),
        plain.with("x-forwarded-for", "127.0.0.1"),
        anon.with("host", "acme.example"),
        anon.with_token("token of Prometheus"),
        anon.with_token("token of prometheus "),
        anon.with_token(""),
    ] {
        let answer = client.get("/metrics").await;
        assert!([401, 403].contains(&answer.status.as_u16()), "{}: {}", answer.status, answer.text());
        assert!(!answer.text().contains("acme"), "{}", answer.text());
    }
    owner.get("/metrics").await.expect(404);
    let numbers = anon.with_token("token of prometheus").get("/metrics").await.expect(200).text();
    assert!(numbers.contains("tenantry_http_requests_total"), "{numbers}");
    app.staff().await.get("/metrics").await.expect(200);
}

async fn ask(address: SocketAddr, path: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn an_address_of_its_own_has_the_numbers_and_nothing_else() {
    let test_app = TestApp::with(Options::default()).await;
    let (app, _) = test_app.served();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(serve_metrics(app, listener, std::future::pending()));
    let numbers = ask(address, "/metrics", &address.to_string()).await;
    assert!(
        numbers.starts_with("HTTP/1.1 200") && numbers.contains("tenantry_http_connections"),
        "{numbers}"
    );
    for path in ["/api/me", "/healthz", "/api/records/patients/1", "/metrics/"] {
        assert!(ask(address, path, "localhost").await.starts_with("HTTP/1.1 404"), "{path}");
    }
    let rebound = ask(address, "/metrics", "evil.example").await;
    assert!(rebound.starts_with("HTTP/1.1 421") && !rebound.contains("tenantry_"), "{rebound}");
    serving.abort();
}
