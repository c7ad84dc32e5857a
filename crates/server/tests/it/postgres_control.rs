//! The platform's own stores on PostgreSQL, over HTTP and at the command line: everything that works on a file, two
//! processes, and a server that goes away and comes back.

use super::{
    app::{Client, TestApp},
    binary::{json_of, start},
    copies::company,
    lives::{fine, refused},
    records::patient,
};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};
use tenantry::{
    Platform,
    access::Operator,
    backups::{BackupId, catalog::State, system::restore_system},
    config::Location,
    demo,
    place::Isolation,
};
use tenantry_server::http::Options;
use tenantry_testkit::postgres::{Home, servers};
use tokio::{
    net::{TcpListener, TcpStream, UnixStream},
    task::JoinSet,
};

/// Paths that read the catalog, including those whose statements are built at run time.
const OF_STAFF: [&str; 21] = [
    "/api/admin/overview",
    "/api/admin/tenants?state=active",
    "/api/admin/tenants?q=a&plan=clinic&server=main&behind=true&without_backup=true",
    "/api/admin/tenants?sort=name&after=1",
    "/api/admin/tenants?sort=slug&after=1",
    "/api/admin/tenants?sort=newest&after=2",
    "/api/admin/tenants?sort=backup&after=1",
    "/api/admin/users",
    "/api/admin/mail",
    "/api/admin/audit?tenant=1",
    "/api/admin/backups?system=true",
    "/api/admin/backups?tenant=acme&state=good",
    "/api/admin/backups/status",
    "/api/admin/backups/runs",
    "/api/admin/backups/drill",
    "/api/admin/operations",
    "/api/admin/operations?open=true&tenant=acme",
    "/api/admin/orphans",
    "/api/auth/sessions",
    "/api/plans",
    "/metrics",
];
const OF_TENANTS: [&str; 7] = [
    "/api/tenant",
    "/api/tenant/users",
    "/api/tenant/invitations",
    "/api/tenant/keys",
    "/api/tenant/activity",
    "/api/tenant/backups",
    "/api/tenant/operations",
];

/// Waits until the request is answered with this status.
async fn until(client: &Client, path: &str, status: u16) -> Value {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = client.get(path).await;
        if answer.status.as_u16() == status {
            return serde_json::from_slice(&answer.body).unwrap_or_default();
        }
        assert!(Instant::now() < end, "{path}: {} {}", answer.status, answer.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn every_store_of_a_platform_is_on_postgres_and_nothing_is_in_files() {
    for url in servers() {
        let app = TestApp::all_on_postgres(&url, Isolation::Schema, None).await;
        let staff = app.staff().await;
        let acme = company(&app, &staff, "acme", "Quetzal").await;
        let member = app.member(&acme, "nurse@acme.example", "member").await;
        member.post("/api/records/patients", &patient("Ada")).await.expect(201);
        // Shared rows are read by every tenant.
        let cities = member.get("/api/records/cities?q=sofia").await.expect(200).json();
        assert_eq!(cities["items"][0]["name"], "Sofia", "{cities}");
        let found = staff.get("/api/admin/tenants?q=ACM").await.expect(200).json();
        assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
        // A refused change leaves no trace, and the next one works.
        let again = json!({"company": "acme", "slug": "acme", "email": "other@acme.example", "password": "correct horse 1"});
        app.anon().post("/api/register", &again).await.expect(409);
        app.register("rival").await;
        let verified = staff.get("/api/admin/audit/verify").await.expect(200).json();
        assert_eq!(verified["faults"], json!([]), "{verified}");
        for (client, paths) in [(&staff, &OF_STAFF[..]), (&acme, &OF_TENANTS[..])] {
            for path in paths {
                let answer = client.get(path).await;
                assert!(answer.status.is_success(), "{path}: {}", answer.text());
            }
        }
        app.anon().get("/readyz").await.expect(200);
        let data = &app.platform().config().platform.data_dir;
        let files: Vec<_> = walk(data).into_iter().filter(|path| path.ends_with(".db")).collect();
        assert!(files.is_empty(), "{files:?}");
    }
}

fn walk(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path.display().to_string()] })
        .collect()
}

#[tokio::test]
async fn what_one_process_changes_holds_in_another() {
    for url in servers() {
        let app = TestApp::all_on_postgres(&url, Isolation::Pooled, None).await;
        let beside = app.beside().await;
        let acme = app.register("acme").await;
        let there = beside.anon().with_token(acme.token());
        until(&there, "/api/records/patients", 200).await;
        let staff = app.staff().await;
        let suspended = json!({"reason": "unpaid"});
        staff.post("/api/admin/tenants/acme/suspend", &suspended).await.expect(200);
        // The change applies at once in the process that made it, and soon in the other.
        acme.get("/api/records/patients").await.expect(403);
        until(&there, "/api/records/patients", 403).await;
        staff.post("/api/admin/tenants/acme/resume", &json!({})).await.expect(200);
        until(&there, "/api/records/patients", 200).await;
        there.post("/api/auth/logout", &json!({})).await.expect(204);
        there.get("/api/records/patients").await.expect(401);
        until(&acme, "/api/records/patients", 401).await;
    }
}

