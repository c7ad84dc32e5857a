//! The OpenAPI document compared with the routes' real answers: exactly the same properties, with the documented types,
//! at every level.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use serde_json::{Value, json};
use tenantry_server::http::Options;
use tenantry_testkit::Settings;

const SCHEDULE: &str = "[[backups.schedules]]\nname = \"nightly\"\ncron = \"30 2 * * *\"\n";

/// Panics unless the value conforms to the schema.
pub(super) fn conforms(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(target) = schema["$ref"].as_str() {
        let schema = document.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{target}"));
        return conforms(document, schema, value, at);
    }
    if let Some(either) = schema["anyOf"].as_array() {
        let one = either.iter().find(|schema| (schema["type"] == "null") == value.is_null());
        return conforms(document, one.unwrap_or_else(|| panic!("{at}: {value}")), value, at);
    }
    let kinds = match &schema["type"] {
        Value::Null => return,
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(kinds.contains(&json!(kind)), "{at} is {value}, not {kinds:?}");
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        conforms(document, &schema["items"], item, &format!("{at}[{n}]"));
    }
    if let (Some(found), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
        for (name, value) in found {
            let schema = known.get(name).unwrap_or_else(|| panic!("{at}.{name} is not in the document"));
            conforms(document, schema, value, &format!("{at}.{name}"));
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(found.contains_key(name.as_str().unwrap()), "{at} lacks {name}: {value}");
        }
    }
}

/// Calls routes, compares their answers with the document, and returns them.
struct Asking<'a> {
    document: &'a Value,
    client: &'a Client,
}

impl Asking<'_> {
    async fn get(&self, path: &str) -> Value {
        self.get_as(path, path).await
    }

    /// Gets a list, which must not be empty.
    async fn get_as(&self, path: &str, template: &str) -> Value {
        let answer = self.client.get(path).await;
        let answer = self.held("get", template, answer);
        let lists_nothing = answer["items"].as_array().is_some_and(Vec::is_empty);
        assert!(!lists_nothing, "{path} lists nothing");
        answer
    }

    async fn post(&self, path: &str, template: &str, body: &Value) -> Value {
        let answer = self.client.post(path, body).await;
        self.held("post", template, answer)
    }

    fn held(&self, method: &str, template: &str, answer: super::app::Answer) -> Value {
        assert!(answer.status.is_success(), "{method} {template}: {}", answer.text());
        let response = &self.document["paths"][template][method]["responses"][answer.status.as_str()];
        let schema = &response["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {template} {} is not in the document", answer.status);
        let found = answer.json();
        conforms(self.document, schema, &found, &format!("{method} {template}"));
        found
    }

    /// Starts an operation on tenant acme and waits for its end.
    async fn done(&self, verb: &str, body: &Value) -> Value {
        let template = format!("/api/admin/tenants/{{slug}}/{verb}");
        let over = self.post(&format!("/api/admin/tenants/acme/{verb}?wait=60"), &template, body).await;
        assert_eq!(over["state"], "done", "{over}");
        over
    }
}

