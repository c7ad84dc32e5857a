//! Servers by plan over HTTP: new tenants are placed where their plan says, and a change of a plan or of labels offers
//! the move. On SQLite and PostgreSQL.

use super::{
    app::{Client, PASSWORD, TestApp},
    copies::company,
    records::patient,
};
use serde_json::{Value, json};
use tenantry_server::http::Options;
use tenantry_testkit::postgres::{Home, servers};

/// Plans that ask for labels of `fast`, of `fast` and `more`, and of no server.
const PLANS: &str = "[plans.starter]\nself_service = true\n\
    [plans.premium]\nservers = { tier = \"premium\" }\n\
    [plans.europe]\nservers = { tier = \"premium\", region = \"eu\" }\n\
    [plans.moon]\nservers = { region = \"moon\" }\n";

const SERVERS: &str = "[servers.main]\npath = \"databases\"\n\
    [servers.more]\npath = \"more\"\nlabels = { tier = \"premium\" }\n\
    [servers.fast]\npath = \"fast\"\nlabels = { tier = \"premium\", region = \"eu\" }\n\
    [stores.control]\n[stores.shared]\n";

async fn app(store: &str) -> TestApp {
    let text = format!("{SERVERS}[stores.tenant]\nservers = [\"main\", \"more\", \"fast\"]\n{store}{PLANS}");
    TestApp::configured(&text, Options::default()).await
}

pub(super) async fn create(staff: &Client, slug: &str, plan: &str) {
    let form = json!({"slug": slug, "company": slug, "email": format!("owner@{slug}.example"), "plan": plan, "password": PASSWORD});
    staff.post("/api/admin/tenants", &form).await.expect(201);
}

async fn shown(staff: &Client, slug: &str) -> Value {
    staff.get(&format!("/api/admin/tenants/{slug}")).await.expect(200).json()
}

/// Returns server and isolation of the tenant's rows.
async fn place(staff: &Client, slug: &str) -> (String, String) {
    let place = shown(staff, slug).await["placements"][0]["place"].clone();
    (place["server"].as_str().unwrap().to_owned(), place["isolation"].as_str().unwrap().to_owned())
}

pub(super) async fn server(staff: &Client, slug: &str) -> String {
    place(staff, slug).await.0
}

/// Runs an operation of staff to its end.
async fn done(staff: &Client, path: &str, body: &Value) {
    let ended = staff.post(&format!("/api/admin/{path}?wait=60"), body).await;
    assert!(ended.status.is_success(), "{path}: {}", ended.text());
    assert_eq!(ended.json()["state"], "done", "{path}: {}", ended.text());
}

async fn misplaced(staff: &Client) -> Vec<String> {
    let page = staff.get("/api/admin/tenants?misplaced=true").await.expect(200).json();
    let slugs = page["items"].as_array().unwrap().iter();
    slugs.map(|tenant| tenant["slug"].as_str().unwrap().to_owned()).collect()
}

async fn needs(staff: &Client, problem: &str) -> Vec<Value> {
    let overview = staff.get("/api/admin/overview").await.expect(200).json();
    let needs = overview["attention"].as_array().unwrap().iter();
    needs.filter(|need| need["problem"] == problem).cloned().collect()
}

pub(super) async fn change(staff: &Client, slug: &str, form: Value) -> Value {
    staff.post(&format!("/api/admin/tenants/{slug}/plan"), &form).await.expect(200).json()
}

pub(super) async fn over(app: &TestApp, operation: &Value) -> String {
    let over = app.platform().operations().wait(operation.as_i64().expect("an operation")).await.unwrap();
    format!("{:?} {:?}", over.state, over.error)
}

pub(super) async fn count(of: &Client) -> Value {
    of.get("/api/records/patients?count=true").await.expect(200).json()["count"].clone()
}

