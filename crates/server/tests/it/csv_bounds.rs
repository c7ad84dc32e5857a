//! An import uses a few megabytes of memory, whatever the file contains: one endless cell, or any number of lines.

use super::{app::TestApp, binary};
use http::Method;
use serde_json::json;
use std::{
    io::{Read, Write},
    net::TcpStream,
};
use tenantry_server::http::Options;

/// Maximum memory that the whole import may add, KiB. Before there was a bound, 100 MB in one cell added 280 MB.
const MAY_ADD_KIB: u64 = 48 * 1024;
const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_record_over_the_bound_is_refused_and_the_next_is_read() {
    let app = TestApp::configured("[limits]\nimport_record_bytes = \"1 KiB\"\n", Options::default()).await;
    let user = app.register("acme").await;
    let long = "x".repeat(2000);
    let csv = format!("first_name,last_name,born_on\n\"{long}\",A,1990-01-01\nBob,Birch,1990-01-01\n");
    let report = user
        .send(Method::POST, "/api/records/patients/import", Some("text/csv"), csv)
        .await
        .expect(200)
        .json();
    assert_eq!((&report["created"], &report["errors"][0]["line"]), (&json!(1), &json!(2)), "{report}");
    assert!(report["errors"][0]["reason"].as_str().unwrap().contains("import_record_bytes"), "{report}");
}

#[tokio::test]
async fn a_file_over_the_bound_is_refused_at_once_or_where_it_ends() {
    let app = TestApp::configured("[limits]\nimport_csv_bytes = \"1 KiB\"\n", Options::default()).await;
    let user = app.register("acme").await;
    let path = "/api/records/patients/import";
    let csv = format!("first_name,last_name,born_on\n{}", "A,B,1990-01-01\n".repeat(200));
    let refused = user.send(Method::POST, path, Some("text/csv"), csv.clone()).await.expect(413);
    assert!(refused.text().contains("import_csv_bytes"), "{}", refused.text());
    let pieces =
        csv.into_bytes().chunks(100).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>();
    let body = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
    let report = user.send(Method::POST, path, Some("text/csv"), body).await.expect(200).json();
    let last = report["errors"].as_array().unwrap().last().unwrap();
    assert!(last["reason"].as_str().unwrap().contains("import_csv_bytes"), "{report}");
    assert!(report["created"].as_i64().unwrap() < 70, "{report}");
}

/// Sends `pieces` as one chunked body; returns the answer's text.
fn import(server: &binary::TestBinary, token: &str, pieces: impl Iterator<Item = Vec<u8>>) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(
        stream,
        "POST /api/records/patients/import HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: text/csv\r\ntransfer-encoding: chunked\r\n\r\n",
        server.address()
    )
    .unwrap();
    for piece in pieces {
        let head = format!("{:x}\r\n", piece.len());
        stream.write_all(&[head.as_bytes(), &piece, b"\r\n"].concat()).unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_cell_without_end_and_large_lines_take_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let server = binary::start(dir.path(), "demo");
    let token = server.log_in("owner@city-hospital.example");
    server.ask("GET", "/api/records/patients?limit=1", &token, None);
    let header = || std::iter::once(b"first_name,last_name,born_on,notes\n".to_vec());
    let before = server.peak_kib();
    let endless = header().chain([b"A,B,1990-01-01,\"".to_vec()]).chain((0..100).map(|_| vec![b'x'; MIB]));
    let answer = import(&server, &token, endless);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("import_record_bytes"), "{answer}");
    // Each line is within the bound of a record and is refused for its length, so a batch must not hold a thousand of
    // them.
    let line = ["A,B,1990-01-01,", &"y".repeat(MIB - 100), "\n"].concat().into_bytes();
    let answer = import(&server, &token, header().chain((0..60).map(|_| line.clone())));
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"created\":0"), "{answer}");
    // The kernel counts pages per processor, so that a peak can seem to fall by some pages.
    let added = server.peak_kib().saturating_sub(before);
    assert!(added < MAY_ADD_KIB, "{added} KiB more");
}
