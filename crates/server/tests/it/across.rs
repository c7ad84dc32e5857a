//! Aggregates over the rows of all organisations: added up from what each database computes, without a way to a row.

use super::{
    app::{Client, TestApp},
    binary::{find, json_of, run, start, stdout},
    valuation::{configured, organisations, report},
};
use serde_json::{Value, json};
use tenantry_server::http::Options;

const REPORTS: &str = "/api/admin/analytics/reports";

/// Adds reports of two organisations: seven of land, of which six have a value, and two of houses.
async fn reports(app: &TestApp) -> Client {
    let (staff, [first, second]) = organisations(app).await;
    staff.post("/api/records/banks", &json!({"code": "NB", "name": "North Bank"})).await.expect(201);
    let all = [
        (&first, "land", Some("100.50")),
        (&first, "land", Some("100.50")),
        (&first, "land", Some("100.50")),
        (&first, "land", None),
        (&second, "land", Some("10.00")),
        (&second, "land", Some("10.01")),
        (&second, "land", Some("10.00")),
        (&second, "house", Some("7.00")),
        (&second, "house", None),
    ];
    for (number, (of, kind, value)) in all.into_iter().enumerate() {
        let mut row = report(&format!("R{number}"));
        row["property_type"] = json!(kind);
        row["market_value"] = json!(value);
        of.post("/api/records/reports", &row).await.expect(201);
    }
    staff
}

async fn adds_up(app: &TestApp) {
    let staff = reports(app).await;
    let of_value = "sum=market_value&avg=market_value&min=market_value&max=market_value";
    let found = staff.get(&format!("{REPORTS}?group_by=property_type&{of_value}")).await.expect(200).json();
    let land = json!({
        "group": {"property_type": "land"}, "count": 7,
        "sum": {"market_value": "331.51"}, "avg": {"market_value": "55.251667"},
        "min": {"market_value": "10.00"}, "max": {"market_value": "100.50"},
    });
    assert_eq!(found["groups"], json!([land]), "{found}");
    let figures = [&found["hidden"], &found["smallest_group"], &found["asked"], &found["unasked_count"]];
    assert_eq!(figures, [&json!(1), &json!(5), &json!(2), &json!(0)], "{found}");
    let all = staff.get(REPORTS).await.expect(200).json();
    assert_eq!(all["groups"], json!([{"group": {}, "count": 9}]), "{all}");
    let months = staff.get(&format!("{REPORTS}?group_by=created_at__month,bank&property_type=land")).await;
    assert_eq!(months.expect(200).json()["groups"][0]["count"], 7);
    let none = staff.get(&format!("{REPORTS}?tenant.state=suspended")).await.expect(200).json();
    assert_eq!((&none["asked"], &none["groups"]), (&json!(0), &json!([])), "{none}");
}

#[tokio::test]
async fn rows_of_all_organisations_are_added_up() {
    let dir = tempfile::tempdir().unwrap();
    let app = TestApp::configured(&configured(dir.path(), None), Options::default()).await;
    adds_up(&app).await;
    let staff = app.login("staff@platform.example").await;
    let log = staff.get("/api/admin/audit?action=tenants.aggregate").await.expect(200).json();
    assert_eq!(log["items"].as_array().map(Vec::len), Some(4), "{log}");
    // An organisation whose database is not where the catalog says is named, and the others are counted.
    app.catalog("UPDATE placements SET physical = 'lost_1' WHERE tenant = 1 AND store = 'org'").await;
    let found = staff.get(REPORTS).await.expect(200).json();
    assert_eq!(
        (&found["asked"], &found["unasked"][0]["slug"]),
        (&json!(1), &json!("demo_org_001")),
        "{found}"
    );
    assert_eq!(found["groups"], json!([{"group": {}, "count": 5}]), "{found}");
}