#[tokio::test]
async fn new_tenants_are_placed_where_their_plan_says() {
    let app = app("").await;
    let staff = app.staff().await;
    for (slug, plan, expected) in [
        ("one", "europe", "fast"),
        ("two", "premium", "more"),
        ("three", "premium", "more"),
        ("six", "premium", "fast"),
        ("four", "starter", "main"),
        ("five", "europe", "fast"),
    ] {
        create(&staff, slug, plan).await;
        assert_eq!(server(&staff, slug).await, expected, "{slug} on {plan}");
    }
    let form = json!({"slug": "copy", "plan": "europe"});
    done(&staff, "tenants/four/clone", &form).await;
    assert_eq!(server(&staff, "copy").await, "fast");
    done(&staff, "tenants/four/backups", &json!({})).await;
    let backups = staff.get("/api/admin/tenants/four/backups").await.expect(200).json();
    let id = backups["items"][0]["id"].as_str().unwrap().to_owned();
    let form = json!({"slug": "again", "plan": "premium"});
    done(&staff, &format!("backups/{id}/restore-as"), &form).await;
    assert_eq!(server(&staff, "again").await, "more", "more has fewer databases than fast");
    let servers = staff.get("/api/admin/servers").await.expect(200).json();
    assert_eq!(servers["items"][2]["labels"], json!({"tier": "premium", "region": "eu"}), "{servers}");
    assert_eq!(servers["items"][1]["places"], 3, "{servers}");
    let map = staff.get("/api/admin/fleet").await.expect(200).json();
    assert_eq!(map["servers"][2]["labels"], json!({"tier": "premium"}), "{map}");
    assert_eq!(misplaced(&staff).await, [""; 0]);
}

#[tokio::test]
async fn a_plan_that_fits_no_server_is_refused_before_anything_is_created() {
    let app = app("").await;
    let staff = app.staff().await;
    let form = json!({"slug": "moon", "company": "Moon", "email": "owner@moon.example", "plan": "moon", "password": PASSWORD});
    let refused = staff.post("/api/admin/tenants", &form).await.expect(409).text();
    assert!(refused.contains("region=moon") && refused.contains("stores.tenant.servers"), "{refused}");
    // A registration reads nothing about servers.
    let refused = app.anon().post("/api/register", &form).await.expect(409).text();
    assert!(refused.contains("no room for this plan") && !refused.contains("region"), "{refused}");
    staff.get("/api/admin/tenants/moon").await.expect(404);
    app.anon()
        .post("/api/auth/login", &json!({"email": "owner@moon.example", "password": PASSWORD}))
        .await
        .expect(401);
    let need = needs(&staff, "plan_without_server").await;
    assert_eq!((need.len(), &need[0]["detail"]), (1, &json!("moon")), "{need:?}");
    create(&staff, "four", "starter").await;
    staff.post("/api/admin/tenants/four/clone", &json!({"slug": "moon", "plan": "moon"})).await.expect(409);
    let before = shown(&staff, "four").await;
    staff.post("/api/admin/tenants/four/plan", &json!({"plan": "moon", "move": true})).await.expect(409);
    assert_eq!(shown(&staff, "four").await, before, "a refused move changes no plan");
    let changed = change(&staff, "four", json!({"plan": "moon"})).await;
    assert_eq!(changed["misplaced"][0]["fits"], Value::Null, "{changed}");
    staff.post("/api/admin/tenants/four/move", &json!({"fit": true})).await.expect(409);
}

#[tokio::test]
async fn labels_of_plans_are_checked_and_shown_to_staff_only() {
    let app = app("").await;
    let staff = app.staff().await;
    for wrong in [json!({"Tier": "x"}), json!({"tier": ""}), json!({"tier": "a b"}), json!({"": "x"})] {
        let refused =
            staff.patch("/api/admin/plans/starter", &json!({"servers": wrong})).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], "servers", "{refused}");
    }
    let form = json!({"code": "gold", "name": "Gold", "limits": {}, "servers": {"tier": "premium"}});
    let made = staff.post("/api/admin/plans", &form).await.expect(201).json();
    assert_eq!(made["servers"], json!({"tier": "premium"}));
    let changed = staff.patch("/api/admin/plans/gold", &json!({"servers": {}})).await.expect(200).json();
    assert_eq!(changed["servers"], json!({}));
    let offered = app.anon().get("/api/plans").await.expect(200).text();
    assert!(!offered.contains("premium\\\"") && !offered.contains("servers"), "{offered}");
}