pub(crate) async fn until_good(app: &TestApp, id: &BackupId) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let (made, _) = app.platform().backups().show(id).await.unwrap();
        match made.state {
            State::Good => return,
            State::Running => assert!(Instant::now() < end, "{made:?}"),
            _ => panic!("{made:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Forwards connections to a server. Closing it has the effect of a lost server.
struct Gate {
    server: String,
    address: SocketAddr,
    work: JoinSet<()>,
}

impl Gate {
    async fn new(url: &str) -> Self {
        let host = url.rsplit_once('@').unwrap().1.split(':').next().unwrap();
        let folder = host.replace("%2F", "/").replace("%2f", "/");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut gate = Self { server: format!("{folder}/.s.PGSQL.5432"), address, work: JoinSet::new() };
        gate.forward(listener);
        gate
    }

    fn forward(&mut self, listener: TcpListener) {
        let server = self.server.clone();
        self.work.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut from, _): (TcpStream, _) = listener.accept().await.unwrap();
                let server = server.clone();
                connections.spawn(async move {
                    let mut to = UnixStream::connect(server).await.unwrap();
                    tokio::io::copy_bidirectional(&mut from, &mut to).await.ok();
                });
            }
        });
    }

    async fn close(&mut self) {
        self.work.shutdown().await;
    }

    async fn open(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.forward(listener);
    }
}

#[tokio::test]
async fn a_server_that_was_away_is_used_again_without_a_restart() {
    let url = &servers()[0];
    let mut gate = Gate::new(url).await;
    let app = TestApp::all_on_postgres(url, Isolation::Schema, Some(gate.address)).await;
    let acme = app.register("acme").await;
    acme.get("/api/records/patients").await.expect(200);
    gate.close().await;
    // No cached data is trusted, and every answer names the reason.
    let refused = until(&acme, "/api/records/patients", 503).await;
    assert_eq!(refused["code"], "server_unreachable", "{refused}");
    app.anon().get("/readyz").await.expect(503);
    let form = json!({"email": "owner@acme.example", "password": super::app::PASSWORD});
    let refused = app.anon().post("/api/auth/login", &form).await.expect(503);
    assert_eq!(refused.code(), "server_unreachable");
    gate.open().await;
    until(&acme, "/api/records/patients", 200).await;
    app.anon().post("/api/auth/login", &form).await.expect(200);
    app.anon().get("/readyz").await.expect(200);
}

#[tokio::test]
async fn a_backup_of_the_own_stores_is_verified_and_restored() {
    for url in servers() {
        let app = TestApp::all_on_postgres(&url, Isolation::Database, None).await;
        let staff = app.staff().await;
        let acme = company(&app, &staff, "acme", "Quetzal").await;
        let settings = json!({"external_id": "acme-at-issuer", "colour": "red"});
        staff.patch("/api/admin/tenants/acme/settings", &settings).await.expect(200);
        let member = "INSERT INTO members (node, name, servers, kept, version, acked, started_at, seen_at, beats) \
            VALUES ('n', 'gone 1', '', '', '0', 9000000000000000000, 0, 0, 1)";
        assert_eq!(app.catalog(member).await, 1);
        let id = app.platform().backups().start_system(&Operator::new("system")).await.unwrap().backup;
        until_good(&app, &id).await;
        let verified = staff.post(&format!("/api/admin/backups/{id}/verify?wait=60"), &json!({})).await;
        assert_eq!(verified.json()["state"], "done", "{}", verified.text());
        // The tenant was created after the backup: its database exists, but the restored catalog does not contain it.
        let later = app.register("later").await;
        later.get("/api/records/patients").await.expect(200);

        drop((staff, acme, later));
        let (config, _dir, _home) = app.end().await;
        let restored = restore_system(config.clone(), &Operator::new("system"), Some(id.clone())).await;
        let restored = restored.unwrap();
        assert_eq!(restored.stores.len(), 2, "{restored:?}");
        let after = TestApp::at(config).await;
        let acme = after.login("owner@acme.example").await;
        let rows = acme.get("/api/records/patients").await.expect(200).json();
        assert_eq!(rows["items"].as_array().map(Vec::len), Some(3), "{rows}");
        let staff = after.login("staff@platform.example").await;
        staff.get("/api/admin/tenants/later").await.expect(404);
        let now = staff.get("/api/admin/tenants/acme/settings").await.expect(200).json();
        assert_eq!(now["settings"], settings);
        staff.get("/api/admin/audit/verify").await.expect(200);
        // No id is assigned twice.
        let new = after.register("new").await;
        assert_eq!(new.get("/api/records/patients").await.expect(200).json()["items"], json!([]));
        // The platform would wait for a member in the restored catalog.
        assert_eq!(after.catalog("DELETE FROM members").await, 0);
        // A second restore finds the name for the set-aside store taken, and removes nothing.
        drop((staff, acme, new));
        let (config, ..) = after.end().await;
        let again = restore_system(config.clone(), &Operator::new("system"), Some(id)).await.unwrap();
        let (once, twice) = (restored.renamed, again.renamed);
        assert!(once.len() == 2 && once.iter().all(|name| name.ends_with(".aside")), "{once:?}");
        assert!(twice.len() == 2 && twice.iter().all(|name| name.ends_with(".aside2")), "{twice:?}");
        let last = TestApp::at(config).await;
        let acme = last.login("owner@acme.example").await;
        let rows = acme.get("/api/records/patients").await.expect(200).json();
        assert_eq!(rows["items"].as_array().map(Vec::len), Some(3), "{rows}");
        let orphans = last.login("staff@platform.example").await.get("/api/admin/orphans").await.json();
        assert!(!orphans.to_string().contains("aside"), "{orphans}");
    }
}

