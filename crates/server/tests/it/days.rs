//! Conditions that name days by a word: in the API, in lists and in saved views, in the time zone of the reader.

use super::{
    app::{Client, TestApp},
    web::Web,
};
use jiff::{Timestamp, ToSpan, Zoned};
use serde_json::json;

/// A zone in which a day begins ten hours before it does in Baku.
const EARLY: &str = "Pacific/Kiritimati";

fn now(app: &TestApp) -> Zoned {
    let now = Timestamp::from_microsecond(app.platform().now_us()).unwrap();
    now.in_tz(EARLY).unwrap()
}

/// Sells something in the last second of yesterday, the first of today, and the first of tomorrow.
async fn sold(app: &TestApp, acme: &Client) {
    let today = now(app).start_of_day().unwrap();
    let before = &today - 1.second();
    let tomorrow = today.tomorrow().unwrap();
    for (item, at) in [("before", &before), ("during", &today), ("later", &tomorrow)] {
        let sale = json!({"item": item, "category": "other", "unit_price": "1.00", "total": "1.00",
            "sold_at": at.timestamp().to_string()});
        acme.post("/api/records/sales", &sale).await.expect(201);
    }
}

async fn items(client: &Client, condition: &str) -> Vec<String> {
    let path = format!("/api/records/sales?sort=sold_at&fields=item&time_zone={EARLY}&{condition}");
    let found = client.get(&path).await.expect(200).json();
    let items = found["items"].as_array().unwrap();
    items.iter().map(|item| item["item"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn words_for_days_follow_the_time_of_the_request() {
    let (app, _, acme) = TestApp::new().await;
    sold(&app, &acme).await;
    for (condition, wanted) in [
        ("sold_at=today", &["during"][..]),
        ("sold_at=yesterday", &["before"]),
        ("sold_at=tomorrow", &["later"]),
        ("sold_at__ne=today", &["before", "later"]),
        ("sold_at__lt=today", &["before"]),
        ("sold_at__lte=today", &["before", "during"]),
        ("sold_at__gt=today", &["later"]),
        ("any=(sold_at=yesterday,item=later)", &["before", "later"]),
    ] {
        assert_eq!(items(&acme, condition).await, wanted, "{condition}");
    }
    for wrong in ["sold_at__in=today", "item__gte=1&sold_at=someday", "quantity=today"] {
        acme.get(&format!("/api/records/sales?{wrong}")).await.expect(400);
    }
    let change = format!("/api/records/sales?sold_at=today&time_zone={EARLY}&expect=1");
    acme.patch(&change, &json!({"quantity": 7})).await.expect(200);
    let counted = format!("/api/records/sales/aggregate?sold_at=today&time_zone={EARLY}");
    assert_eq!(acme.get(&counted).await.expect(200).json()["groups"][0]["count"], 1);
    // The next day, the same address means other records.
    app.clock().advance_us(86_400_000_000);
    let acme = app.login("owner@acme.example").await;
    assert_eq!(items(&acme, "sold_at=today").await, ["later"]);
    assert_eq!(items(&acme, "sold_at=yesterday").await, ["during"]);
}

#[tokio::test]
async fn lists_and_saved_views_show_days_in_words_and_the_zone_of_the_reader() {
    let (app, _, acme) = TestApp::new().await;
    sold(&app, &acme).await;
    acme.patch("/api/tenant", &json!({"time_zone": EARLY})).await.expect(200);
    let view = json!({"name": "Of the day", "query": "sold_at=today", "shared": true});
    acme.post("/api/views/sales", &view).await.expect(201);
    let mut web = Web::signed_in(&app, "owner@acme.example").await;
    let page = web.get("/sales/").await.expect(200);
    let saved = page.attrs("a", "href").into_iter().find(|href| href.contains("sold_at=today")).unwrap();
    let list = web.get(&saved).await.expect(200);
    let shows = |item: &str| list.attrs("input", "aria-label").contains(&format!("Tick {item}"));
    assert_eq!(["before", "during", "later"].map(shows), [false, true, false], "{}", list.body);
    assert!(list.text().contains("is today"), "{}", list.text());
    let select = list.forms().into_iter().flat_map(|form| form.fields);
    assert!(select.into_iter().any(|field| field == ("sold_at".into(), "today".into())), "{}", list.body);
}
