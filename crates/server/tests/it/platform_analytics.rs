//! Analytics of the platform: tenants over the weeks, counted from the audit log, and what the plans hold.

use super::{app::TestApp, web::Web};
use serde_json::{Value, json};

fn last(analytics: &Value) -> &Value {
    analytics["weeks"].as_array().unwrap().last().unwrap()
}

#[tokio::test]
async fn weeks_count_what_began_and_ended() {
    let (app, _, _) = TestApp::new().await;
    for slug in ["birch", "cedar"] {
        app.register(slug).await;
    }
    let staff = app.staff().await;
    let get = async |query: &str| staff.get(&format!("/api/admin/analytics{query}")).await;
    let before = get("").await.expect(200).json();
    assert_eq!(before["weeks"].as_array().unwrap().len(), 26);
    assert_eq!((&last(&before)["created"], &last(&before)["open"]), (&json!(3), &json!(3)), "{before}");
    let plan = &before["plans"][0];
    assert_eq!((&plan["tenants"], &plan["users"], &plan["backup_bytes"]), (&json!(3), &json!(3), &json!(0)));
    let now = json!({"confirm": "birch", "grace_days": 0});
    staff.post("/api/admin/tenants/birch/cancel", &now).await.expect(200);
    let later = json!({"confirm": "cedar", "grace_days": 30});
    staff.post("/api/admin/tenants/cedar/cancel", &later).await.expect(200);
    let closed = get("").await.expect(200).json();
    let week = last(&closed);
    assert_eq!(
        (&week["cancelled"], &week["open"]),
        (&json!(2), &json!(2)),
        "cedar is open until its date: {week}"
    );
    staff.delete("/api/admin/tenants/birch/cancel").await.expect(200);
    let kept = get("").await.expect(200).json();
    assert_eq!((&last(&kept)["cancelled"], &last(&kept)["open"]), (&json!(2), &json!(3)));
    // Three weeks ago they began, before the two weeks that are asked for.
    app.catalog("UPDATE audit SET at = at - 1814400000000 WHERE action = 'tenant.create'").await;
    let two = get("?weeks=2").await.expect(200).json();
    assert_eq!(two["weeks"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&two["weeks"][0]["open"], &last(&two)["open"], &last(&two)["created"]),
        (&json!(3), &json!(3), &json!(0))
    );
    let long = get("?weeks=8").await.expect(200).json();
    let created: Vec<_> =
        long["weeks"].as_array().unwrap().iter().map(|week| week["created"].clone()).collect();
    assert_eq!(json!(created), json!([0, 0, 0, 0, 3, 0, 0, 0]));
    get("?weeks=0").await.expect(422);
    get("?weeks=105").await.expect(422);
    let mut web = Web::signed_in(&app, "staff@platform.example").await;
    let page = web.get("/master-admin/analytics/?weeks=8").await.expect(200);
    for part in ["New companies", "Open at its end", "3"] {
        assert!(page.text().contains(part), "{part}");
    }
    assert_eq!(page.attrs("path", "class").iter().filter(|class| class.as_str() == "line-1").count(), 3);
}
