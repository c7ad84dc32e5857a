//! Conditions across references and groups of conditions over HTTP: inside a store and into the shared store with the
//! tenant's overrides, in every isolation.

use super::{
    app::{Client, TestApp},
    limits::limited,
    records::patient,
};
use serde_json::{Value, json};
use tenantry::place::Isolation;
use tenantry_testkit::postgres::servers;

const DOCTORS: &str = "/api/records/doctors";

async fn apps() -> Vec<TestApp> {
    let mut apps = vec![];
    for isolation in ["database", "pooled"] {
        apps.push(limited(isolation, "requests_per_second = 10_000").await);
    }
    for url in servers().iter().take(1) {
        for isolation in [Isolation::Database, Isolation::Schema, Isolation::Pooled] {
            apps.push(TestApp::on_postgres(url, isolation).await);
        }
    }
    apps
}

/// Adds regions, cities and clinics, and doctors `A` to `D`: in Ahlen, Bonn, Bonn, Celle.
async fn filled(app: &TestApp) -> (Client, Client) {
    let staff = app.staff().await;
    for (name, code) in [("North", "N"), ("South", "S")] {
        staff.post("/api/records/regions", &json!({"name": name, "code": code})).await.expect(201);
    }
    for (name, region) in [("Ahlen", 2), ("Bonn", 1), ("Celle", 1)] {
        staff.post("/api/records/cities", &json!({"name": name, "region": region})).await.expect(201);
    }
    for (name, city, phone) in [("Elm", 1, "9"), ("Oak", 2, "5"), ("Fir", 3, "7")] {
        let clinic = json!({"name": name, "city": city, "phone": phone});
        staff.post("/api/records/clinics", &clinic).await.expect(201);
    }
    staff.post("/api/records/specialisations", &json!({"name": "Heart", "code": "H"})).await.expect(201);
    let acme = app.register("acme").await;
    for (name, region, city, clinic) in
        [("A", 2, 1, Some(1)), ("B", 1, 2, Some(2)), ("C", 1, 2, None), ("D", 1, 3, Some(3))]
    {
        let doctor = json!({"first_name": "Ida", "last_name": name, "licence_number": name, "specialisation": 1,
            "region": region, "city": city, "clinic": clinic});
        acme.post(DOCTORS, &doctor).await.expect(201);
    }
    (acme, staff)
}

/// Returns the names on all pages of three, joined. Asserts that their number is the count.
async fn names(user: &Client, query: &str) -> String {
    let mut path = format!("{DOCTORS}?{query}&limit=3&count=true&fields=last_name");
    let mut names = String::new();
    let first = path.clone();
    loop {
        let page = user.get(&path).await.expect(200).json();
        names
            .extend(page["items"].as_array().unwrap().iter().map(|item| item["last_name"].as_str().unwrap()));
        let Some(next) = page["next"].as_str() else {
            assert_eq!(page["count"], names.len(), "{query}");
            return names;
        };
        path = format!("{first}&after={next}");
    }
}

#[tokio::test]
async fn conditions_and_orders_lead_into_the_shared_store() {
    for app in apps().await {
        let (acme, _) = filled(&app).await;
        for (query, expected) in [
            ("city.name=Bonn", "BC"),
            ("city.name__ne=Bonn", "AD"),
            ("city.region=1", "BCD"),
            ("city.region.name__startswith=sou", "A"),
            ("city.region.name__ne=South", "BCD"),
            ("clinic.name__isnull=true", "C"),
            ("clinic.name__ne=Elm", "BCD"),
            ("clinic.phone__gte=7", "AD"),
            ("any=(city.name=Ahlen,clinic.name=Fir)", "AD"),
            ("any=(last_name=A,all(city.region=1,any(last_name=C,clinic.phone=7)))", "ACD"),
            ("any=(last_name=A,last_name=B)&any=(last_name=B,last_name=C)", "B"),
            ("sort=-city.name", "DCBA"),
            ("sort=clinic.name", "CADB"),
            ("sort=-clinic.phone,city.name", "ADBC"),
            ("sort=city.region.name,-city.name", "DCBA"),
            ("city.region=1&sort=clinic.phone", "CBD"),
        ] {
            assert_eq!(names(&acme, query).await, expected, "{query}");
        }
        let groups = acme.get(&format!("{DOCTORS}/aggregate?group_by=city&city.region=1")).await.expect(200);
        assert_eq!(groups.json()["groups"].as_array().unwrap().len(), 2);
        let csv = acme.get(&format!("{DOCTORS}/export?sort=-city.name&city.region=1&fields=last_name")).await;
        assert_eq!(csv.expect(200).text(), "last_name\nD\nC\nB\n");
        let all = format!("{DOCTORS}?city.name=Bonn&expect=2");
        assert_eq!(acme.patch(&all, &json!({"first_name": "Eve"})).await.expect(200).json()["count"], 2);
        assert_eq!(names(&acme, "first_name=Eve").await, "BC");
    }
}