#[tokio::test]
async fn a_change_of_plan_names_the_databases_and_moves_them_on_request() {
    let app = app("").await;
    let staff = app.staff().await;
    let acme = company(&app, &staff, "acme", "Quetzal").await;
    assert_eq!(server(&staff, "acme").await, "main");
    let changed = change(&staff, "acme", json!({"plan": "europe"})).await;
    let expected = json!([{"store": "tenant", "server": "main", "isolation": "database", "fits": "fast"}]);
    assert_eq!((&changed["misplaced"], &changed["operation"]), (&expected, &Value::Null), "{changed}");
    assert_eq!(shown(&staff, "acme").await["misplaced"], expected);
    assert_eq!(misplaced(&staff).await, ["acme"]);
    let need = needs(&staff, "misplaced").await;
    assert_eq!((&need[0]["detail"], &need[0]["tenant"]), (&json!("europe"), &json!("acme")), "{need:?}");
    assert_eq!(need[0]["command"], "tenantry plan place europe");
    let look =
        staff.post("/api/admin/tenants/acme/move/check", &json!({"fit": true})).await.expect(200).json();
    assert_eq!((&look["is_clear"], &look["stores"][0]["server"]), (&json!(true), &json!("fast")), "{look}");
    for wrong in [json!({"fit": true, "server": "main"}), json!({"fit": true, "back": true})] {
        staff.post("/api/admin/tenants/acme/move", &wrong).await.expect(422);
    }
    done(&staff, "tenants/acme/move", &json!({"fit": true})).await;
    assert_eq!(server(&staff, "acme").await, "fast");
    assert_eq!((count(&acme).await, misplaced(&staff).await), (json!(3), vec![]));
    assert!(needs(&staff, "misplaced").await.is_empty());
    staff.post("/api/admin/tenants/acme/move", &json!({"fit": true})).await.expect(409);
    // A plan without labels fits every server.
    let changed = change(&staff, "acme", json!({"plan": "starter", "move": true})).await;
    assert_eq!((&changed["misplaced"], &changed["operation"]), (&json!([]), &Value::Null), "{changed}");
    done(&staff, "tenants/acme/move", &json!({"server": "main"})).await;
    // A suspended tenant moves like any other, and stays suspended.
    staff.post("/api/admin/tenants/acme/suspend", &json!({"reason": "unpaid bills"})).await.expect(200);
    let changed = change(&staff, "acme", json!({"plan": "premium", "move": true})).await;
    assert_eq!(over(&app, &changed["operation"]).await, "Done None");
    let now = shown(&staff, "acme").await;
    assert_eq!(
        (&now["state"], &now["misplaced"], &now["plan"]),
        (&json!("suspended"), &json!([]), &json!("premium"))
    );
    staff.post("/api/admin/tenants/acme/resume", &json!({})).await.expect(200);
    assert_eq!(count(&acme).await, 3);
}

#[tokio::test]
async fn a_plan_stays_as_it_is_if_the_requested_move_cannot_begin() {
    let app = app("").await;
    let staff = app.staff().await;
    company(&app, &staff, "acme", "Quetzal").await;
    let at = app.control().now_us();
    app.catalog(&format!(
        "INSERT INTO operations (kind, what, tenant, state, cursor, data, by_actor, lease_owner, lease_until, \
         started_at, updated_at) SELECT 'move', 'move', id, 'running', 1, '{{}}', 'test', 'elsewhere', {}, {at}, {at} \
         FROM tenants WHERE slug = 'acme'",
        at + 3_600_000_000
    ))
    .await;
    staff.post("/api/admin/tenants/acme/plan", &json!({"plan": "premium", "move": true})).await.expect(409);
    assert_eq!(shown(&staff, "acme").await["plan"], "starter");
    // Without the move, nothing is in the way.
    change(&staff, "acme", json!({"plan": "premium"})).await;
    assert_eq!(misplaced(&staff).await, ["acme"]);
}

