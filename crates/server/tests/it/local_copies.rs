//! Copies of shared models on MongoDB: they answer exactly like the databases, whatever is asked, and what a request changes
//! is seen by the next request at every server.

use super::{
    app::{Client, TestApp},
    valuation::{self, mongo, organisations, server_at},
};
use serde_json::{Value, json};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use tenantry::internals::answered_by_copies;
use tenantry_server::http::Options;
use tenantry_testkit::mongodb::{self, Document, Home, doc};

pub(crate) const BANKS: &str = "/api/records/banks";
/// Longest wait for a change that no server announced; copies are made anew after 10 s.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn configured(dir: &Path, home: &Home) -> String {
    valuation::configured(dir, Some(("mongo", &mongo(home)))) + NO_LIMIT
}

const NO_LIMIT: &str = "\n[plans.all]\nlabel = \"All\"\n[plans.all.limits]\nusers = 50\n\
    [registration]\ndefault_plan = \"all\"\n";

/// Makes banks, and own values of both organisations: changed, hidden and added ones.
async fn fill(staff: &Client, [first, second]: &[Client; 2]) {
    for number in 1..=40 {
        let branches: Vec<_> = (0..number % 4).map(|branch| format!("Branch {branch}")).collect();
        let mut bank = json!({"code": format!("B{number:02}"), "name": format!("Bank {}", number * 7 % 40),
            "branches": branches, "active": number % 5 != 0});
        if number % 3 != 0 {
            bank["contact"] = json!(format!("desk{}@banks.example", number % 6));
        }
        staff.post(BANKS, &bank).await.expect(201);
    }
    let own = [
        (3, json!({"name": "Bänk of Ours", "contact": null})),
        (4, json!({"active": false})),
        (5, json!({"active": true, "name": "Bank 0"})),
        (9, json!({"branches": {"main": ["Élan", 7, 1.5, null]}})),
        (12, json!({"contact": "desk1@banks.example"})),
    ];
    for (id, values) in &own {
        first.put(&format!("{BANKS}/{id}/override"), values).await.expect(200);
    }
    second.put(&format!("{BANKS}/3/override"), &json!({"name": "Theirs"})).await.expect(200);
    for (of, code) in [(first, "OWN1"), (first, "OWN2"), (second, "HIS1")] {
        let entry = json!({"code": code, "name": format!("Mutual {code}"), "branches": ["One"]});
        of.post(BANKS, &entry).await.expect(201);
    }
}

/// Every combination of these conditions, orders and pages.
fn questions() -> Vec<String> {
    let conditions = [
        "",
        "active=true",
        "name__startswith=Bank",
        "name__contains=bank+1",
        "contact__isnull=true",
        "code__in=B03,OWN1,B11,HIS1",
        "contact=desk1@banks.example&active=true",
        "id__lt=10",
        "q=mutual",
        "q=b%C3%A4nk+ours",
        "q=bank",
        "version__gte=2",
        "name__ne=Theirs&id__gte=0",
    ];
    let orders = ["", "sort=name", "sort=-contact,code", "sort=active,-name", "sort=-id"];
    let mut questions = vec![];
    for (number, condition) in conditions.iter().enumerate() {
        for (other, order) in orders.iter().enumerate() {
            let page = ["limit=100&count=true", "limit=7&count=true", "limit=3&fields=id,name,contact"];
            let page = page[(number + other) % page.len()];
            questions.push([*condition, *order, page].iter().filter(|part| !part.is_empty()).fold(
                format!("{BANKS}?"),
                |text, part| {
                    if text.ends_with('?') { text + part } else { text + "&" + part }
                },
            ));
        }
    }
    questions.extend([3, 4, 9, 40, 41].map(|id| format!("{BANKS}/{id}")));
    questions.extend([
        format!("{BANKS}/aggregate?group_by=active"),
        format!("{BANKS}/aggregate?group_by=contact,active&max=name&q=bank"),
        format!("{BANKS}/aggregate?max=version&min=created_at"),
        format!("{BANKS}?name__nothing=1"),
        format!("{BANKS}?sort=nothing"),
    ]);
    questions
}

