//! Proofs of isolation over HTTP and as pages: they hold for sound installations, and each kind of violation is found on
//! each database where it is possible.

use super::{
    app::{Client, TestApp},
    records::patient,
    web::Web,
};
use serde_json::{Value, json};
use tenantry::place::Isolation;
use tenantry_server::http::Options;
use tenantry_testkit::postgres::servers;

const ALL: [Isolation; 3] = [Isolation::Database, Isolation::Schema, Isolation::Pooled];

/// Registers two tenants with a row each.
async fn populated(app: &TestApp) -> Client {
    for slug in ["acme", "rival"] {
        app.register(slug).await.post("/api/records/patients", &patient(slug)).await.expect(201);
    }
    app.staff().await
}

/// Proves the isolation and returns the stored result.
async fn prove(staff: &Client, form: &Value) -> Value {
    let over = staff.post("/api/admin/proofs?wait=120", form).await.expect(200).json();
    assert_eq!(over["state"], "done", "{over}");
    let id = over["result"]["proof"].as_i64().unwrap();
    let proof = staff.get(&format!("/api/admin/proofs/{id}")).await.expect(200).json();
    assert_eq!((&proof["digest"], &proof["verified"]), (&over["result"]["digest"], &json!(true)), "{proof}");
    proof
}

/// Returns the rules that a proof found violated.
fn violated(proof: &Value) -> Vec<&str> {
    let rules = proof["rules"].as_array().unwrap().iter();
    rules.filter(|rule| rule["violated"] != 0).map(|rule| rule["rule"].as_str().unwrap()).collect()
}

fn checked(proof: &Value, rule: &str) -> u64 {
    let rules = proof["rules"].as_array().unwrap();
    rules.iter().find(|one| one["rule"] == rule).map_or(0, |one| one["checked"].as_u64().unwrap())
}

fn holds(proof: &Value) {
    assert_eq!((violated(proof), &proof["missed"]), (vec![], &json!(0)), "{proof:#}");
}

