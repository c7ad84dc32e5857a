//! `tenantry upgrade-to-postgres` with the shipped program: tenants next to a running server, then the platform's own
//! stores, each refusal on the way, and a repeated run.

use super::{
    binary::{TestBinary, find, items_of, launch, run, start, stdout, tenantry},
    joins::follow,
    lives::{fine, refused},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tenantry_testkit::postgres::{Home, servers};

const OWNER: &str = "owner@city-hospital.example";
const ROWS: &str = "/api/records/patients?sort=id&limit=100&expand=city";

/// An installation in files with the demo's tenants, and the server to which it moves.
struct Going {
    dir: tempfile::TempDir,
    home: Home,
}

impl Going {
    /// Creates the installation. `edit` changes the configuration that `tenantry init` writes.
    async fn new(url: &str, edit: impl Fn(&str) -> String) -> Self {
        let (dir, home) = (tempfile::tempdir().unwrap(), Home::new(url).await);
        fine(dir.path(), &["init"]);
        let going = Self { dir, home };
        std::fs::write(going.path().join("pg.url"), going.home.url()).unwrap();
        std::fs::write(going.config(), edit(&going.text())).unwrap();
        going
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn config(&self) -> PathBuf {
        self.path().join("tenantry.toml")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.config()).unwrap()
    }

    /// Returns the arguments of the command.
    fn up<'a>(&self, prefix: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let all = ["upgrade-to-postgres", "--url-file", "pg.url", "--prefix", prefix];
        all.into_iter().chain(more.iter().copied()).collect()
    }
}

fn rows(server: &TestBinary, token: &str) -> Value {
    let (status, rows) = server.ask("GET", ROWS, token, None);
    assert_eq!(status, 200, "{rows}");
    rows
}

fn write(server: &TestBinary, token: &str, name: &str) {
    let patient = json!({"first_name": name, "last_name": "Later", "born_on": "1990-01-02"});
    let (status, made) = server.ask("POST", "/api/records/patients", token, Some(&patient));
    assert_eq!(status, 201, "{made}");
}

