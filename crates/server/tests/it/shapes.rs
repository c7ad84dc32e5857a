//! The OpenAPI document against what the routes really answer: the same properties, no more and no less.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use serde_json::{Value, json};

fn properties(document: &Value, schema: &Value) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#')).expect("a schema"),
        None => schema,
    };
    let mut names: Vec<_> = schema["properties"].as_object().expect("an object").keys().cloned().collect();
    names.sort();
    names
}

async fn compare(document: &Value, client: &Client, path: &str, template: &str) {
    let answer = client.get(path).await.expect(200).json();
    let schema =
        &document["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    let (found, schema) = match answer["items"].as_array() {
        Some(items) => {
            let one = items.first().unwrap_or_else(|| panic!("{path} lists nothing: {answer}"));
            (one.clone(), &schema["properties"]["items"]["items"])
        }
        None => (answer, schema),
    };
    let mut names: Vec<_> = found.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, properties(document, schema), "{path}");
}

#[tokio::test]
async fn answers_have_the_properties_that_the_document_says() {
    let (app, anon, acme) = TestApp::new().await;
    let staff = app.staff().await;
    let document = anon.get("/api/openapi.json").await.expect(200).json();
    acme.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201);
    acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
    for path in [
        "/api/me",
        "/api/auth/sessions",
        "/api/plans",
        "/api/tenant",
        "/api/tenant/users",
        "/api/tenant/keys",
        "/api/tenant/usage",
    ] {
        compare(&document, &acme, path, path).await;
    }
    for path in [
        "/api/admin/tenants",
        "/api/admin/users",
        "/api/admin/audit",
        "/api/admin/audit/verify",
        "/api/admin/operations",
    ] {
        compare(&document, &staff, path, path).await;
    }
    compare(&document, &staff, "/api/admin/tenants/acme", "/api/admin/tenants/{slug}").await;
}