#[test]
fn the_command_line_adds_up_and_names_who_did_not_answer() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tenantry.toml"), tenantry::apps::demo_config("valuation").unwrap())
        .unwrap();
    drop(start(dir.path(), "demo"));
    let sums = ["analytics", "reports", "--by", "property_type", "--show", "sum=market_value", "--largest"];
    let shown = run(dir.path(), &sums);
    let text = stdout(&shown);
    assert!(shown.status.success() && text.contains("3 tenants answered"), "{text}");
    assert!(text.starts_with(" PROPERTY_TYPE  ROWS  SUM MARKET_VALUE"), "{text}");
    let found = json_of(dir.path(), &sums);
    let groups = found["groups"].as_array().unwrap();
    assert_eq!(groups.iter().map(|group| group["count"].as_u64().unwrap()).sum::<u64>(), 78, "{found}");
    for group in groups {
        assert!(text.contains(group["sum"]["market_value"].as_str().unwrap()), "{text} {group}");
    }
    let sent = json_of(dir.path(), &["analytics", "reports", "--where", "status=sent", "--plan", "basic"]);
    assert_eq!(sent["asked"], 1, "{sent}");
    let refused = run(dir.path(), &["analytics", "reports", "--by", "applicant"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("applicant"), "{said}");
    std::fs::remove_file(find(&dir.path().join("tenantry-data-valuation"), "demo_org_003.db").unwrap())
        .unwrap();
    let partial = run(dir.path(), &["analytics", "reports"]);
    let said = String::from_utf8_lossy(&partial.stderr);
    assert_eq!(partial.status.code(), Some(1), "{said}");
    assert!(said.contains("demo_org_003 did not answer"), "{said}");
    assert!(stdout(&partial).contains("2 tenants answered"), "{}", stdout(&partial));
}

#[tokio::test]
async fn rows_of_all_organisations_are_added_up_on_postgresql() {
    for server in tenantry_testkit::postgres::servers() {
        let (dir, home) =
            (tempfile::tempdir().unwrap(), tenantry_testkit::postgres::Home::new(&server).await);
        std::fs::write(dir.path().join("pg.url"), home.url()).unwrap();
        let server = super::valuation::server_at(&dir.path().join("pg.url"), &home.prefix());
        let app =
            TestApp::configured(&configured(dir.path(), Some(("pg", &server))), Options::default()).await;
        adds_up(&app).await;
    }
}

#[cfg(feature = "mongodb")]
#[tokio::test]
async fn rows_of_all_organisations_are_added_up_on_mongodb() {
    let (dir, home) = (tempfile::tempdir().unwrap(), tenantry_testkit::mongodb::Home::new().await);
    let server = super::valuation::mongo(&home);
    let app =
        TestApp::configured(&configured(dir.path(), Some(("mongo", &server))), Options::default()).await;
    adds_up(&app).await;
}

#[tokio::test]
async fn no_question_leads_to_a_row() {
    let dir = tempfile::tempdir().unwrap();
    let app = TestApp::configured(&configured(dir.path(), None), Options::default()).await;
    let staff = reports(&app).await;
    for (query, field) in [
        ("group_by=applicant", "applicant"),
        ("group_by=reference", "reference"),
        ("group_by=market_value", "market_value"),
        ("group_by=id", "id"),
        ("group_by=created_at", "created_at"),
        ("group_by=template", "template"),
        ("min=reference", "reference"),
        ("max=applicant", "applicant"),
        ("min=id", "id"),
        ("reference=R1", "reference"),
        ("applicant__contains=A", "applicant"),
        ("market_value__gt=50", "market_value"),
        ("id=1", "id"),
        ("id__in=1,2,3,4,5,6", "id"),
        ("q=applicant", "q"),
        ("tenant.slug=demo_org_001", "tenant.slug"),
    ] {
        let refused: Value = staff.get(&format!("{REPORTS}?{query}")).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], field, "{query}: {refused}");
    }
    staff.get(&format!("{REPORTS}?bank.name=North+Bank")).await.expect(400);
    for model in ["banks", "banks_overrides", "nothing"] {
        staff.get(&format!("/api/admin/analytics/{model}")).await.expect(404);
    }
}
