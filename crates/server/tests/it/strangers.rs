//! T1, `id-without-tenant`: a caller that knows an id of another tenant's member, key, session or record cannot see or
//! change anything with it, from its own tenant and with every right there.

use super::{
    app::{Client, TestApp},
    outcomes::outcome_id,
    records::patient,
};
use http::Method;
use serde_json::{Value, json};
use tenantry_server::http::{Access, Options, ROUTES};
use tenantry_testkit::{Settings, tried};

const REPORT: &str = r#"{"title":"Q1","kind":"medical","from_date":"2026-01-01","to_date":"2026-03-31"}"#;
const FILE: &str = "/api/records/reports/1/files/document";

/// Ids of objects of tenant acme.
struct Ids {
    session: Value,
    member: Value,
    key: Value,
    invitation: Value,
    outcome: String,
}

impl Ids {
    async fn of(app: &TestApp, acme: &Client) -> Self {
        acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
        let report = serde_json::from_str(REPORT).unwrap();
        acme.post("/api/records/reports", &report).await.expect(201);
        acme.send(Method::PUT, FILE, Some("text/plain"), "secret").await.expect(200);
        acme.post("/api/views/patients", &json!({"name": "Mine", "query": ""})).await.expect(201);
        app.member(acme, "m@acme.example", "member").await;
        let invitation = json!({"email": "i@acme.example", "role": "member"});
        let invitation = acme.post("/api/tenant/invitations", &invitation).await.expect(201).json();
        let members = acme.get("/api/tenant/users").await.expect(200).json();
        let member = members["items"].as_array().unwrap().iter().find(|m| m["role"] == "member").unwrap();
        let key = acme.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201);
        let sessions = acme.get("/api/auth/sessions").await.expect(200).json();
        Self {
            session: sessions["items"][0]["id"].clone(),
            member: member["id"].clone(),
            invitation: invitation["id"].clone(),
            key: key.json()["id"].clone(),
            outcome: outcome_id(acme, 1, "create.patients.1.1.1000000").await,
        }
    }

    /// Returns the route's path with acme's id in it.
    fn fill(&self, route: &str) -> String {
        let id = match route {
            r if r.starts_with("/api/auth/sessions/") => self.session.to_string(),
            r if r.starts_with("/api/tenant/users/") => self.member.to_string(),
            r if r.starts_with("/api/tenant/invitations/") => self.invitation.to_string(),
            r if r.starts_with("/api/tenant/keys/") => self.key.to_string(),
            r if r.starts_with("/api/outcomes/") => self.outcome.clone(),
            r if r.contains("/files/") => return FILE.to_owned(),
            r if r.starts_with("/api/views/") => "1".to_owned(),
            r if r.starts_with("/api/records/{model}/") || r.starts_with("/{model}/") => "1".to_owned(),
            other => panic!("{other} takes an id: say of what acme has"),
        };
        let route = route.replace("{model}", "patients").replace("{model_name}", "patients");
        route.replace("{name}", "submit").replace("{id}", &id)
    }
}

/// Returns everything of acme that those ids name, as its owner sees it.
async fn whole(acme: &Client) -> Vec<Value> {
    let mut all = vec![json!(acme.get(FILE).await.expect(200).text())];
    for path in [
        "/api/records/patients/1",
        "/api/records/reports/1",
        "/api/views/patients",
        "/api/tenant/users",
        "/api/tenant/keys",
    ] {
        all.push(acme.get(path).await.expect(200).json());
    }
    all.push(json!(
        acme.get("/api/auth/sessions").await.expect(200).json()["items"].as_array().unwrap().len()
    ));
    all
}

#[tokio::test]
async fn an_id_of_another_company_is_absent_whatever_it_is_of_id_without_tenant() {
    let mut shots = 0;
    for isolation in ["database", "pooled"] {
        let app = TestApp::configured(&Settings::default().isolation(isolation), Options::default()).await;
        let (acme, rival) = (app.register("acme").await, app.register("rival").await);
        let ids = Ids::of(&app, &acme).await;
        let key =
            rival.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201).json();
        let key = app.anon().with("x-api-key", key["key"].as_str().unwrap());
        let cookie = app.anon().with("cookie", &format!("tenantry_session={}", rival.token()));
        let before = whole(&acme).await;
        // Overrides belong to the rival itself.
        let aimed = |path: &str| path.contains("{id}") && !path.ends_with("/override");
        for route in
            ROUTES.iter().filter(|r| (r.access == Access::User || r.access.is_in_tenant()) && aimed(r.path))
        {
            let body = match route.path {
                path if path.contains("/users/") => r#"{"role":"viewer"}"#,
                path if path.starts_with("/api/views/") => r#"{"name":"x"}"#,
                path if path.contains("/transitions/") => r#"{"comment":"x"}"#,
                _ => r#"{"notes":"x"}"#,
            };
            for (who, client) in [("session", &rival), ("cookie", &cookie), ("key", &key)] {
                let path = ids.fill(route.path);
                let answer = client.send(route.method.clone(), &path, Some("application/json"), body).await;
                // A key manages neither members nor keys.
                let denied = who == "key" && answer.status == 403 && !path.starts_with("/api/records/");
                assert!(
                    answer.status == 404 || denied,
                    "{} {path} by {who}: {}",
                    route.method,
                    answer.text()
                );
                shots += 1;
            }
        }
        assert_eq!(whole(&acme).await, before, "{isolation}");
    }
    tried("T1 ids of others", shots, "requests, all absent");
}
