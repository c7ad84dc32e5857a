//! Workflows over HTTP: which members may make a transition, what sets no state, and transitions at the same time, in every
//! isolation and database.

use super::app::{Answer, Client, TestApp};
use http::Method;
use serde_json::{Value, json};
use std::any::Any;
use tenantry_testkit::{Settings, postgres};

/// Documents that another member than the author approves.
pub(super) const DEEDS: &str = r#"store = "tenant"
audit = true
display = "title"
[fields.title]
type = "text"
max_length = 40
required = true
unique = true
[fields.state]
type = "choice"
choices = ["draft", "pending", "approved", "rejected", "archived"]
required = true
default = "draft"
[fields.author]
type = "text"
max_length = 200
[workflow]
field = "state"
initial = "draft"
author = "author"
[workflow.transitions.submit]
from = ["draft", "rejected"]
to = "pending"
[workflow.transitions.approve]
from = ["pending"]
to = "approved"
roles = ["owner", "admin"]
not_by = ["author"]
[workflow.transitions.reject]
from = ["pending"]
to = "rejected"
roles = ["owner", "admin"]
comment = true
[workflow.transitions.archive]
from = ["approved"]
to = "archived"
roles = ["owner", "admin"]
not_by = ["previous"]
"#;
pub(super) const RECORDS: &str = "/api/records/deeds";

/// An app with [`DEEDS`], and what must outlive it.
pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) _home: Option<Box<dyn Any>>,
}

async fn world(settings: &Settings, home: Option<Box<dyn Any>>) -> World {
    World { app: TestApp::with_own("deeds", DEEDS, settings).await, _home: home }
}

/// Returns an app for each isolation on SQLite, PostgreSQL and MongoDB.
pub(super) async fn worlds() -> Vec<World> {
    let mut all = vec![];
    for isolation in ["database", "pooled"] {
        all.push(world(&Settings::default().isolation(isolation), None).await);
    }
    for isolation in ["database", "schema", "pooled"] {
        let home = postgres::Home::new(&postgres::servers()[0]).await;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), home.url()).unwrap();
        let server = format!("url_file = \"{}\"\nprefix = \"{}\"", file.path().display(), home.prefix());
        all.push(world(&elsewhere("postgres", &server, isolation), Some(Box::new((home, file)))).await);
    }
    #[cfg(feature = "mongodb")]
    for isolation in ["database", "pooled"] {
        let home = tenantry_testkit::mongodb::Home::new().await;
        let server =
            format!("url = \"{}\"\nprefix = \"{}\"", tenantry_testkit::mongodb::url(), home.prefix());
        all.push(world(&elsewhere("mongodb", &server, isolation), Some(Box::new(home))).await);
    }
    all
}

fn elsewhere(engine: &str, server: &str, isolation: &str) -> Settings {
    Settings::default()
        .set("stores.control", "server = \"main\"")
        .set("stores.shared", "server = \"main\"")
        .set("stores.tenant", "servers = [\"other\"]")
        .isolation(isolation)
        .with("[servers.main]\npath = \"databases\"\n")
        .with(&format!("[servers.other]\nengine = \"{engine}\"\n{server}\n"))
}

/// Members of one tenant.
pub(super) struct Staffed {
    pub(super) owner: Client,
    pub(super) boss: Client,
    pub(super) clerk: Client,
    viewer: Client,
}

pub(super) async fn staffed(app: &TestApp) -> Staffed {
    let owner = app.register("acme").await;
    Staffed {
        boss: app.member(&owner, "boss@acme.example", "admin").await,
        clerk: app.member(&owner, "clerk@acme.example", "member").await,
        viewer: app.member(&owner, "viewer@acme.example", "viewer").await,
        owner,
    }
}

pub(super) async fn deed(by: &Client, title: &str) -> i64 {
    let made = by.post(RECORDS, &json!({"title": title})).await.expect(201).json();
    assert_eq!(made["state"], "draft");
    made["id"].as_i64().unwrap()
}

pub(super) async fn make(by: &Client, id: i64, name: &str, comment: &str) -> Answer {
    by.post(&format!("{RECORDS}/{id}/transitions/{name}"), &json!({"comment": comment})).await
}

/// Returns the state that a member sees, and the names of the transitions that the member is offered.
async fn standing(by: &Client, id: i64) -> (String, Vec<String>) {
    let found = by.get(&format!("{RECORDS}/{id}/transitions")).await.expect(200).json();
    let names = found["transitions"].as_array().unwrap().iter();
    let names = names.map(|offered| offered["name"].as_str().unwrap().to_owned()).collect();
    (found["state"].as_str().unwrap().to_owned(), names)
}

