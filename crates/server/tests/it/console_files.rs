//! Pages about one record: its files in forms and as downloads, its history; and conditions on references in lists.

use super::{
    app::{Client, TestApp},
    audited_pages::enter,
    console_data::filled,
    web::{Page, Web},
};
use serde_json::{Value, json};

const STAFF: &str = "staff@platform.example";

async fn owner() -> (TestApp, Web, Client) {
    let (app, people) = filled().await;
    let web = Web::signed_in(&app, people[0]).await;
    let client = app.login(people[0]).await;
    (app, web, client)
}

const REPORT: [(&str, &str); 4] =
    [("title", "Q"), ("kind", "medical"), ("from_date", "2026-01-01"), ("to_date", "2026-03-31")];

/// Returns the address of the page, without parameters.
fn place(page: &Page) -> String {
    page.path.split('?').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_file_is_added_shown_replaced_kept_and_removed_in_forms() {
    let (_app, mut web, client) = owner().await;
    let form = web.get("/reports/add/").await.expect(200);
    assert!(form.text().contains("At most 20 MiB"), "{}", form.text());
    let added = web.send_file(&form, "", &REPORT, Some(("notes.txt", b"first"))).await.expect(303);
    let shown = web.follow(&added).await.expect(200);
    let record = place(&shown);
    let file = format!("{record}files/document/");
    assert!(shown.attrs("a", "href").contains(&file), "{}", shown.body);
    assert!(shown.text().contains("notes.txt") && shown.text().contains("5 bytes"), "{}", shown.text());
    let got = web.get(&file).await.expect(200);
    assert_eq!(got.body, "first");
    assert_eq!(got.headers["content-disposition"], "attachment; filename=\"notes.txt\"");
    assert!(got.headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    // Without a new file, the old one stays.
    let form = web.get(&format!("{record}edit/")).await.expect(200);
    assert!(form.text().contains("notes.txt"), "{}", form.text());
    web.send_file(&form, "", &[("title", "Q2")], None).await.expect(303);
    assert_eq!(web.get(&file).await.expect(200).body, "first");
    // A new file replaces the old one, even if nothing else changes.
    let form = web.get(&format!("{record}edit/")).await.expect(200);
    web.send_file(&form, "", &[], Some(("other.txt", b"second"))).await.expect(303);
    assert_eq!(web.get(&file).await.expect(200).body, "second");
    let api = format!("/api/records{}", record.trim_end_matches('/'));
    let stored = client.get(&api).await.expect(200).json();
    assert_eq!((&stored["title"], &stored["document"]["name"]), (&json!("Q2"), &json!("other.txt")));
    let form = web.get(&format!("{record}edit/")).await.expect(200);
    web.submit(&form, "", &[("_remove_document", "1")]).await.expect(303);
    web.get(&file).await.expect(404);
    assert_eq!(client.get(&api).await.json()["document"], Value::Null);
}

#[tokio::test]
async fn a_file_that_is_too_long_is_refused_at_its_field_and_nothing_is_stored() {
    let (_app, mut web, client) = owner().await;
    let before = client.get("/api/records/reports?count=true").await.json()["count"].clone();
    let form = web.get("/reports/add/").await.expect(200);
    let long = vec![b'x'; 20_971_521];
    let refused = web.send_file(&form, "", &REPORT, Some(("long.bin", &long))).await.expect(422);
    assert!(refused.body.contains("id=\"document-wrong\""), "{}", refused.text());
    assert!(refused.text().contains("The file long.bin is longer than 20 MiB"), "{}", refused.text());
    assert_eq!(client.get("/api/records/reports?count=true").await.json()["count"], before);
}

#[tokio::test]
async fn staff_download_a_file_during_a_visit_only() {
    let (app, mut web, _) = owner().await;
    let form = web.get("/reports/add/").await.expect(200);
    let added = web.send_file(&form, "", &REPORT, Some(("notes.txt", b"first"))).await.expect(303);
    let file = format!("{}files/document/", place(&web.follow(&added).await));
    let mut staff = Web::signed_in(&app, STAFF).await;
    assert_ne!(staff.get(&file).await.status, 200);
    assert_eq!(enter(&mut staff, "acme").await, 303);
    assert_eq!(staff.get(&file).await.expect(200).body, "first");
}

#[tokio::test]
async fn the_history_of_a_record_is_shown_field_by_field() {
    let (app, mut web, client) = owner().await;
    client.patch("/api/records/patients/1", &json!({"gender": "female", "phone": "123"})).await.expect(200);
    client.patch("/api/records/patients/1", &json!({"gender": "other"})).await.expect(200);
    let record = web.get("/patients/1/").await.expect(200);
    assert!(record.attrs("a", "href").contains(&"/patients/1/history/".to_owned()));
    let page = web.get("/patients/1/history/").await.expect(200);
    let text = page.text();
    for part in ["Gender", "Female", "Other", "Personal data is not recorded.", "changed the record"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let mut staff = Web::signed_in(&app, STAFF).await;
    assert_eq!(enter(&mut staff, "acme").await, 303);
    let form = staff.get("/patients/1/edit/").await.expect(200);
    staff.submit(&form, "", &[("gender", "male")]).await.expect(303);
    let text = web.get("/patients/1/history/").await.expect(200).text();
    assert!(text.contains("Platform staff"), "{text}");
    client.delete("/api/records/patients/1").await;
    client.get("/api/records/patients/1/history").await.expect(200);
    web.get("/patients/1/history/").await.expect(200);
    web.get("/patients/999/history/").await.expect(404);
    web.get("/regions/1/history/").await.expect(404);
}

#[tokio::test]
async fn choices_of_conditions_are_read_when_they_are_asked_for() {
    let (app, mut web, _) = owner().await;
    let staff = app.login(STAFF).await;
    let more: Vec<_> = (0..40).map(|n| json!({"name": format!("Town {n:02}"), "region": 1})).collect();
    staff.post("/api/records/cities/batch", &Value::from(more)).await.expect(201);
    let cities = |page: &Page| page.body.matches(">Town ").count();
    let list = web.get("/patients/").await.expect(200);
    assert_eq!(cities(&list), 0, "{}", list.body);
    assert!(list.body.contains("id=\"filter-city\""), "{}", list.body);
    let asked = web.get("/patients/?_choices=1").await.expect(200);
    assert!((20..=30).contains(&cities(&asked)), "{}", cities(&asked));
    let found = web.get("/patients/?_choices=1&_find_city=town%2037").await.expect(200);
    assert_eq!(cities(&found), 1);
    let id = staff.get("/api/records/cities?name=Town%2037").await.json()["items"][0]["id"].clone();
    let set = web.get(&format!("/patients/?city={id}")).await.expect(200);
    assert!(set.text().contains("City is Town 37"), "{}", set.text());
    let across = web.get("/patients/?city.region=1&any=(gender=female,gender=other)").await.expect(200);
    let text = across.text();
    assert!(
        text.contains("City › Region is North") && text.contains("Gender is Female or Gender is Other"),
        "{text}"
    );
}
