//! Fields that a tenant adds to a model: definitions, values on every way of writing, conditions, CSV, the OpenAPI
//! document, removal, and the border between tenants of a pool.

use super::app::{Client, TestApp};
use http::Method;
use serde_json::{Value, json};
use tenantry_testkit::Settings;

/// A path for every route of own fields, as the cases of `access` are.
pub(super) const CASES: &[(&str, &str, &str)] = &[
    ("GET", "/api/tenant/fields/{model_name}", "/api/tenant/fields/appointments"),
    ("POST", "/api/tenant/fields/{model_name}", "/api/tenant/fields/appointments"),
    ("PATCH", "/api/tenant/fields/{model_name}/{name}", "/api/tenant/fields/appointments/none"),
    ("DELETE", "/api/tenant/fields/{model_name}/{name}", "/api/tenant/fields/appointments/none"),
    ("GET", "/api/tenant/openapi.json", "/api/tenant/openapi.json"),
    ("GET", "/settings/fields/", "/settings/fields/"),
    ("POST", "/settings/fields/", "/settings/fields/"),
    ("POST", "/settings/fields/change/", "/settings/fields/change/"),
];

const FLATS: &str = "store = \"tenant\"\naudit = true\ncustom_fields = true\ndisplay = \"name\"\n\
    [fields.name]\ntype = \"text\"\nmax_length = 40\nrequired = true\nunique = true\n";
const FIELDS: &str = "/api/tenant/fields/flats";
const RECORDS: &str = "/api/records/flats";

async fn app(isolation: &str) -> (TestApp, Client) {
    let app = TestApp::with_own("flats", FLATS, &Settings::default().isolation(isolation)).await;
    let acme = app.register("acme").await;
    for field in [
        json!({"name": "floor", "label": "Floor", "type": "integer", "min": -3, "max": 200}),
        json!({"name": "rent", "label": "Rent", "type": "decimal"}),
        json!({"name": "lift", "label": "Lift", "type": "boolean"}),
        json!({"name": "built", "label": "Built on", "type": "date"}),
        json!({"name": "seen", "label": "Seen at", "type": "datetime"}),
        json!({"name": "kind", "label": "Kind", "type": "choice", "choices": ["flat", "house"]}),
        json!({"name": "note", "label": "Note", "type": "text", "max_length": 20}),
    ] {
        acme.post(FIELDS, &field).await.expect(201);
    }
    (app, acme)
}

fn flat(name: &str, custom: &Value) -> Value {
    json!({"name": name, "custom": custom})
}

async fn add(client: &Client, name: &str, custom: Value) -> Value {
    client.post(RECORDS, &flat(name, &custom)).await.expect(201).json()
}