/// Returns the trail of a record, oldest first: transition, state after it, version, comment.
pub(super) async fn trail(by: &Client, id: i64) -> Vec<(String, String, i64, String)> {
    let found = by.get(&format!("{RECORDS}/{id}/trail")).await.expect(200).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = found["items"].as_array().unwrap().iter().rev();
    items
        .map(|made| {
            (
                text(&made["transition"]),
                text(&made["to"]),
                made["version"].as_i64().unwrap(),
                text(&made["comment"]),
            )
        })
        .collect()
}

fn made(transition: &str, to: &str, version: i64, comment: &str) -> (String, String, i64, String) {
    (transition.into(), to.into(), version, comment.into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transitions_are_made_by_role_state_and_author() {
    for World { app, _home } in worlds().await {
        let Staffed { owner, boss, clerk, viewer } = staffed(&app).await;
        let id = deed(&clerk, "Lease").await;
        assert_eq!(standing(&clerk, id).await, ("draft".into(), vec!["submit".into()]));
        assert_eq!(standing(&viewer, id).await, ("draft".into(), vec![]));
        make(&viewer, id, "submit", "").await.expect(403);
        make(&clerk, id, "approve", "").await.expect(403);
        let early = make(&boss, id, "approve", "").await.expect(409);
        assert!(early.text().contains("is `draft` now, and `approve` needs `pending`"), "{}", early.text());
        let pending = make(&clerk, id, "submit", " please ").await.expect(200);
        assert_eq!(pending.header("etag"), "\"2\"");
        assert_eq!((&pending.json()["state"], &pending.json()["version"]), (&json!("pending"), &json!(2)));
        make(&clerk, id, "submit", "").await.expect(409);
        make(&boss.with("if-match", "\"1\""), id, "approve", "").await.expect(412);
        assert_eq!(standing(&boss, id).await.1, ["approve", "reject"]);
        let silent = make(&boss, id, "reject", "  ").await.expect(422).json();
        assert_eq!(silent["errors"][0]["field"], "comment", "{silent}");
        make(&boss, id, "reject", &"x".repeat(2001)).await.expect(422);
        make(&boss.with("if-match", "\"2\""), id, "reject", "no stamp").await.expect(200);
        make(&clerk, id, "submit", "").await.expect(200);
        make(&boss, id, "approve", "").await.expect(200);
        // The approver must not archive the same record.
        assert!(standing(&boss, id).await.1.is_empty());
        make(&boss, id, "archive", "").await.expect(409);
        make(&owner, id, "archive", "").await.expect(200);
        assert_eq!(standing(&owner, id).await, ("archived".into(), vec![]));
        let whole = [
            made("submit", "pending", 2, "please"),
            made("reject", "rejected", 3, "no stamp"),
            made("submit", "pending", 4, ""),
            made("approve", "approved", 5, ""),
            made("archive", "archived", 6, ""),
        ];
        assert_eq!(trail(&viewer, id).await, whole);
        let page = owner.get(&format!("{RECORDS}/{id}/trail?limit=2")).await.expect(200).json();
        let next = page["next"].as_str().unwrap();
        let rest = owner.get(&format!("{RECORDS}/{id}/trail?limit=3&before={next}")).await.expect(200).json();
        assert_eq!(rest["items"][0]["transition"], "submit", "{rest}");
        let me = boss.get("/api/me").await.expect(200).json()["actor"].clone();
        assert_eq!((&page["items"][1]["actor"], &page["items"][1]["from"]), (&me, &json!("pending")));
        absent(&app, &owner, id).await;
        // The trail outlives the record.
        owner.delete(&format!("{RECORDS}/{id}")).await.expect(204);
        assert_eq!(trail(&owner, id).await, whole);
    }
}

/// What does not exist, and what belongs to another tenant, has neither states nor a trail.
async fn absent(app: &TestApp, owner: &Client, id: i64) {
    make(owner, id, "burn", "").await.expect(404);
    make(owner, 999, "submit", "").await.expect(404);
    owner.get(&format!("{RECORDS}/999/trail")).await.expect(404);
    owner.get(&format!("{RECORDS}/999/transitions")).await.expect(404);
    owner.get("/api/records/patients/1/transitions").await.expect(404);
    owner.get("/api/records/deeds_trail").await.expect(404);
    let rival = app.register("rival").await;
    for path in ["trail", "transitions"] {
        rival.get(&format!("{RECORDS}/{id}/{path}")).await.expect(404);
    }
    make(&rival, id, "submit", "").await.expect(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_author_approves_in_no_guise() {
    for World { app, _home } in worlds().await {
        let Staffed { owner, boss, clerk, .. } = staffed(&app).await;
        let id = deed(&owner, "Lease").await;
        make(&clerk, id, "submit", "").await.expect(200);
        assert_eq!(standing(&owner, id).await.1, ["reject"]);
        let refused = make(&owner, id, "approve", "").await.expect(409);
        assert!(refused.text().contains("another member must"), "{}", refused.text());
        let key = json!({"name": "k", "role": "admin"});
        let key = owner.post("/api/tenant/keys", &key).await.expect(201).json();
        let key = app.anon().with("x-api-key", key["key"].as_str().unwrap());
        make(&key, id, "approve", "").await.expect(409);
        // Neither does a record that the key made escape its member.
        let other = deed(&key, "Will").await;
        make(&clerk, other, "submit", "").await.expect(200);
        make(&owner, other, "approve", "").await.expect(409);
        let staff = app.staff().await;
        let wish = json!({"tenant": "acme", "reason": "ticket 4711"});
        let visit = staff.post("/api/admin/impersonate", &wish).await.expect(201).json();
        let visit = app.anon().with_token(visit["token"].as_str().unwrap());
        let refused = make(&visit, id, "approve", "").await.expect(409);
        assert!(refused.text().contains("support visit"), "{}", refused.text());
        make(&boss, id, "approve", "").await.expect(200);
        assert_eq!(trail(&owner, id).await.len(), 2);
        visit
            .post(&format!("{RECORDS}/{other}/transitions/reject"), &json!({"comment": "c"}))
            .await
            .expect(200);
        let found = owner.get(&format!("{RECORDS}/{other}/trail?limit=1")).await.expect(200).json();
        assert!(found["items"][0]["impersonator"].is_string(), "{found}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_transitions_at_the_same_time_one_wins() {
    for World { app, _home } in worlds().await {
        let Staffed { owner, boss, clerk, .. } = staffed(&app).await;
        for round in 0..3 {
            let id = deed(&clerk, &format!("Deed {round}")).await;
            make(&clerk, id, "submit", "").await.expect(200);
            let tasks = (0..8).map(|n| {
                let by = if n % 2 == 0 { owner.clone() } else { boss.clone() };
                let name = if n % 3 == 0 { "approve" } else { "reject" };
                tokio::spawn(async move { make(&by, id, name, "c").await.status.as_u16() })
            });
            let mut statuses = vec![];
            for task in tasks.collect::<Vec<_>>() {
                statuses.push(task.await.unwrap());
            }
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409], "round {round}");
            let trail = trail(&owner, id).await;
            let state = owner.get(&format!("{RECORDS}/{id}")).await.expect(200).json();
            assert_eq!((trail.len(), &json!(trail[1].1)), (2, &state["state"]));
            assert_eq!(json!(trail[1].2), state["version"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_write_sets_a_state_or_an_author() {
    for World { app, _home } in worlds().await {
        let owner = app.register("acme").await;
        let id = deed(&owner, "Lease").await;
        let one = format!("{RECORDS}/{id}");
        let read_only = |answer: Answer, field: &str| {
            let found = answer.expect(422).json();
            assert_eq!(found["errors"][0]["field"], field, "{found}");
        };
        for input in [json!({"state": "approved"}), json!({"title": "x", "state": "draft"})] {
            read_only(owner.patch(&one, &input).await, "state");
        }
        read_only(owner.patch(&one, &json!({"author": "user:7"})).await, "author");
        read_only(owner.post(RECORDS, &json!({"title": "a", "state": "approved"})).await, "state");
        read_only(owner.post(RECORDS, &json!({"title": "a", "author": "user:7"})).await, "author");
        owner.post(RECORDS, &json!({"title": "a", "state": "draft"})).await.expect(201);
        let batch = json!([{"title": "b"}, {"title": "c", "state": "archived"}]);
        read_only(owner.post(&format!("{RECORDS}/batch"), &batch).await, "1.state");
        let all =
            owner.patch(&format!("{RECORDS}?expect=2"), &json!({"state": "approved"})).await.expect(422);
        assert!(all.text().contains("changes only by a transition"), "{}", all.text());
        let csv = "title,state\nd,approved\ne,draft\nf,\n";
        let report = owner.send(Method::POST, &format!("{RECORDS}/import"), Some("text/csv"), csv).await;
        let report = report.expect(200).json();
        assert_eq!((&report["created"], &report["errors"][0]["line"]), (&json!(2), &json!(2)), "{report}");
        let found = owner.get(&format!("{RECORDS}?state__ne=draft&count=true")).await.expect(200).json();
        assert_eq!(found["count"], 0);
        let me = owner.get("/api/me").await.expect(200).json()["actor"].clone();
        let found = owner.get(&format!("{RECORDS}?sort=id")).await.expect(200).json();
        assert!(found["items"].as_array().unwrap().iter().all(|deed| deed["author"] == me), "{found}");
    }
}