#[tokio::test]
async fn a_change_of_labels_lists_all_tenants_and_a_run_moves_them() {
    let app = app("").await;
    let staff = app.staff().await;
    let slugs: Vec<_> = (0..5).map(|n| format!("acme-{n}")).collect();
    for slug in &slugs {
        create(&staff, slug, "starter").await;
    }
    staff.post("/api/admin/plans/starter/place?wait=60", &json!({})).await.expect(409);
    staff.post("/api/admin/plans/sun/place", &json!({})).await.expect(404);
    staff.patch("/api/admin/plans/starter", &json!({"servers": {"region": "eu"}})).await.expect(200);
    let on_fast =
        app.catalog("UPDATE placements SET schema_version = schema_version WHERE server = 'fast'").await;
    let left = misplaced(&staff).await.len();
    assert_eq!(left as u64 + on_fast, 5, "those on fast fit");
    assert!(left >= 3, "{left}");
    assert_eq!(needs(&staff, "misplaced").await[0]["count"], left);
    for parallel in [0, 17] {
        staff.post("/api/admin/plans/starter/place", &json!({"parallel": parallel})).await.expect(422);
    }
    let ran = staff
        .post("/api/admin/plans/starter/place?wait=60", &json!({"parallel": 2}))
        .await
        .expect(200)
        .json();
    assert_eq!((&ran["result"]["moved"], &ran["result"]["failed"]), (&json!(left), &json!(0)), "{ran}");
    for slug in &slugs {
        assert_eq!(server(&staff, slug).await, "fast", "{slug}");
    }
    assert_eq!(misplaced(&staff).await, [""; 0]);
    let log = staff.get("/api/admin/audit?action=plan.place").await.expect(200).json();
    assert!(log["items"][0]["detail"].as_str().unwrap().contains("starter"), "{log}");
}

#[tokio::test]
async fn the_server_of_a_pool_has_the_labels_or_the_tenant_gets_its_own_database() {
    let app = app("isolation = \"pooled\"\n").await;
    let staff = app.staff().await;
    let acme = company(&app, &staff, "acme", "Quetzal").await;
    create(&staff, "gold", "premium").await;
    let [pooled, own] = ["pooled", "database"].map(str::to_owned);
    assert_eq!(place(&staff, "acme").await, ("main".into(), pooled.clone()));
    assert_eq!(place(&staff, "gold").await, ("more".into(), own.clone()));
    done(&staff, "tenants/acme/promote", &json!({"server": "main"})).await;
    // Databases on the pool's server do not send the next tenant to a server without a pool.
    create(&staff, "next", "starter").await;
    assert_eq!(place(&staff, "next").await, ("main".into(), pooled));
    let changed = change(&staff, "next", json!({"plan": "europe", "move": true})).await;
    assert_eq!(changed["misplaced"][0]["isolation"], "pooled", "{changed}");
    assert_eq!(over(&app, &changed["operation"]).await, "Done None");
    assert_eq!(place(&staff, "next").await, ("fast".into(), own));
    // A promotion chooses among the servers that fit.
    create(&staff, "last", "starter").await;
    change(&staff, "last", json!({"plan": "europe"})).await;
    done(&staff, "tenants/last/promote", &json!({})).await;
    assert_eq!((server(&staff, "last").await, count(&acme).await), ("fast".into(), json!(3)));
}

#[tokio::test]
async fn an_on_demand_database_is_created_where_the_plan_says_then() {
    let app = app("provision = \"on_demand\"\n").await;
    let staff = app.staff().await;
    let acme = app.register("acme").await;
    assert_eq!(server(&staff, "acme").await, "main");
    change(&staff, "acme", json!({"plan": "moon"})).await;
    assert_eq!(misplaced(&staff).await, [""; 0], "there is no database yet");
    let refused = acme.post("/api/records/patients", &patient("Ada")).await.expect(409).text();
    assert!(refused.contains("region=moon"), "{refused}");
    let changed = change(&staff, "acme", json!({"plan": "europe"})).await;
    assert_eq!(changed["misplaced"], json!([]), "{changed}");
    acme.post("/api/records/patients", &patient("Ada")).await.expect(201);
    assert_eq!(place(&staff, "acme").await, ("fast".into(), "database".into()));
    assert_eq!(count(&acme).await, 1);
}

