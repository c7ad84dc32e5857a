//! Records over HTTP: the answers and refusals of each verb.

use super::app::TestApp;
use serde_json::{Value, json};

/// Returns a patient with that last name.
pub(crate) fn patient(last_name: &str) -> Value {
    json!({"first_name": "Ann", "last_name": last_name, "born_on": "1990-04-01"})
}

#[tokio::test]
async fn a_record_lives_and_dies() {
    let (_app, _, user) = TestApp::new().await;
    let made = user.post("/api/records/patients", &patient("Ash")).await.expect(201);
    assert_eq!(made.header("location"), "/api/records/patients/1");
    assert_eq!(made.header("etag"), "\"1\"");
    let read = user.get("/api/records/patients/1").await.expect(200);
    assert_eq!(read.body, made.body, "what was answered is what is there");
    assert_eq!(read.header("cache-control"), "private, no-store");
    assert_eq!(read.header("content-type"), "application/json");
    let changed = user.patch("/api/records/patients/1", &json!({"last_name": "Birch"})).await.expect(200);
    assert_eq!((changed.header("etag"), &changed.json()["last_name"]), ("\"2\"", &json!("Birch")));
    user.delete("/api/records/patients/1").await.expect(204);
    user.get("/api/records/patients/1").await.expect(404);
    user.delete("/api/records/patients/1").await.expect(404);
}

#[tokio::test]
async fn the_short_path_and_the_router_answer_alike() {
    let (_app, _, user) = TestApp::new().await;
    user.post("/api/records/patients", &patient("Ash")).await.expect(201);
    for end in [
        "1",
        "2",
        "1?fields=id,last_name",
        "1?fields=nothing",
        "1?limit=3x",
        "18446744073709551616",
        "0190a0aa",
    ] {
        let short = user.get(&format!("/api/records/patients/{end}")).await;
        let routed = user.get(&format!("/t/acme/api/records/patients/{end}")).await;
        let body = |text: String| text.split("\"request_id\"").next().unwrap().to_owned();
        assert_eq!((short.status, body(short.text())), (routed.status, body(routed.text())), "{end}");
        for header in ["etag", "content-type", "cache-control"] {
            assert_eq!(short.header(header), routed.header(header), "{end}");
        }
    }
    user.get("/api/records/nothing/1").await.expect(404);
}

#[tokio::test]
async fn versions_guard_changes() {
    let (_app, _, user) = TestApp::new().await;
    user.post("/api/records/patients", &patient("Ash")).await.expect(201);
    let at = |tag: &str| user.with("if-match", tag);
    let change = json!({"last_name": "Birch"});
    at("\"1\"").patch("/api/records/patients/1", &change).await.expect(200);
    let stale = at("\"1\"").patch("/api/records/patients/1", &change).await.expect(412);
    assert_eq!(stale.code(), "version_conflict");
    assert!(stale.json()["remedy"].is_string());
    at("\"1\"").delete("/api/records/patients/1").await.expect(412);
    user.with("if-none-match", "\"2\"").get("/api/records/patients/1").await.expect(304);
    for none in ["\"1\", \"7\"", "\"x\"", "*, \"9\""] {
        at(none).patch("/api/records/patients/1", &change).await.expect(412);
    }
    let two =
        at("\"1\", W/\"2\" ,\"9\"").patch("/api/records/patients/1", &json!({"last_name": "Elm"})).await;
    assert_eq!(two.expect(200).header("etag"), "\"3\"");
    at("\"1\", \"2\"").delete("/api/records/patients/1").await.expect(412);
    at("\"1\", \"2\"").delete("/api/records/patients/77").await.expect(404);
    at("*").delete("/api/records/patients/1").await.expect(204);
}

#[tokio::test]
async fn a_server_may_require_the_version_428() {
    let options = tenantry_server::http::Options { require_if_match: true, ..Default::default() };
    let app = TestApp::with(options).await;
    let user = app.register("acme").await;
    user.post("/api/records/patients", &patient("Ash")).await.expect(201);
    user.patch("/api/records/patients/1", &json!({"last_name": "B"})).await.expect(428);
    user.delete("/api/records/patients/1").await.expect(428);
    user.with("if-match", "*").delete("/api/records/patients/1").await.expect(204);
}

