//! Request bodies that are too long, too slow, truncated or of the wrong kind.

use super::{app::TestApp, binary::start, records::patient};
use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Method;
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

const PIECE: usize = 16 << 10;

/// Returns a body without end, and the counter of its bytes that were read.
fn endless(head: &'static str, fill: &'static [u8]) -> (Body, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let counted = read.clone();
    let piece = Bytes::from(fill.repeat(PIECE / fill.len()));
    // The stream is finite, so that the test ends even if the server reads everything.
    let pieces = stream::repeat(piece).take(2_000).map(move |piece| {
        counted.fetch_add(piece.len(), Relaxed);
        Ok::<_, io::Error>(piece)
    });
    (Body::from_stream(stream::iter([Ok(Bytes::from(head))]).chain(pieces)), read)
}

#[tokio::test]
async fn a_form_without_end_before_its_file_is_refused() {
    let (_app, _, user) = TestApp::new().await;
    let report =
        json!({"title": "Q1", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
    user.post("/api/records/reports", &report).await.expect(201);
    let path = "/api/records/reports/1/files/document";
    for (head, fill) in [
        ("--B\r\nX: ", &b"x"[..]),
        ("--B\r\n", b"x: y\r\n"),
        ("", b"x"),
        ("--B", b" "),
        ("--B\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n", b"x"),
        ("", b"--B\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nx\r\n"),
        ("--B--\r\n", b"x"),
    ] {
        let (body, read) = endless(head, fill);
        let answer = user.send(Method::PUT, path, Some("multipart/form-data; boundary=B"), body).await;
        assert!([400, 413, 422].contains(&answer.status.as_u16()), "{head:?}: {}", answer.status);
        assert!(read.load(Relaxed) < 256 << 10, "{head:?}: {} bytes were read", read.load(Relaxed));
    }
    let (body, _) = endless("--B\r\nX: ", b"x");
    let long = user.send(Method::PUT, path, Some("multipart/form-data; boundary=B"), body).await.expect(413);
    assert_eq!(long.code(), "too_large", "{}", long.text());
    // A large file after another field does not count towards that limit.
    let head = "--B\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nx\r\n\
         --B\r\ncontent-disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\n";
    let form = [head.as_bytes(), &b"x".repeat(300 << 10), b"\r\n--B--\r\n"].concat();
    let stored =
        user.send(Method::PUT, path, Some("multipart/form-data; boundary=B"), form).await.expect(200);
    assert_eq!(stored.json()["document"]["size"], 300 << 10, "{}", stored.text());
}

#[tokio::test]
async fn an_array_is_not_taken_for_an_object() {
    let (app, anon, owner) = TestApp::new().await;
    let staff = app.staff().await;
    let login = json!(["owner@acme.example", super::app::PASSWORD, null]);
    for (client, path, body) in [
        (&anon, "/api/auth/login", &login),
        (&owner, "/api/tenant/sql", &json!(["SELECT 1", null, null])),
        (&owner, "/api/tenant/invitations", &json!(["new@acme.example", "member"])),
        (&owner, "/api/records/patients", &json!([patient("Ash")])),
        (&staff, "/api/admin/backups", &json!([])),
    ] {
        let answer = client.post(path, body).await.expect(400);
        assert_eq!(answer.code(), "bad_request", "{path}: {}", answer.text());
        let text = format!(" \n\t{body}");
        client.send(Method::POST, path, Some("application/json"), text).await.expect(400);
    }
    let made: Value = staff.get("/api/admin/backups").await.expect(200).json();
    assert_eq!(made["items"], json!([]));
    owner.post("/api/records/patients/batch", &json!([patient("Ash")])).await.expect(201);
}

/// The connection of an import is closed in the middle of a line: the part that has arrived is not the whole file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_whose_connection_is_closed_keeps_whole_lines_only() {
    let (app, _, user) = TestApp::new().await;
    let text = "born_on,first_name,last_name\n1990-01-01,Ann,Ash\n1990-01-01,Bob,Bir";
    let body =
        Body::from_stream(stream::iter([Ok::<_, io::Error>(Bytes::from(text))]).chain(stream::pending()));
    let (served, router) = app.served();
    let request = http::Request::post("/api/records/patients/import")
        .header("authorization", format!("Bearer {}", user.token()))
        .header("content-type", "text/csv");
    let import = tenantry_server::http::call(&served, &router, request.body(body).unwrap());
    assert!(tokio::time::timeout(Duration::from_millis(500), import).await.is_err());
    let started = Instant::now();
    loop {
        let kept = user.get("/api/records/patients?fields=last_name").await.expect(200).json();
        if kept["items"] != json!([]) || started.elapsed() > Duration::from_secs(10) {
            assert_eq!(kept["items"], json!([{"last_name": "Ash"}]), "{kept}");
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Returns the status of a sign-in whose body of 2,000 bytes is sent in pieces of this size, and the time that it took.
fn sign_in_slowly(address: &str, piece: usize, pause: Duration) -> (String, Duration) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "POST /api/auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: 2000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let started = Instant::now();
    let body = format!("{:<2000}", r#"{"email":"a@b.example","password":"wrong one 1"}"#);
    stream.set_read_timeout(Some(pause)).unwrap();
    let mut answer = [0; 12];
    for piece in body.as_bytes().chunks(piece) {
        if stream.write_all(piece).is_err() || stream.read_exact(&mut answer).is_ok() {
            break;
        }
    }
    if answer[0] == 0 {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.read_exact(&mut answer).ok();
    }
    (String::from_utf8_lossy(&answer[9..]).into_owned(), started.elapsed())
}

#[test]
fn a_body_must_arrive_at_a_minimum_pace() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tenantry.toml"), "[limits]\nbody_timeout = \"2 s\"\n").unwrap();
    let server = start(dir.path(), "demo");
    let (status, took) = sign_in_slowly(server.address(), 1, Duration::from_millis(200));
    assert_eq!(status, "400");
    assert!(took < Duration::from_secs(8), "one byte at a time kept the connection for {took:?}");
    let (status, took) = sign_in_slowly(server.address(), 500, Duration::from_secs(1));
    assert_eq!(status, "401", "500 bytes per second are enough");
    assert!(took > Duration::from_secs(3), "{took:?}");
}
