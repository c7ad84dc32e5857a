//! Backups and restores for staff, an owner and an operator: over HTTP and at the command line.

use super::{
    app::{Client, TestApp},
    doors::{id_of, logged, plain_staff},
    records::patient,
};
use serde_json::{Value, json};

async fn patients(client: &Client) -> i64 {
    client.get("/api/records/patients?count=true").await.expect(200).json()["count"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_back_up_verify_restore_swap_and_undo_over_http() {
    let (app, _, acme) = TestApp::new().await;
    let staff = app.staff().await;
    for name in ["one", "two"] {
        acme.post("/api/records/patients", &patient(name)).await.expect(201);
    }
    let none = json!({});
    let made = staff.post("/api/admin/tenants/acme/backups?wait=60", &none).await.expect(200).json();
    let id = made["result"]["backup"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let shown = staff.get(&format!("/api/admin/backups/{id}")).await.expect(200).json();
    assert_eq!((&shown["state"], &shown["manifest"]["tenant"]["slug"]), (&json!("good"), &json!("acme")));
    let found =
        staff.post(&format!("/api/admin/backups/{id}/verify?wait=60"), &none).await.expect(200).json();
    assert_eq!(found["result"]["damage"], Value::Null, "{found}");
    acme.post("/api/records/patients", &patient("three")).await.expect(201);

    let restore = json!({ "backup": id });
    staff.post("/api/admin/tenants/acme/restore?wait=60", &restore).await.expect(200);
    assert_eq!(patients(&acme).await, 3, "beside");
    let beside = staff.get("/api/admin/tenants/acme/restore").await.expect(200).json();
    let models = beside["stores"][0]["models"].as_array().unwrap();
    let changed = models.iter().find(|m| m["model"] == "patients").unwrap();
    assert_eq!((&changed["added"], &changed["removed"]), (&json!(0), &json!(1)));
    staff.post("/api/admin/tenants/acme/restore/swap?wait=60", &none).await.expect(200);
    assert_eq!(patients(&acme).await, 2, "swapped");
    staff.post("/api/admin/tenants/acme/restore/undo?wait=60", &none).await.expect(200);
    assert_eq!(patients(&acme).await, 3, "undone");

    let new = json!({ "slug": "acme-then", "name": "Acme then", "email": "then@acme.example" });
    staff.post(&format!("/api/admin/backups/{id}/restore-as?wait=60"), &new).await.expect(200);
    staff.get("/api/admin/tenants/acme-then").await.expect(200);
    let log = staff.get("/api/admin/audit?limit=1000").await.expect(200).json();
    let done: Vec<_> = log["items"].as_array().unwrap().iter().map(|row| row["action"].clone()).collect();
    for action in [
        "backup.create",
        "backup.verify",
        "tenant.restore",
        "tenant.restore_swap",
        "tenant.restore_undo",
        "tenant.restore_as",
    ] {
        assert!(done.contains(&json!(action)), "{action} is not in the log: {done:?}");
    }
    let status = staff.get("/api/admin/backups/status").await.expect(200).json();
    assert_eq!(
        (&status["good"], &status["failed_day"], &status["overdue"]),
        (&json!(1), &json!(0), &json!(0))
    );
    staff.get("/api/admin/backups/20260101-000000-0123456789").await.expect(404);
    staff.get("/api/admin/backups/..%2f..").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_sees_and_makes_backups_of_the_own_company_only() {
    let (app, anon, acme) = TestApp::new().await;
    let rival = app.register("rival").await;
    let none = json!({});
    let made = acme.post("/api/tenant/backups?wait=60", &none).await.expect(200).json();
    assert_eq!(made["state"], "done", "{made}");
    acme.post("/api/tenant/backups", &none).await.expect(429);
    let mine = acme.get("/api/tenant/backups").await.expect(200).json();
    assert_eq!(mine["items"][0]["id"], made["backup"]);
    assert_eq!(rival.get("/api/tenant/backups").await.expect(200).json()["items"], json!([]));
    let key = acme.post("/api/tenant/keys", &json!({"name": "k", "role": "viewer"})).await.expect(201).json();
    let viewer = anon.with("x-api-key", key["key"].as_str().unwrap());
    for path in ["/api/tenant/backups"] {
        assert_eq!(viewer.get(path).await.status, 403);
        assert_eq!(viewer.post(path, &none).await.status, 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_has_a_backup_restored_to_scratch_and_all_staff_see_what_came_of_it() {
    let (app, _, _) = TestApp::new().await;
    let staff = app.staff().await;
    let helper = plain_staff(&app, &staff).await;
    let none = json!({});
    staff.post("/api/admin/backups/drill", &none).await.expect(409);
    let made = staff.post("/api/admin/tenants/acme/backups?wait=60", &none).await.expect(200).json();
    assert_eq!(helper.post("/api/admin/backups/drill", &none).await.expect(403).code(), "denied");
    staff.post("/api/admin/backups/drill", &json!({"tenant": "nobody"})).await.expect(404);
    let form = json!({"tenant": "acme"});
    let drilled = staff.post("/api/admin/backups/drill?wait=60", &form).await.expect(200).json();
    assert_eq!(
        (&drilled["result"]["backup"], &drilled["result"]["failed"]),
        (&made["result"]["backup"], &json!(null)),
        "{drilled}"
    );
    let status = helper.get("/api/admin/backups/drill").await.expect(200).json();
    assert_eq!((&status["error"], &status["overdue"]), (&json!(null), &json!(false)), "{status}");
    assert!(status["good"].as_str().unwrap().ends_with('Z'), "{status}");
}

/// A backup contains rows that its readers of today may no longer read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_restored_as_a_new_tenant_gives_its_rows_to_no_user_unasked() {
    let (app, _, _acme) = TestApp::new().await;
    let superuser = app.staff().await;
    let helper = plain_staff(&app, &superuser).await;
    let made = superuser.post("/api/admin/tenants/acme/backups?wait=60", &json!({})).await.expect(200).json();
    let path =
        format!("/api/admin/backups/{}/restore-as?wait=60", made["result"]["backup"].as_str().unwrap());
    let mine =
        |slug: &str| json!({"slug": slug, "owner": "helper@platform.example", "reason": "to look around"});
    let all = |slug: &str| json!({"slug": slug, "members": true, "reason": "to look around"});
    for wish in [mine("peek-co"), all("peek-co")] {
        assert_eq!(helper.post(&path, &wish).await.expect(403).code(), "denied", "{wish}");
    }
    superuser.get("/api/admin/tenants/peek-co").await.expect(404);
    helper.post(&path, &json!({"slug": "bare"})).await.expect(200);
    helper.post(&path, &json!({"slug": "twin", "owner": "owner@acme.example"})).await.expect(200);
    // A superuser must give a reason.
    superuser.post(&path, &json!({"slug": "every", "members": true})).await.expect(422);
    superuser.post(&path, &all("every")).await.expect(200);
    superuser.post(&path, &mine("audit-co")).await.expect(200);
    for (slug, users) in [("bare", 0), ("twin", 1), ("every", 1), ("audit-co", 1)] {
        let shown = superuser.get(&format!("/api/admin/tenants/{slug}")).await.expect(200).json();
        assert_eq!(
            (&shown["users"], &shown["email"]),
            (&json!(users), &json!("owner@acme.example")),
            "{slug}"
        );
    }
    let rows = logged(&superuser, "tenant.restore_as").await;
    let found: Vec<_> =
        rows.iter().map(|row| &row["detail"]).map(|of| (&of["members"], &of["reason"])).collect();
    let (none, reason) = (Value::Null, json!("to look around"));
    let [zero, one] = [json!(0), json!(1)];
    assert_eq!(found, [(&zero, &reason), (&one, &reason), (&zero, &none), (&zero, &none)]);
    assert_eq!(rows[0]["detail"]["owner"], id_of(&helper).await);
}
