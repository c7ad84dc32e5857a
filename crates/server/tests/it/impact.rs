//! The effect of a change: staff learn the numbers of tenants' references to a shared record, and of tenants that
//! override it.

use super::{
    app::{Client, TestApp},
    console_data::shared,
    records::patient,
};
use serde_json::{Value, json};
use tenantry::place::Isolation;
use tenantry_server::http::Options;
use tenantry_testkit::Settings;

const CITY: &str = "/api/admin/impact/cities/1";
const CLINIC: &str = "/api/admin/impact/clinics/1";

async fn of(staff: &Client, path: &str) -> Value {
    staff.get(path).await.expect(200).json()
}

/// Fills three companies: two refer to the city, one overrides the clinic, one does neither.
async fn companies(app: &TestApp) -> Client {
    let owners = [app.register("acme").await, app.register("rival").await, app.register("other").await];
    let staff = app.staff().await;
    shared(&staff).await;
    for (owner, count) in owners.iter().zip([3, 1, 0]) {
        for at in 0..count {
            let mut patient = patient(&format!("Canary {at}"));
            patient["city"] = 1.into();
            owner.post("/api/records/patients", &patient).await.expect(201);
        }
    }
    let own = json!({"phone": "12 34 56", "email": null});
    owners[1].put("/api/records/clinics/1/override", &own).await.expect(200);
    staff
}

async fn staff_learn_numbers(app: TestApp, is_pooled: bool) {
    let staff = companies(&app).await;
    let cities = of(&staff, CITY).await;
    let names = |answer: &Value| -> Vec<String> {
        answer["tenants"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["slug"].as_str().unwrap().into())
            .collect()
    };
    assert_eq!(names(&cities), ["acme", "rival"]);
    let refer = |count: i64| json!([{"model": "patients", "field": "city", "count": count}]);
    assert_eq!(cities["tenants"][0]["references"], refer(3));
    assert_eq!(cities["tenants"][1]["references"], refer(1));
    assert_eq!(
        (&cities["asked"], &cities["unasked"], &cities["next"]),
        (&json!(3), &json!([]), &Value::Null)
    );
    assert!(!cities.to_string().contains("Canary"), "no rows");
    let clinic = of(&staff, CLINIC).await;
    assert_eq!(names(&clinic), ["rival"]);
    assert_eq!(
        (&clinic["tenants"][0]["own"], &clinic["tenants"][0]["references"]),
        (&json!(["phone", "email"]), &json!([]))
    );
    // Reads the answer page by page.
    let first = of(&staff, &format!("{CITY}?limit=1")).await;
    assert_eq!(names(&first), ["acme"]);
    let next = |page: &Value| page["next"].as_str().unwrap().to_owned();
    assert_eq!(next(&first), first["tenants"][0]["tenant"].to_string());
    let second = of(&staff, &format!("{CITY}?limit=1&after={}", next(&first))).await;
    assert_eq!(names(&second), ["rival"]);
    let last = of(&staff, &format!("{CITY}?limit=1&after={}", next(&second))).await;
    assert_eq!((names(&last), &last["next"]), (vec![], &Value::Null));
    assert_eq!((&first["left"], &last["left"]), (&json!(2), &json!(0)));
    // An answer opens few databases. All tenants of a pool are in one.
    let bounded = of(&staff, &format!("{CITY}?databases=1")).await;
    if is_pooled {
        assert_eq!((&bounded["asked"], &bounded["left"]), (&json!(3), &json!(0)), "{bounded}");
    } else {
        let rest = of(&staff, &format!("{CITY}?databases=2&after={}", next(&bounded))).await;
        for (page, (asked, left)) in [(&bounded, (1, 2)), (&rest, (2, 0))] {
            assert_eq!((&page["asked"], &page["left"]), (&json!(asked), &json!(left)), "{page}");
        }
        assert_eq!((names(&bounded), names(&rest)), (vec!["acme".into()], vec!["rival".to_owned()]));
        assert_eq!(rest["next"], Value::Null, "{rest}");
    }
    // A record that no tenant refers to, a missing record, and a record that is not shared.
    assert_eq!(names(&of(&staff, "/api/admin/impact/cities/2").await).len(), 0);
    for path in ["cities/999", "cities/x", "patients/1", "nothing/1"] {
        staff.get(&format!("/api/admin/impact/{path}")).await.expect(404);
    }
}

#[tokio::test]
async fn staff_learn_which_companies_would_notice() {
    for isolation in ["database", "pooled"] {
        let settings = Settings::default().isolation(isolation);
        let app = TestApp::configured(&settings, Options::default()).await;
        staff_learn_numbers(app, isolation == "pooled").await;
    }
}

#[tokio::test]
async fn staff_learn_which_companies_would_notice_on_postgresql() {
    for server in tenantry_testkit::postgres::servers() {
        for isolation in [Isolation::Database, Isolation::Schema, Isolation::Pooled] {
            let app = TestApp::on_postgres(&server, isolation).await;
            staff_learn_numbers(app, isolation == Isolation::Pooled).await;
        }
    }
}

#[tokio::test]
async fn a_company_that_cannot_be_asked_is_named() {
    let app = TestApp::with(Options::default()).await;
    let staff = companies(&app).await;
    // The database is not in the place that the catalog names.
    app.catalog("UPDATE placements SET physical = 'lost_1' WHERE tenant = 1").await;
    let root = app.platform().config().servers[0].path().unwrap();
    let found = of(&staff, CITY).await;
    assert_eq!(found["tenants"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!((&found["asked"], &found["unasked"][0]["slug"]), (&json!(2), &json!("acme")), "{found}");
    let why = found["unasked"][0]["reason"].as_str().unwrap();
    assert!(!why.is_empty() && !why.contains(root.to_str().unwrap()), "{why}");
}
