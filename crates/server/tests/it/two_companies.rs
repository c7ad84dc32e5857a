//! The acceptance test of the documents, step by step, with the shipped binary; also a server that is stopped, and two
//! servers on one data directory.

use super::{
    binary::{TestBinary, file_of, find, start},
    lives::fine,
};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};
use tenantry::demo::PASSWORD;

/// Posts without a credential; returns the token of the user who is registered or signed in.
fn token(server: &TestBinary, path: &str, body: &Value) -> String {
    let (status, answer) = anonymous(server, path, body);
    assert!(status == 200 || status == 201, "{path}: {answer}");
    answer["token"].as_str().unwrap().to_owned()
}

fn anonymous(server: &TestBinary, path: &str, body: &Value) -> (u16, Value) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

fn register(server: &TestBinary, slug: &str) -> String {
    let form = json!({"company": slug, "slug": slug, "email": format!("owner@{slug}.example"), "password": PASSWORD});
    token(server, "/subscription/register/", &form)
}

/// Creates, as staff, the region, city and specialisation that doctors refer to.
fn share(dir: &Path, server: &TestBinary) -> String {
    fine(dir, &["user", "create-superuser", "--email", "root@x.example", "--password", PASSWORD]);
    let staff = token(server, "/api/auth/login", &json!({"email": "root@x.example", "password": PASSWORD}));
    for (model, row) in [
        ("regions", json!({"name": "North", "code": "N"})),
        ("cities", json!({"name": "Ahlen", "region": 1})),
        ("specialisations", json!({"name": "Heart", "code": "H"})),
    ] {
        assert_eq!(server.ask("POST", &format!("/api/records/{model}"), &staff, Some(&row)).0, 201);
    }
    staff
}

fn doctors_of(server: &TestBinary, token: &str) -> Vec<String> {
    let (status, page) = server.ask("GET", "/api/records/doctors?sort=id", token, None);
    assert_eq!(status, 200, "{page}");
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["last_name"].as_str().unwrap().to_owned())
        .collect()
}

fn add_doctor(server: &TestBinary, token: &str, name: &str) {
    let doctor = json!({"first_name": "A", "last_name": name, "licence_number": format!("L-{name}"),
        "specialisation": 1, "region": 1, "city": 1});
    let (status, answer) = server.ask("POST", "/api/records/doctors", token, Some(&doctor));
    assert_eq!(status, 201, "{answer}");
}

/// Opens the file with SQLite alone, without Tenantry code.
fn opened(file: &Path) -> Connection {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn column(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Returns true if the database's raw bytes contain the text, read without SQLite.
fn holds(file: &Path, text: &str) -> bool {
    let beside = |end: &str| fs::read(format!("{}{end}", file.display())).unwrap_or_default();
    let found = |bytes: Vec<u8>| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    found(beside("")) || found(beside("-wal"))
}

const NORTH: [&str; 3] = ["Abernathy", "Birkenau", "Castellan"];
const SOUTH: [&str; 2] = ["Dunsinane", "Eglantine"];

/// Three doctors in one tenant, two in the other; each sees its own; the two files, opened directly, show the
/// same.
#[test]
fn two_registered_companies_see_their_own_and_their_files_show_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let server = start(dir, "serve");
    share(dir, &server);
    let companies = [("north-clinic", &NORTH[..], &SOUTH[..]), ("south-clinic", &SOUTH[..], &NORTH[..])];
    let tokens = companies.map(|(slug, own, _)| {
        let token = register(&server, slug);
        own.iter().for_each(|name| add_doctor(&server, &token, name));
        token
    });
    for (token, (_, own, _)) in tokens.iter().zip(companies) {
        assert_eq!(doctors_of(&server, token), own);
    }
    let look = |server: &str| {
        for (slug, own, others) in companies {
            let file = file_of(dir, slug);
            let conn = opened(&file);
            assert_eq!(column(&conn, "SELECT last_name FROM doctors ORDER BY id"), own, "{server}");
            let columns = column(&conn, "SELECT name FROM pragma_table_info('doctors')");
            let of_company =
                |name: &String| ["company", "tenant", "slug"].iter().any(|word| name.contains(word));
            assert!(!columns.iter().any(of_company), "{columns:?}");
            assert!(own.iter().all(|name| holds(&file, name)), "{slug} {server}");
            assert!(!others.iter().any(|name| holds(&file, name)), "{slug} {server}");
        }
    };
    look("while it is served");
    assert_eq!(server.terminate(), Some(0));
    look("after the server was stopped");
    let files = file_of(dir, "north-clinic");
    assert_eq!(column(&opened(&files), "PRAGMA integrity_check"), ["ok"]);
    assert!(find(&dir.join("tenantry-data"), "control.db").is_some_and(|control| !holds(&control, NORTH[0])));
}

/// A server that is stopped in the middle of a request completes it, accepts no other, closes everything and exits with
/// 0.
#[test]
fn a_server_that_is_told_to_stop_ends_what_it_is_at_and_closes_its_databases() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let server = start(dir, "serve");
    let token = register(&server, "north-clinic");
    let lines = ["first_name,last_name,born_on\n", "Ann,Ash,1990-01-01\n"];
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(
        stream,
        "POST /api/records/patients/import HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: text/csv\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        lines.concat().len()
    )
    .unwrap();
    // The server asks for the body, so the request is running.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asked));
    stream.write_all(lines[0].as_bytes()).unwrap();
    let address = server.address().to_owned();
    let ending = std::thread::spawn(move || server.terminate());
    while TcpStream::connect(&address).is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(!ending.is_finished());
    stream.write_all(lines[1].as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"created\":1"), "{answer}");
    assert_eq!(ending.join().unwrap(), Some(0));
    let file = file_of(dir, "north-clinic");
    let left = |end: &str| fs::metadata(format!("{}{end}", file.display())).map_or(0, |meta| meta.len());
    assert_eq!((left("-wal"), left("") > 0), (0, true), "all of it is in the file");
    assert_eq!(column(&opened(&file), "SELECT last_name FROM patients"), ["Ash"]);
}

