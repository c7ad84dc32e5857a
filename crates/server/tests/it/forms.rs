//! Every route accepts exactly the fields in the document: a refusal of an unknown field lists the known ones.

use super::app::TestApp;
use http::Method;
use std::collections::BTreeSet;
use tenantry_testkit::tried;

/// Returns the fields that a refusal names: `unknown field …, expected one of `a`, `b` at line …`.
fn named(refusal: &str) -> BTreeSet<&str> {
    let known = refusal.split_once("expected ").map_or("", |(_, known)| known);
    known.split('`').skip(1).step_by(2).collect()
}

#[tokio::test]
async fn forms_take_the_fields_that_the_document_names() {
    let (app, anon, acme) = TestApp::new().await;
    let staff = app.staff().await;
    let document = anon.get("/api/openapi.json").await.expect(200).json();
    let (mut forms, mut wrong) = (0, vec![]);
    for (template, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            // Fields of a model's records are checked elsewhere; settings accept any field.
            if template.starts_with("/api/records/") || template.ends_with("/settings") {
                continue;
            }
            let Some(body) = body.as_str() else { continue };
            let body = document.pointer(body.trim_start_matches('#')).unwrap();
            let fields = body["properties"].as_object().unwrap();
            let client = if template.starts_with("/api/admin/") { &staff } else { &acme };
            let path = template.replace("{slug}", "acme").replace("{id}", "1");
            let method: Method = method.to_uppercase().parse().unwrap();
            let form = r#"{"no such field": 1}"#;
            let answer = client.send(method.clone(), &path, Some("application/json"), form).await.expect(400);
            let detail = answer.json()["detail"].as_str().map(str::to_owned).unwrap();
            let fields: BTreeSet<_> = fields.keys().map(String::as_str).collect();
            if named(&detail) != fields {
                wrong.push(format!("{method} {template} names {fields:?}, and says: {detail}"));
            }
            forms += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    tried("Forms against the document", forms, "forms");
}

/// The page loads nothing from elsewhere, and has every element that its script uses.
#[tokio::test]
async fn the_page_of_the_document_stands_by_itself() {
    let (_app, anon, _) = TestApp::new().await;
    let page = anon.get("/api/docs").await.expect(200);
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    let (page, script) = (page.text(), anon.get("/api/docs/app.js").await.expect(200).text());
    for text in [&page, &script] {
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("//cdn"));
    }
    let asked: BTreeSet<_> =
        script.split("byId(\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(id, _)| id).collect();
    assert!(asked.len() >= 8, "{asked:?}");
    for id in asked {
        assert!(page.contains(&format!("id=\"{id}\"")), "no element {id}");
    }
    let document = anon.get("/api/openapi.json").await.expect(200).json();
    let groups: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    assert_eq!((groups[0], groups[groups.len() - 1]), (&"Account".into(), &"Server".into()));
}
