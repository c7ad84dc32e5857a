//! Dependent references: a doctor's city is in the doctor's region, and the clinic in the city.

use super::{
    app::{Client, TestApp},
    copies,
};
use http::Method;
use serde_json::{Value, json};
use tenantry::migrations::check::What;

/// Creates two regions with a city each, and a clinic in each city: region 1, city 1, clinic 1; and the same with 2.
async fn world(staff: &Client) {
    for (n, name) in [(1, "North"), (2, "South")] {
        staff.post("/api/records/regions", &json!({"name": name, "code": name})).await.expect(201);
        staff.post("/api/records/cities", &json!({"name": "Ahlen", "region": n})).await.expect(201);
        staff.post("/api/records/clinics", &json!({"name": name, "city": n})).await.expect(201);
    }
    staff.post("/api/records/specialisations", &json!({"name": "Surgery", "code": "S"})).await.expect(201);
}

fn doctor(licence: &str, (region, city, clinic): (i64, i64, Option<i64>)) -> Value {
    json!({"first_name": "Ida", "last_name": "Berg", "licence_number": licence, "specialisation": 1,
        "region": region, "city": city, "clinic": clinic})
}

/// Returns the fields that a refusal names. All must have the code for disagreement.
fn blamed(answer: &super::app::Answer) -> Vec<String> {
    let problem = answer.json();
    let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{problem}"));
    assert!(errors.iter().all(|error| error["code"] == "inconsistent"), "{problem}");
    errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

async fn setup(pooled: bool) -> (TestApp, Client, Client) {
    let app = copies::app(pooled).await;
    let (user, staff) = (app.register("acme").await, app.staff().await);
    world(&staff).await;
    (app, user, staff)
}

#[tokio::test]
async fn a_city_outside_the_region_is_refused_in_both_isolations() {
    for pooled in [false, true] {
        let (_app, user, _) = setup(pooled).await;
        let path = "/api/records/doctors";
        let wrong = user.post(path, &doctor("a", (1, 2, None))).await.expect(422);
        assert_eq!(blamed(&wrong), ["city", "region"]);
        let wrong = user.post(path, &doctor("a", (1, 1, Some(2)))).await.expect(422);
        assert_eq!(blamed(&wrong), ["clinic", "city"]);
        assert_eq!(user.get(&format!("{path}?count=true")).await.expect(200).json()["count"], 0);
        user.post(path, &doctor("a", (1, 1, Some(1)))).await.expect(201);
        user.post(path, &doctor("b", (2, 2, None))).await.expect(201);
    }
}

#[tokio::test]
async fn a_change_of_one_of_the_fields_is_checked_against_the_others() {
    for pooled in [false, true] {
        let (_app, user, _) = setup(pooled).await;
        user.post("/api/records/doctors", &doctor("a", (1, 1, Some(1)))).await.expect(201);
        let path = "/api/records/doctors/1";
        for (change, fields) in [
            (json!({"region": 2}), vec!["city", "region"]),
            (json!({"city": 2}), vec!["city", "region", "clinic", "city"]),
            (json!({"clinic": 2}), vec!["clinic", "city"]),
            (json!({"region": 2, "city": 2}), vec!["clinic", "city"]),
        ] {
            let wrong = user.patch(path, &change).await.expect(422);
            assert_eq!(blamed(&wrong), fields, "{change}");
        }
        let read = user.get(path).await.expect(200);
        assert_eq!(
            (&read.json()["region"], read.header("etag")),
            (&json!(1), "\"1\""),
            "nothing was written"
        );
        user.post("/api/records/doctors", &doctor("b", (2, 2, None))).await.expect(201);
        let all = "/api/records/doctors?expect=2";
        let changed = user.patch(all, &json!({"region": 1, "city": 1})).await.expect(200);
        assert_eq!(changed.json()["count"], 2);
        let wrong = user.patch(all, &json!({"clinic": 2})).await.expect(422);
        assert_eq!(blamed(&wrong), ["1.clinic", "1.city", "2.clinic", "2.city"]);
        user.delete("/api/records/doctors?id=2&expect=1").await.expect(200);
        user.patch(path, &json!({"phone": "1"})).await.expect(200);
        user.patch(path, &json!({"region": 2, "city": 2, "clinic": null})).await.expect(200);
        let stale = user.with("if-match", "\"1\"");
        assert_eq!(stale.patch(path, &json!({"clinic": 2})).await.expect(412).code(), "version_conflict");
        user.patch(path, &json!({"clinic": 2})).await.expect(200);
    }
}

#[tokio::test]
async fn batches_and_imports_name_the_record() {
    let (_app, user, _) = setup(false).await;
    let batch = json!([doctor("a", (1, 1, None)), doctor("b", (2, 1, None))]);
    let wrong = user.post("/api/records/doctors/batch", &batch).await.expect(422);
    assert_eq!(blamed(&wrong), ["1.city", "1.region"]);
    let csv = "first_name,last_name,licence_number,specialisation,region,city\nA,B,a,1,1,1\nA,B,b,1,2,1\n";
    let report =
        user.send(Method::POST, "/api/records/doctors/import", Some("text/csv"), csv).await.expect(200);
    let report = report.json();
    assert_eq!(report["created"], 1, "{report}");
    let lines: Vec<_> =
        report["errors"].as_array().unwrap().iter().map(|e| (&e["line"], &e["field"])).collect();
    assert_eq!(lines, [(&json!(3), &json!("city")), (&json!(3), &json!("region"))]);
}

/// Inside one store too: an appointment's payer is its patient. A rule that a model switches off is not checked.
#[tokio::test]
async fn references_inside_a_store_agree_unless_a_model_says_otherwise() {
    let (_app, user, _) = setup(false).await;
    user.post("/api/records/doctors", &doctor("a", (1, 1, None))).await.expect(201);
    let patient = |city| json!({"first_name": "A", "last_name": "B", "born_on": "1990-01-01", "city": city, "doctor": 1});
    user.post("/api/records/patients", &patient(2)).await.expect(201);
    user.post("/api/records/patients", &patient(1)).await.expect(201);
    let visit = json!({"patient": 1, "doctor": 1, "starts_at": "2026-01-01T09:00:00Z"});
    user.post("/api/records/appointments", &visit).await.expect(201);
    // A patient need not have a doctor, so a visit may be to any doctor.
    user.post("/api/records/doctors", &doctor("b", (1, 1, None))).await.expect(201);
    let other = json!({"patient": 1, "doctor": 2, "starts_at": "2026-01-02T09:00:00Z"});
    user.post("/api/records/appointments", &other).await.expect(201);
    let payment = |patient| {
        json!({"reference": format!("R{patient}"), "patient": patient, "appointment": 1, "amount": "1.00",
            "method": "cash", "status": "paid"})
    };
    let wrong = user.post("/api/records/payments", &payment(2)).await.expect(422);
    assert_eq!(blamed(&wrong), ["appointment", "patient"]);
    user.post("/api/records/payments", &payment(1)).await.expect(201);
}

/// A city may move to another region; `check` then lists the records that disagree.
#[tokio::test]
async fn check_lists_records_that_disagree() {
    let (app, user, staff) = setup(false).await;
    user.post("/api/records/doctors", &doctor("a", (1, 1, None))).await.expect(201);
    staff.patch("/api/records/cities/1", &json!({"region": 2, "name": "Beckum"})).await.expect(200);
    let mut found = Vec::new();
    app.platform().check(None, false, |finding| found.push(finding), |_, _| ()).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    let What::Disagreeing { count, ids, .. } = &found[0].what else { panic!("{found:?}") };
    assert_eq!((*count, ids.len()), (1, 1));
    let text = found[0].to_string();
    assert!(text.contains("1 record of doctors with a ") && text.contains("consistent = false"), "{text}");
    user.patch("/api/records/doctors/1", &json!({"phone": "1"})).await.expect(200);
}