/// The guide states that a second server on the same data directory is safe: both see everything, and a change through
/// one applies to the other's next request (`late-revocation`).
#[test]
fn two_servers_on_one_data_directory_agree() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let servers = [start(dir, "serve"), start(dir, "serve")];
    let staff = share(dir, &servers[0]);
    let tokens = [register(&servers[0], "north-clinic"), register(&servers[1], "south-clinic")];
    std::thread::scope(|scope| {
        for server in &servers {
            let tokens = &tokens;
            scope.spawn(move || {
                for n in 0..20 {
                    for token in tokens {
                        add_doctor(server, token, &format!("{n}-{}", server.address().replace(':', "-")));
                    }
                }
            });
        }
    });
    let seen =
        servers.each_ref().map(|server| tokens.each_ref().map(|token| doctors_of(server, token).len()));
    assert_eq!(seen, [[20; 2]; 2], "a page of forty");
    let count = |server: &TestBinary, token: &str| {
        server.ask("GET", "/api/records/doctors?count=true&limit=1", token, None).1["count"].clone()
    };
    assert!(servers.iter().all(|s| tokens.iter().all(|token| count(s, token) == 40)));
    let doctors =
        |server: &TestBinary, token: &str| server.ask("GET", "/api/records/doctors/1", token, None).0;
    for round in 0..10 {
        let (here, there) = (&servers[round % 2], &servers[(round + 1) % 2]);
        let reason = json!({"reason": "unpaid"});
        let of = |verb: &str| format!("/api/admin/tenants/north-clinic/{verb}");
        assert_eq!(here.ask("POST", &of("suspend"), &staff, Some(&reason)).0, 200);
        assert_eq!((doctors(there, &tokens[0]), doctors(there, &tokens[1])), (403, 200), "{round}");
        assert_eq!(there.ask("POST", &of("resume"), &staff, Some(&json!({}))).0, 200);
        assert_eq!(doctors(here, &tokens[0]), 200, "{round}");
    }
    assert_eq!(servers[0].ask("POST", "/api/auth/logout", &tokens[0], Some(&json!({}))).0, 204);
    assert_eq!(doctors(&servers[1], &tokens[0]), 401);
    let [one, two] = servers;
    assert_eq!(one.terminate(), Some(0));
    assert_eq!(doctors(&two, &tokens[1]), 200, "the other goes on");
    assert_eq!(two.terminate(), Some(0));
    fine(dir, &["check"]);
    fine(dir, &["audit", "verify"]);
}