#[tokio::test]
async fn a_platform_moves_from_files_to_a_server_with_a_backup() {
    for url in servers() {
        let app = TestApp::with(Options::default()).await;
        let staff = app.staff().await;
        drop(company(&app, &staff, "acme", "Quetzal").await);
        let id = app.platform().backups().start_system(&Operator::new("system")).await.unwrap().backup;
        until_good(&app, &id).await;
        drop(staff);
        let (mut config, _dir, _) = app.end().await;
        let home = Home::new(&url).await;
        demo::on_postgres(&mut config, home.url(), None, true).unwrap();
        for server in &mut config.servers {
            if let Location::Postgres(postgres) = &mut server.location {
                postgres.prefix = home.prefix();
            }
        }
        // Only the restore fills the store. A start would begin a new installation in the place of another.
        let refused = Platform::open(config.clone()).await.map(drop).unwrap_err().to_string();
        assert!(refused.contains("tenantry restore system"), "{refused}");
        restore_system(config.clone(), &Operator::new("system"), None).await.unwrap();
        let after = TestApp::at(config).await;
        let acme = after.login("owner@acme.example").await;
        let rows = acme.get("/api/records/patients?expand=city").await.expect(200).json();
        assert_eq!(rows["items"].as_array().map(Vec::len), Some(3), "{rows}");
        assert_eq!(rows["items"][0]["expand"]["city"]["name"], "Sofia", "{rows}");
        let staff = after.login("staff@platform.example").await;
        let verified = staff.get("/api/admin/audit/verify").await.expect(200).json();
        assert_eq!(verified["faults"], json!([]), "{verified}");
        after.register("new").await;
        after.platform().shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_runs_on_stores_of_a_server() {
    let home = Home::new(&servers()[0]).await;
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("pg.url"), home.url()).unwrap();
    let config = |url: &str, prefix: &str| {
        let text = format!(
            "[platform]\ndata_dir = \"data\"\n[servers.pg]\nengine = \"postgres\"\n{url}\nprefix = \"{prefix}\"\n\
             [stores.control]\nserver = \"pg\"\n[stores.shared]\nserver = \"pg\"\n\
             [stores.tenant]\nserver = \"pg\"\nisolation = \"schema\"\n"
        );
        std::fs::write(dir.join("tenantry.toml"), text).unwrap();
    };
    config("url = \"postgresql://me@%2Fnowhere%2Fat-all/home\"", "p_");
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["tenant", "list"], &["backup", "list"]] {
        let said = refused(dir, args);
        assert!(said.contains("server pg") && said.contains("start the server"), "{args:?}: {said}");
    }
    config("url_file = \"pg.url\"", &home.prefix());
    drop(start(dir, "demo"));
    let tenants = json_of(dir, &["tenant", "list"]);
    assert!(tenants["items"].as_array().is_some_and(|items| !items.is_empty()), "{tenants}");
    fine(dir, &["backup", "create", "--system"]);
    for args in [
        &["audit", "verify"][..],
        &["backup", "create", "--all"],
        &["backup", "status"],
        &["backup", "prune"],
        &["migrate", "tenants"],
        &["migrate", "system"],
        &["operation", "list"],
        &["check"],
    ] {
        fine(dir, args);
    }
}
