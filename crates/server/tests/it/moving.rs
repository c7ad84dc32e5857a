//! Effect of a move on members: writes wait, and nothing else (`late-writer`); and maintenance mode.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::ExitStatusExt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tenantry::name::Slug;
use tenantry_server::http::Options;
use tenantry_testkit::Settings;

/// Fences the database of a tenant, or lifts the fence, as another process would.
async fn fence(app: &TestApp, slug: &str, fenced: bool) {
    let shown = app.platform().tenants().show(&Slug::parse(slug).unwrap()).await.unwrap();
    let place = &shown.placements[0].place;
    let server = app.platform().config().server(place.server.as_str()).unwrap();
    let file =
        rusqlite::Connection::open(server.path().unwrap().join(format!("{}.db", place.physical))).unwrap();
    file.busy_timeout(Duration::from_secs(5)).unwrap();
    let state = if fenced { "fenced" } else { "open" };
    assert_eq!(file.execute("UPDATE _tenantry_place SET state = ?1", [state]).unwrap(), 1);
}

#[tokio::test]
async fn a_write_waits_for_its_place_and_nothing_is_refused() {
    let (app, _, acme) = TestApp::new().await;
    fence(&app, "acme", true).await;
    let writer = tokio::spawn(async move {
        let began = Instant::now();
        acme.post("/api/records/patients", &patient("late")).await.expect(201);
        acme.get("/api/tenant/usage").await.expect(200);
        let all = acme.get("/api/records/patients?count=true").await.expect(200).json();
        assert_eq!(all["count"], 1, "it is done once");
        began.elapsed()
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!writer.is_finished(), "nothing is written past a fence");
    fence(&app, "acme", false).await;
    let waited = writer.await.unwrap();
    assert!(waited >= Duration::from_millis(250), "{waited:?}");
}

/// Records an operation on the tenant, as if another process were running it.
async fn begin_elsewhere(app: &TestApp, slug: &str) {
    let at = app.control().now_us();
    let sql = format!(
        "INSERT INTO operations (kind, what, tenant, state, cursor, data, by_actor, lease_owner, lease_until, started_at, \
         updated_at) SELECT 'move', 'move', id, 'running', 1, '{{}}', 'test', 'elsewhere', {}, {at}, {at} FROM tenants \
         WHERE slug = '{slug}'",
        at + 3_600_000_000
    );
    assert_eq!(app.catalog(&sql).await, 1);
}

#[tokio::test]
async fn a_fenced_place_is_read_and_a_write_waits_no_longer_than_configured() {
    let wait = Duration::from_millis(200);
    let text = format!("[operations]\nwrite_wait = \"{} ms\"\n", wait.as_millis());
    let app = TestApp::configured(&text, Options::default()).await;
    let acme = app.register("acme").await;
    let id = acme.post("/api/records/patients", &patient("early")).await.expect(201).json()["id"].clone();
    fence(&app, "acme", true).await;
    let lost = acme.post("/api/records/patients", &patient("late")).await.expect(503);
    assert_eq!(
        (lost.header("retry-after"), lost.code().as_str()),
        ("", "no_database"),
        "no operation would lift it"
    );
    begin_elsewhere(&app, "acme").await;
    let (one, began) = (format!("/api/records/patients/{id}"), Instant::now());
    acme.get(&one).await.expect(200);
    acme.get("/api/records/patients").await.expect(200);
    for answer in [
        acme.post("/api/records/patients", &patient("late")).await,
        acme.patch(&one, &json!({"first_name": "late"})).await,
        acme.delete(&one).await,
        acme.post("/api/records/patients/batch", &json!([patient("late")])).await,
        acme.get("/api/tenant/usage").await,
    ] {
        let answer = answer.expect(503);
        assert_eq!((answer.header("retry-after"), answer.code().as_str()), ("1", "unavailable"));
        assert!(answer.text().contains("moved"), "{}", answer.text());
    }
    assert!(began.elapsed() >= 5 * wait);
    fence(&app, "acme", false).await;
    assert_eq!(acme.get("/api/records/patients?count=true").await.expect(200).json()["count"], 1);
}

#[tokio::test]
async fn in_maintenance_members_wait_outside_and_staff_are_let_in() {
    let (app, _, acme) = TestApp::new().await;
    let (staff, rival) = (app.staff().await, app.register("rival").await);
    let route = "/api/admin/tenants/acme/maintenance";
    staff.post(route, &json!({"on": true})).await.expect(422);
    let shown = staff.post(route, &json!({"on": true, "reason": "moving house"})).await.expect(200);
    assert_eq!(shown.json()["maintenance"], "moving house");
    let refused = acme.get("/api/records/patients").await.expect(503);
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("maintenance", "60"));
    assert!(refused.text().contains("moving house"));
    acme.post("/api/records/patients", &patient("x")).await.expect(503);
    assert_eq!(acme.get("/api/tenant").await.expect(200).json()["maintenance"], "moving house");
    rival.get("/api/records/patients").await.expect(200);
    assert_eq!(inside(&app, &staff).await, 200, "staff who act as a member");
    staff.post(route, &json!({"on": true, "reason": "moving house"})).await.expect(200);
    staff.post(route, &json!({"on": false})).await.expect(200);
    acme.get("/api/records/patients").await.expect(200);
    let audit = staff.get("/api/admin/audit").await.expect(200).text();
    assert_eq!(audit.matches("tenant.maintenance").count(), 2, "on and off; on again was nothing new");
}