/// Returns the name of a tenant's database, schema or pool on the server.
async fn name(app: &TestApp, staff: &Client, slug: &str) -> String {
    let shown = staff.get(&format!("/api/admin/tenants/{slug}")).await.expect(200).json();
    format!("{}{}", app.home().prefix(), shown["placements"][0]["place"]["physical"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_installation_holds_on_postgresql_and_what_lets_a_neighbour_in_is_found() {
    for url in servers() {
        for isolation in ALL {
            let app = TestApp::on_postgres(&url, isolation).await;
            let staff = populated(&app).await;
            let proof = prove(&staff, &json!({})).await;
            holds(&proof);
            assert_eq!((&proof["tenants"], &proof["places"]), (&json!(2), &json!(2)), "{proof}");
            for rule in ["identity", "refusal", "rows", "rights", "roles", "connect", "routing"] {
                assert!(checked(&proof, rule) > 0, "{isolation:?}: {rule} {proof:#}");
            }
            for (rule, of) in [("setting", true), ("row_security", true), ("neighbour", false)] {
                let is_checked = checked(&proof, rule) > 0;
                assert_eq!(is_checked, (isolation == Isolation::Pooled) == of, "{isolation:?}: {rule}");
            }
            let (acme, rival) = (name(&app, &staff, "acme").await, name(&app, &staff, "rival").await);
            match isolation {
                Isolation::Database => own_databases(&app, &staff, &acme, &rival).await,
                Isolation::Schema => schemas(&app, &staff, &acme, &rival).await,
                Isolation::Pooled => pools(&app, &staff, &acme).await,
            }
        }
    }
}

/// Runs a statement, proves that it violates these rules and is mended by the other statement, or by nothing.
async fn provoke(
    (app, staff): (&TestApp, &Client),
    database: &str,
    (harm, mend): (&str, &str),
    rules: &[&str],
) {
    app.home().administer_in(database, harm).await;
    let proof = prove(staff, &json!({})).await;
    assert_eq!(violated(&proof), rules, "{harm}: {proof:#}");
    let finding = &proof["findings"][0];
    assert!(finding["remedy"].as_str().unwrap().len() > 20, "{finding}");
    app.home().administer_in(database, mend).await;
    holds(&prove(staff, &json!({})).await);
}

async fn own_databases(app: &TestApp, staff: &Client, acme: &str, rival: &str) {
    let on = (app, staff);
    let open = format!("GRANT CONNECT ON DATABASE \"{acme}\" TO PUBLIC");
    let close = format!("REVOKE ALL ON DATABASE \"{acme}\" FROM PUBLIC");
    provoke(on, acme, (&open, &close), &["connect", "neighbour"]).await;
    let open = format!("GRANT CONNECT ON DATABASE \"{rival}\" TO \"{acme}.sql\"");
    let close = format!("REVOKE ALL ON DATABASE \"{rival}\" FROM \"{acme}.sql\"");
    provoke(on, rival, (&open, &close), &["rights", "neighbour"]).await;
    let grant = format!("GRANT SELECT ON patients TO \"{acme}.sql\"");
    let revoke = format!("REVOKE ALL ON patients FROM \"{acme}.sql\"");
    provoke(on, rival, (&grant, &revoke), &["rights"]).await;
    let other = "UPDATE _tenantry_place SET tenant = 999";
    let back = "UPDATE _tenantry_place SET tenant = 1";
    provoke(on, acme, (other, back), &["identity"]).await;
    let plant = "INSERT INTO _tenantry_activity(tenant, at, actor, action, model, record) \
        VALUES (2, now(), 'x', 'x', 'x', 'x')";
    provoke(on, acme, (plant, "DELETE FROM _tenantry_activity WHERE tenant = 2"), &["rows"]).await;
}

async fn schemas(app: &TestApp, staff: &Client, acme: &str, rival: &str) {
    let (on, home) = ((app, staff), app.home().name());
    let grant = format!(
        "GRANT USAGE ON SCHEMA \"{rival}\" TO \"{acme}\"; GRANT SELECT ON \"{rival}\"._tenantry_place TO \"{acme}\""
    );
    let revoke = format!(
        "REVOKE ALL ON SCHEMA \"{rival}\" FROM \"{acme}\"; REVOKE ALL ON \"{rival}\"._tenantry_place FROM \"{acme}\""
    );
    provoke(on, &home, (&grant, &revoke), &["rights", "neighbour"]).await;
    let member = format!("GRANT \"{rival}\" TO \"{acme}\"");
    let out = format!("REVOKE \"{rival}\" FROM \"{acme}\"");
    provoke(on, &home, (&member, &out), &["roles", "neighbour"]).await;
    let special = format!("ALTER ROLE \"{acme}\" CREATEROLE");
    provoke(on, &home, (&special, &format!("ALTER ROLE \"{acme}\" NOCREATEROLE")), &["roles"]).await;
    let open = format!("GRANT CONNECT ON DATABASE \"{home}\" TO PUBLIC");
    provoke(on, &home, (&open, &format!("REVOKE ALL ON DATABASE \"{home}\" FROM PUBLIC")), &["connect"])
        .await;
}

async fn pools(app: &TestApp, staff: &Client, pool: &str) {
    let (on, home) = ((app, staff), app.home().name());
    let table = format!("\"{pool}\".patients");
    let off = format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY");
    let force = format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
    provoke(on, &home, (&off, &force), &["row_security", "setting"]).await;
    let lax = format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY");
    provoke(on, &home, (&lax, &force), &["row_security"]).await;
    let policy = format!("CREATE POLICY all_of_it ON {table} USING (true)");
    provoke(on, &home, (&policy, &format!("DROP POLICY all_of_it ON {table}")), &["row_security", "setting"])
        .await;
    let plant = format!("INSERT INTO \"{pool}\"._tenantry_seq VALUES (999, 'patients', 1)");
    provoke(
        on,
        &home,
        (&plant, &format!("DELETE FROM \"{pool}\"._tenantry_seq WHERE tenant = 999")),
        &["rows"],
    )
    .await;
    let bypass = format!("ALTER ROLE \"{pool}\" BYPASSRLS");
    provoke(on, &home, (&bypass, &format!("ALTER ROLE \"{pool}\" NOBYPASSRLS")), &["setting", "roles"]).await;
    let stranger = format!(
        "INSERT INTO \"{pool}\"._tenantry_place(tenant, store, generation) VALUES (999, 'tenant', 1)"
    );
    let gone = format!("DELETE FROM \"{pool}\"._tenantry_place WHERE tenant = 999");
    provoke(on, &home, (&stranger, &gone), &["resident"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swapped_file_and_a_file_with_two_names_are_found() {
    let app = TestApp::with(Options::default()).await;
    let staff = populated(&app).await;
    holds(&prove(&staff, &json!({"tenant": "acme"})).await);
    let root = app.platform().config().servers[0].path().unwrap().to_owned();
    let file = async |slug: &str| {
        let shown = staff.get(&format!("/api/admin/tenants/{slug}")).await.expect(200).json();
        root.join(format!("{}.db", shown["placements"][0]["place"]["physical"].as_str().unwrap()))
    };
    let (acme, rival) = (file("acme").await, file("rival").await);
    let link = root.join("elsewhere.db");
    std::fs::hard_link(&acme, &link).unwrap();
    let proof = prove(&staff, &json!({})).await;
    assert_eq!(
        (violated(&proof), &proof["findings"][0]["tenant"]),
        (vec!["identity"], &json!("acme")),
        "{proof}"
    );
    std::fs::remove_file(&link).unwrap();
    std::fs::copy(&rival, &link).unwrap();
    std::fs::rename(&link, &acme).unwrap();
    let proof = prove(&staff, &json!({"tenant": "acme"})).await;
    assert_eq!(violated(&proof), ["identity"], "{proof:#}");
    // The list of what needs an operator leads to the result, and the log has it.
    let overview = staff.get("/api/admin/overview").await.expect(200).json();
    let need =
        overview["attention"].as_array().unwrap().iter().find(|one| one["problem"] == "isolation_broken");
    let need = need.unwrap_or_else(|| panic!("{overview:#}"));
    assert_eq!((&need["proof"], &need["tenant"]), (&proof["id"], &json!("acme")), "{need}");
    let log = staff.get("/api/admin/audit?action=proof.record&limit=1").await.expect(200).json();
    let detail: Value = serde_json::from_str(log["items"][0]["detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail["digest"], proof["digest"], "{log}");
    let mut web = Web::signed_in(&app, "staff@platform.example").await;
    let page = web.get(&format!("/master-admin/proof/{}/", proof["id"])).await.expect(200).text();
    for text in ["acme", "Violated", "tenantry restore", "The audit log has this digest"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    app.catalog("UPDATE proofs SET report = replace(report, 'identity', 'refusal')").await;
    let forged = staff.get(&format!("/api/admin/proofs/{}", proof["id"])).await.expect(200).json();
    assert_eq!(forged["verified"], false);
}

/// A server that has not noticed that a member was removed lets the member's session in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_reaches_another_company_is_found() {
    let app = TestApp::with(Options::default()).await;
    let (acme, rival) = (app.register("acme").await, app.register("rival").await);
    let staff = app.staff().await;
    let proof = prove(&staff, &json!({})).await;
    holds(&proof);
    // Two tenants, a bound session and one without a tenant, four ways.
    assert_eq!(checked(&proof, "session"), 16, "{proof:#}");
    app.joins(&acme, &rival, "owner@rival.example", "viewer").await;
    // The only member of the company belongs to both, so there is no member to try.
    let proof = prove(&staff, &json!({"tenant": "rival"})).await;
    assert_eq!((violated(&proof), checked(&proof, "session")), (vec![], 0), "{proof:#}");
    rival.get("/api/me").await.expect(200);
    let mut write = app.control().begin().await.unwrap();
    let silently = "DELETE FROM memberships WHERE tenant = 1 AND user_id = \
        (SELECT id FROM users WHERE email = 'owner@rival.example')";
    write.execute(silently, &[]).await.unwrap();
    write.commit_unaudited().await.unwrap();
    let proof = prove(&staff, &json!({"tenant": "rival"})).await;
    assert_eq!(violated(&proof), ["session"], "{proof:#}");
    let finding = &proof["findings"][0];
    assert_eq!((&finding["tenant"], &finding["place"]), (&json!("rival"), &json!("acme")), "{finding}");
    let detail = finding["detail"].as_str().unwrap();
    assert!(detail.ends_with("reaches tenant acme: by host, by path, by X-Tenant, by a switch"), "{detail}");
    assert!(finding["remedy"].as_str().unwrap().contains("restart the servers"), "{finding}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_nobody_in_a_pool_of_files_and_placements_that_are_shared_are_found() {
    let text = "[stores.control]\n[stores.shared]\n[stores.tenant]\nisolation = \"pooled\"\n";
    let app = TestApp::configured(text, Options::default()).await;
    let staff = populated(&app).await;
    let proof = prove(&staff, &json!({})).await;
    holds(&proof);
    assert_eq!((&proof["pools"], checked(&proof, "resident")), (&json!(1), 2), "{proof}");
    let root = app.platform().config().servers[0].path().unwrap().to_owned();
    let pool = rusqlite::Connection::open(root.join("tenant_pool.db")).unwrap();
    pool.execute_batch("INSERT INTO _tenantry_seq(tenant, model, last) VALUES (999, 'patients', 1)").unwrap();
    let proof = prove(&staff, &json!({"tenant": "rival"})).await;
    assert_eq!(violated(&proof), ["rows"], "{proof:#}");
    pool.execute_batch("DELETE FROM _tenantry_seq WHERE tenant = 999").unwrap();
    holds(&prove(&staff, &json!({})).await);
    let gone = "UPDATE placements SET state = 'gone' WHERE tenant = 1 AND store = 'tenant'";
    app.catalog(gone).await;
    let proof = prove(&staff, &json!({})).await;
    assert_eq!(violated(&proof), ["resident"], "{proof:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_routes_shared_placements_and_silent_servers_are_told_apart() {
    let text = "[servers.main]\npath = \"databases\"\n[servers.pg]\nengine = \"postgres\"\n\
        url = \"postgresql://me@%2Fnowhere%2Fat-all/home\"\n[stores.control]\n[stores.shared]\n\
        [registration]\nplacement = \"first\"\n[stores.tenant]\nservers = [\"main\", \"pg\"]\n";
    let app = TestApp::configured(text, Options::default()).await;
    let staff = populated(&app).await;
    holds(&prove(&staff, &json!({})).await);
    // A change of the catalog that nothing announces: this server still routes to the former place.
    let mut write = app.control().begin().await.unwrap();
    let silently = "UPDATE placements SET generation = generation + 1 WHERE tenant = 1";
    write.execute(silently, &[]).await.unwrap();
    write.commit_unaudited().await.unwrap();
    let proof = prove(&staff, &json!({})).await;
    assert_eq!(violated(&proof), ["routing", "identity"], "{proof:#}");
    app.catalog("UPDATE placements SET generation = generation - 1 WHERE tenant = 1").await;
    holds(&prove(&staff, &json!({})).await);
    let same = "UPDATE placements SET physical = (SELECT physical FROM placements AS o WHERE o.tenant = 1 \
        AND o.store = placements.store) WHERE tenant = 2 AND store = 'tenant'";
    app.catalog(same).await;
    let proof = prove(&staff, &json!({})).await;
    assert_eq!(violated(&proof), ["placement", "identity"], "{proof:#}");
    app.catalog("UPDATE placements SET server = 'pg' WHERE tenant = 2").await;
    let proof = prove(&staff, &json!({})).await;
    assert_eq!((violated(&proof), &proof["unchecked"][0]["tenant"]), (vec![], &json!("rival")), "{proof:#}");
    let mut web = Web::signed_in(&app, "staff@platform.example").await;
    let list = web.get("/master-admin/proof/").await.expect(200).text();
    assert!(list.contains("Holds where it was checked"), "{list}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_is_started_by_a_form_one_at_a_time_and_within_its_limits() {
    let app = TestApp::with(Options::default()).await;
    let staff = populated(&app).await;
    for wrong in [json!({"parallel": 0}), json!({"parallel": 17}), json!({"per_second": 1001})] {
        staff.post("/api/admin/proofs", &wrong).await.expect(422);
    }
    staff.post("/api/admin/proofs", &json!({"tenant": "nobody"})).await.expect(404);
    staff.get("/api/admin/proofs/7").await.expect(404);
    app.login("owner@acme.example").await.post("/api/admin/proofs", &json!({})).await.expect(404);
    app.platform().operations().faults().arm("proof_run:check:before:wait-1500");
    let mut web = Web::signed_in(&app, "staff@platform.example").await;
    let form = web.get("/master-admin/proof/run/?company=acme").await.expect(200);
    let wrong = web.submit(&form, "", &[("parallel", "90")]).await.expect(422).text();
    assert!(wrong.contains("from 1 to 16"), "{wrong}");
    let begun = web.submit(&form, "", &[]).await.expect(303);
    let second = staff.post("/api/admin/proofs", &json!({})).await.expect(409);
    assert!(second.text().contains("wait for its end"), "{}", second.text());
    let id = begun.location().trim_end_matches('/').rsplit('/').next().unwrap().parse().unwrap();
    let over = app.platform().operations().wait(id).await.unwrap();
    assert_eq!(over.what, "prove the isolation of acme");
    let listed = staff.get("/api/admin/proofs?tenant=acme").await.expect(200).json();
    assert_eq!((&listed["items"][0]["tenant"], &listed["items"][0]["findings"]), (&json!("acme"), &json!(0)));
    let others = staff.get("/api/admin/proofs?tenant=rival").await.expect(200).json();
    assert_eq!(others["items"], json!([]));
}