fn pooled(text: &str) -> String {
    text.replace("isolation = \"database\"", "isolation = \"pooled\"")
        .replace("name = \"tenant_{slug}\"", "name = \"pool\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_goes_from_files_to_a_server() {
    for url in servers() {
        for (edit, more) in [
            (str::to_owned as fn(&str) -> String, &[][..]),
            (str::to_owned, &["--isolation", "schema"]),
            (pooled, &[]),
        ] {
            let going = Going::new(&url, edit).await;
            let (dir, prefix) = (going.path(), going.home.prefix());
            let demo = start(dir, "demo");
            let token = demo.log_in(OWNER);
            let before = rows(&demo, &token);
            assert!(before["items"].as_array().is_some_and(|items| items.len() > 2), "{before}");

            // A dry run changes nothing on either side.
            let (text, there) = (going.text(), going.home.leftovers().await);
            let look = fine(dir, &going.up(&prefix, &[more, &["--dry-run"]].concat()));
            assert!(look.contains("city-hospital") && look.contains("control, shared"), "{look}");
            assert!(look.contains("nothing stands in the way"), "{look}");
            assert_eq!((going.text(), going.home.leftovers().await), (text.clone(), there));

            // The running server does not know the new database server yet.
            let said = refused(dir, &going.up(&prefix, more));
            assert!(said.contains("restart it with the current configuration"), "{said}");
            assert_eq!(std::fs::read_to_string(dir.join("tenantry.toml.before-postgres")).unwrap(), text);
            assert_eq!(demo.terminate(), Some(0));

            // Tenants move next to the running server. The platform's own stores wait until it ends.
            let server = start(dir, "serve");
            assert_eq!(rows(&server, &token), before);
            let said = refused(dir, &going.up(&prefix, more));
            assert!(said.contains("stop it first") && said.contains("all tenants are on pg"), "{said}");
            assert_eq!(rows(&server, &token), before, "at the new place, with the old catalog");
            write(&server, &token, "Ada");
            let placed = items_of(dir, &["tenant", "list"]);
            assert!(
                placed.iter().all(|tenant| tenant["placements"][0]["place"]["server"] == "pg"),
                "{placed:?}"
            );
            let whole = rows(&server, &token);
            assert_eq!(server.terminate(), Some(0));

            let done = fine(dir, &going.up(&prefix, more));
            assert!(done.contains("control, shared on pg now"), "{done}");
            let server = start(dir, "serve");
            assert_eq!(rows(&server, &token), whole, "the session is still valid");
            write(&server, &token, "Bea");
            assert_eq!(server.terminate(), Some(0));
            for args in
                [&["check"][..], &["audit", "verify"], &["migrate", "tenants"], &["migrate", "system"]]
            {
                fine(dir, args);
            }
            let files = dir.join("tenantry-data/databases");
            assert!(find(&files, "control.db").or(find(&files, "shared.db")).is_none());
            let again = fine(dir, &going.up(&prefix, more));
            assert!(again.contains("everything is on pg already"), "{again}");
            // From now on, writes and new tenants are on the server.
            fine(dir, &["tenant", "create", "later", "--email", "a@later.example"]);
            let placed = items_of(dir, &["tenant", "list"]);
            let later = placed.iter().find(|tenant| tenant["slug"] == "later").unwrap();
            assert_eq!(later["placements"][0]["place"]["server"], "pg", "{later}");
        }
    }
}

fn joined(server: &TestBinary, token: &str) -> (u16, Value) {
    let sql = "SELECT p.last_name, c.name FROM patients p JOIN cities c ON c.id = p.city ORDER BY 1, 2";
    server.ask("POST", "/api/tenant/sql", token, Some(&json!({"sql": sql})))
}

/// A tenant's SQL joins shared data before and after the upgrade. In between, the error reports that the databases are
/// of different kinds.
#[tokio::test(flavor = "multi_thread")]
async fn joins_go_along() {
    for url in servers() {
        for more in [&[][..], &["--isolation", "schema"]] {
            let going = Going::new(&url, str::to_owned).await;
            let (dir, prefix) = (going.path(), going.home.prefix());
            let demo = start(dir, "demo");
            let token = demo.log_in(OWNER);
            let (status, before) = joined(&demo, &token);
            assert!(
                status == 200 && before["rows"].as_array().is_some_and(|rows| rows.len() > 2),
                "{before}"
            );

            // The upgrade runs part by part: the configuration first, then tenants next to a server, then the
            // platform's own stores.
            refused(dir, &going.up(&prefix, more));
            assert_eq!(demo.terminate(), Some(0));
            let server = start(dir, "serve");
            refused(dir, &going.up(&prefix, more));
            let (status, between) = joined(&server, &token);
            assert_eq!(status, 400, "{between}");
            assert!(between.to_string().contains("shared data in SQLite"), "{between}");
            assert_eq!(server.terminate(), Some(0));
            fine(dir, &going.up(&prefix, more));

            let server = start(dir, "serve");
            let (status, lacking) = joined(&server, &token);
            assert!(status == 400 && lacking.to_string().contains("postgres_fdw"), "{lacking}");
            let said = fine(dir, &["check"]);
            let notices: Vec<_> = said.lines().filter(|line| line.contains("CREATE EXTENSION")).collect();
            assert_eq!(notices.len(), 1, "{said}");
            follow(&going.home, notices[0]).await;
            assert_eq!(joined(&server, &token), (200, before), "{more:?}");
            assert_eq!(server.terminate(), Some(0));
        }
    }
}

/// PostgreSQL does not report the size of its disk; the configuration may.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_room_is_named() {
    let going = Going::new(&servers()[0], str::to_owned).await;
    let (dir, text) = (going.path(), going.text());
    assert_eq!(start(dir, "demo").terminate(), Some(0));
    let with = |capacity: &str| {
        let server = format!(
            "[servers.pg]\nengine = \"postgres\"\nurl_file = \"pg.url\"\nprefix = \"{}\"\n{capacity}\n",
            going.home.prefix()
        );
        std::fs::write(going.config(), format!("{text}\n{server}")).unwrap();
    };
    let (look, check) = (&["upgrade-to-postgres", "--server", "pg", "--dry-run"], &["check"]);
    with("capacity = \"1 MiB\"");
    let failed = |args: &[&str]| {
        let output = run(dir, args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        stdout(&output)
    };
    let said = failed(look);
    assert!(said.contains("its capacity leaves 0 bytes") && said.contains("servers.pg.capacity"), "{said}");
    let said = failed(check);
    assert!(said.contains("the databases of server pg take"), "{said}");
    assert!(said.contains("of its capacity of 1.0 MiB"), "{said}");
    with("capacity = \"100 TiB\"");
    assert!(fine(dir, look).contains("nothing stands in the way"));
    fine(dir, check);
    with("");
    assert!(fine(dir, look).contains("nothing stands in the way"));
    assert!(fine(dir, check).contains("the databases of server pg take"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_is_named_and_the_installation_stays_whole() {
    let url = &servers()[0];
    let going = Going::new(url, str::to_owned).await;
    let (dir, prefix) = (going.path(), going.home.prefix());
    drop(start(dir, "demo"));
    let text = going.text();

    let nowhere = "postgresql://me@%2Fnowhere%2Fat-all/home";
    let said = refused(dir, &["upgrade-to-postgres", "--url", nowhere, "--dry-run"]);
    assert!(said.contains("unreachable") || said.contains("does not answer"), "{said}");
    let said = refused(dir, &["upgrade-to-postgres"]);
    assert!(said.contains("give its URL"), "{said}");
    let said = refused(dir, &["upgrade-to-postgres", "--url", "postgresql://me:secret@db.example/home"]);
    assert!(said.contains("password") && !said.contains("secret"), "{said}");
    let said = refused(dir, &going.up(&prefix, &["--server", "main"]));
    assert!(said.contains("directory of files"), "{said}");
    let role = going.home.name();
    going.home.administer(&format!("ALTER ROLE {role} NOCREATEDB NOCREATEROLE")).await;
    for more in [&["--dry-run"][..], &[]] {
        let output = run(dir, &going.up(&prefix, more));
        let said = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
        assert!(
            !output.status.success() && said.contains(&format!("ALTER ROLE \"{role}\" CREATEROLE")),
            "{said}"
        );
    }
    assert_eq!(going.text(), text, "nothing was written");
    going.home.administer(&format!("ALTER ROLE {role} CREATEDB CREATEROLE")).await;

    // A tenant that cannot move keeps the catalog in its place.
    let file = find(dir, "tenant_green-clinic_1.db").unwrap();
    let elsewhere = dir.join("elsewhere.db");
    std::fs::rename(&file, &elsewhere).unwrap();
    let output = run(dir, &going.up(&prefix, &[]));
    let said = stdout(&output);
    assert!(!output.status.success() && said.contains("green-clinic: NOT moved"), "{said}");
    assert!(said.contains("city-hospital: moved") && said.contains("run this again"), "{said}");
    assert!(find(dir, "control.db").is_some(), "in use");
    std::fs::rename(&elsewhere, &file).unwrap();

    // A database of another program has the name of the catalog.
    going.home.administer(&format!("CREATE DATABASE \"{prefix}control\" OWNER {role}")).await;
    let said = refused(dir, &going.up(&prefix, &[]));
    assert!(said.contains("not of this installation"), "{said}");
    let server = start(dir, "serve");
    let token = server.log_in(OWNER);
    rows(&server, &token);
    assert_eq!(server.terminate(), Some(0));
    going.home.administer(&format!("DROP DATABASE \"{prefix}control\"")).await;

    // If the configuration cannot be written, the copies of stores are not in use yet, and are created again.
    let blocked = dir.join("tenantry.toml.new");
    std::fs::create_dir(&blocked).unwrap();
    let said = refused(dir, &going.up(&prefix, &[]));
    assert!(said.contains("tenantry.toml.new"), "{said}");
    let server = start(dir, "serve");
    let staff = server.log_in("admin@tenantry.example");
    let city = json!({"name": "Ahlen", "region": 1});
    let (status, made) = server.ask("POST", "/api/records/cities", &staff, Some(&city));
    assert_eq!(status, 201, "{made}");
    assert_eq!(server.terminate(), Some(0));
    std::fs::remove_dir(&blocked).unwrap();

    fine(dir, &going.up(&prefix, &[]));
    let server = start(dir, "serve");
    rows(&server, &token);
    let (_, found) = server.ask("GET", "/api/records/cities?q=Ahlen", &token, None);
    assert_eq!(found["items"][0]["name"], "Ahlen", "{found}");
    // `check` works although another database on the server refuses connections of this installation.
    let other =
        format!("CREATE DATABASE \"{prefix}other\"; REVOKE ALL ON DATABASE \"{prefix}other\" FROM PUBLIC");
    for sql in other.split("; ") {
        going.home.administer(sql).await;
    }
    fine(dir, &["check"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_anywhere_is_repeated() {
    let url = &servers()[0];
    // The first run is killed before it has done anything, so the next one does everything.
    for after_ms in [0, 150, 400, 700, 1000, 1400, 2000] {
        let going = Going::new(url, str::to_owned).await;
        let (dir, prefix) = (going.path(), going.home.prefix());
        let demo = start(dir, "demo");
        let token = demo.log_in(OWNER);
        let before = rows(&demo, &token);
        assert_eq!(demo.terminate(), Some(0));
        let mut child = tenantry(dir);
        child.args(going.up(&prefix, &[])).stdout(std::process::Stdio::null());
        let mut child = child.spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(after_ms));
        child.kill().ok();
        child.wait().unwrap();
        // At every moment, the configuration names the current places.
        let mut serve = tenantry(dir);
        serve.args(["serve", "--listen", "127.0.0.1:0"]);
        let server = launch(serve);
        assert_eq!(rows(&server, &token), before, "killed after {after_ms} ms");
        assert_eq!(server.terminate(), Some(0));
        fine(dir, &going.up(&prefix, &[]));
        let server = start(dir, "serve");
        assert_eq!(rows(&server, &token), before, "killed after {after_ms} ms");
        assert_eq!(server.terminate(), Some(0));
        fine(dir, &["audit", "verify"]);
        fine(dir, &["check"]);
    }
}