#[tokio::test]
async fn lists_filter_sort_page_count_and_search() {
    let (_app, _, user) = TestApp::new().await;
    let names = ["Ash", "Birch", "Cedar", "Dogwood", "Elm"];
    let batch: Vec<_> = names.iter().map(|name| patient(name)).collect();
    user.post("/api/records/patients/batch", &json!(batch)).await.expect(201);
    let list =
        async |query: &str| user.get(&format!("/api/records/patients?{query}")).await.expect(200).json();
    let names_of = |page: &Value| -> Vec<String> {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["last_name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names_of(&list("last_name__startswith=c").await), ["Cedar"]);
    assert_eq!(names_of(&list("id__in=1,5&sort=-last_name").await), ["Elm", "Ash"]);
    assert_eq!(names_of(&list("q=dogwood").await), ["Dogwood"]);
    assert_eq!(list("id__gt=2&count=true&limit=1").await["count"], 3);
    assert_eq!(list("fields=id&limit=1").await["items"], json!([{"id": 1}]));
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = list(&format!("sort=-last_name&limit=2{after}")).await;
        seen.extend(names_of(&page));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["Elm", "Dogwood", "Cedar", "Birch", "Ash"], "every row once, in order");
    assert_eq!(user.get("/api/records/patients?company_id=2").await.expect(400).code(), "bad_request");
}

#[tokio::test]
async fn references_across_stores_are_checked_expanded_and_protected() {
    let (app, _, user) = TestApp::new().await;
    let staff = app.staff().await;
    user.post("/api/records/regions", &json!({"name": "North", "code": "N"})).await.expect(403);
    staff.post("/api/records/regions", &json!({"name": "North", "code": "N"})).await.expect(201);
    staff.post("/api/records/cities", &json!({"name": "Ahlen", "region": 1})).await.expect(201);
    let mut ann = patient("Ash");
    ann["city"] = json!(99);
    let wrong = user.post("/api/records/patients", &ann).await;
    assert!(wrong.status.is_client_error() && wrong.text().contains("city"), "{}", wrong.text());
    ann["city"] = json!(1);
    user.post("/api/records/patients", &ann).await.expect(201);
    let read = user.get("/api/records/patients/1?expand=city.region").await.expect(200).json();
    assert_eq!(read["expand"]["city"]["expand"]["region"]["name"], "North", "{read}");
    let listed = user.get("/api/records/cities?region=1").await.expect(200).json();
    assert_eq!(listed["items"][0]["name"], "Ahlen");
    let refused = staff.delete("/api/records/cities/1").await.expect(409);
    assert_eq!(refused.code(), "reference");
}

#[tokio::test]
async fn what_is_wrong_is_named_field_by_field() {
    let (_app, _, user) = TestApp::new().await;
    for (body, field) in [
        (json!({"first_name": "A", "last_name": "B", "born_on": "soon"}), "born_on"),
        (json!({"first_name": "A", "last_name": "B", "born_on": "1990-01-01", "gender": "?"}), "gender"),
        (
            json!({"first_name": "A", "last_name": "B", "born_on": "1990-01-01", "company_id": 2}),
            "company_id",
        ),
        (json!({"first_name": "A", "last_name": "B", "born_on": "1990-01-01", "id": 7}), "id"),
    ] {
        let answer = user.post("/api/records/patients", &body).await.expect(422);
        assert_eq!(answer.json()["errors"][0]["field"], field, "{}", answer.text());
    }
    user.send(http::Method::POST, "/api/records/patients", Some("application/json"), "{\"a\":")
        .await
        .expect(400);
    user.send(http::Method::POST, "/api/records/patients", Some("text/plain"), "{}").await.expect(415);
    let large = format!("{{\"first_name\": \"{}\"}}", "x".repeat(2 << 20));
    user.send(http::Method::POST, "/api/records/patients", Some("application/json"), large).await.expect(413);
}

#[tokio::test]
async fn a_batch_is_all_or_nothing() {
    let (_app, _, user) = TestApp::new().await;
    let batch = json!([patient("Ash"), {"first_name": "B"}]);
    let answer = user.post("/api/records/patients/batch", &batch).await;
    assert!(answer.status.is_client_error(), "{}", answer.text());
    assert_eq!(user.get("/api/records/patients?count=true").await.expect(200).json()["count"], 0);
}
