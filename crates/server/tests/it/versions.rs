//! Two servers with different versions of the apps on one data directory, with the shipped binary (`known-schema`):
//! while a decimal changes its scale, no value is returned or stored under the other server's schema.

use super::{
    binary::{TestBinary, run, start, stdout},
    lives::{fine, refused},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tenantry::demo::PASSWORD;

const BILL: &str = "label = \"Bills\"\nstore = \"tenant\"\n[fields.sum]\ntype = \"decimal\"\nscale = 2\n\
                    [fields.note]\ntype = \"text\"\n";

/// Two folders, each with a configuration and apps, and one data directory.
pub(crate) struct Versions {
    _dir: tempfile::TempDir,
    pub(crate) old: PathBuf,
    pub(crate) new: PathBuf,
}

pub(crate) fn edit(folder: &Path, from: &str, to: &str) {
    let path = folder.join("apps/money/models/bills.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    fs::write(&path, text.replace(from, to)).unwrap();
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => copy(&path, &to.join(entry.file_name())),
            path => drop(fs::copy(path, to.join(entry.file_name())).unwrap()),
        }
    }
}

impl Versions {
    /// Creates one tenant with eight bills, made by the old apps; the new apps have `change` applied, with its
    /// migration as a file.
    pub(crate) fn new(isolation: &str, change: (&str, &str)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        fs::create_dir_all(&old).unwrap();
        fine(&old, &["init"]);
        fine(&old, &["app", "new", "money"]);
        fs::remove_file(old.join("apps/money/models/money_items.toml")).unwrap();
        fs::write(old.join("apps/money/models/bills.toml"), BILL).unwrap();
        let mut config = fs::read_to_string(old.join("tenantry.toml")).unwrap();
        for (from, to) in [
            ("list = [\"medadmin\"]", "list = [\"money\"]"),
            ("data_dir = \"tenantry-data\"", "data_dir = \"../data\""),
            ("isolation = \"database\"", &format!("isolation = \"{isolation}\"")),
            ("requests_per_second = 50\n", "requests_per_second = 1_000_000\n"),
        ] {
            assert!(config.contains(from), "{from}");
            config = config.replacen(from, to, 1);
        }
        if isolation == "pooled" {
            config = config.replace("name = \"tenant_{slug}\"", "name = \"tenant_pool\"");
        }
        fs::write(old.join("tenantry.toml"), config).unwrap();
        fine(&old, &["migrate", "make"]);
        fine(&old, &["tenant", "create", "acme", "--email", "owner@acme.example", "--password", PASSWORD]);
        copy(&old, &new);
        edit(&new, change.0, change.1);
        fine(&new, &["migrate", "make"]);
        let versions = Self { _dir: dir, old, new };
        let server = start(&versions.old, "serve");
        let token = server.log_in("owner@acme.example");
        for number in 1..=8 {
            let bill = json!({"sum": format!("{number}.00"), "note": "12"});
            assert_eq!(server.ask("POST", "/api/records/bills", &token, Some(&bill)).0, 201);
        }
        drop(server);
        versions
    }
}

/// Returns a decimal in thousandths, whatever its scale.
pub(crate) fn thousandths(value: &Value) -> u64 {
    let (whole, rest) = value.as_str().unwrap().split_once('.').unwrap();
    format!("{whole}{rest:0<3}").parse().unwrap()
}

/// Counters of the tests.
#[derive(Default)]
struct Seen {
    served: AtomicU64,
    behind: AtomicU64,
    outdated: AtomicU64,
}

impl Seen {
    /// Returns true if the request was served; otherwise asserts that it was refused only because of the server's
    /// version.
    fn judge(&self, status: u16, answer: &Value) -> bool {
        match (status, answer["code"].as_str()) {
            (200, _) => self.served.fetch_add(1, Relaxed),
            (503, Some("migrations_pending")) => self.behind.fetch_add(1, Relaxed),
            (503, Some("server_outdated")) => self.outdated.fetch_add(1, Relaxed),
            _ => panic!("{status} {answer}"),
        };
        status == 200
    }
}

/// The servers that have started.
type Servers = [OnceLock<TestBinary>; 2];

