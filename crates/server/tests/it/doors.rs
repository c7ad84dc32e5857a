//! Access that was once too wide: copies with an owner of the caller's choice, names of tenants, keys of former
//! members, restricted plans and slugs.

use super::{
    app::{Answer, Client, PASSWORD, TestApp},
    records::patient,
};
use http::Method;
use serde_json::{Value, json};
use tenantry_server::http::{Access, Options, ROUTES};
use tenantry_testkit::tried;

/// Returns staff without superuser rights.
pub(crate) async fn plain_staff(app: &TestApp, superuser: &Client) -> Client {
    let form = json!({"email": "helper@platform.example", "password": PASSWORD});
    let made = superuser.post("/api/admin/users", &form).await.expect(201).json();
    superuser.patch(&format!("/api/admin/users/{}", made["id"]), &json!({"staff": true})).await.expect(200);
    app.login("helper@platform.example").await
}

pub(crate) async fn id_of(client: &Client) -> Value {
    client.get("/api/me").await.expect(200).json()["user"]["id"].clone()
}

/// Returns the rows of the audit log with that action, newest first.
pub(crate) async fn logged(superuser: &Client, action: &str) -> Vec<Value> {
    let log = superuser.get("/api/admin/audit?limit=1000").await.expect(200).json();
    let rows = log["items"].as_array().unwrap().iter().filter(|row| row["action"] == action);
    rows.cloned()
        .map(|mut row| {
            row["detail"] = serde_json::from_str(row["detail"].as_str().unwrap()).unwrap();
            row
        })
        .collect()
}

