//! Limits that are checked before anything is read or written: the declared length of a body, and the size of files.

use super::{
    binary::{TestBinary, start, start_logged_by},
    records::patient,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

/// Sends the head of a request without its body. Returns the answer.
fn head_only(server: &TestBinary, token: &str, length: u64, more: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "POST /api/records/patients HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n",
        server.address()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 4096];
    let length = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[test]
fn a_body_that_is_declared_too_long_is_refused_before_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), "demo");
    let token = server.log_in("owner@city-hospital.example");
    for length in [(1 << 20) + 1, 1_000_000_000_000] {
        for more in ["", "expect: 100-continue\r\n"] {
            let asked = Instant::now();
            let answer = head_only(&server, &token, length, more);
            assert!(answer.starts_with("HTTP/1.1 413 "), "{length} {more}: {answer}");
            assert!(asked.elapsed() < Duration::from_secs(5), "{length} {more}: {:?}", asked.elapsed());
        }
    }
}

/// Returns the size of the largest file under `dir`, in KiB.
fn largest_kib(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    let sizes = entries.map(|entry| match entry.file_type().unwrap().is_dir() {
        true => largest_kib(&entry.path()),
        false => entry.metadata().unwrap().len() / 1024,
    });
    sizes.max().unwrap_or(0)
}

#[test]
fn a_limit_of_file_sizes_fails_writes_and_ends_no_server() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(start(dir.path(), "demo").terminate(), Some(0));
    let most = largest_kib(&dir.path().join("tenantry-data")) + 300;
    let by = format!("bash -c 'ulimit -f {most}; exec \"$0\" \"$@\"'");
    let log = tempfile::NamedTempFile::new().unwrap();
    let server = start_logged_by(dir.path(), "serve", log.path(), &by);
    let token = server.log_in("owner@city-hospital.example");
    let many: Vec<Value> = (0..100).map(|n| patient(&format!("Grown {n} {}", "x".repeat(60)))).collect();
    let refused = (0..60).find_map(|_| {
        let (status, answer) = server.ask("POST", "/api/records/patients/batch", &token, Some(&json!(many)));
        if status == 429 {
            std::thread::sleep(Duration::from_secs(1));
        }
        (!matches!(status, 200 | 201 | 429)).then_some((status, answer))
    });
    let (status, answer) = refused.expect("a write that does not fit");
    assert_eq!((status, &answer["code"]), (503, &json!("disk_full")), "{answer}");
    assert_eq!(server.ask("GET", "/api/records/patients/1", &token, None).0, 200, "it goes on");
}
