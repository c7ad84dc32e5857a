//! States and trails on their way: backups, records taken back, archives, clones, moves, and a workflow that a later
//! version of an app adds.

use super::{
    app::{Client, TestApp},
    copies::{import, member},
    own_app::make_app,
    take_back::stage,
    workflow::{DEEDS, RECORDS, Staffed, World, deed, make, staffed, trail, worlds},
};
use rusqlite::Connection;
use serde_json::{Value, json};
use tenantry::config::Config;
use tenantry_testkit::Settings;

/// Lets the clerk make a deed that the boss approves.
async fn approved(people: &Staffed, title: &str) -> i64 {
    let id = deed(&people.clerk, title).await;
    make(&people.clerk, id, "submit", "please").await.expect(200);
    make(&people.boss, id, "approve", "").await.expect(200);
    id
}

async fn state(by: &Client, id: i64) -> Value {
    by.get(&format!("{RECORDS}/{id}")).await.expect(200).json()["state"].clone()
}

async fn done(staff: &Client, path: &str, form: &Value) {
    let over = staff.post(&format!("/api/admin/{path}?wait=60"), form).await.expect(200).json();
    assert_eq!(over["state"], "done", "{over}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_archives_and_clones_carry_the_trail() {
    for World { app, _home } in worlds().await {
        let staff = app.staff().await;
        let people = staffed(&app).await;
        let (owner, id) = (&people.owner, approved(&people, "Lease").await);
        let whole = trail(owner, id).await;
        let made = owner.post("/api/tenant/backups?wait=60", &json!({})).await.expect(200).json();
        make(owner, id, "archive", "").await.expect(200);
        done(&staff, "tenants/acme/restore", &json!({"backup": made["backup"]})).await;
        done(&staff, "tenants/acme/restore/swap", &json!({})).await;
        assert_eq!((state(owner, id).await, trail(owner, id).await), (json!("approved"), whole.clone()));
        make(owner, id, "archive", "again").await.expect(200);

        let whole = trail(owner, id).await;
        let archive = owner.get("/api/tenant/export").await.expect(200).body.to_vec();
        import(&staff, "copy", archive).await.expect(200);
        let wish = json!({"slug": "staging", "owner": "owner@acme.example"});
        done(&staff, "tenants/acme/clone", &wish).await;
        let copied = app.login("owner@acme.example").await;
        copied.post("/api/auth/switch", &json!({"tenant": "staging"})).await.expect(200);
        assert_eq!((state(&copied, id).await, trail(&copied, id).await), (json!("archived"), whole.clone()));
        let user = json!({"email": "there@copy.example", "password": super::app::PASSWORD});
        let user = staff.post("/api/admin/users", &user).await.expect(201).json();
        let there = member(&app, user["id"].as_i64().unwrap(), "copy").await;
        assert_eq!(trail(&there, id).await, whole);
        // A clone without personal data has the transitions, but not what members wrote.
        let blank = json!({"slug": "blank", "owner": "owner@acme.example", "blank_personal": true});
        done(&staff, "tenants/acme/clone", &blank).await;
        copied.post("/api/auth/switch", &json!({"tenant": "blank"})).await.expect(200);
        let blank = trail(&copied, id).await;
        assert_eq!(blank.len(), whole.len());
        assert!(blank.iter().all(|made| made.3 != "please" && made.3 != "again"), "{blank:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_taken_back_returns_to_no_state_that_a_transition_ended() {
    for World { app, _home } in worlds().await {
        let people = staffed(&app).await;
        let (owner, id) = (&people.owner, approved(&people, "Lease").await);
        let fresh = deed(&people.clerk, "Will").await;
        stage(owner).await;
        make(owner, id, "archive", "").await.expect(200);
        owner.patch(&format!("{RECORDS}/{id}"), &json!({"title": "Changed"})).await.expect(200);
        owner.delete(&format!("{RECORDS}/{fresh}")).await.expect(204);
        let take = json!({"model": "deeds", "ids": [id, fresh]});
        owner.post("/api/tenant/restore/records", &take).await.expect(200);
        let now = owner.get(&format!("{RECORDS}/{id}")).await.expect(200).json();
        assert_eq!((&now["title"], &now["state"]), (&json!("Lease"), &json!("archived")));
        let now = owner.get(&format!("{RECORDS}/{fresh}")).await.expect(200).json();
        let clerk = people.clerk.get("/api/me").await.expect(200).json()["actor"].clone();
        assert_eq!((&now["state"], &now["author"]), (&json!("draft"), &clerk));
        owner.delete(&format!("{RECORDS}/{id}")).await.expect(204);
        owner.post("/api/tenant/restore/records", &take).await.expect(200);
        assert_eq!(state(owner, id).await, "archived", "as the trail says, not as the backup");
        assert_eq!(trail(owner, id).await.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moves_carry_the_trail() {
    let settings =
        Settings::default().two_servers().isolation("pooled").set("registration", "placement = \"first\"");
    let app = TestApp::with_own("deeds", DEEDS, &settings).await;
    let (staff, people) = (app.staff().await, staffed(&app).await);
    let (owner, id) = (&people.owner, approved(&people, "Lease").await);
    let whole = trail(owner, id).await;
    for (verb, form) in
        [("promote", json!({"server": "disk"})), ("move", json!({"server": "main"})), ("demote", json!({}))]
    {
        done(&staff, &format!("tenants/acme/{verb}"), &form).await;
        assert_eq!(trail(owner, id).await, whole, "{verb}");
    }
    make(owner, id, "archive", "").await.expect(200);
    assert_eq!(trail(owner, id).await.len(), 3);
}

/// A new version of an app adds a workflow. Records keep their states; while a record is in a state that the workflow does
/// not know, the tenant's migration is refused, and the record is named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_adds_a_workflow_to_records_in_any_state() {
    for isolation in ["database", "pooled"] {
        let (fields, workflow) = DEEDS.split_at(DEEDS.find("[workflow]").unwrap());
        let before = fields.replace("\"archived\"]", "\"archived\", \"lost\"]");
        let before = before.replace("[fields.author]\ntype = \"text\"\nmax_length = 200\n", "");
        let settings = Settings::default().isolation(isolation);
        let app = TestApp::with_own("deeds", &before, &settings).await;
        let staff = app.staff().await;
        let owner = app.register("acme").await;
        for (title, state) in [("a", "approved"), ("b", "lost"), ("c", "draft")] {
            owner.post(RECORDS, &json!({"title": title, "state": state})).await.expect(201);
        }
        let tokens = [owner.token().to_owned(), staff.token().to_owned()];
        drop((owner, staff));
        let (config, dir, _home) = app.end().await;
        let root = dir.as_ref().unwrap().path();
        let text = format!("{settings}[apps]\nlist = [\"medadmin\", \"own\"]\n");
        make_app(root, "deeds", &format!("{fields}{workflow}"), &text);
        let config = Config::parse("tenantry.toml", &text, root).map_or(config, |new| new);
        let app = TestApp::at(config).await;
        let [owner, staff] = tokens.map(|token| app.anon().with_token(&token));
        staff.post("/api/admin/migrations?wait=60", &json!({})).await.expect(200);
        let refused = owner.get(RECORDS).await.expect(503).text();
        assert!(
            refused.contains("1 rows of `deeds` have a `state` that is none of the choices"),
            "{refused}"
        );
        let shown = app.platform().tenants().show(&"acme".parse().unwrap()).await.unwrap();
        let file = format!("{}.db", shown.placements[0].place.physical.as_str());
        let path = app.platform().config().servers[0].path().unwrap().join(file);
        Connection::open(path)
            .unwrap()
            .execute("UPDATE deeds SET state = 'rejected' WHERE id = 2", [])
            .unwrap();
        staff.post("/api/admin/tenants/acme/migrate", &json!({})).await.expect(200);
        assert_eq!(state(&owner, 1).await, "approved");
        make(&owner, 1, "archive", "").await.expect(200);
        assert_eq!(trail(&owner, 1).await.len(), 1);
        make(&owner, 2, "submit", "").await.expect(200);
        // The author of an older record is unknown, so each member with the role may approve it.
        make(&owner, 3, "submit", "").await.expect(200);
        make(&owner, 3, "approve", "").await.expect(200);
        owner.patch(&format!("{RECORDS}/3"), &json!({"state": "draft"})).await.expect(422);
    }
}
