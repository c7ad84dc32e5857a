//! Roles per model: every role × every verb × every model, as the models' files say; and the actions of owners only.

use super::app::{Client, TestApp};
use http::Method;
use serde_json::{Value, json};
use tenantry_server::http::Options;
use tenantry_testkit::tried;

const ROLES: [&str; 4] = ["owner", "admin", "member", "viewer"];

/// Models, and the roles that may create, change and delete; every role may read. Copied by hand from
/// `apps/medadmin/models`. If a model has no permissions, a viewer may change nothing.
const TENANTS: &[(&str, [&[&str]; 3])] = &[
    ("patients", [ALL, ALL, &["owner", "admin"]]),
    ("doctors", [HEADS, HEADS, HEADS]),
    ("hospitals", [HEADS, HEADS, HEADS]),
    ("payments", [ALL, HEADS, &["owner"]]),
    ("reports", [ALL, ALL, ALL]),
];
const ALL: &[&str] = &["owner", "admin", "member"];
const HEADS: &[&str] = &["owner", "admin"];

fn body(model: &str, n: usize) -> Value {
    match model {
        "patients" => super::records::patient("Ash"),
        "doctors" => json!({"first_name": "A", "last_name": "B", "licence_number": format!("{n}"),
            "specialisation": 1, "region": 1, "city": 1}),
        "hospitals" => json!({"name": format!("H{n}"), "city": 1}),
        "payments" => json!({"reference": format!("{n}"), "patient": 1, "amount": "1.00", "method": "cash"}),
        "reports" => {
            json!({"title": "Q", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"})
        }
        "regions" => json!({"name": format!("R{n}"), "code": format!("{n}")}),
        other => panic!("{other}"),
    }
}

fn change(model: &str) -> Value {
    match model {
        "payments" => json!({"status": "paid"}),
        "reports" => json!({"summary": "s"}),
        "regions" => json!({"code": "ZZ"}),
        "patients" => json!({"notes": "n"}),
        _ => json!({"phone": "1"}),
    }
}

/// Tries create, change and delete with this role, each on a new record of the owner.
async fn verbs(owner: &Client, who: &Client, model: &str, n: usize) -> [u16; 3] {
    let path = format!("/api/records/{model}");
    let there = owner.post(&path, &body(model, n)).await.expect(201).json();
    let one = format!("{path}/{}", there["id"]);
    who.get(&one).await.expect(200);
    let created = who.post(&path, &body(model, n + 1)).await.status.as_u16();
    let changed = who.patch(&one, &change(model)).await.status.as_u16();
    [created, changed, who.delete(&one).await.status.as_u16()]
}

#[tokio::test]
async fn every_role_may_what_the_model_says_with_every_verb() {
    let plan = "[plans.free]\nlabel = \"Free\"\n[registration]\ndefault_plan = \"free\"\n";
    let app = TestApp::configured(plan, Options::default()).await;
    let staff = app.staff().await;
    staff.post("/api/records/regions", &body("regions", 0)).await.expect(201);
    staff.post("/api/records/cities", &json!({"name": "Ahlen", "region": 1})).await.expect(201);
    staff.post("/api/records/specialisations", &json!({"name": "Heart", "code": "H"})).await.expect(201);
    let owner = app.register("acme").await;
    owner.post("/api/records/patients", &body("patients", 0)).await.expect(201);
    let (mut n, mut asked) = (0, 0);
    for role in ROLES {
        let person = app.member(&owner, &format!("{role}@people.example"), role).await;
        let key =
            owner.post("/api/tenant/keys", &json!({"name": "k", "role": role})).await.expect(201).json();
        let key = app.anon().with("x-api-key", key["key"].as_str().unwrap());
        for who in [&person, &key] {
            for (model, may) in TENANTS {
                n += 2;
                let wanted = [201, 200, 204].iter().zip(may);
                let wanted: Vec<_> =
                    wanted.map(|(ok, may)| if may.contains(&role) { *ok } else { 403 }).collect();
                assert_eq!(verbs(&owner, who, model, n).await.to_vec(), wanted, "{role} at {model}");
                asked += 3;
            }
            // All members read shared data and only staff change it.
            who.get("/api/records/regions/1").await.expect(200);
            who.post("/api/records/regions", &body("regions", 9)).await.expect(403);
            who.patch("/api/records/regions/1", &change("regions")).await.expect(403);
            who.delete("/api/records/regions/1").await.expect(403);
            who.post("/api/records/regions/batch", &json!([body("regions", 9)])).await.expect(403);
            let csv =
                who.send(Method::POST, "/api/records/regions/import", Some("text/csv"), "name,code\nA,B\n");
            csv.await.expect(403);
            asked += 5;
        }
        only_owners(&person, role == "owner").await;
    }
    tried("roles × verbs × models", asked, "requests");
}

/// Tries members, keys, SQL, the activity log, and cancelling the tenant.
async fn only_owners(who: &Client, owner: bool) {
    let sql = json!({"sql": "SELECT 1"});
    let wanted = if owner { 200 } else { 403 };
    for path in ["/api/tenant/keys", "/api/tenant/activity", "/api/tenant/operations", "/api/tenant/backups"]
    {
        who.get(path).await.expect(wanted);
    }
    who.post("/api/tenant/sql", &sql).await.expect(wanted);
    if !owner {
        who.post("/api/tenant/invitations", &json!({"email": "x@x.example", "role": "owner"}))
            .await
            .expect(403);
        who.post("/api/tenant/keys", &json!({"name": "k", "role": "viewer"})).await.expect(403);
        who.patch("/api/tenant/users/1", &json!({"role": "owner"})).await.expect(403);
        who.post("/api/tenant/cancel", &json!({"confirm": "acme"})).await.expect(403);
        who.get("/api/tenant/export").await.expect(403);
        who.post("/api/tenant/backups", &json!({})).await.expect(403);
    }
}

/// A role that may not read a model learns nothing about its records in any way.
#[tokio::test]
async fn a_model_that_a_role_may_not_read_is_closed_to_it() {
    let text = "label = \"Notes\"\nstore = \"tenant\"\n[fields.title]\ntype = \"text\"\nsearch = true\n\
        [fields.paper]\ntype = \"file\"\n[permissions]\nread = [\"owner\"]\n";
    let app = TestApp::with_own("notes", text, "").await;
    let owner = app.register("acme").await;
    owner.post("/api/records/notes", &json!({"title": "secret"})).await.expect(201);
    let member = app.member(&owner, "m@acme.example", "member").await;
    for end in ["", "?q=secret", "/aggregate", "/aggregate?group_by=title", "/export", "/1", "/1/files/paper"]
    {
        let path = format!("/api/records/notes{end}");
        let refused = member.get(&path).await.expect(403);
        assert!(!refused.text().contains("secret"), "{path}");
        assert_ne!(owner.get(&path).await.status, 403, "{path}");
    }
}