/// Writes a separate bill through both servers alternately, and reads it through both after each write.
fn load(servers: &Servers, token: &str, id: u64, seen: &[Seen; 2], stop: &AtomicBool) -> u64 {
    let path = format!("/api/records/bills/{id}");
    let mut stored = id * 1000;
    for round in 0_u64.. {
        if stop.load(Relaxed) {
            break;
        }
        let sum = (round % 90 + 10) * 1000 + 250;
        let change = json!({"sum": format!("{}.{}", sum / 1000, sum % 1000 / 10)});
        let turn = usize::from(round % 2 == 0);
        if let Some(server) = servers[turn].get() {
            let (status, answer) = server.ask("PATCH", &path, token, Some(&change));
            if seen[turn].judge(status, &answer) {
                stored = sum;
                assert_eq!(
                    thousandths(&answer["sum"]),
                    stored,
                    "answer of the write, server {turn}: {answer}"
                );
            }
        }
        for (server, seen) in servers.iter().zip(seen) {
            let Some(server) = server.get() else { continue };
            let (status, answer) = server.ask("GET", &path, token, None);
            if seen.judge(status, &answer) {
                assert_eq!(thousandths(&answer["sum"]), stored, "{answer}");
            }
            let list = format!("/api/records/bills?fields=id,sum&id={id}");
            let (status, answer) = server.ask("GET", &list, token, None);
            if seen.judge(status, &answer) {
                assert_eq!(thousandths(&answer["items"][0]["sum"]), stored, "{answer}");
            }
        }
    }
    stored
}

/// Replaces one version by the other while writers and readers use all running servers.
fn change_over(
    versions: &Versions,
    servers: &Servers,
    token: &str,
    seen: &[Seen; 2],
    pooled: bool,
) -> Vec<u64> {
    let stop = &AtomicBool::new(false);
    let begin_new = || drop(servers[1].set(start(&versions.new, "serve")));
    std::thread::scope(|scope| {
        let work: Vec<_> =
            (1..=4).map(|id| scope.spawn(move || load(servers, token, id, seen, stop))).collect();
        // The first process with the new version migrates a pool; the command migrates other databases.
        if !pooled {
            begin_new();
        }
        std::thread::sleep(Duration::from_millis(700));
        if pooled {
            begin_new();
        }
        let migrated = run(&versions.new, &["migrate", "tenants"]);
        std::thread::sleep(Duration::from_millis(700));
        stop.store(true, Relaxed);
        assert!(migrated.status.success(), "{}", stdout(&migrated));
        work.into_iter().map(|worker| worker.join().unwrap()).collect()
    })
}

#[test]
fn a_decimal_changes_its_scale_under_load_and_no_value_its_meaning() {
    for isolation in ["database", "pooled"] {
        let versions = Versions::new(isolation, ("scale = 2", "scale = 3"));
        let servers = Servers::default();
        let old = servers[0].get_or_init(|| start(&versions.old, "serve"));
        let token = old.log_in("owner@acme.example");
        let seen = [Seen::default(), Seen::default()];
        let stored = change_over(&versions, &servers, &token, &seen, isolation == "pooled");
        let new = servers[1].get().unwrap();
        for (id, sum) in (1..).zip(&stored) {
            let (status, bill) = new.ask("GET", &format!("/api/records/bills/{id}"), &token, None);
            assert_eq!((status, thousandths(&bill["sum"])), (200, *sum), "{isolation}: {bill}");
        }
        let count = |count: &AtomicU64| count.load(Relaxed);
        let [old, new] = &seen;
        let counts = [count(&old.served), count(&old.outdated), count(&new.served)];
        assert!(counts.iter().all(|count| *count > 0), "{isolation}: {counts:?}");
        assert_eq!((count(&old.behind), count(&new.outdated)), (0, 0), "{isolation}");
        assert_eq!(count(&new.behind) > 0, isolation == "database");
        tenantry_testkit::tried("two versions under load", counts.iter().sum(), "requests");
    }
}