async fn import(staff: &Client, query: &str, archive: &[u8]) -> Answer {
    let path = format!("/api/admin/import?wait=60&email=c@copy.example&{query}");
    staff.send(Method::POST, &path, Some("application/zip"), archive.to_vec()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_give_the_rows_of_a_tenant_to_no_user_of_their_choice() {
    let (app, _, acme) = TestApp::new().await;
    let superuser = app.staff().await;
    let helper = plain_staff(&app, &superuser).await;
    acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
    let archive = acme.get("/api/tenant/export").await.expect(200).body;
    let clone = "/api/admin/tenants/acme/clone?wait=60";
    let mine =
        |slug: &str| json!({"slug": slug, "owner": "helper@platform.example", "reason": "to look around"});
    assert_eq!(helper.post(clone, &mine("peek-co")).await.expect(403).code(), "denied");
    let peek = "slug=peek-co&owner=helper@platform.example&reason=to+look+around";
    assert_eq!(import(&helper, peek, &archive).await.expect(403).code(), "denied");
    superuser.get("/api/admin/tenants/peek-co").await.expect(404);
    let attach = json!({"store": "tenant", "physical": "brought"});
    helper.post("/api/admin/tenants/acme/attach", &attach).await.expect(403);
    // An owner of the original may own the copy; a copy without an owner has no members.
    helper.post(clone, &json!({"slug": "twin", "owner": "owner@acme.example"})).await.expect(200);
    helper.post(clone, &json!({"slug": "bare"})).await.expect(200);
    import(&helper, "slug=bare-too", &archive).await.expect(200);
    for slug in ["bare", "bare-too"] {
        assert_eq!(superuser.get(&format!("/api/admin/tenants/{slug}")).await.json()["users"], 0, "{slug}");
    }
    // A superuser must give a reason, and the log names the owner.
    let mut wish = mine("audit-co");
    wish["reason"] = Value::Null;
    superuser.post(clone, &wish).await.expect(422);
    superuser.post(clone, &mine("audit-co")).await.expect(200);
    import(&superuser, "slug=import-co&owner=helper@platform.example", &archive).await.expect(422);
    import(&superuser, &peek.replace("peek", "import"), &archive).await.expect(200);
    let owner = id_of(&helper).await;
    for action in ["tenant.clone", "tenant.import"] {
        let row = logged(&superuser, action).await[0].clone();
        assert_eq!(
            (&row["detail"]["owner"], &row["detail"]["reason"]),
            (&owner, &json!("to look around")),
            "{row}"
        );
        let added = logged(&superuser, "member.add").await;
        let added = added.iter().find(|added| added["tenant"] == row["tenant"]).unwrap();
        assert_eq!(added["detail"], json!({"user": owner, "role": "owner"}));
    }
    // Three denied, and two without a reason.
    assert_eq!(logged(&superuser, "access.denied").await.len(), 5);
}

#[tokio::test]
async fn a_tenant_of_others_answers_like_one_that_is_not_there_on_every_route() {
    let (app, _, acme) = TestApp::new().await;
    let rival = app.register("rival").await;
    let cookie = app.anon().with("cookie", &format!("tenantry_session={}", rival.token()));
    let key = rival.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201).json();
    let key = app.anon().with("x-api-key", key["key"].as_str().unwrap());
    let staff = app.staff().await;
    // None of these callers is a member of acme.
    let mut shots = 0;
    for client in [&rival, &cookie, &key, &staff] {
        for route in ROUTES.iter().filter(|route| route.access != Access::Public) {
            let path =
                route.path.replace("{slug}", "rival").replace("{id}", "1").replace("{model}", "patients");
            let path = path.replace("{field}", "document");
            let ask = async |name: &str, value: String| {
                let answer = client.with(Box::leak(name.to_owned().into_boxed_str()), &value);
                let answer = answer.send(route.method.clone(), &path, Some("application/json"), "{}").await;
                let mut body = answer.json();
                body["request_id"] = Value::Null;
                (answer.status.as_u16(), body)
            };
            for (name, there, not) in
                [("x-tenant", "acme", "no-such"), ("host", "acme.localhost", "no-such.localhost")]
            {
                let (there, not) = (ask(name, there.into()).await, ask(name, not.into()).await);
                assert_eq!(there, not, "{} {} by {name}", route.method, route.path);
                assert_eq!(there.0, 404, "{} {} by {name}: {}", route.method, route.path, there.1);
                shots += 2;
            }
        }
    }
    // Requests of strangers do not count as the tenant's requests.
    acme.get("/api/me").await.expect(200);
    let numbers = staff.get("/metrics").await.expect(200).text();
    let acmes = numbers.lines().find(|line| line.contains("tenant_requests_total{tenant=\"acme\"}"));
    assert_eq!(acmes, Some("tenantry_tenant_requests_total{tenant=\"acme\"} 1"), "{numbers}");
    tried("names of others' tenants", shots, "requests, all like names of none");
}

#[tokio::test]
async fn a_key_ends_with_the_rights_of_its_maker() {
    let (app, _, owner) = TestApp::new().await;
    let staff = app.staff().await;
    let other = app.member(&owner, "other@acme.example", "owner").await;
    let id = id_of(&other).await;
    let make = async |role: &str| {
        let made =
            other.post("/api/tenant/keys", &json!({"name": role, "role": role})).await.expect(201).json();
        assert_eq!(made["made_by"], json!({"id": id, "email": "other@acme.example", "role": "owner"}));
        app.anon().with("x-api-key", made["key"].as_str().unwrap())
    };
    let (strong, weak) = (make("owner").await, make("viewer").await);
    let body = patient("Ash");
    strong.post("/api/records/patients", &body).await.expect(201);
    weak.post("/api/records/patients", &body).await.expect(403);
    // The creator is demoted: the key has the creator's rights and no more.
    let member = format!("/api/tenant/users/{id}");
    owner.patch(&member, &json!({"role": "viewer"})).await.expect(200);
    strong.get("/api/records/patients").await.expect(200);
    strong.post("/api/records/patients", &body).await.expect(403);
    weak.get("/api/records/patients").await.expect(200);
    owner.patch(&member, &json!({"role": "owner"})).await.expect(200);
    strong.post("/api/records/patients", &body).await.expect(201);
    weak.post("/api/records/patients", &body).await.expect(403);
    // The creator is deactivated, then removed: the keys open nothing, and the list reports that.
    let closed = async || {
        let listed = owner.get("/api/tenant/keys").await.expect(200).json();
        for key in listed["items"].as_array().unwrap() {
            assert_eq!(key["made_by"], json!({"id": id, "email": "other@acme.example", "role": null}));
        }
    };
    let account = format!("/api/admin/users/{id}");
    staff.patch(&account, &json!({"active": false})).await.expect(200);
    strong.get("/api/records/patients").await.expect(401);
    closed().await;
    staff.patch(&account, &json!({"active": true})).await.expect(200);
    strong.get("/api/records/patients").await.expect(200);
    owner.delete(&member).await.expect(204);
    for key in [&strong, &weak] {
        key.get("/api/records/patients").await.expect(401);
    }
    assert_eq!(owner.get("/api/tenant/keys").await.expect(200).json()["items"], json!([]));
}

#[tokio::test]
async fn sql_over_the_api_is_in_the_log_and_does_not_flood_it() {
    let (app, _, owner) = TestApp::new().await;
    let staff = app.staff().await;
    owner.post("/api/tenant/sql", &json!({"sql": "SELECT count(*) FROM patients"})).await.expect(200);
    let row = logged(&staff, "tenant.sql").await[0].clone();
    assert_eq!(row["actor"], owner.get("/api/me").await.json()["actor"]);
    assert_eq!(
        row["detail"],
        json!({"store": "tenant", "statement": "SELECT count(*) FROM patients", "bytes": 29})
    );
    // Refused statements are logged too, and long ones are truncated.
    let long = format!("SELECT '{}'", "x".repeat(50_000));
    owner.post("/api/tenant/sql", &json!({"sql": long})).await;
    owner.post("/api/tenant/sql", &json!({"sql": "DELETE FROM patients"})).await.expect(403);
    let rows = logged(&staff, "tenant.sql").await;
    assert_eq!(rows[0]["detail"]["statement"], "DELETE FROM patients");
    assert_eq!(rows[1]["detail"]["bytes"], long.len());
    assert_eq!(rows[1]["detail"]["statement"].as_str().unwrap().len(), 2_000);
}

#[tokio::test]
async fn names_of_hosts_and_plans_of_staff_are_not_for_registrations() {
    let app =
        TestApp::configured("[registration]\nreserved_slugs = [\"acme-bank\"]\n", Options::default()).await;
    let anon = app.anon();
    let register = async |slug: &str, plan: &str| {
        let form = json!({"company": slug, "slug": slug, "email": format!("o@{slug}.example"), "password": PASSWORD, "plan": plan});
        anon.post("/api/register", &form).await
    };
    for slug in [
        "login",
        "sign-in",
        "login-acme",
        "www2",
        "auth",
        "sso",
        "support",
        "status",
        "mail",
        "smtp",
        "ns1",
        "autodiscover",
        "wpad",
        "mta-sts",
        "staging",
        "staff",
        "billing",
        "acme-bank",
    ] {
        let answer = register(slug, "starter").await.expect(422);
        assert_eq!(answer.json()["errors"][0]["field"], "slug", "{slug}");
    }
    let hidden = register("city-clinic", "hospital").await.expect(422).json();
    let unknown = register("city-clinic", "hospitol").await.expect(422).json();
    let text = |answer: &Value| answer["errors"].to_string().replace("hospitol", "hospital");
    assert_eq!(text(&hidden), text(&unknown));
    assert!(register("city-clinic", "clinic").await.status.is_success());
    let offered = anon.get("/api/plans").await.expect(200).json();
    let open = |code: &str| {
        offered["items"].as_array().unwrap().iter().find(|plan| plan["code"] == code).unwrap()["self_service"]
            .clone()
    };
    assert_eq!((open("starter"), open("hospital")), (json!(true), json!(false)));
    // Staff may do both.
    let staff = app.staff().await;
    let form = json!({"slug": "support", "company": "Us", "email": "a@b.example", "plan": "hospital"});
    staff.post("/api/admin/tenants", &form).await.expect(201);
    staff.post("/api/admin/tenants/city-clinic/plan", &json!({"plan": "hospital"})).await.expect(200);
}

#[tokio::test]
async fn no_external_id_is_the_name_of_another_tenant() {
    let (app, anon, _) = TestApp::new().await;
    app.register("rival").await;
    let staff = app.staff().await;
    let settings = "/api/admin/tenants/rival/settings";
    staff.patch(settings, &json!({"external_id": "acme"})).await.expect(409);
    staff.patch(settings, &json!({"external_id": "rival"})).await.expect(200);
    staff.patch(settings, &json!({"external_id": "later"})).await.expect(200);
    staff.post("/api/admin/tenants/acme/rename", &json!({"slug": "acme-two"})).await.expect(200);
    staff.patch(settings, &json!({"external_id": "acme"})).await.expect(409);
    staff.post("/api/admin/tenants/acme-two/rename", &json!({"slug": "later"})).await.expect(409);
    let form = json!({"company": "L", "slug": "later", "email": "o@later.example", "password": PASSWORD});
    assert!(anon.post("/api/register", &form).await.status.is_client_error());
}

#[tokio::test]
async fn the_last_holder_of_the_first_role_stays_whatever_it_is_called() {
    let config = "[auth]\nroles = [\"director\", \"owner\", \"admin\", \"member\", \"viewer\"]\n";
    let app = TestApp::configured(config, Options::default()).await;
    let director = app.register("acme").await;
    let me = format!("/api/tenant/users/{}", id_of(&director).await);
    director.patch(&me, &json!({"role": "member"})).await.expect(409);
    director.delete(&me).await.expect(409);
    let other = app.member(&director, "other@acme.example", "director").await;
    // A deactivated owner manages nothing.
    let staff = app.staff().await;
    let account = format!("/api/admin/users/{}", id_of(&other).await);
    staff.patch(&account, &json!({"active": false})).await.expect(200);
    director.patch(&me, &json!({"role": "member"})).await.expect(409);
    staff.patch(&account, &json!({"active": true})).await.expect(200);
    director.patch(&me, &json!({"role": "member"})).await.expect(200);
}

#[tokio::test]
async fn denied_acts_of_administration_are_in_the_log_and_do_not_flood_it() {
    let (app, anon, owner) = TestApp::new().await;
    let staff = app.staff().await;
    let viewer = app.member(&owner, "v@acme.example", "viewer").await;
    viewer.get("/api/admin/tenants").await.expect(404);
    viewer.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(403);
    // The first request is no administrative action, and the second has no identity.
    viewer.post("/api/records/patients", &patient("Ash")).await.expect(403);
    anon.get("/api/admin/tenants").await.expect(401);
    let rows = logged(&staff, "access.denied").await;
    let acts: Vec<_> = rows.iter().map(|row| row["detail"]["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["POST /api/tenant/keys", "GET /api/admin/tenants"]);
    assert!(rows.iter().all(|row| row["actor"] == rows[0]["actor"] && !row["tenant"].is_null()), "{rows:?}");
    for _ in 0..60 {
        viewer.get("/api/admin/users").await.expect(404);
    }
    let rows = logged(&staff, "access.denied").await.len();
    assert!((10..=11).contains(&rows), "{rows} rows of one caller");
    app.platform().access().flush().await.unwrap();
    let more: i64 = logged(&staff, "access.denied_more")
        .await
        .iter()
        .map(|row| row["detail"]["number"].as_i64().unwrap())
        .sum();
    assert_eq!(rows as i64 + more, 62, "each is in the log, by name or as a number");
    // An impersonator has a separate budget.
    let who = json!({"tenant": "acme", "user": id_of(&viewer).await, "reason": "ticket 4711", "minutes": 5});
    let token = staff.post("/api/admin/impersonate", &who).await.expect(201).json();
    let inside = app.anon().with_token(token["token"].as_str().unwrap());
    inside.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(403);
    assert!(!logged(&staff, "access.denied").await[0]["impersonator"].is_null());
}

#[tokio::test]
async fn what_is_refused_is_in_the_log() {
    let (app, anon, acme) = TestApp::new().await;
    let rival = app.register("rival").await;
    let staff = app.staff().await;
    let (foreign, none) = (id_of(&rival).await, json!({}));
    let wrong = json!({"token": "tnl_0000000000000000000000000000000000000000000", "password": PASSWORD});
    let wish = json!({"tenant": "acme", "minutes": 5});
    let named = acme.with("x-tenant", "rival");
    let steps: Vec<(&Client, &str, String, Value)> = vec![
        (&acme, "GET", "/t/rival/api/tenant".into(), none.clone()),
        (&named, "GET", "/api/tenant".into(), none.clone()),
        (&acme, "POST", "/api/auth/switch".into(), json!({"tenant": "rival"})),
        (&acme, "DELETE", format!("/api/tenant/users/{foreign}"), none.clone()),
        (&acme, "DELETE", "/api/auth/sessions/999999".into(), none.clone()),
        (&acme, "POST", "/api/tenant/sql".into(), json!({"sql": "SELECT 1", "store": "elsewhere"})),
        (&anon, "POST", "/api/invitations/accept".into(), wrong.clone()),
        (&anon, "POST", "/api/auth/password/reset".into(), wrong),
        (&staff, "POST", "/api/admin/impersonate".into(), wish),
        (
            &staff,
            "POST",
            "/api/admin/tenants/acme/clone".into(),
            json!({"slug": "ab-co", "owner": "x@x.example"}),
        ),
        (&staff, "POST", "/api/admin/tenants/acme/purge".into(), json!({"confirm": "rival"})),
        (&staff, "POST", "/api/admin/import?slug=peek-co".into(), none.clone()),
    ];
    let mut before = logged(&staff, "access.denied").await.len();
    for (client, method, path, body) in &steps {
        let answer =
            client.send(method.parse().unwrap(), path, Some("application/json"), body.to_string()).await;
        assert!(answer.status.is_client_error(), "{method} {path}: {}", answer.text());
        let rows = logged(&staff, "access.denied").await;
        assert_eq!(rows.len(), before + 1, "{method} {path} {}: {}", answer.status, answer.text());
        before = rows.len();
    }
    let sent = anon.with("cookie", "tenantry_session=x").with("sec-fetch-site", "cross-site");
    sent.post("/api/auth/logout", &none).await.expect(403);
    let rows = logged(&staff, "access.denied").await;
    assert_eq!(rows[0]["detail"]["act"], "a request from another site");
}

#[tokio::test]
async fn an_export_of_records_is_in_the_log_and_no_impersonator_gets_one() {
    let (app, _, acme) = TestApp::new().await;
    let staff = app.staff().await;
    for name in ["Ash", "Birch"] {
        acme.post("/api/records/patients", &patient(name)).await.expect(201);
    }
    let path = "/api/records/patients/export";
    assert_eq!(acme.get(path).await.expect(200).text().lines().count(), 3);
    let row = logged(&staff, "records.export").await[0].clone();
    assert_eq!(row["detail"], json!({"model": "patients", "rows": 2, "complete": true}));
    assert_eq!((&row["actor"], row["tenant"].is_null()), (&acme.get("/api/me").await.json()["actor"], false));
    let who = json!({"tenant": "acme", "reason": "ticket 4711", "minutes": 5});
    let token = staff.post("/api/admin/impersonate", &who).await.expect(201).json();
    let inside = app.anon().with_token(token["token"].as_str().unwrap());
    inside.get("/api/records/patients").await.expect(200);
    for path in [path, "/api/tenant/export"] {
        inside.get(path).await.expect(403);
    }
    assert_eq!(logged(&staff, "records.export").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_tenant_changes_nobodys_sign_in() {
    let (app, _, acme) = TestApp::new().await;
    let staff = app.staff().await;
    let backup = staff.post("/api/admin/tenants/acme/backups?wait=60", &json!({})).await.expect(200).json();
    let path =
        format!("/api/admin/backups/{}/restore-as?wait=60", backup["result"]["backup"].as_str().unwrap());
    let new = json!({"slug": "acme-then", "members": true, "reason": "they compare old rows"});
    staff.post(&path, &new).await.expect(200);
    let again = app.login("owner@acme.example").await;
    let me = again.get("/api/me").await.expect(200).json();
    assert_eq!((me["tenant"].as_str(), me["tenants"].as_array().unwrap().len()), (Some("acme"), 2), "{me}");
    again.get("/api/records/patients").await.expect(200);
    // The next sign-in opens the tenant that was chosen last.
    acme.post("/api/auth/switch", &json!({"tenant": "acme-then"})).await.expect(200);
    let me = app.login("owner@acme.example").await.get("/api/me").await.expect(200).json();
    assert_eq!(me["tenant"], "acme-then");
}
