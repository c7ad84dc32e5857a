//! The merged view of shared rows over HTTP: a tenant's own values are filtered, sorted, paged, counted, searched,
//! expanded and exported as if the rows were its own; compared with a merge by hand.

use super::app::{Client, TestApp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tenantry_server::http::Options;
use tenantry_testkit::{Random, Settings, tried};

const CLINICS: u64 = 23;

/// One tenant's view: id to name, phone, active.
type View = BTreeMap<u64, (String, Option<String>, bool)>;

async fn clinics(isolation: &str) -> (TestApp, Client, View) {
    let settings = Settings::default().isolation(isolation).free_plan();
    let app = TestApp::configured(&settings, Options::default()).await;
    let staff = app.staff().await;
    staff.post("/api/records/regions", &json!({"name": "North", "code": "N"})).await.expect(201);
    staff.post("/api/records/cities", &json!({"name": "Ahlen", "region": 1})).await.expect(201);
    let mut view = View::new();
    for id in 1..=CLINICS {
        let (name, phone) = (format!("Clinic {id:02}"), (id % 4 != 0).then(|| format!("{}", id % 5)));
        let clinic = json!({"name": name, "city": 1, "phone": phone, "active": id % 3 != 0});
        staff.post("/api/records/clinics", &clinic).await.expect(201);
        view.insert(id, (name, phone, id % 3 != 0));
    }
    (app, staff, view)
}

/// Gives a tenant random values of its own; returns what it then sees.
async fn own(client: &Client, shared: &View, random: &mut Random) -> View {
    let mut view = shared.clone();
    for (id, (_, phone, active)) in &mut view {
        if random.one_in(2) {
            continue;
        }
        *phone = (!random.one_in(3)).then(|| format!("{}", random.below(7)));
        *active = random.one_in(2);
        let changes = json!({"phone": phone, "active": active});
        client.put(&format!("/api/records/clinics/{id}/override"), &changes).await.expect(200);
    }
    view
}

/// Returns the ids of all pages of a list.
async fn ids(client: &Client, query: &str, limit: u64) -> Vec<u64> {
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/records/clinics?{query}&limit={limit}&count=true{after}");
        let page = client.get(&path).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => {
                assert_eq!(page["count"], seen.len(), "{query}");
                return seen;
            }
        }
    }
}

fn by_hand(
    view: &View,
    keep: impl Fn(&Option<String>, bool) -> bool,
    key: impl Fn(&(String, Option<String>, bool)) -> Value,
    down: bool,
) -> Vec<u64> {
    let mut rows: Vec<_> = view.iter().filter(|(_, row)| keep(&row.1, row.2)).collect();
    // Null first, as in SQLite; ids decide between equal keys.
    let text = |row: &(String, Option<String>, bool)| match key(row) {
        Value::Null => String::new(),
        value => format!("~{value}"),
    };
    rows.sort_by_key(|(id, row)| (text(row), **id));
    if down {
        rows.sort_by(|(a, one), (b, two)| text(two).cmp(&text(one)).then(a.cmp(b)));
    }
    rows.into_iter().map(|(id, _)| *id).collect()
}

#[tokio::test]
async fn own_values_filter_sort_and_page_like_any() {
    let mut lists = 0;
    for (isolation, seed) in [("database", 3), ("pooled", 4)] {
        let (app, staff, shared) = clinics(isolation).await;
        let mut random = Random::new(seed, 0);
        let (acme, rival) = (app.register("acme").await, app.register("rival").await);
        let (of_acme, of_rival) =
            (own(&acme, &shared, &mut random).await, own(&rival, &shared, &mut random).await);
        assert_ne!(of_acme, of_rival);
        for (client, view) in [(&acme, &of_acme), (&rival, &of_rival), (&staff, &shared)] {
            for limit in [1, 4, 100] {
                let all = |_: &Option<String>, _: bool| true;
                let name = |row: &(String, Option<String>, bool)| json!(row.0);
                let phone = |row: &(String, Option<String>, bool)| json!(row.1);
                let cases = [
                    ("sort=name", by_hand(view, all, name, false)),
                    ("sort=-phone,id", by_hand(view, all, phone, true)),
                    ("sort=phone,id", by_hand(view, all, phone, false)),
                    ("active=true&sort=id", by_hand(view, |_, active| active, |_| json!(0), false)),
                    (
                        "phone__in=2,6&sort=name",
                        by_hand(view, |p, _| matches!(p.as_deref(), Some("2" | "6")), name, false),
                    ),
                    ("phone__isnull=true&sort=name", by_hand(view, |p, _| p.is_none(), name, false)),
                    (
                        "phone__gt=2&active=false&sort=phone,id",
                        by_hand(view, |p, a| p.as_deref() > Some("2") && !a, phone, false),
                    ),
                ];
                for (query, wanted) in cases {
                    assert_eq!(ids(client, query, limit).await, wanted, "{isolation} {query} {limit}");
                    lists += 1;
                }
            }
            elsewhere(client, view).await;
        }
    }
    tried("merged lists over HTTP", lists, "as by hand");
}

/// Checks the same values in single records, in search results, and in an export.
async fn elsewhere(client: &Client, view: &View) {
    for (id, (name, phone, active)) in view {
        let row = client
            .get(&format!("/api/records/clinics/{id}?fields=name,phone,active"))
            .await
            .expect(200)
            .json();
        assert_eq!(row, json!({"name": name, "phone": phone, "active": active}));
    }
    let groups = client.get("/api/records/clinics/aggregate?group_by=phone").await.expect(200).json();
    let mut phones = BTreeMap::new();
    for (_, phone, _) in view.values() {
        *phones.entry(phone.clone()).or_insert(0) += 1;
    }
    let groups = groups["groups"].as_array().unwrap().iter();
    let groups: BTreeMap<_, _> = groups
        .map(|g| (g["group"]["phone"].as_str().map(str::to_owned), g["count"].as_i64().unwrap()))
        .collect();
    assert_eq!(groups, phones);
    assert_eq!(ids(client, "q=clinic&sort=id", 5).await.len(), view.len());
    let csv = client.get("/api/records/clinics/export?sort=id").await.expect(200).text();
    let header: Vec<_> = csv.lines().next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).unwrap();
    for (line, (name, phone, active)) in csv.lines().skip(1).zip(view.values()) {
        let cells: Vec<_> = line.split(',').collect();
        let wanted =
            [name.as_str(), phone.as_deref().unwrap_or_default(), if *active { "true" } else { "false" }];
        assert_eq!([cells[at("name")], cells[at("phone")], cells[at("active")]], wanted, "{line}");
    }
}

/// A tenant's row that refers to a shared row shows it as the tenant sees it.
#[tokio::test]
async fn an_expanded_reference_shows_the_companys_own_values() {
    let (app, staff, _) = clinics("database").await;
    staff.post("/api/records/specialisations", &json!({"name": "Heart", "code": "H"})).await.expect(201);
    let (acme, rival) = (app.register("acme").await, app.register("rival").await);
    let doctor = json!({"first_name": "A", "last_name": "B", "licence_number": "1", "specialisation": 1,
        "region": 1, "city": 1, "clinic": 1});
    acme.put("/api/records/clinics/1/override", &json!({"phone": "mine"})).await.expect(200);
    for (client, phone) in [(&acme, "mine"), (&rival, "1")] {
        client.post("/api/records/doctors", &doctor).await.expect(201);
        let row = client.get("/api/records/doctors/1?expand=clinic").await.expect(200).json();
        assert_eq!(row["expand"]["clinic"]["phone"], phone, "{row}");
    }
}