/// Returns every way to a tenant's values: method, path, body.
fn ways(isolation: &str) -> Vec<(&'static str, &'static str, Option<Value>)> {
    let bill = || json!({"sum": "20.00"});
    let mut ways = vec![
        ("GET", "/api/records/bills/1", None),
        ("GET", "/api/records/bills", None),
        ("GET", "/api/records/bills?count=true&sum__gte=1", None),
        ("POST", "/api/records/bills", Some(bill())),
        ("POST", "/api/records/bills/batch", Some(json!([bill(), bill()]))),
        ("PATCH", "/api/records/bills/1", Some(bill())),
        ("DELETE", "/api/records/bills/8", None),
        ("GET", "/api/tenant/usage", None),
        ("GET", "/api/tenant/activity", None),
    ];
    if isolation == "database" {
        ways.push(("POST", "/api/tenant/sql", Some(json!({"sql": "SELECT sum FROM bills"}))));
    }
    ways
}

fn all_refused(server: &TestBinary, token: &str, isolation: &str, code: &str, said: &[&str]) {
    for (method, path, body) in ways(isolation) {
        let (status, answer) = server.ask(method, path, token, body.as_ref());
        assert_eq!((status, &answer["code"]), (503, &json!(code)), "{isolation}: {method} {path}: {answer}");
        for said in said {
            assert!(answer.to_string().contains(said), "{said} in {answer}");
        }
    }
    // A started stream can only break off: it must not show a value either.
    for path in ["/api/records/bills/export", "/api/tenant/export"] {
        let (status, body) = server.ask_raw("GET", path, token);
        assert!(status == 503 || !body.contains(".00"), "{isolation}: {path}: {status} {body}");
    }
}

#[test]
fn behind_and_ahead_every_way_to_a_value_is_refused_with_its_remedy() {
    for isolation in ["database", "pooled"] {
        let versions = Versions::new(isolation, ("scale = 2", "scale = 3"));
        let servers = [start(&versions.old, "serve"), start(&versions.new, "serve")];
        let token = servers[0].log_in("owner@acme.example");
        if isolation == "database" {
            let behind = ["tenantry migrate tenants --tenant acme"];
            all_refused(&servers[1], &token, isolation, "migrations_pending", &behind);
            assert_eq!(servers[0].ask("GET", "/api/records/bills/1", &token, None).1["sum"], "1.00");
        }
        fine(&versions.new, &["migrate", "tenants"]);
        all_refused(&servers[0], &token, isolation, "server_outdated", &["restart this server"]);
        let (status, page) = servers[1].ask("GET", "/api/records/bills?fields=sum&sort=id", &token, None);
        let sums: Vec<Value> = (1..=8).map(|n| json!({"sum": format!("{n}.000")})).collect();
        assert_eq!(
            (status, &page["items"]),
            (200, &json!(sums)),
            "{isolation}: nothing was written meanwhile"
        );
        for (method, path, body) in ways(isolation) {
            let (status, answer) = servers[1].ask(method, path, &token, body.as_ref());
            assert!((200..300).contains(&status), "{isolation}: {method} {path}: {answer}");
        }
    }
}

/// A value cannot be converted to the new type: the tenant stays at its version and reports the reason, until the value
/// is corrected.
#[test]
fn a_failed_migration_is_said_with_its_reason_and_is_no_fault_of_the_server() {
    let to_integer = ("[fields.note]\ntype = \"text\"", "[fields.note]\ntype = \"integer\"");
    let versions = Versions::new("database", to_integer);
    let old = start(&versions.old, "serve");
    let token = old.log_in("owner@acme.example");
    let abc = json!({"note": "abc"});
    assert_eq!(old.ask("PATCH", "/api/records/bills/3", &token, Some(&abc)).0, 200);
    let failed = run(&versions.new, &["migrate", "tenants"]);
    let told = stdout(&failed);
    assert!(!failed.status.success() && told.contains("not a whole number"), "{told}");
    assert_eq!(told.matches("not a whole number").count(), 1, "said once: {told}");
    let new = start(&versions.new, "serve");
    let said = ["not a whole number", "migrate tenants --tenant acme"];
    all_refused(&new, &token, "database", "migrations_pending", &said);
    let stored = fine(&versions.new, &["sql", "acme", "SELECT id FROM bills WHERE note = 'abc'"]);
    assert!(stored.contains('3'), "the operator looks for the rows: {stored}");
    // A server with the old apps still serves the tenant, so the value can be corrected there.
    let right = json!({"note": "14"});
    assert_eq!(old.ask("PATCH", "/api/records/bills/3", &token, Some(&right)).0, 200);
    fine(&versions.new, &["migrate", "tenants"]);
    assert_eq!(new.ask("GET", "/api/records/bills/3", &token, None).1["note"], 14);
}