fn two_servers() -> Settings {
    Settings::default().two_servers().set("registration", "placement = \"first\"").free_plan()
}

/// Writes until told to stop; every answer must be a success. Returns the acknowledged records by id, and the longest
/// wait.
async fn write_on(client: Client, who: usize, stop: Arc<AtomicBool>) -> (BTreeMap<i64, String>, Duration) {
    let (mut done, mut longest) = (BTreeMap::new(), Duration::ZERO);
    for n in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let (name, began) = (format!("w{who} n{n}"), Instant::now());
        let made = client.post("/api/records/patients", &patient(&name)).await.expect(201).json();
        let id = made["id"].as_i64().unwrap();
        longest = longest.max(began.elapsed());
        assert!(done.insert(id, name.clone()).is_none(), "id {id} was given out twice");
        let one = format!("/api/records/patients/{id}");
        match n % 4 {
            0 => {
                client.delete(&one).await.expect(204);
                done.remove(&id);
            }
            1 => {
                client.patch(&one, &json!({"last_name": format!("{name} changed")})).await.expect(200);
                done.insert(id, format!("{name} changed"));
            }
            _ => assert_eq!(client.get(&one).await.expect(200).json()["last_name"], name.as_str()),
        }
    }
    (done, longest)
}

/// Returns all patients by id.
async fn patients(client: &Client) -> BTreeMap<i64, String> {
    let (mut all, mut after) = (BTreeMap::new(), String::new());
    loop {
        let page = client.get(&format!("/api/records/patients?limit=200{after}")).await.expect(200).json();
        for row in page["items"].as_array().unwrap() {
            all.insert(row["id"].as_i64().unwrap(), row["last_name"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

async fn act(staff: &Client, verb: &str, form: &Value) -> Value {
    let path = format!("/api/admin/tenants/acme/{verb}?wait=60");
    let over = staff.post(&path, form).await.expect(200).json();
    assert_eq!((over["state"].as_str(), &over["result"]["verified"]), (Some("done"), &json!(true)), "{over}");
    over["result"].clone()
}

/// Members write all the time. No request is refused, and nothing is lost, doubled or left behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moved_promoted_and_demoted_while_members_write() {
    let app = TestApp::configured(&two_servers(), Options::default()).await;
    let (acme, rival, staff) = (app.register("acme").await, app.register("rival").await, app.staff().await);
    rival.post("/api/records/patients", &patient("of rival")).await.expect(201);
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4).map(|who| tokio::spawn(write_on(acme.clone(), who, stop.clone()))).collect();
    let mut pauses = vec![];
    for (verb, form) in [
        ("move", json!({"server": "disk"})),
        ("demote", json!({})),
        ("promote", json!({"server": "disk"})),
        ("move", json!({"back": true})),
        ("promote", json!({})),
        ("move", json!({"server": "disk"})),
    ] {
        tokio::time::sleep(Duration::from_millis(50)).await;
        pauses.push(act(&staff, verb, &form).await["pause_us"].as_i64().unwrap());
    }
    stop.store(true, Relaxed);
    let (mut expected, mut longest) = (BTreeMap::new(), Duration::ZERO);
    for writer in writers {
        let (done, waited) = writer.await.unwrap();
        longest = longest.max(waited);
        for (id, name) in done {
            assert!(expected.insert(id, name).is_none(), "id {id} was given out twice");
        }
    }
    assert_eq!(patients(&acme).await, expected);
    assert_eq!(patients(&rival).await.len(), 1);
    let placements = staff.get("/api/admin/tenants/acme").await.expect(200).json()["placements"].clone();
    assert_eq!(
        (&placements[0]["place"]["server"], placements.as_array().unwrap().len()),
        (&json!("disk"), 1)
    );
    println!(
        "{} moves beside {} records written: pauses {pauses:?} us, longest wait {longest:?}",
        pauses.len(),
        expected.len()
    );
}

/// Points at which a mover is killed with -9: before writers wait, while they wait, and after the swap.
const KILLS: [&str; 12] = [
    "copy:before",
    "filled:inside",
    "carried:inside",
    "fenced:inside",
    "fence:after",
    "last_carried:inside",
    "opened:inside",
    "hand_over:after",
    "swap:before",
    "swap:after",
    "prove:before",
    "settled:inside",
];

/// The mover is a separate process and dies. The writers of this process take its work over before they have waited too
/// long, and get no error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mover_that_is_killed_leaves_no_writer_waiting() {
    let app = TestApp::configured(&two_servers(), Options::default()).await;
    let (acme, staff) = (app.register("acme").await, app.staff().await);
    let dir = app.platform().config().platform.data_dir.parent().unwrap().to_owned();
    fs::write(dir.join("tenantry.toml"), two_servers().to_string()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2).map(|who| tokio::spawn(write_on(acme.clone(), who, stop.clone()))).collect();
    for kill in KILLS {
        let shown = staff.get("/api/admin/tenants/acme").await.expect(200).json();
        let to = if shown["placements"][0]["place"]["server"] == "main" { "disk" } else { "main" };
        let mut mover = std::process::Command::new(env!("CARGO_BIN_EXE_tenantry"));
        mover.current_dir(&dir).args(["tenant", "move", "acme", "--to", to]).env_remove("TENANTRY_CONFIG");
        mover.env_remove("TENANTRY_DATA").env("TENANTRY_FAULT", format!("move:{kill}:kill"));
        let died = tokio::task::spawn_blocking(move || mover.output().unwrap()).await.unwrap();
        assert_eq!(died.status.signal(), Some(9), "{kill}: {}", String::from_utf8_lossy(&died.stderr));
        over(&app, &staff).await;
    }
    stop.store(true, Relaxed);
    let (mut expected, mut longest) = (BTreeMap::new(), Duration::ZERO);
    for writer in writers {
        let (done, waited) = writer.await.unwrap();
        longest = longest.max(waited);
        expected.extend(done);
    }
    assert_eq!(patients(&acme).await, expected);
    println!(
        "{} movers killed beside {} records written: longest wait {longest:?}",
        KILLS.len(),
        expected.len()
    );
}

/// Waits until no operation is open. Waiting writers take over; otherwise the reconciler does.
async fn over(app: &TestApp, staff: &Client) {
    for round in 0..100 {
        let open = staff.get("/api/admin/operations?open=true").await.expect(200).json();
        if open["items"].as_array().unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        if round > 20 {
            app.platform().operations().reconcile().await.unwrap();
        }
    }
    panic!("an operation stays open");
}

#[tokio::test]
async fn what_cannot_be_moved_says_why_and_what_is_kept_can_be_let_go() {
    let app = TestApp::configured(&two_servers(), Options::default()).await;
    let (acme, staff) = (app.register("acme").await, app.staff().await);
    let refused = async |verb: &str, form: Value, status: u16| {
        let path = format!("/api/admin/tenants/acme/{verb}");
        staff.post(&path, &form).await.expect(status).text()
    };
    assert!(refused("move", json!({}), 422).await.contains("name a server"));
    assert!(refused("move", json!({"server": "moon"}), 422).await.contains("can be placed on: main, disk"));
    assert!(refused("move", json!({"server": "main"}), 409).await.contains("lies on main already"));
    assert!(refused("move", json!({"back": true}), 409).await.contains("othing is kept"));
    assert!(refused("promote", json!({}), 409).await.contains("of its own already"));
    assert!(refused("release", json!({}), 409).await.contains("othing is kept"));
    let kept = fs::read_dir(app.platform().config().server("main").unwrap().path().unwrap()).unwrap().count();
    act(&staff, "move", &json!({"server": "disk"})).await;
    assert_eq!(
        staff.post("/api/admin/tenants/acme/release", &json!({})).await.expect(200).json()["released"],
        1
    );
    let left = fs::read_dir(app.platform().config().server("main").unwrap().path().unwrap()).unwrap().count();
    assert!(left < kept, "the old database is gone: {left} of {kept}");
    acme.post("/api/records/patients", &patient("after")).await.expect(201);
    let audit = staff.get("/api/admin/audit").await.expect(200).text();
    for action in ["\"tenant.move\"", "\"tenant.moved\"", "\"tenant.release\""] {
        assert_eq!(audit.matches(action).count(), 1, "{action}");
    }
}

async fn inside(app: &TestApp, staff: &Client) -> u16 {
    let wish = json!({"tenant": "acme", "reason": "to see what is wrong"});
    let token = staff.post("/api/admin/impersonate", &wish).await.expect(201).json();
    let client = app.anon().with_token(token["token"].as_str().unwrap());
    client.get("/api/records/patients").await.status.as_u16()
}

/// A database that can be opened but not read completely counts as lost. `lost` is refused while the database is
/// intact, and if none is retained.
#[tokio::test]
async fn a_damaged_database_is_replaced_by_the_kept_one_on_somebodys_word() {
    let app = TestApp::configured(&two_servers(), Options::default()).await;
    let (acme, staff) = (app.register("acme").await, app.staff().await);
    for n in 0..200 {
        acme.post("/api/records/patients", &patient(&format!("before {n}"))).await.expect(201);
    }
    let lost = json!({"back": true, "lost": true});
    let at = "/api/admin/tenants/acme/move?wait=60";
    act(&staff, "move", &json!({"server": "disk"})).await;
    acme.post("/api/records/patients", &patient("since")).await.expect(201);
    assert!(staff.post(at, &lost).await.expect(409).text().contains("is whole"));
    assert!(staff.post(at, &json!({"lost": true})).await.expect(422).text().contains("goes with"));
    assert_eq!(patients(&acme).await.len(), 201);

    let place =
        staff.get("/api/admin/tenants/acme").await.expect(200).json()["placements"][0]["place"].clone();
    let root = app.platform().config().server("disk").unwrap().path().unwrap();
    let file = root.join(format!("{}.db", place["physical"].as_str().unwrap()));
    damage(&file);
    let over = staff.post(at, &lost).await.expect(200).json();
    assert_eq!(over["state"], "done", "{over}");
    let told = &over["result"]["stores"][0];
    assert_eq!((&told["why"], &told["now"]["server"]), (&json!("is damaged"), &json!("main")), "{over}");
    assert_eq!(patients(&acme).await.len(), 200, "without what was written since");
    acme.post("/api/records/patients", &patient("after")).await.expect(201);
    let log = staff.get("/api/admin/audit").await.expect(200).json();
    let row =
        log["items"].as_array().unwrap().iter().find(|row| row["action"] == "tenant.fall_back").cloned();
    let row = row.unwrap_or_else(|| panic!("{log}"));
    let since = told["writes_lost_since"].as_str().unwrap();
    assert!(row["detail"].as_str().unwrap().contains(&format!("\"writes_lost_since\":\"{since}\"")), "{row}");
    assert!(file.with_extension("db.aside").is_file(), "what may be saved of it by hand stays");
    staff.post("/api/admin/tenants/acme/release", &json!({})).await.expect(200);
}

/// Overwrites pages in the middle of a database and in its `-wal`.
fn damage(file: &std::path::Path) {
    use std::os::unix::fs::FileExt;
    let wal = std::path::PathBuf::from(format!("{}-wal", file.display()));
    std::fs::write(&wal, b"").ok();
    let length = file.metadata().unwrap().len();
    let handle = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    for page in (8..length / 4096).step_by(3) {
        handle.write_all_at(&[0xA5; 4096], page * 4096).unwrap();
    }
}