#[tokio::test]
async fn own_values_of_shared_records_count() {
    for app in apps().await {
        let (acme, _) = filled(&app).await;
        acme.put("/api/records/clinics/2/override", &json!({"phone": "8"})).await.expect(200);
        assert_eq!(names(&acme, "clinic.phone=8").await, "B");
        assert_eq!(names(&acme, "clinic.phone=5").await, "");
        assert_eq!(names(&acme, "sort=clinic.phone").await, "CDBA");
        let rival = app.register("rival").await;
        rival.post("/api/records/patients", &patient("Ash")).await.expect(201);
        let shared = rival.get("/api/records/clinics?phone=5&count=true").await.expect(200).json();
        assert_eq!(shared["count"], 1, "the values are one company's own");
        // Shared rows that refer to shared rows, some of which the company overrides.
        let clinics =
            acme.get("/api/records/clinics?city.region.name=North&sort=-city.name").await.expect(200);
        let found: Vec<_> =
            clinics.json()["items"].as_array().unwrap().iter().map(|clinic| clinic["id"].clone()).collect();
        assert_eq!(found, [3, 2].map(Value::from));
    }
}

#[tokio::test]
async fn references_inside_the_store_are_followed_too() {
    for app in apps().await {
        let (acme, _) = filled(&app).await;
        for name in ["Ash", "Elm"] {
            acme.post("/api/records/patients", &patient(name)).await.expect(201);
        }
        for (patient, doctor, day) in [(1, 4, 1), (2, 1, 2), (2, 2, 3)] {
            let visit = json!({"patient": patient, "doctor": doctor, "starts_at": format!("2026-03-0{day}T08:00:00Z")});
            acme.post("/api/records/appointments", &visit).await.expect(201);
        }
        let found = async |query: &str| {
            let found = acme.get(&format!("/api/records/appointments?{query}")).await.expect(200).json();
            let ids = found["items"].as_array().unwrap().iter().map(|item| item["id"].to_string());
            ids.collect::<String>()
        };
        assert_eq!(found("patient.last_name=Elm").await, "23");
        assert_eq!(found("doctor.city.region.name=North").await, "13");
        assert_eq!(found("sort=doctor.last_name").await, "231");
        assert_eq!(found("sort=-patient.last_name,doctor.city.name").await, "231");
    }
}

#[tokio::test]
async fn too_many_rows_of_another_store_are_refused() {
    let app = limited("database", "requests_per_second = 10_000").await;
    let (acme, staff) = filled(&app).await;
    let cities: Vec<_> = (0..1000).map(|n| json!({"name": format!("Place {n:04}"), "region": 2})).collect();
    staff.post("/api/records/cities/batch", &Value::from(cities)).await.expect(201);
    assert_eq!(names(&acme, "city.region=1").await, "BCD");
    assert_eq!(names(&acme, "city.region=2").await, "A", "few are not in the region");
    assert_eq!(names(&acme, "city.region__ne=1").await, "A");
    let refused = acme.get(&format!("{DOCTORS}?sort=city.name")).await.expect(422).json();
    assert!(refused["detail"].as_str().unwrap().contains("more than 1000 cities"), "{refused}");
    let more: Vec<_> = (0..1000).map(|n| json!({"name": format!("Hill {n:04}"), "region": 1})).collect();
    staff.post("/api/records/cities/batch", &Value::from(more)).await.expect(201);
    let refused = acme.get(&format!("{DOCTORS}?city.region=1")).await.expect(422).json();
    assert!(refused["detail"].as_str().unwrap().contains("narrow the condition"), "{refused}");
    assert_eq!(names(&acme, "city.name=Bonn").await, "BC");
    let many: Vec<_> = (0..11).map(|_| "city.name=Bonn").collect();
    let refused = acme.get(&format!("{DOCTORS}?any=({})", many.join(","))).await.expect(422).json();
    assert!(refused["detail"].as_str().unwrap().contains("at most 10"), "{refused}");
}

/// Neither a condition nor an order reveals anything about records that the caller may not read.
#[tokio::test]
async fn what_may_not_be_read_is_not_compared_either() {
    let text = "store = \"tenant\"\n[fields.secret]\ntype = \"text\"\n[permissions]\nread = [\"owner\"]\n\n--- tasks\n\
        store = \"tenant\"\n[fields.note]\ntype = \"ref\"\nto = \"notes\"\n";
    let app = TestApp::with_own("notes", text, "").await;
    let owner = app.register("acme").await;
    owner.post("/api/records/notes", &json!({"secret": "x"})).await.expect(201);
    owner.post("/api/records/tasks", &json!({"note": 1})).await.expect(201);
    let member = app.member(&owner, "m@acme.example", "member").await;
    for query in ["note.secret=x", "sort=note.secret", "any=(note.secret__contains=x)", "note.nothing=1"] {
        let path = format!("/api/records/tasks?{query}");
        let refused = member.get(&path).await.expect(400).text();
        assert!(refused.contains("may not read") && !refused.contains("created_at"), "{refused}");
        assert_eq!(owner.get(&path).await.status == 200, !query.contains("nothing"));
    }
    member.get("/api/records/tasks?note=1").await.expect(200);
}

/// A cursor contains a value, not a position, so it stays valid when shared rows change between two pages.
#[tokio::test]
async fn cursors_outlive_changes_of_what_they_name() {
    let app = limited("database", "requests_per_second = 10_000").await;
    let (acme, staff) = filled(&app).await;
    let path = format!("{DOCTORS}?sort=city.name&limit=1&fields=last_name");
    let first = acme.get(&path).await.expect(200).json();
    assert_eq!(first["items"][0]["last_name"], "A");
    staff.patch("/api/records/cities/1", &json!({"name": "Zeven"})).await.expect(200);
    let next = format!("{path}&after={}", first["next"].as_str().unwrap());
    assert_eq!(acme.get(&next).await.expect(200).json()["items"][0]["last_name"], "B");
    acme.get(&format!("{DOCTORS}?sort=city.region&after={}", first["next"].as_str().unwrap()))
        .await
        .expect(400);
}
