//! Refusals of forms other than records name every wrong field at once; and changes of names of users and tenants.

use super::{
    app::{Answer, Client, TestApp},
    audited_accounts::forgotten,
};
use serde_json::{Value, json};
use tenantry_testkit::tried;

/// Returns the fields that a refusal names, in order.
async fn wrong(client: &Client, method: &str, path: &str, form: &Value) -> Vec<String> {
    let method = method.parse().unwrap();
    fields(&client.send(method, path, Some("application/json"), form.to_string()).await)
}

fn fields(answer: &Answer) -> Vec<String> {
    let problem = answer.json();
    assert_eq!((answer.status.as_u16(), &problem["code"]), (422, &json!("invalid")), "{problem}");
    let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{problem}"));
    assert!(errors.iter().all(|e| !e["message"].as_str().unwrap().is_empty()), "{problem}");
    errors.iter().map(|e| e["field"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_told_everything_that_is_wrong_with_it() {
    let (app, anon, acme) = TestApp::new().await;
    let staff = app.staff().await;
    acme.post("/api/tenant/invitations", &json!({"email": "i@x.example", "role": "member"}))
        .await
        .expect(201);
    let token = app.letter("i@x.example").await;
    let made = staff.post("/api/admin/tenants/acme/backups?wait=60", &json!({})).await.expect(200).json();
    let restore_as = format!("/api/admin/backups/{}/restore-as", made["result"]["backup"].as_str().unwrap());
    let cases: &[(&Client, &str, Value, &[&str])] = &[
        (&acme, "/api/tenant/invitations", json!({"email": "none", "role": "king"}), &["email", "role"]),
        (
            &acme,
            "/api/tenant/keys",
            json!({"name": " ", "role": "king", "expires_at": "2001-01-01T00:00:00Z"}),
            &["name", "role", "expires_at"],
        ),
        (
            &staff,
            "/api/admin/tenants",
            json!({"slug": "-", "company": "", "email": "none", "plan": "gold", "password": "short"}),
            &["slug", "company", "email", "password", "plan"],
        ),
        (
            &staff,
            "/api/admin/users",
            json!({"email": "none", "name": "", "password": "short"}),
            &["email", "name", "password"],
        ),
        (
            &staff,
            "/api/admin/tenants/acme/plan",
            json!({"plan": "gold", "state": "rich"}),
            &["plan", "state"],
        ),
        (
            &staff,
            "/api/admin/tenants/acme/plan",
            json!({"plan": "gold", "ends_at": "2030-01-01T00:00:00Z"}),
            &["plan", "ends_at"],
        ),
        (
            &staff,
            "/api/admin/impersonate",
            json!({"tenant": "acme", "reason": "", "minutes": 61}),
            &["reason", "minutes"],
        ),
        (
            &staff,
            "/api/admin/tenants/acme/clone",
            json!({"slug": "-", "name": "", "email": "none", "plan": "gold", "owner": "n@x.example"}),
            &["slug", "name", "email", "plan", "owner"],
        ),
        (
            &staff,
            &restore_as,
            json!({"slug": "-", "name": "", "email": "none", "plan": "gold", "owner": "n@x.example"}),
            &["slug", "name", "email", "plan", "owner"],
        ),
        (
            &anon,
            "/api/invitations/accept",
            json!({"token": token, "name": "", "password": "short"}),
            &["name", "password"],
        ),
        (
            &anon,
            "/api/register",
            json!({"company": "", "slug": "-", "email": "none", "password": "short"}),
            &["company", "email", "password", "slug"],
        ),
    ];
    for (client, path, form, fields) in cases {
        assert_eq!(wrong(client, "POST", path, form).await, *fields, "{path}");
    }
    // The query of an import is checked before its archive is read.
    let import = "/api/admin/import?slug=-&name=&email=none&plan=gold&owner=n@x.example";
    let refused = staff.send(http::Method::POST, import, Some("application/zip"), b"none".to_vec()).await;
    assert_eq!(fields(&refused), ["slug", "name", "email", "plan", "owner"]);
    // None of the refused requests had an effect.
    assert_eq!(acme.get("/api/tenant/keys").await.expect(200).json()["items"], json!([]));
    assert_eq!(
        staff.get("/api/admin/tenants").await.expect(200).json()["items"].as_array().unwrap().len(),
        1
    );
    staff.get("/api/admin/tenants/twin").await.expect(404);
    tried("Forms with several wrong fields", cases.len() as u64, "forms");
}

#[tokio::test]
async fn a_person_changes_their_own_name_and_an_owner_the_tenants() {
    let (app, _, acme) = TestApp::new().await;
    let bea = app.member(&acme, "bea@x.example", "member").await;
    let named = bea.patch("/api/me", &json!({"name": "  Bea Again "})).await.expect(200).json();
    assert_eq!(named["name"], "Bea Again");
    assert_eq!(bea.get("/api/me").await.expect(200).json()["user"]["name"], "Bea Again");
    assert_eq!(wrong(&bea, "PATCH", "/api/me", &json!({"name": "a\nb"})).await, ["name"]);
    for hidden in ["Ada\u{202e}moc", "A\u{200b}da", "\u{2066}Ada", "Ada\u{feff}"] {
        for path in ["/api/me", "/api/tenant"] {
            let told = acme.patch(path, &json!({ "name": hidden })).await.expect(422).json();
            assert_eq!(told["errors"][0]["field"], "name", "{path} {hidden:?}: {told}");
        }
        let key = json!({ "name": hidden, "role": "member" });
        acme.post("/api/tenant/keys", &key).await.expect(422);
    }
    bea.patch("/api/tenant", &json!({"name": "Bea's"})).await.expect(403);
    let named = acme.patch("/api/tenant", &json!({"name": "Acme & Daughters"})).await.expect(200).json();
    assert_eq!(named["name"], "Acme & Daughters");
    let shown = bea.get("/api/tenant").await.expect(200).json();
    assert_eq!((&shown["name"], &shown["slug"]), (&json!("Acme & Daughters"), &json!("acme")));
    assert_eq!(wrong(&acme, "PATCH", "/api/tenant", &json!({"name": ""})).await, ["name"]);
    // Impersonating staff and API keys cannot change a name.
    let staff = app.staff().await;
    let wish = json!({"tenant": "acme", "reason": "to see"});
    let acting = staff.post("/api/admin/impersonate", &wish).await.expect(201).json();
    let acting = app.anon().with_token(acting["token"].as_str().unwrap());
    let key = acme.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201).json();
    let key = app.anon().with("x-api-key", key["key"].as_str().unwrap());
    for client in [acting, key] {
        for path in ["/api/me", "/api/tenant"] {
            client.patch(path, &json!({"name": "Other"})).await.expect(403);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_see_the_letters_that_were_not_sent_and_why() {
    let text = "[mail]\nsmtp = \"smtp://127.0.0.1:9?tls=none\"\nfrom = \"M <m@app.example>\"\n";
    let app = TestApp::configured(text, Default::default()).await;
    let acme = app.register_only("acme").await;
    let staff = app.staff().await;
    let form = json!({"email": "bea@x.example", "role": "member"});
    acme.post("/api/tenant/invitations", &form).await.expect(201);
    app.platform().letters().send_due().await.unwrap();
    let listed = staff.get("/api/admin/mail").await.expect(200).json();
    let letters = listed["items"].as_array().unwrap();
    let shown: Vec<_> = letters.iter().map(|letter| (&letter["kind"], &letter["address"])).collect();
    assert_eq!(
        shown,
        [(&json!("invitation"), &json!("bea@x.example")), (&json!("verify"), &json!("owner@acme.example"))]
    );
    for letter in letters {
        assert_eq!((&letter["state"], &letter["attempts"]), (&json!("waiting"), &json!(1)), "{letter}");
        assert!(letter["error"].is_string() && letter["next_at"].is_string(), "{letter}");
        assert!(!letter.to_string().contains("tnl_"), "{letter}");
    }
    let older = format!("/api/admin/mail?before={}", letters[0]["id"]);
    assert_eq!(staff.get(&older).await.expect(200).json()["items"], json!([letters[1]]));
    for _ in 0..10 {
        app.clock().advance_us(12 * 3_600_000_000);
        app.platform().letters().send_due().await.unwrap();
    }
    let staff = app.login("staff@platform.example").await;
    let failed = staff.get("/api/admin/mail?state=failed").await.expect(200).json();
    assert_eq!(failed["items"].as_array().unwrap().len(), 2, "{failed}");
    assert!(failed["items"][0]["error"].is_string() && failed["items"][0]["next_at"].is_null(), "{failed}");
    assert_eq!(staff.get("/api/admin/mail?state=sent").await.expect(200).json()["items"], json!([]));
    staff.get("/api/admin/mail?state=lost").await.expect(422);
    acme.get("/api/admin/mail").await.expect(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_that_were_sent_are_listed_on_request() {
    let (app, anon, acme) = TestApp::new().await;
    let staff = app.staff().await;
    anon.post("/api/auth/password/forgot", &json!({"email": "owner@acme.example"})).await.expect(202);
    forgotten(&app, "owner@acme.example").await;
    assert_eq!(staff.get("/api/admin/mail").await.expect(200).json()["items"], json!([]));
    let sent = staff.get("/api/admin/mail?state=sent&limit=1").await.expect(200).json();
    let letter = &sent["items"][0];
    assert_eq!((&letter["kind"], &letter["error"]), (&json!("reset"), &Value::Null), "{sent}");
    acme.get("/api/admin/mail").await.expect(404);
    assert!(!sent.to_string().contains("tnl_"), "{sent}");
}
