//! Days of conditions and periods of analytics in a time zone, over a change of its clocks.

use super::{
    app::{Client, TestApp},
    web::Web,
};
use serde_json::{Value, json};

/// A night, a day of 23 hours in Berlin, and the next night.
const SOLD: [(&str, &str); 4] = [
    ("before", "2026-03-28T22:59:59Z"),
    ("first", "2026-03-28T23:00:00Z"),
    ("last", "2026-03-29T21:59:59Z"),
    ("after", "2026-03-29T22:00:00Z"),
];

async fn sold() -> (TestApp, Client) {
    let (app, _, acme) = TestApp::new().await;
    for (item, at) in SOLD {
        let sale =
            json!({"item": item, "category": "other", "unit_price": "1.00", "total": "1.00", "sold_at": at});
        acme.post("/api/records/sales", &sale).await.expect(201);
    }
    (app, acme)
}

async fn items(client: &Client, query: &str) -> Vec<String> {
    let path = format!("/api/records/sales?sort=sold_at&fields=item&{query}");
    let found = client.get(&path).await.expect(200).json();
    let items = found["items"].as_array().unwrap();
    items.iter().map(|item| item["item"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_day_of_a_condition_is_all_of_it_in_the_time_zone() {
    let (_app, acme) = sold().await;
    for (condition, wanted) in [
        ("sold_at=2026-03-29", &["first", "last"][..]),
        ("sold_at__ne=2026-03-29", &["before", "after"]),
        ("sold_at__gte=2026-03-29", &["first", "last", "after"]),
        ("sold_at__gt=2026-03-29", &["after"]),
        ("sold_at__lte=2026-03-29", &["before", "first", "last"]),
        ("sold_at__lt=2026-03-29", &["before"]),
        ("any=(sold_at=2026-03-29,item=after)", &["first", "last", "after"]),
        ("sold_at__lt=2026-03-29T21:59:59Z", &["before", "first"]),
    ] {
        let found = items(&acme, &format!("{condition}&time_zone=Europe/Berlin")).await;
        assert_eq!(found, wanted, "{condition}");
    }
    assert_eq!(items(&acme, "sold_at=2026-03-29").await, ["last", "after"], "UTC without a time zone");
    for wrong in ["time_zone=Nowhere", "sold_at__in=2026-03-29", "sold_at=9999-12-31"] {
        acme.get(&format!("/api/records/sales?{wrong}")).await.expect(400);
    }
    let change = "/api/records/sales?sold_at=2026-03-29&time_zone=Europe/Berlin&expect=2";
    acme.patch(change, &json!({"quantity": 7})).await.expect(200);
    assert_eq!(items(&acme, "quantity=7").await, ["first", "last"]);
}

#[tokio::test]
async fn periods_of_analytics_are_those_of_the_time_zone() {
    let (app, acme) = sold().await;
    let days = |answer: Value| {
        let groups = answer["groups"].as_array().unwrap().clone();
        let day = |group: &Value| {
            (group["group"]["sold_at__day"].as_str().unwrap().to_owned(), group["count"].as_u64())
        };
        groups.iter().map(day).collect::<Vec<_>>()
    };
    let path = "/api/records/sales/aggregate?group_by=sold_at__day";
    let found = acme.get(&format!("{path}&time_zone=Europe/Berlin")).await.expect(200).json();
    let day = |day: &str, count| (day.to_owned(), Some(count));
    assert_eq!(days(found), [day("2026-03-28", 1), day("2026-03-29", 2), day("2026-03-30", 1)]);
    let found = acme.get(path).await.expect(200).json();
    assert_eq!(days(found), [day("2026-03-28", 2), day("2026-03-29", 2)]);

    // Pages have the time zone of their reader, here that of the company.
    acme.patch("/api/tenant", &json!({"time_zone": "Europe/Berlin"})).await.expect(200);
    let mut web = Web::signed_in(&app, "owner@acme.example").await;
    let page = web.get("/analytics/?model=sales&group_by=sold_at__day&measure=count").await.expect(200);
    let group = "/sales/?sold_at__gte=2026-03-29&sold_at__lt=2026-03-30";
    assert!(page.attrs("a", "href").contains(&group.to_owned()), "{:?}", page.attrs("a", "href"));
    let list = web.get(group).await.expect(200);
    let shows = |item: &str| list.attrs("input", "aria-label").contains(&format!("Tick {item}"));
    assert_eq!(SOLD.map(|(item, _)| shows(item)), [false, true, true, false], "{}", list.body);
    let export = list.attrs("a", "href").into_iter().find(|href| href.contains("/export")).unwrap();
    assert!(export.ends_with("&time_zone=Europe/Berlin"), "{export}");
    let csv = acme.get(&export).await.expect(200).text();
    assert_eq!(csv.trim().lines().count(), 3, "{csv}");
}