/// Asks both servers. Follows the pages of the first with cursors that the other one returned, and the reverse.
async fn agree(copying: &Client, asking: &Client, question: &str) {
    let mut path = question.to_owned();
    loop {
        let (copied, asked) = (copying.get(&path).await, asking.get(&path).await);
        assert_eq!(copied.status, asked.status, "{path}");
        let (mut copied, asked) = (copied.json(), asked.json());
        if copied["error"].is_object() || copied["request_id"].is_string() || copied["status"].is_number() {
            assert_eq!(copied["detail"], asked["detail"], "{path}");
            return;
        }
        assert_eq!(copied, asked, "{path}");
        assert_eq!(copying.get(&path).await.json(), asked, "{path} again");
        let Some(next) = copied["next"].take().as_str().map(str::to_owned) else { return };
        path = format!("{question}&after={next}");
    }
}

#[tokio::test]
async fn copies_answer_like_the_databases() {
    let (dir, home) = (tempfile::tempdir().unwrap(), Home::new().await);
    let app = TestApp::configured(&configured(dir.path(), &home), Options::default()).await;
    let (staff, both) = organisations(&app).await;
    fill(&staff, &both).await;
    let mut without = app.platform().config().clone();
    without.limits.copied_rows = 0;
    let asking = TestApp::at(without).await;
    for of in &both {
        let direct = of.at(&asking);
        for question in questions() {
            agree(of, &direct, &question).await;
        }
    }
    assert!(answered_by_copies(app.platform()) > 150, "{}", answered_by_copies(app.platform()));
    assert_eq!(answered_by_copies(asking.platform()), 0);
    // A model that exceeds the bound is read from the databases.
    let mut small = app.platform().config().clone();
    small.limits.copied_rows = 39;
    let small = TestApp::at(small).await;
    agree(&both[0].at(&small), &both[0].at(&asking), &format!("{BANKS}?limit=100&sort=name")).await;
    assert_eq!(answered_by_copies(small.platform()), 0);
    // A server that makes no copies announces its writes to those that do.
    let code = json!({"name": "Written elsewhere"});
    staff.at(&asking).patch(&format!("{BANKS}/1"), &code).await.expect(200);
    both[0].at(&asking).put(&format!("{BANKS}/2/override"), &code).await.expect(200);
    for question in [format!("{BANKS}/1"), format!("{BANKS}/2")] {
        agree(&both[0], &both[0].at(&asking), &question).await;
    }
}

async fn names(of: &Client) -> Vec<String> {
    let found = of.get(&format!("{BANKS}?active=true&sort=name&limit=100")).await.expect(200).json();
    found["items"].as_array().unwrap().iter().map(|bank| bank["name"].as_str().unwrap().to_owned()).collect()
}

