//! More connections, and more databases, than the process may have open files.

use super::binary::{TestBinary, start, start_limited};
use serde_json::json;
use socket2::{Domain, Socket, Type};
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tenantry::access::Operator;
use tenantry::{
    NewOwner, Platform, access::passwords::Password, config::Config, name::Slug, tenants::NewTenant,
};
use tenantry_testkit::{Random, dose, tried};

const OWNER: &str = "owner@city-hospital.example";

fn idle(server: &TestBinary, connections: usize) -> Vec<TcpStream> {
    (0..connections).map(|_| TcpStream::connect(server.address()).unwrap()).collect()
}

/// Returns true while the server keeps the connection.
fn lives(stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    matches!((&*stream).read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn idle_connections_make_room_for_others() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("tenantry.toml"),
        "[limits]\nconnections_per_address = 40\nstatement_deadline_ms = 30_000\n",
    )
    .unwrap();
    let server = start(dir.path(), "demo");
    let token = server.log_in(OWNER);
    let mut working = TcpStream::connect(server.address()).unwrap();
    let sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
    let body = json!({ "sql": sql }).to_string();
    write!(
        working,
        "POST /api/tenant/sql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let streams = idle(&server, 100);
    assert_eq!(server.ask("GET", "/readyz", "", None).0, 200);
    let alive: Vec<_> = streams.iter().map(lives).collect();
    assert!(alive[80..].iter().all(|alive| *alive), "the newest stay: {alive:?}");
    assert!(alive[..60].iter().all(|alive| !*alive), "the idlest were closed: {alive:?}");
    assert!(lives(&working), "a request at work keeps its connection");
    let metrics = metrics(&server, &server.log_in(tenantry::demo::SUPERUSER));
    let displaced =
        metrics.lines().find_map(|l| l.strip_prefix("tenantry_http_connections_displaced_total "));
    assert!(displaced.is_some_and(|n| n.parse::<u32>().unwrap() >= 60), "{metrics}");
}

/// Opens a connection from an address of this machine, with a request whose body does not arrive.
fn half(server: &TestBinary, from: [u8; 4]) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&server.address().parse::<SocketAddr>().unwrap().into()).unwrap();
    let mut stream = TcpStream::from(socket);
    let head = "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{\"email\":\"";
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Clients at several addresses take every connection, with requests whose bodies they never send.
#[test]
fn half_bodies_make_room_for_others() {
    let dir = tempfile::tempdir().unwrap();
    let limits = "[limits]\nconnections = 120\nconnections_per_address = 40\nbody_timeout = \"120 s\"\n";
    fs::write(dir.path().join("tenantry.toml"), limits).unwrap();
    let server = start(dir.path(), "demo");
    // Waiting time is counted in steps of half a second, so the pauses make the first half the longest waiting.
    let halves = || -> Vec<_> { (0..60).map(|n| half(&server, [127, 0, 0, 2 + n % 3])).collect() };
    let pause = || std::thread::sleep(Duration::from_millis(1500));
    let (old, _) = (halves(), pause());
    let (new, _) = (halves(), pause());
    for _ in 0..10 {
        assert_eq!(server.ask("GET", "/healthz", "", None).0, 200);
    }
    let closed = || old.iter().step_by(3).filter(|stream| !lives(stream)).count();
    let closed_before = closed();
    assert!(old.iter().any(|stream| !lives(stream)), "one that waits longest makes room");
    assert!(new.iter().step_by(10).all(lives), "the newest stay");
    // A new connection at an address that has its full number makes room as well: a long-waiting one is closed.
    let _more = [half(&server, [127, 0, 0, 2]), half(&server, [127, 0, 0, 2])];
    pause();
    assert!(closed() > closed_before);
    assert!(new.iter().step_by(10).all(lives), "the newest stay");
}

fn metrics(server: &TestBinary, token: &str) -> String {
    let (mut stream, address) = (TcpStream::connect(server.address()).unwrap(), server.address());
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// There are as many idle connections as one client can open, while the process may have 1,024 open files.
#[test]
fn idle_connections_take_no_descriptors_from_databases() {
    tenantry::descriptors::raise_limit();
    let dir = tempfile::tempdir().unwrap();
    let server = start_limited(dir.path(), "demo", 1024);
    let token = server.log_in(OWNER);
    let streams = idle(&server, 4200);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.ask("GET", path, "", None).0, 200, "{path}");
    }
    for _ in 0..20 {
        assert_eq!(server.ask("GET", "/api/records/patients?limit=5", &token, None).0, 200);
        let sql = json!({"sql": "SELECT count(*) FROM patients"});
        assert_eq!(server.ask("POST", "/api/tenant/sql", &token, Some(&sql)).0, 200);
    }
    // This database is not open yet.
    let other = server.log_in("owner@green-clinic.example");
    assert_eq!(server.ask("GET", "/api/records/patients?limit=5", &other, None).0, 200);
    drop(streams);
}

/// Creates a data directory with that many tenants, each with an owner.
async fn fleet(dir: &Path, tenants: usize) -> Vec<String> {
    let config = Config::parse("tenantry.toml", "", dir).unwrap_or_else(|problems| panic!("{problems}"));
    let platform = Platform::open(config).await.unwrap();
    platform.plans().initialise(&Operator::new("system")).await.unwrap();
    let by = Operator::new("system");
    let slugs: Vec<_> = (0..tenants).map(|n| format!("company-{n}")).collect();
    for slug in &slugs {
        let new = NewTenant {
            slug: Slug::parse(slug).unwrap(),
            name: slug.clone(),
            email: format!("{slug}@companies.example"),
        };
        let owner = NewOwner {
            email: format!("owner@{slug}.example"),
            name: slug.clone(),
            password: Password::new(tenantry::demo::PASSWORD),
        };
        platform.tenants().create(&by, new, Some("hospital"), Some(owner)).await.unwrap();
    }
    platform.shutdown().await;
    slugs
}

/// Returns a token of each owner.
fn tokens(server: &TestBinary, slugs: &[String]) -> Vec<String> {
    slugs.iter().map(|slug| server.log_in(&format!("owner@{slug}.example"))).collect()
}

#[test]
fn a_thousand_files_are_enough_for_five_hundred_tenants() {
    const CLIENTS: u64 = 16;
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let slugs = runtime.block_on(fleet(dir.path(), 500));
    let server = Arc::new(start_limited(dir.path(), "serve", 1024));
    let tokens = Arc::new(tokens(&server, &slugs));
    let each = dose(125, 2_000);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|stream| {
            let (server, tokens) = (server.clone(), tokens.clone());
            std::thread::spawn(move || {
                let mut random = Random::new(1, stream);
                for _ in 0..each {
                    let token = &tokens[random.below(tokens.len())];
                    let sql = json!({"sql": "SELECT count(*) FROM patients"});
                    let patient = json!({"first_name": "A", "last_name": "B", "born_on": "1990-01-01"});
                    let (status, body) = match random.below(4) {
                        0 => server.ask("POST", "/api/tenant/sql", token, Some(&sql)),
                        1 => server.ask("POST", "/api/records/patients", token, Some(&patient)),
                        2 => server.ask("GET", "/api/records/patients?limit=5&count=true", token, None),
                        _ => server.ask("GET", "/api/records/patients?limit=5&sort=last_name", token, None),
                    };
                    assert!(status == 200 || status == 201, "{status} {body}");
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    tried("requests over 500 tenants with 1,024 descriptors", each * CLIENTS, "requests");
}