#[tokio::test]
async fn answers_are_what_the_document_says() {
    let (app, anon, acme) = TestApp::new().await;
    let staff = app.staff().await;
    let document = anon.get("/api/openapi.json").await.expect(200).json();
    let [own, staff] = [&acme, &staff].map(|client| Asking { document: &document, client });
    acme.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201);
    acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
    let invitation = json!({"email": "i@acme.example", "role": "member"});
    own.post("/api/tenant/invitations", "/api/tenant/invitations", &invitation).await;
    let token = json!({"token": app.letter("i@acme.example").await, "password": super::app::PASSWORD});
    own.post("/api/invitations/show", "/api/invitations/show", &json!({"token": token["token"]})).await;
    own.post("/api/invitations/accept", "/api/invitations/accept", &token).await;
    own.post(
        "/api/tenant/invitations",
        "/api/tenant/invitations",
        &json!({"email": "j@acme.example", "role": "member"}),
    )
    .await;
    let forgotten = json!({"email": "i@acme.example"});
    own.post("/api/auth/password/forgot", "/api/auth/password/forgot", &forgotten).await;
    for path in [
        "/api/me",
        "/api/auth/sessions",
        "/api/plans",
        "/api/tenant",
        "/api/tenant/users",
        "/api/tenant/invitations",
        "/api/tenant/keys",
        "/api/tenant/usage",
        "/api/tenant/operations",
        "/api/openapi.json",
    ] {
        own.get(path).await;
    }
    for path in [
        "/api/admin/tenants",
        "/api/admin/users",
        "/api/admin/mail",
        "/api/admin/audit",
        "/api/admin/audit/verify",
        "/api/admin/operations",
    ] {
        staff.get(path).await;
    }
    own.held("patch", "/api/me", acme.patch("/api/me", &json!({"name": "Ada"})).await);
    own.held("patch", "/api/tenant", acme.patch("/api/tenant", &json!({"name": "Acme"})).await);
    staff.get_as("/api/admin/tenants/acme", "/api/admin/tenants/{slug}").await;
    let wish = json!({"tenant": "acme", "reason": "to see"});
    let token = staff.post("/api/admin/impersonate", "/api/admin/impersonate", &wish).await["token"].clone();
    let acting = anon.with_token(token.as_str().unwrap());
    let acting = Asking { document: &document, client: &acting };
    acting.get("/api/me").await;
    acting.get("/api/tenant").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_on_a_companys_life_are_what_the_document_says() {
    let settings = Settings::default().two_servers().set("registration", "placement = \"first\"");
    let app = TestApp::configured(&settings.with(SCHEDULE), Options::default()).await;
    let (acme, staff) = (app.register("acme").await, app.staff().await);
    let document = acme.get("/api/openapi.json").await.expect(200).json();
    let [own, staff] = [&acme, &staff].map(|client| Asking { document: &document, client });
    let none = json!({});
    acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
    own.post("/api/tenant/backups?wait=60", "/api/tenant/backups", &none).await;
    own.get("/api/tenant/backups").await;
    let made = staff.done("backups", &none).await;
    let id = made["result"]["backup"].as_str().unwrap().to_owned();
    staff.post("/api/admin/backups?wait=60", "/api/admin/backups", &json!({"tenants": ["acme"]})).await;
    for path in ["/api/admin/backups", "/api/admin/backups/status", "/api/admin/backups/runs"] {
        staff.get(path).await;
    }
    staff.get_as("/api/admin/tenants/acme/backups", "/api/admin/tenants/{slug}/backups").await;
    staff.post("/api/admin/backups/prune?wait=60", "/api/admin/backups/prune", &none).await;
    staff.post("/api/admin/backups/rescan?wait=60", "/api/admin/backups/rescan", &none).await;
    let newest = staff.get("/api/admin/backups").await["items"][0]["id"].as_str().unwrap().to_owned();
    assert!(newest >= id);
    let of =
        |end: &str| (format!("/api/admin/backups/{newest}{end}"), format!("/api/admin/backups/{{id}}{end}"));
    staff.get_as(&of("").0, &of("").1).await;
    staff.post(&format!("{}?wait=60", of("/verify").0), &of("/verify").1, &none).await;
    let new = json!({"slug": "then", "name": "Then", "email": "then@acme.example"});
    staff.post(&format!("{}?wait=60", of("/restore-as").0), &of("/restore-as").1, &new).await;
    // A request that does not wait answers 202.
    let begun = staff
        .post(
            "/api/admin/tenants/acme/restore",
            "/api/admin/tenants/{slug}/restore",
            &json!({"backup": newest}),
        )
        .await;
    let number = begun["id"].as_i64().unwrap();
    staff.client.get(&format!("/api/admin/operations/{number}/events")).await.expect(200);
    staff.get_as(&format!("/api/admin/operations/{number}"), "/api/admin/operations/{id}").await;
    staff.get_as("/api/admin/tenants/acme/restore", "/api/admin/tenants/{slug}/restore").await;
    staff.done("restore/swap", &none).await;
    staff.done("restore/undo", &none).await;
    life(&app, &own, &staff).await;
}

async fn life(app: &TestApp, own: &Asking<'_>, staff: &Asking<'_>) {
    let none = json!({});
    let plain = async |verb: &str, body: Value| {
        let template = format!("/api/admin/tenants/{{slug}}/{verb}");
        staff.post(&format!("/api/admin/tenants/acme/{verb}"), &template, &body).await
    };
    staff.done("move", &json!({"server": "disk"})).await;
    plain("release", json!({})).await;
    staff.done("demote", &none).await;
    staff.done("promote", &none).await;
    plain("maintenance", json!({"on": true, "reason": "new building"})).await;
    plain("maintenance", json!({"on": false})).await;
    staff.done("clone", &json!({"slug": "twin"})).await;
    let archive = own.client.get("/api/tenant/export").await.expect(200).body;
    let import = "/api/admin/import?slug=moved-in&wait=60";
    let imported = staff.client.send(http::Method::POST, import, Some("application/zip"), archive).await;
    staff.held("post", "/api/admin/import", imported);
    own.post("/api/tenant/cancel", "/api/tenant/cancel", &json!({"confirm": "acme"})).await;
    let kept = own.client.delete("/api/tenant/cancel").await;
    own.held("delete", "/api/tenant/cancel", kept);
    let id = plain("cancel", json!({"confirm": "acme", "grace_days": 9})).await["id"].clone();
    let kept = staff.client.delete("/api/admin/tenants/acme/cancel").await;
    staff.held("delete", "/api/admin/tenants/{slug}/cancel", kept);
    staff.get_as("/api/admin/tenants/acme/survey", "/api/admin/tenants/{slug}/survey").await;
    let root = app.platform().config().servers[0].path().unwrap();
    std::fs::write(root.join("stray.db"), b"nobody's").unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::File::options().write(true).open(root.join("stray.db")).unwrap().set_modified(old).unwrap();
    let shown = staff.client.get("/api/admin/tenants/twin").await.expect(200).json();
    let physical = shown["placements"][0]["place"]["physical"].as_str().unwrap();
    std::fs::remove_file(root.join(format!("{physical}.db"))).unwrap();
    let orphans = staff.get("/api/admin/orphans").await;
    assert_eq!(orphans["items"].as_array().map(Vec::len), Some(2), "{orphans}");
    plain("cancel", json!({"confirm": "acme", "grace_days": 0, "retention_days": 0})).await;
    staff.done("purge", &json!({"confirm": "acme", "id": id, "early": true})).await;
    staff.get_as("/api/admin/tenants/acme/certificate", "/api/admin/tenants/{slug}/certificate").await;
}