/// Changes banks through one server, and reads them at the other at once. `here` and `there` hold copies before each.
async fn is_seen(staff: &Client, here: [&Client; 2], there: [&Client; 2]) {
    let check = async |expect: [&[&str]; 2]| {
        for clients in [here, there] {
            for (of, expect) in clients.into_iter().zip(expect) {
                assert_eq!(names(of).await, *expect);
                assert_eq!(names(of).await, *expect, "from a copy");
            }
        }
    };
    let [first, second] = here;
    let bank = |code: &str, name: &str| json!({"code": code, "name": name});
    check([&[], &[]]).await;
    let north = staff.post(BANKS, &bank("NB", "North")).await.expect(201).json()["id"].clone();
    staff.post(BANKS, &bank("SB", "South")).await.expect(201);
    check([&["North", "South"], &["North", "South"]]).await;
    let north = format!("{BANKS}/{north}");
    staff.patch(&north, &json!({"name": "Northern"})).await.expect(200);
    check([&["Northern", "South"], &["Northern", "South"]]).await;
    let own = format!("{north}/override");
    first.put(&own, &json!({"name": "Ours"})).await.expect(200);
    check([&["Ours", "South"], &["Northern", "South"]]).await;
    first.put(&own, &json!({"active": false})).await.expect(200);
    check([&["South"], &["Northern", "South"]]).await;
    second.put(&own, &json!({"name": "Theirs"})).await.expect(200);
    check([&["South"], &["South", "Theirs"]]).await;
    first.delete(&own).await.expect(204);
    check([&["Northern", "South"], &["South", "Theirs"]]).await;
    let entry = first.post(BANKS, &bank("OWN", "Added")).await.expect(201).json()["id"].clone();
    let entry = format!("{BANKS}/{entry}");
    check([&["Added", "Northern", "South"], &["South", "Theirs"]]).await;
    first.patch(&entry, &json!({"name": "Changed"})).await.expect(200);
    check([&["Changed", "Northern", "South"], &["South", "Theirs"]]).await;
    first.delete(&entry).await.expect(204);
    staff.delete(&north).await.expect(204);
    check([&["South"], &["South"]]).await;
}

async fn is_seen_at_both(text: &str) {
    let app = TestApp::configured(text, Options::default()).await;
    let (staff, both) = organisations(&app).await;
    let other = app.beside().await;
    let background = [app.platform().start_background(), other.platform().start_background()];
    let there = [both[0].at(&other), both[1].at(&other)];
    is_seen(&staff, [&both[0], &both[1]], [&there[0], &there[1]]).await;
    // The other server writes, and this one has the copies.
    staff.delete(&format!("{BANKS}/2")).await.expect(204);
    is_seen(&staff.at(&other), [&there[0], &there[1]], [&both[0], &both[1]]).await;
    for app in [&app, &other] {
        assert!(answered_by_copies(app.platform()) > 30, "{}", answered_by_copies(app.platform()));
    }
    drop(background);
}

#[tokio::test]
async fn a_change_is_seen_by_the_next_request_at_every_server() {
    let (dir, home) = (tempfile::tempdir().unwrap(), Home::new().await);
    is_seen_at_both(&configured(dir.path(), &home)).await;
}

#[tokio::test]
async fn a_change_is_seen_at_every_member_of_a_catalog_on_postgresql() {
    let (dir, home) = (tempfile::tempdir().unwrap(), Home::new().await);
    let control = tenantry_testkit::postgres::Home::new(&tenantry_testkit::postgres::servers()[0]).await;
    let file = dir.path().join("pg.url");
    std::fs::write(&file, control.url()).unwrap();
    let text = configured(dir.path(), &home);
    let text = text.replace("[stores.control]\nserver = \"main\"", "[stores.control]\nserver = \"pg\"");
    let server = server_at(&file, &control.prefix());
    is_seen_at_both(&text.replace("[stores.control]", &format!("{server}[stores.control]"))).await;
}

/// A program that writes to the shared database itself announces nothing.
#[tokio::test]
async fn what_another_program_writes_is_seen_a_little_later() {
    let (dir, home) = (tempfile::tempdir().unwrap(), Home::new().await);
    let app = TestApp::configured(&configured(dir.path(), &home), Options::default()).await;
    let (staff, [first, _]) = organisations(&app).await;
    staff.post(BANKS, &json!({"code": "NB", "name": "North"})).await.expect(201);
    assert_eq!(names(&first).await, ["North"]);
    let database = mongodb::client().await.database(&format!("{}shared_resources", home.prefix()));
    let change = doc! { "$set": { "name": "Renamed" } };
    let banks = database.collection::<Document>("banks");
    assert_eq!(banks.update_one(doc! { "_id": 1_i64 }, change).await.unwrap().modified_count, 1);
    let began = Instant::now();
    while names(&first).await != ["Renamed"] {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let found: Value = first.get(&format!("{BANKS}/1")).await.expect(200).json();
    assert_eq!(found["name"], "Renamed");
}