/// If only the new apps run, no route can change such values any more. Only the command line can.
#[test]
fn values_that_stop_a_migration_are_corrected_with_the_new_apps_alone() {
    let to_integer = ("[fields.note]\ntype = \"text\"", "[fields.note]\ntype = \"integer\"");
    let versions = Versions::new("database", to_integer);
    let old = start(&versions.old, "serve");
    let token = old.log_in("owner@acme.example");
    for id in [3, 5] {
        let path = format!("/api/records/bills/{id}");
        assert_eq!(old.ask("PATCH", &path, &token, Some(&json!({"note": "abc"}))).0, 200);
    }
    drop(old);
    let dir = &versions.new;
    let failed = run(dir, &["migrate", "tenants"]);
    let told = stdout(&failed);
    for wanted in ["acme: not migrated", "2 rows of `bills`", "(id 3, 5)", "tenantry sql acme --write"] {
        assert!(!failed.status.success() && told.contains(wanted), "{wanted}: {told}");
    }
    for wrong in [
        "DELETE FROM bills",
        "INSERT INTO bills(note) VALUES('x')",
        "UPDATE bills SET id = 9 WHERE id = 3",
        "UPDATE bills SET version = 9",
        "UPDATE _tenantry_place SET state = 'fenced'",
        "DROP TABLE bills",
        "PRAGMA user_version = 7",
        "ATTACH 'x' AS x",
        "COMMIT",
        "SELECT 1",
        "UPDATE bills SET note = '1' RETURNING id",
        "UPDATE bills SET note = '1'; DROP TABLE bills",
    ] {
        let refused = run(dir, &["sql", "acme", "--write", wrong]);
        assert!(!refused.status.success(), "{wrong}: {}", stdout(&refused));
    }
    assert!(
        fine(dir, &["sql", "acme", "SELECT group_concat(id) AS ids FROM bills WHERE note = 'abc'"])
            .contains("3,5")
    );
    let said = fine(dir, &["sql", "acme", "--write", "UPDATE bills SET note = '14' WHERE note = 'abc'"]);
    assert!(said.contains("2 rows changed"), "{said}");
    fine(dir, &["migrate", "tenants", "--tenant", "acme"]);
    let new = start(dir, "serve");
    assert_eq!(new.ask("GET", "/api/records/bills/5", &token, None).1["note"], 14);
    assert!(fine(dir, &["audit", "list"]).contains("UPDATE bills SET note"));
}

/// Edited models without a migration match no database: serving them would misread all data.
#[test]
fn edited_models_are_not_served_before_their_migration_is_made() {
    let versions = Versions::new("database", ("scale = 2", "scale = 3"));
    edit(&versions.old, "scale = 2", "scale = 4");
    let said = refused(&versions.old, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("tenantry migrate make"), "{said}");
}

/// The batches before the migration are written; a second import of the whole file would create them again.
#[test]
fn an_import_that_a_migration_stops_says_what_it_wrote() {
    let versions = Versions::new("database", ("scale = 2", "scale = 3"));
    let old = start(&versions.old, "serve");
    let token = old.log_in("owner@acme.example");
    let lines = |from: u32| (from..from + 1500).map(|n| format!("{n}.00,x\n")).collect::<String>();
    let (first, second) = (format!("sum,note\n{}", lines(1)), lines(2000));
    let mut stream = TcpStream::connect(old.address()).unwrap();
    write!(
        stream,
        "POST /api/records/bills/import HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: text/csv\r\ncontent-length: {}\r\n\r\n{first}",
        old.address(),
        first.len() + second.len()
    )
    .unwrap();
    let count = || fine(&versions.old, &["sql", "acme", "SELECT count(*) AS n FROM bills"]);
    while !count().contains("1008") {
        std::thread::sleep(Duration::from_millis(20));
    }
    fine(&versions.new, &["migrate", "tenants"]);
    stream.write_all(second.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    let report: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&report["created"], &report["errors"][0]["line"]), (&json!(1000), &json!(1002)), "{report}");
    assert!(report["errors"][0]["reason"].as_str().unwrap().contains("nothing from here on"), "{report}");
}
