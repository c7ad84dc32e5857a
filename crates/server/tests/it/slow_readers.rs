//! Clients that send requests and do not read: the server's memory for them is bounded, and they are disconnected.

use super::binary::{TestBinary, start};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

const MIB: u64 = 1 << 20;
/// Maximum memory that the server may use for all clients of one test.
const MOST: u64 = 96 * MIB;
const OWNER: &str = "owner@city-hospital.example";

/// Starts a server that waits two seconds for a client to read, and four for one to send a head.
fn served(dir: &Path) -> TestBinary {
    served_with(dir, "")
}

fn served_with(dir: &Path, more: &str) -> TestBinary {
    let config = format!("[limits]\nwrite_timeout = \"2 s\"\nhead_timeout = \"4 s\"\n{more}");
    fs::write(dir.join("tenantry.toml"), config).unwrap();
    start(dir, "demo")
}

/// Opens a connection whose kernel buffers almost nothing for a program that does not read.
fn reluctant(server: &TestBinary) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address: SocketAddr = server.address().parse().unwrap();
    socket.connect(&address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Reads until the server has ended the connection; returns the number of bytes.
fn drain(mut stream: TcpStream) -> usize {
    let (mut sum, mut buffer) = (0, vec![0; 1 << 16]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return sum,
            Ok(n) => sum += n,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return sum,
            Err(error) => panic!("the connection lives on after {sum} bytes: {error}"),
        }
    }
}

#[test]
fn answers_that_nobody_reads_do_not_pile_up() {
    let dir = tempfile::tempdir().unwrap();
    let server = served(dir.path());
    let (before, _) = server.memory();
    let asked = "GET /api/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
    let mut streams: Vec<_> = (0..8).map(|_| reluctant(&server)).collect();
    for stream in &mut streams {
        stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        // The server stops accepting requests at some point, which is correct.
        let _ = stream.write_all(asked.as_bytes());
    }
    std::thread::sleep(Duration::from_secs(1));
    let (peak, now) = server.memory();
    println!("8 pipelines of 1000: {} MiB more at most, {} MiB now", (peak - before) / MIB, now / MIB);
    assert!(peak - before < MOST / 2, "{} MiB", (peak - before) / MIB);
    std::thread::sleep(Duration::from_secs(4));
    let begun = Instant::now();
    for stream in streams {
        let bytes = drain(stream);
        assert!(bytes < 16 * MIB as usize, "{bytes} bytes of a hundred million");
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "who does not read is cut off");
}

/// Creates one patient with long notes, one appointment, and a thousand payments for it.
fn bill(server: &TestBinary, token: &str) {
    let post = |path: &str, body: &Value| {
        let (status, answer) = server.ask("POST", path, token, Some(body));
        assert_eq!(status, 201, "{answer}");
        answer
    };
    let patient = json!({"first_name": "A", "last_name": "B", "born_on": "1990-01-01", "notes": "\u{1F3E5}".repeat(10_000)});
    let patient = post("/api/records/patients", &patient)["id"].clone();
    let appointment = json!({"patient": patient, "doctor": 1, "starts_at": "2026-05-01T10:00:00Z"});
    let appointment = post("/api/records/appointments", &appointment)["id"].clone();
    let payment = |n: usize| json!({"reference": format!("R{n}"), "patient": patient, "appointment": appointment, "amount": "1.00", "method": "cash"});
    post("/api/records/payments/batch", &(0..1000).map(payment).collect());
}

/// Returns a request whose answer is much larger than the buffers of a connection.
fn large_page(token: &str) -> String {
    format!(
        "GET /api/records/payments?limit=1000&expand=patient,appointment.patient HTTP/1.1\r\nhost: x\r\n\
         authorization: Bearer {token}\r\n\r\n"
    )
}

/// Reads only the status line of an answer.
fn status(stream: &mut TcpStream) -> u16 {
    let mut line = [0; 12];
    stream.read_exact(&mut line).unwrap();
    str::from_utf8(&line[9..]).unwrap().parse().unwrap()
}

#[test]
fn an_answer_counts_against_the_plan_until_it_is_read_and_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let server = served(dir.path());
    let token = server.log_in(OWNER);
    bill(&server, &token);
    let plan = server.ask("GET", "/api/tenant", &token, None).1;
    let at_once =
        usize::try_from(plan["limits"]["concurrency"].as_u64().unwrap_or_else(|| panic!("{plan}"))).unwrap();
    let (before, _) = server.memory();
    let asked = large_page(&token);
    let mut streams: Vec<_> = (0..at_once + 8)
        .map(|_| {
            let mut stream = reluctant(&server);
            stream.write_all(asked.as_bytes()).unwrap();
            stream
        })
        .collect();
    let mut said: Vec<_> = streams.iter_mut().map(status).collect();
    said.sort_unstable();
    let (peak, now) = server.memory();
    println!("{at_once} unread pages: {} MiB more at most, {} MiB now", (peak - before) / MIB, now / MIB);
    assert!(peak - before < MOST, "{} MiB", (peak - before) / MIB);
    assert_eq!(said, [vec![200; at_once], vec![429; 8]].concat());
    // The time-out of the unread answers frees the tenant's permits.
    let begun = Instant::now();
    while server.ask("GET", "/api/records/payments?limit=1", &token, None).0 != 200 {
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "requests of clients that do not read count for ever"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    let cut = streams.into_iter().map(drain).filter(|bytes| *bytes > 1024).collect::<Vec<_>>();
    assert!(cut.iter().all(|bytes| *bytes < 2 * MIB as usize), "{cut:?}");
}

/// Each answer begins before the next request, so its handler has ended by then.
#[test]
fn an_answer_that_is_not_read_counts_after_its_handler_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let plan = "[plans.small]\nlabel = \"Small\"\n[plans.small.limits]\nconcurrency = 2\n\
        [registration]\ndefault_plan = \"small\"\n";
    let server = served_with(dir.path(), plan);
    let token = server.log_in(OWNER);
    bill(&server, &token);
    let mut unread = [reluctant(&server), reluctant(&server)];
    for stream in &mut unread {
        stream.write_all(large_page(&token).as_bytes()).unwrap();
        assert_eq!(status(stream), 200);
    }
    let (refused, problem) = server.ask("GET", "/api/records/payments?limit=1", &token, None);
    assert_eq!(refused, 429, "{problem}");
    drop(unread);
}
