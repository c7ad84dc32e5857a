//! The end of a tenant over HTTP, and T11: its data is in no file any more, except where the policy says.

use super::{
    app::{Client, TestApp},
    copies::{app, company},
    life::actions,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tenantry::access::Operator;

/// A word that contains no word of the program.
const CANARY: &str = "Xylokopist";

/// Returns the files below `dir` that contain one of the words, in any case and in UTF-16 too. Leaves out the databases of
/// backups: the policy keeps the final one, and whether a word stands in a compressed file is chance.
fn holding(dir: &Path, words: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = vec![];
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(holding(&entry.path(), words));
            continue;
        }
        if entry.path().extension().is_some_and(|extension| extension == "zst") {
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap_or_default().to_ascii_lowercase();
        for word in words {
            let word = word.to_ascii_lowercase();
            let wide: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
            if contains(&bytes, word.as_bytes()) || contains(&bytes, &wide) {
                found.push((entry.path(), word));
            }
        }
    }
    found
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

fn data(app: &TestApp) -> PathBuf {
    app.platform().config().platform.data_dir.clone()
}

/// Cancels the tenant without grace period and retention; returns its id.
pub(crate) async fn closed(staff: &Client, slug: &str) -> Value {
    let now = json!({"confirm": slug, "grace_days": 0, "retention_days": 0, "reason": "asked by letter"});
    let shown = staff.post(&format!("/api/admin/tenants/{slug}/cancel"), &now).await.expect(200).json();
    assert_eq!(shown["state"], "cancelled");
    shown["id"].clone()
}

pub(crate) async fn purge(staff: &Client, slug: &str, body: &Value) -> super::app::Answer {
    staff.post(&format!("/api/admin/tenants/{slug}/purge?wait=60"), body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purged_company_is_in_no_file() {
    for pooled in [false, true] {
        let app = app(pooled).await;
        let staff = app.staff().await;
        let acme = company(&app, &staff, "acme", CANARY).await;
        let rival = company(&app, &staff, "rival", "Pteranodon").await;
        let before = rival.get("/api/records/patients").await.expect(200).json();
        let key = acme.post("/api/tenant/keys", &json!({"name": CANARY, "role": "owner"})).await;
        assert_eq!(key.status, 201);
        let key = app.anon().with("x-api-key", key.json()["key"].as_str().unwrap());
        // Data that existed once: changed rows, removed rows, removed files, an export, a clone.
        acme.patch("/api/records/patients/2", &json!({"last_name": format!("Was-{CANARY}")}))
            .await
            .expect(200);
        acme.delete("/api/records/patients/3").await.expect(204);
        acme.get("/api/tenant/export").await.expect(200);
        let wish = json!({"slug": "acme-twin"});
        staff.post("/api/admin/tenants/acme/clone?wait=60", &wish).await.expect(200);
        assert!(!holding(&data(&app), &[CANARY, "owner@acme.example"]).is_empty(), "the scan sees nothing");

        for slug in ["acme", "acme-twin"] {
            let id = closed(&staff, slug).await;
            let done = purge(&staff, slug, &json!({"confirm": slug, "id": id})).await.expect(200).json();
            assert_eq!(done["state"], "done", "{done}");
        }
        acme.get("/api/me").await.expect(401);
        key.get("/api/records/patients").await.expect(401);
        assert_eq!(holding(&data(&app), &[CANARY, "owner@acme.example"]), vec![], "pooled: {pooled}");
        assert_eq!(rival.get("/api/records/patients").await.expect(200).json(), before);
        let file = rival.get("/api/records/reports/1/files/document").await.expect(200);
        assert_eq!(file.text(), "document of Pteranodon");
        staff.get("/api/admin/audit/verify").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_asks_twice_and_leaves_a_certificate() {
    let app = app(false).await;
    let staff = app.staff().await;
    let acme = company(&app, &staff, "acme", CANARY).await;
    let other = app.register("other").await;
    let id = staff.get("/api/admin/tenants/acme").await.expect(200).json()["id"].clone();
    let other_id = staff.get("/api/admin/tenants/other").await.expect(200).json()["id"].clone();
    let right = json!({"confirm": "acme", "id": id});
    purge(&staff, "acme", &right).await.expect(409);
    staff.get("/api/admin/tenants/acme/certificate").await.expect(404);
    // Closed, and retained for ten days.
    let closing = json!({"confirm": "acme", "grace_days": 0, "retention_days": 10});
    staff.post("/api/admin/tenants/acme/cancel", &closing).await.expect(200);
    for wrong in [
        json!({"confirm": "other", "id": id}),
        json!({"confirm": "acme", "id": other_id}),
        json!({"confirm": "acme", "id": 4711}),
    ] {
        purge(&staff, "acme", &wrong).await.expect(422);
    }
    purge(&staff, "nobody", &right).await.expect(404);
    purge(&staff, "acme", &right).await.expect(409);
    let survey = staff.get("/api/admin/tenants/acme/survey").await.expect(200).json();
    let traces = survey["traces"].as_array().unwrap();
    let of = |what: &str| traces.iter().find(|t| t["what"].as_str().unwrap().contains(what)).unwrap().clone();
    assert_eq!(of("database of store tenant")["count"], 4, "{survey}");
    assert_eq!(of("database of store tenant")["fate"], "removed");
    assert_eq!(of("uploaded files")["count"], 1);
    assert_eq!(of("users who belong")["count"], 1);
    assert_eq!(of("audit log")["fate"], "kept");
    assert_eq!(staff.get("/api/admin/tenants/acme").await.expect(200).json()["state"], "cancelled", "dry");

    let mut early = right.clone();
    early["early"] = json!(true);
    let done = purge(&staff, "acme", &early).await.expect(200).json();
    assert_eq!(done["state"], "done", "{done}");
    purge(&staff, "acme", &early).await.expect(409);
    staff.delete("/api/admin/tenants/acme/cancel").await.expect(409);
    for name in ["acme".to_owned(), id.to_string()] {
        let certificate =
            staff.get(&format!("/api/admin/tenants/{name}/certificate")).await.expect(200).json();
        let detail = &certificate["detail"];
        assert_eq!(
            (&detail["slug"], &detail["tenant"], &detail["early"]),
            (&json!("acme"), &id, &json!(true))
        );
        let patients = detail["traces"][0]["detail"]["patients"].clone();
        assert_eq!((&patients["rows"], patients["blake3"].as_str().map(str::len)), (&json!(3), Some(64)));
        assert_eq!(detail["files_removed"], 1);
        assert!(certificate["hash"].as_str().is_some_and(|hash| hash.len() == 64), "{certificate}");
    }
    staff.get("/api/admin/tenants/other/certificate").await.expect(404);
    // The id and the slug stay reserved, but the users may register again.
    let taken =
        json!({"company": "x", "slug": "acme", "email": "x@x.example", "password": super::app::PASSWORD});
    app.anon().post("/api/register", &taken).await.expect(409);
    let again = json!({"company": "x", "slug": "new-start", "email": "owner@acme.example", "password": super::app::PASSWORD});
    app.anon().post("/api/register", &again).await.expect(201);
    acme.get("/api/me").await.expect(401);
    other.get("/api/records/patients").await.expect(200);
    let log = actions(&staff).await;
    for wanted in ["tenant.cancel", "tenant.close", "tenant.purge_begin", "tenant.purge"] {
        assert_eq!(log.iter().filter(|action| *action == wanted).count(), 1, "{wanted} in {log:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_two_companies_outlive_one_and_staff_outlive_all() {
    let (app, _, acme) = TestApp::new().await;
    let other = app.register("other").await;
    let staff = app.staff().await;
    let both = app.member(&acme, "both@x.example", "member").await;
    let invitation = json!({"email": "both@x.example", "role": "member"});
    other.post("/api/tenant/invitations", &invitation).await.expect(201);
    let token = app.letter("both@x.example").await;
    both.post("/api/invitations/accept", &json!({"token": token})).await.expect(200);
    let id = closed(&staff, "acme").await;
    purge(&staff, "acme", &json!({"confirm": "acme", "id": id})).await.expect(200);
    let both = app.login("both@x.example").await;
    let me = both.get("/api/me").await.expect(200).json();
    assert_eq!(me["tenants"].as_array().unwrap().len(), 1, "{me}");
    let gone = json!({"email": "owner@acme.example", "password": super::app::PASSWORD});
    app.anon().post("/api/auth/login", &gone).await.expect(401);
    staff.get("/api/admin/tenants/other").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_purges_no_more_than_its_cap_longest_overdue_first() {
    let text = tenantry::config::DEFAULT_TOML.replace("max_purges_per_run = 10", "max_purges_per_run = 2");
    let app = TestApp::configured(&text, tenantry_server::http::Options::default()).await;
    let staff = app.staff().await;
    for n in 0..4 {
        app.register(&format!("firm-{n}")).await;
        if n < 3 {
            closed(&staff, &format!("firm-{n}")).await;
        }
    }
    let platform = app.platform();
    let run = platform.purges().start_due(&Operator::new("system")).await.unwrap();
    let slugs: Vec<_> = run.started.iter().map(|(slug, _)| slug.to_string()).collect();
    assert_eq!((slugs, run.left), (vec!["firm-0".to_owned(), "firm-1".to_owned()], 1));
    for (_, operation) in &run.started {
        platform.operations().wait(*operation).await.unwrap();
    }
    let state = async |slug: &str| {
        staff.get(&format!("/api/admin/tenants/{slug}")).await.expect(200).json()["state"].clone()
    };
    for (slug, wanted) in
        [("firm-0", "gone"), ("firm-1", "gone"), ("firm-2", "cancelled"), ("firm-3", "active")]
    {
        assert_eq!(state(slug).await, wanted, "{slug}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_of_an_abandoned_purge_says_what_is_still_there() {
    let app = app(false).await;
    let staff = app.staff().await;
    company(&app, &staff, "acme", "Acme").await;
    let id = closed(&staff, "acme").await;
    app.platform().operations().faults().watch(std::sync::Arc::new(|at| {
        Box::pin(async move {
            let fails = at == "purge:databases:before";
            if fails { Err(tenantry::Error::Internal("the disk is read-only".into())) } else { Ok(()) }
        })
    }));
    let rests = purge(&staff, "acme", &json!({"confirm": "acme", "id": id})).await.json();
    assert_ne!(rests["state"], "done", "{rests}");
    let abandon = format!("/api/admin/operations/{}/abandon", rests["id"]);
    let over = staff.post(&abandon, &json!({})).await.expect(200).json();
    assert_eq!(over["result"]["not_removed"][0][0], "databases", "{over}");
    let certificate = staff.get("/api/admin/tenants/acme/certificate").await.expect(200).json();
    let traces = certificate["detail"]["traces"].as_array().unwrap();
    let of = |what: &str| traces.iter().find(|t| t["what"].as_str().unwrap().contains(what)).unwrap();
    let database = of("database of store tenant");
    assert_eq!(database["fate"], "not_removed", "{certificate}");
    assert!(database["detail"]["why"].as_str().unwrap().contains("read-only"), "{database}");
    assert_eq!(of("uploaded files")["fate"], "removed", "{certificate}");
}