async fn names(client: &Client, query: &str) -> Vec<String> {
    let found = client.get(&format!("{RECORDS}?{query}")).await.expect(200).json();
    let items = found["items"].as_array().unwrap().iter();
    items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

/// Sends values that the definitions do not allow, and returns the field that each answer names.
async fn refused(client: &Client, custom: Value) -> Vec<String> {
    let answer = client.post(RECORDS, &flat("refused", &custom)).await.expect(422).json();
    let fields = answer["errors"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
    fields.map(|wrong| wrong["field"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn values_are_checked_and_stored_in_one_form() {
    for isolation in ["database", "pooled"] {
        let (_, acme) = app(isolation).await;
        let made = add(
            &acme,
            "a",
            json!({"floor": 3, "rent": 1250.5, "lift": true, "built": "1999-12-31",
                "seen": "2026-01-31T13:30:00+04:00", "kind": "flat", "note": "top"}),
        )
        .await;
        let wanted = json!({"floor": 3, "rent": "1250.50", "lift": true, "built": "1999-12-31",
            "seen": "2026-01-31T09:30:00.000000Z", "kind": "flat", "note": "top"});
        assert_eq!(made["custom"], wanted);
        // A change keeps what it does not name; null removes; equal values are no change.
        let path = format!("{RECORDS}/{}", made["id"]);
        let changed =
            acme.patch(&path, &json!({"custom": {"floor": 4, "note": null}})).await.expect(200).json();
        assert_eq!((&changed["custom"]["floor"], changed["custom"].get("note")), (&json!(4), None));
        assert_eq!((&changed["custom"]["rent"], &changed["version"]), (&json!("1250.50"), &json!(2)));
        let same = acme.patch(&path, &json!({"custom": {"rent": "1250.500"}})).await.expect(200).json();
        assert_eq!(same["version"], 2);
        let stale = acme.with("if-match", "\"1\"").patch(&path, &json!({"custom": {"floor": 5}})).await;
        stale.expect(412);
        assert_eq!(acme.get(&path).await.expect(200).json()["custom"]["floor"], 4);
        let none = acme.patch(&path, &json!({"custom": null})).await.expect(200).json();
        assert_eq!(none["custom"], Value::Null);

        assert_eq!(refused(&acme, json!({"flor": 3})).await, ["custom.flor"]);
        assert_eq!(
            refused(&acme, json!({"floor": 201, "rent": "1.234"})).await,
            ["custom.floor", "custom.rent"]
        );
        assert_eq!(refused(&acme, json!({"kind": "castle"})).await, ["custom.kind"]);
        assert_eq!(refused(&acme, json!({"note": "twenty-one characters"})).await, ["custom.note"]);
        assert_eq!(refused(&acme, json!({"floor": "3"})).await, ["custom.floor"]);
        assert_eq!(refused(&acme, json!([3])).await, ["custom"]);
        acme.patch(&path, &json!({"custom": {"floor": 3.5}})).await.expect(422);
    }
}

#[tokio::test]
async fn every_way_of_writing_checks_the_values() {
    let (_, acme) = app("database").await;
    add(&acme, "a", json!({"floor": 1})).await;
    add(&acme, "b", json!({"floor": 2, "note": "kept"})).await;
    let batch = json!([flat("c", &json!({"floor": 3})), flat("d", &json!({"floor": 999}))]);
    let answer = acme.post(&format!("{RECORDS}/batch"), &batch).await.expect(422).text();
    assert!(answer.contains("1.custom.floor"), "{answer}");
    let all = format!("{RECORDS}?expect=2");
    let answer = acme.patch(&all, &json!({"custom": {"floor": 999}})).await.expect(422).text();
    assert!(answer.contains("custom.floor"), "{answer}");
    acme.patch(&all, &json!({"custom": {"lift": true}})).await.expect(200);
    let found = acme.get(&format!("{RECORDS}?sort=id")).await.expect(200).json();
    assert_eq!(found["items"][1]["custom"], json!({"floor": 2, "note": "kept", "lift": true}));
    let csv = "name,custom.floor,custom.rent\nx,5,12.5\ny,999,1\nz,,\n";
    let report =
        acme.send(Method::POST, &format!("{RECORDS}/import"), Some("text/csv"), csv).await.expect(200);
    let report = report.json();
    assert_eq!((&report["created"], &report["errors"][0]["line"]), (&json!(2), &json!(3)), "{report}");
    let found = acme.get(&format!("{RECORDS}?custom.floor=5")).await.expect(200).json();
    assert_eq!(found["items"][0]["custom"], json!({"floor": 5, "rent": "12.50"}));
    let import = format!("{RECORDS}/import");
    acme.send(Method::POST, &import, Some("text/csv"), "name,custom.x\na,1\n").await.expect(422);
}

#[tokio::test]
async fn lists_filter_sort_group_and_export_by_own_fields() {
    for isolation in ["database", "pooled"] {
        let (_, acme) = app(isolation).await;
        add(&acme, "a", json!({"floor": 10, "rent": "9.99", "kind": "flat", "note": "=1+1"})).await;
        add(&acme, "b", json!({"floor": 9, "rent": "100.00", "kind": "house"})).await;
        add(&acme, "c", json!({"floor": -1, "kind": "flat", "built": "2001-01-01"})).await;
        acme.post(RECORDS, &json!({"name": "d"})).await.expect(201);
        assert_eq!(names(&acme, "custom.floor__gt=9").await, ["a"]);
        assert_eq!(names(&acme, "custom.rent__lt=50&sort=id").await, ["a"]);
        assert_eq!(names(&acme, "custom.kind__in=flat,house&sort=-custom.floor").await, ["a", "b", "c"]);
        assert_eq!(names(&acme, "sort=custom.rent,-name").await, ["d", "c", "a", "b"]);
        assert_eq!(names(&acme, "custom.built__isnull=false").await, ["c"]);
        let any = "any=(custom.floor=9,all(custom.kind=flat,custom.floor__lt=0))&sort=name";
        assert_eq!(names(&acme, any).await, ["b", "c"]);
        let first = acme.get(&format!("{RECORDS}?sort=custom.floor&limit=2")).await.expect(200).json();
        let next = format!("sort=custom.floor&limit=2&after={}", first["next"].as_str().unwrap());
        assert_eq!(names(&acme, &next).await, ["b", "a"]);
        let groups = format!("{RECORDS}/aggregate?group_by=custom.kind&sum=custom.rent&max=custom.floor");
        let groups = acme.get(&groups).await.expect(200).json();
        let flat = &groups["groups"][1];
        assert_eq!((&flat["count"], &flat["group"]["custom.kind"]), (&json!(2), &json!("flat")), "{groups}");
        assert_eq!((&flat["sum"]["custom.rent"], &flat["max"]["custom.floor"]), (&json!("9.99"), &json!(10)));
        acme.get(&format!("{RECORDS}?custom.unknown=1")).await.expect(400);
        acme.get(&format!("{RECORDS}?custom.floor=high")).await.expect(400);

        let query = "fields=name,custom.floor,custom.note&sort=name";
        let csv = acme.get(&format!("{RECORDS}/export?{query}")).await.expect(200).text();
        assert_eq!(csv, "name,custom.floor,custom.note\na,10,'=1+1\nb,9,\nc,-1,\nd,,\n");
        let whole = acme.get(&format!("{RECORDS}/export?sort=name")).await.expect(200).text();
        let head =
            "id,name,custom.floor,custom.rent,custom.lift,custom.built,custom.seen,custom.kind,custom.note,";
        assert!(whole.starts_with(head), "{whole}");
        // What was exported is imported as it was.
        let before = acme.get(&format!("{RECORDS}?sort=name&fields=name,custom")).await.expect(200).json();
        acme.delete(&format!("{RECORDS}?expect=4")).await.expect(200);
        let import = format!("{RECORDS}/import");
        acme.send(Method::POST, &import, Some("text/csv"), whole).await.expect(200);
        let after = acme.get(&format!("{RECORDS}?sort=name&fields=name,custom")).await.expect(200).json();
        assert_eq!(before, after);
    }
}

#[tokio::test]
async fn definitions_have_rules_and_managers() {
    let (app, acme) = app("database").await;
    let add = |field: Value| {
        let acme = acme.clone();
        async move { acme.post(FIELDS, &field).await }
    };
    let text = |name: &str| json!({"name": name, "label": "L", "type": "text"});
    for bad in [text("Floor"), text("a__b"), text(""), json!({"name": "x", "label": "", "type": "text"})] {
        add(bad).await.expect(422);
    }
    add(text("floor")).await.expect(422);
    add(json!({"name": "x", "label": "X", "type": "text", "scale": 2})).await.expect(422);
    add(json!({"name": "x", "label": "X", "type": "choice", "choices": []})).await.expect(422);
    for number in 7..50 {
        add(text(&format!("field_{number}"))).await.expect(201);
    }
    add(text("one_too_many")).await.expect(409);
    acme.get("/api/tenant/fields/patients").await.expect(404);

    let member = app.member(&acme, "member@acme.example", "member").await;
    assert_eq!(member.get(FIELDS).await.expect(200).json()["items"].as_array().unwrap().len(), 50);
    member.post(FIELDS, &text("theirs")).await.expect(403);
    member.patch(&format!("{FIELDS}/floor"), &json!({"label": "Theirs"})).await.expect(403);
    member.delete(&format!("{FIELDS}/floor")).await.expect(403);
    // The rows of definitions are no records of the API.
    acme.get("/api/records/flats_custom_fields").await.expect(404);
    acme.post("/api/records/flats_custom_fields", &json!({"definitions": []})).await.expect(404);
}

#[tokio::test]
async fn a_kind_changes_only_if_values_fit_and_a_removed_field_takes_its_values_along() {
    for isolation in ["database", "pooled"] {
        let (_, acme) = app(isolation).await;
        let one = add(&acme, "a", json!({"floor": 3, "kind": "flat"})).await;
        let path = format!("{RECORDS}/{}", one["id"]);
        let floor = format!("{FIELDS}/floor");
        acme.patch(&floor, &json!({"type": "text"})).await.expect(409);
        acme.patch(&floor, &json!({"min": 3})).await.expect(409);
        // A refused change leaves the field in use.
        acme.patch(&path, &json!({"custom": {"floor": 4}})).await.expect(200);
        acme.patch(&floor, &json!({"max": 300, "label": "Storey"})).await.expect(200);
        acme.patch(&path, &json!({"custom": {"floor": 250}})).await.expect(200);
        let more = json!({"choices": ["flat", "house", "barn"]});
        acme.patch(&format!("{FIELDS}/kind"), &more).await.expect(200);
        acme.patch(&format!("{FIELDS}/kind"), &json!({"choices": ["house"]})).await.expect(409);
        acme.patch(&format!("{FIELDS}/rent"), &json!({"scale": 4})).await.expect(200);

        let removed = acme.delete(&floor).await.expect(200).json();
        assert_eq!(removed, json!({"cleared": 1, "done": true}));
        assert_eq!(acme.get(&path).await.expect(200).json()["custom"], json!({"kind": "flat"}));
        acme.get(&format!("{RECORDS}?custom.floor=3")).await.expect(400);
        assert_eq!(refused(&acme, json!({"floor": 3})).await, ["custom.floor"]);
        acme.delete(&floor).await.expect(404);
        acme.post(FIELDS, &json!({"name": "floor", "label": "Floor", "type": "text"})).await.expect(201);
        assert_eq!(names(&acme, "custom.floor__isnull=false").await, Vec::<String>::new());

        let history = acme.get(&format!("{path}/history")).await.expect(200).json();
        let newest = &history["items"][0]["changes"][0];
        assert_eq!((&newest["field"], &newest["before"]), (&json!("custom.floor"), &json!(250)), "{history}");
        acme.patch(&format!("{FIELDS}/kind"), &json!({"required": true})).await.expect(200);
        assert_eq!(refused(&acme, json!({})).await, ["custom.kind"]);
        acme.post(RECORDS, &json!({"name": "without"})).await.expect(422);
    }
}

#[tokio::test]
async fn tenants_of_a_pool_have_their_own_fields_and_documents() {
    let (app, acme) = app("pooled").await;
    let gamma = app.register("gamma").await;
    assert_eq!(gamma.get(FIELDS).await.expect(200).json()["items"], json!([]));
    assert_eq!(refused(&gamma, json!({"floor": 3})).await, ["custom.floor"]);
    gamma.post(FIELDS, &json!({"name": "floor", "label": "Etage", "type": "text"})).await.expect(201);
    add(&gamma, "b", json!({"floor": "third"})).await;
    add(&acme, "a", json!({"floor": 3})).await;
    assert_eq!(names(&gamma, "custom.floor=third").await, ["b"]);
    assert_eq!(names(&acme, "custom.floor=3").await, ["a"]);
    gamma.delete(&format!("{FIELDS}/floor")).await.expect(200);
    assert_eq!(names(&acme, "custom.floor=3").await, ["a"], "only the own values were removed");

    gamma
        .post(FIELDS, &json!({"name": "secret_of_gamma", "label": "S", "type": "date", "required": true}))
        .await;
    let document = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
    let of = |document: &Value| document["components"]["schemas"]["flats"]["properties"]["custom"].clone();
    let public = app.anon().get("/api/openapi.json").await.expect(200).text();
    assert!(!public.contains("secret_of_gamma") && !public.contains("custom.floor"));
    let text = acme.get("/api/tenant/openapi.json").await.expect(200).text();
    assert!(!text.contains("secret_of_gamma") && text.contains("custom.floor__gte"), "{text}");
    let acmes = of(&document(text));
    assert_eq!(acmes["properties"]["floor"]["maximum"], 200);
    let betas = document(gamma.get("/api/tenant/openapi.json").await.expect(200).text());
    assert_eq!(of(&betas)["properties"]["secret_of_gamma"]["format"], "date");
    assert_eq!(
        betas["components"]["schemas"]["flats_new"]["properties"]["custom"]["required"],
        json!(["secret_of_gamma"])
    );
}

/// Writers and the removal of a field at the same time: whatever the order, no value of the field stays.
#[tokio::test]
async fn no_value_outlives_its_field_whoever_writes_meanwhile() {
    for isolation in ["database", "pooled"] {
        let (_, acme) = app(isolation).await;
        let one = add(&acme, "a", json!({"floor": 1})).await;
        let path = format!("{RECORDS}/{}", one["id"]);
        for _ in 0..6 {
            let writers = (0..4).map(|number| {
                let (acme, path) = (acme.clone(), path.clone());
                tokio::spawn(async move {
                    let custom = json!({"custom": {"floor": number}});
                    acme.patch(&path, &custom).await;
                    acme.post(RECORDS, &flat(&format!("w{number}"), &custom["custom"])).await;
                })
            });
            let writers: Vec<_> = writers.collect();
            let removed = acme.delete(&format!("{FIELDS}/floor")).await.expect(200).json();
            assert_eq!(removed["done"], true);
            for writer in writers {
                writer.await.unwrap();
            }
            let found = acme.get(&format!("{RECORDS}?limit=100")).await.expect(200).json();
            for item in found["items"].as_array().unwrap() {
                assert!(item["custom"].get("floor").is_none(), "{item}");
            }
            acme.delete(&format!(
                "{RECORDS}?expect={}&name__startswith=w",
                found["items"].as_array().unwrap().len() - 1
            ))
            .await;
            let floor = json!({"name": "floor", "label": "Floor", "type": "integer"});
            acme.post(FIELDS, &floor).await.expect(201);
        }
    }
}