#[tokio::test]
async fn a_server_that_left_the_configuration_fits_no_plan_with_labels() {
    let app = app("").await;
    let staff = app.staff().await;
    create(&staff, "acme", "premium").await;
    app.catalog("UPDATE placements SET server = 'gone'").await;
    let now = shown(&staff, "acme").await;
    assert_eq!(now["misplaced"][0]["server"], "gone", "{now}");
    assert_eq!(misplaced(&staff).await, ["acme"]);
    let look =
        staff.post("/api/admin/tenants/acme/move/check", &json!({"fit": true})).await.expect(200).json();
    assert_eq!(look["is_clear"], false, "{look}");
    // The owner of an external database chooses its server.
    app.catalog("UPDATE placements SET provision = 'external'").await;
    assert_eq!(misplaced(&staff).await, [""; 0]);
    assert_eq!(shown(&staff, "acme").await["misplaced"], json!([]));
}

#[tokio::test]
async fn a_server_that_is_away_is_passed_over_while_another_one_fits() {
    let text = format!(
        "{SERVERS}[servers.pg]\nengine = \"postgres\"\nurl = \"postgresql://me@%2Fnowhere%2Fat-all/home\"\n\
         labels = {{ region = \"us\" }}\n\
         [stores.tenant]\nservers = [\"pg\", \"main\"]\n[registration]\nplacement = \"first\"\n{PLANS}\
         [plans.us]\nservers = {{ region = \"us\" }}\n"
    );
    let app = TestApp::configured(&text, Options::default()).await;
    let staff = app.staff().await;
    let form = |plan| json!({"slug": "acme", "company": "Acme", "email": "owner@acme.example", "plan": plan, "password": PASSWORD});
    // Only this server fits the plan, so nothing is created elsewhere.
    staff.post("/api/admin/tenants", &form("us")).await.expect(503);
    staff.post("/api/admin/tenants", &form("starter")).await.expect(201);
    assert_eq!(server(&staff, "acme").await, "main");
    change(&staff, "acme", json!({"plan": "us"})).await;
    let refused = staff.post("/api/admin/tenants/acme/move", &json!({"fit": true})).await.expect(503);
    assert_eq!(refused.code(), "server_unreachable");
    assert_eq!(shown(&staff, "acme").await["misplaced"][0]["fits"], "pg");
}

#[tokio::test]
async fn schemas_on_postgresql_move_to_the_server_of_the_plan() {
    for url in servers() {
        let (home, other) = (Home::new(&url).await, Home::new(&url).await);
        let dir = tempfile::tempdir().unwrap();
        let pg = |name: &str, home: &Home, labels: &str| {
            let (file, prefix) = (dir.path().join(name), home.prefix());
            std::fs::write(&file, home.url()).unwrap();
            let file = file.display();
            format!(
                "[servers.{name}]\nengine = \"postgres\"\nurl_file = \"{file}\"\nprefix = \"{prefix}\"\n\
                 labels = {{ {labels} }}\n"
            )
        };
        let text = format!(
            "[servers.main]\npath = \"databases\"\n{}{}[stores.control]\n[stores.shared]\n\
             [stores.tenant]\nservers = [\"us\", \"eu\"]\nisolation = \"schema\"\n[registration]\nplacement = \"first\"\n\
             [plans.starter]\n[plans.europe]\nservers = {{ region = \"eu\" }}\n",
            pg("us", &home, "region = \"us\""),
            pg("eu", &other, "region = \"eu\"")
        );
        let app = TestApp::configured(&text, Options::default()).await;
        let staff = app.staff().await;
        let acme = company(&app, &staff, "acme", "Quetzal").await;
        create(&staff, "euro", "europe").await;
        assert_eq!(place(&staff, "euro").await, ("eu".into(), "schema".into()));
        let changed = change(&staff, "acme", json!({"plan": "europe", "move": true})).await;
        assert_eq!(over(&app, &changed["operation"]).await, "Done None");
        assert_eq!(place(&staff, "acme").await, ("eu".into(), "schema".into()));
        assert_eq!(count(&acme).await, 3);
    }
}
