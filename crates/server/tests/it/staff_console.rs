//! Staff over the API and on `/admin/`: the checklist, plans, subscriptions, people, letters, and shared records.

use super::{
    app::{Client, PASSWORD, TestApp},
    console_data::shared,
    records::patient,
    web::Web,
};
use serde_json::{Value, json};
use tenantry::access::Operator;
use tenantry_server::http::Options;

const DAY_US: i64 = 86_400_000_000;
const STAFF: &str = "staff@platform.example";

async fn setting() -> (TestApp, Client, Client) {
    let app = TestApp::with(Options::default()).await;
    let owner = app.register("acme").await;
    let staff = app.staff().await;
    (app, staff, owner)
}

/// Returns the open lines of the checklist: check and detail.
async fn open(staff: &Client) -> Vec<(String, String)> {
    let list = staff.get("/api/admin/checklist").await.expect(200).json();
    let items = list["items"].as_array().unwrap().iter().filter(|item| item["done"] == false);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    items.map(|item| (text(&item["check"]), text(&item["detail"]))).collect()
}

fn checks(open: &[(String, String)]) -> Vec<&str> {
    open.iter().map(|(check, _)| check.as_str()).collect()
}

#[tokio::test]
async fn the_checklist_follows_the_real_state() {
    let app = TestApp::with(Options::default()).await;
    let staff = app.staff().await;
    let missing = open(&staff).await;
    let models: Vec<_> =
        missing.iter().filter(|(check, _)| check == "shared_data").map(|(_, model)| model.as_str()).collect();
    assert_eq!(models, ["cities", "clinics", "regions", "specialisations"]);
    let others: Vec<_> = checks(&missing).into_iter().filter(|check| *check != "shared_data").collect();
    assert_eq!(others, ["first_tenant", "second_superuser", "mail", "backup_schedule"]);
    shared(&staff).await;
    app.register("acme").await;
    let second = json!({"email": "root@platform.example", "password": "demo-only-password"});
    let second = staff.post("/api/admin/users", &second).await.expect(201).json()["id"].clone();
    staff.patch(&format!("/api/admin/users/{second}"), &json!({"superuser": true})).await.expect(200);
    assert_eq!(checks(&open(&staff).await), ["mail", "backup_schedule"]);
    app.register_only("other").await;
    assert_eq!(checks(&open(&staff).await), ["addresses", "mail", "backup_schedule"]);
    // The demo's account still has its published password.
    let demo = json!({"email": tenantry::demo::SUPERUSER, "password": tenantry::demo::PASSWORD});
    let demo = staff.post("/api/admin/users", &demo).await.expect(201).json()["id"].clone();
    assert!(checks(&open(&staff).await).contains(&"demo_passwords"));
    let other = json!({"password": PASSWORD});
    staff.put(&format!("/api/admin/users/{demo}/password"), &other).await.expect(204);
    assert!(!checks(&open(&staff).await).contains(&"demo_passwords"));
    app.catalog("UPDATE plans SET archived = 1").await;
    let missing = open(&staff).await;
    assert_eq!(checks(&missing)[..2], ["plans", "default_plan"]);
    let page = Web::signed_in(&app, STAFF).await.get("/admin/").await.expect(200);
    assert!(page.text().contains("There is no plan") && page.text().contains("tenantry plan init"));
    assert!(page.attrs("a", "href").contains(&"/admin/plans/add/".to_owned()));
}

#[tokio::test]
async fn staff_make_and_change_plans_and_the_configuration_leaves_them() {
    let (app, staff, owner) = setting().await;
    let gold =
        json!({"code": "gold", "name": "Gold", "price": "99 €", "limits": {"users": 3}, "features": ["sql"]});
    let made = staff.post("/api/admin/plans", &gold).await.expect(201).json();
    assert_eq!(
        (&made["code"], &made["kept"], &made["tenants"], &made["limits"]["users"], &made["limits"]["rows"]),
        (&json!("gold"), &json!(true), &json!(0), &json!(3), &Value::Null)
    );
    staff.post("/api/admin/plans", &gold).await.expect(409);
    let wrong = json!({"code": "Gold!", "name": " ", "trial_days": 5000, "limits": {"users": 0, "concurrency": 1_000_000},
        "features": ["A B"], "price": "a\u{202e}b"});
    let wrong = staff.post("/api/admin/plans", &wrong).await.expect(422).json();
    let fields: Vec<_> =
        wrong["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(
        fields,
        ["code", "name", "price", "trial_days", "features", "users", "concurrency"],
        "{wrong}"
    );
    // The limits of the other plan apply at once, and so does a change of the plan.
    staff.post("/api/admin/tenants/acme/plan", &json!({"plan": "gold"})).await.expect(200);
    assert_eq!(owner.get("/api/tenant").await.expect(200).json()["limits"]["users"], 3);
    let one = json!({"limits": {"users": 1}});
    staff.patch("/api/admin/plans/gold", &one).await.expect(200);
    assert_eq!(owner.get("/api/tenant").await.expect(200).json()["limits"]["users"], 1);
    let invite = json!({"email": "b@acme.example", "role": "member"});
    assert_eq!(owner.post("/api/tenant/invitations", &invite).await.code(), "limit_exceeded");
    // The server writes the plans of the configuration when it starts, and leaves plans that staff have changed.
    staff.patch("/api/admin/plans/starter", &json!({"price": "changed by staff"})).await.expect(200);
    let done = app.platform().plans().initialise(&Operator::new("test")).await.unwrap();
    assert_eq!((done.created, done.updated, done.archived, done.kept), (0, 0, 0, 1));
    let plans = staff.get("/api/admin/plans").await.expect(200).json();
    let plan = |code: &str| {
        plans["items"].as_array().unwrap().iter().find(|plan| plan["code"] == code).cloned().unwrap()
    };
    assert_eq!(
        (&plan("starter")["price"], &plan("gold")["tenants"]),
        (&json!("changed by staff"), &json!(1))
    );
    let back = staff.post("/api/admin/plans/starter/reset", &json!({})).await.expect(200).json();
    assert!(back["kept"] == false && back["price"] != "changed by staff", "{back}");
    staff.post("/api/admin/plans/gold/reset", &json!({})).await.expect(409);
    // New tenants get the default plan.
    for change in [json!({"archived": true}), json!({"self_service": false})] {
        staff.patch("/api/admin/plans/starter", &change).await.expect(409);
    }
    staff.patch("/api/admin/plans/gold", &json!({"archived": true})).await.expect(200);
    staff.post("/api/admin/tenants/acme/plan", &json!({"plan": "gold"})).await.expect(422);
    assert_eq!(owner.get("/api/tenant").await.expect(200).json()["plan"], "gold", "it keeps its plan");
    staff.patch("/api/admin/plans/nothing", &json!({"price": "x"})).await.expect(404);
}

#[tokio::test]
async fn subscriptions_are_listed_by_renewal_and_by_their_state_now() {
    let (app, staff, _) = setting().await;
    for slug in ["betty", "carla", "della", "erika"] {
        app.register(slug).await;
    }
    let set = async |slug: &str, form: Value| {
        staff.post(&format!("/api/admin/tenants/{slug}/plan"), &form).await.expect(200);
    };
    let at = |days: i64| {
        let us = app.clock().now_us() + days * DAY_US;
        jiff::Timestamp::from_microsecond(us).unwrap().to_string()
    };
    set("betty", json!({"state": "active"})).await;
    set("carla", json!({"state": "active", "ends_at": at(2)})).await;
    set("della", json!({"state": "cancelled", "ends_at": at(40), "plan": "clinic"})).await;
    set("erika", json!({"state": "past_due", "ends_at": at(-1)})).await;
    let slugs = async |query: &str| -> Vec<String> {
        let list = staff.get(&format!("/api/admin/subscriptions?{query}")).await.expect(200).json();
        list["items"].as_array().unwrap().iter().map(|one| one["slug"].as_str().unwrap().into()).collect()
    };
    assert_eq!(slugs("").await, ["erika", "carla", "acme", "della", "betty"]);
    for (query, wanted) in [
        ("state=trial", vec!["acme"]),
        ("state=active", vec!["carla", "betty"]),
        ("state=past_due", vec!["erika"]),
        ("state=cancelled", vec!["della"]),
        ("state=expired", vec![]),
        ("within_days=7", vec!["erika", "carla"]),
        ("within_days=7&live=true", vec!["carla"]),
        ("plan=clinic", vec!["della"]),
        ("q=carl", vec!["carla"]),
    ] {
        assert_eq!(slugs(query).await, wanted, "{query}");
    }
    // Reads page by page, also past the subscription that has no end.
    let (mut seen, mut after) = (vec![], String::new());
    loop {
        let list = staff.get(&format!("/api/admin/subscriptions?limit=2{after}")).await.expect(200).json();
        seen.extend(list["items"].as_array().unwrap().iter().map(|one| one["slug"].clone()));
        match list["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["erika", "carla", "acme", "della", "betty"]);
    // A subscription ends by itself once its end has passed.
    app.clock().advance_us(3 * DAY_US);
    let staff = app.login(STAFF).await;
    let list = staff.get("/api/admin/subscriptions?state=expired").await.expect(200).json();
    assert_eq!((&list["items"][0]["slug"], list["items"].as_array().unwrap().len()), (&json!("carla"), 1));
    assert_eq!(list["items"][0]["state"], "expired");
    staff.get("/api/admin/subscriptions?after=999").await.expect(422);
    staff.get("/api/admin/subscriptions?state=none").await.expect(422);
}

#[tokio::test]
async fn a_subscription_is_extended_cancelled_and_reactivated_on_its_page() {
    let (app, staff, owner) = setting().await;
    let mut web = Web::signed_in(&app, STAFF).await;
    let path = "/admin/subscriptions/acme/";
    let submit = async |web: &mut Web, act: &str, fields: &[(&str, &str)]| {
        let form = web.get(&format!("{path}{act}/")).await.expect(200);
        web.submit(&form, "", fields).await
    };
    let now =
        async || staff.get("/api/admin/subscriptions?q=acme").await.expect(200).json()["items"][0].clone();
    submit(&mut web, "extend", &[("until", "2020-01-01")]).await.expect(422);
    submit(&mut web, "extend", &[("until", "2090-12-31")]).await.expect(303);
    let extended = now().await;
    assert_eq!(
        (&extended["state"], &extended["ends_at"]),
        (&json!("trial"), &json!("2091-01-01T00:00:00.000000Z"))
    );
    submit(&mut web, "cancel", &[("until", "")]).await.expect(303);
    assert_eq!(now().await["state"], "expired", "without an end it is over at once");
    assert_eq!(owner.get("/api/records/patients").await.code(), "subscription_required");
    submit(&mut web, "reactivate", &[("until", "2020-01-01")]).await.expect(422);
    submit(&mut web, "reactivate", &[]).await.expect(303);
    owner.get("/api/records/patients").await.expect(200);
    submit(&mut web, "plan", &[("plan", "")]).await.expect(422);
    let done = submit(&mut web, "plan", &[("plan", "clinic")]).await.expect(303);
    assert!(web.follow(&done).await.expect(200).text().contains("The plan is changed."));
    assert_eq!(now().await["plan"], "clinic");
}

#[tokio::test]
async fn people_are_found_and_shown_with_companies_and_sessions() {
    let (app, staff, owner) = setting().await;
    app.member(&owner, "mia@acme.example", "viewer").await;
    let emails = async |query: &str| -> Vec<String> {
        let list = staff.get(&format!("/api/admin/users?{query}")).await.expect(200).json();
        list["items"].as_array().unwrap().iter().map(|one| one["email"].as_str().unwrap().into()).collect()
    };
    assert_eq!(emails("q=MIA@").await, ["mia@acme.example"]);
    assert_eq!(emails("only=superusers").await, [STAFF]);
    assert_eq!(emails("only=unconfirmed").await, [""; 0]);
    app.register_only("other").await;
    assert_eq!(emails("only=unconfirmed").await, ["owner@other.example"]);
    assert_eq!(emails("only=closed").await, [""; 0]);
    staff.get("/api/admin/users?only=all").await.expect(422);
    let list = staff.get("/api/admin/users?q=mia").await.expect(200).json();
    let id = list["items"][0]["id"].clone();
    staff.patch(&format!("/api/admin/users/{id}"), &json!({"active": false})).await.expect(200);
    assert_eq!(emails("only=closed").await, ["mia@acme.example"]);
    staff.post(&format!("/api/admin/users/{id}/reset"), &json!({})).await.expect(409);
    staff.patch(&format!("/api/admin/users/{id}"), &json!({"active": true})).await.expect(200);
    app.login("mia@acme.example").await;
    let mia = staff.get(&format!("/api/admin/users/{id}")).await.expect(200).json();
    assert_eq!(
        (&mia["user"]["email"], &mia["memberships"][0]["slug"], &mia["memberships"][0]["role"]),
        (&json!("mia@acme.example"), &json!("acme"), &json!("viewer"))
    );
    assert!(!mia["sessions"].as_array().unwrap().is_empty() && !mia.to_string().contains("tns_"), "{mia}");
    staff.get("/api/admin/users/999999").await.expect(404);
}

#[tokio::test]
async fn a_letter_is_sent_again_with_another_link() {
    let (app, staff, owner) = setting().await;
    app.member(&owner, "mia@acme.example", "viewer").await;
    let list = staff.get("/api/admin/users?q=mia").await.expect(200).json();
    let id = list["items"][0]["id"].clone();
    let reset = format!("/api/admin/users/{id}/reset");
    assert_eq!(staff.post(&reset, &json!({})).await.expect(200).json()["sent"], true);
    assert_eq!(staff.post(&reset, &json!({})).await.expect(200).json()["sent"], false, "it waits already");
    let letters = async || staff.get("/api/admin/mail?state=all").await.expect(200).json()["items"].clone();
    let of = async |kind: &str| {
        let all = letters().await;
        all.as_array().unwrap().iter().find(|letter| letter["kind"] == kind).cloned().unwrap()
    };
    let letter = of("reset").await;
    let again = format!("/api/admin/mail/{}/send", letter["id"]);
    staff.post(&again, &json!({})).await.expect(409);
    let former = app.letter("mia@acme.example").await;
    assert_eq!(of("reset").await["state"], "sent");
    assert_eq!(staff.post(&again, &json!({})).await.expect(200).json()["state"], "waiting");
    let new = app.letter("mia@acme.example").await;
    assert_ne!(former, new);
    let choose = |token: &str| json!({"token": token, "password": "another horse battery"});
    app.anon().post("/api/auth/password/reset", &choose(&former)).await.expect(404);
    app.anon().post("/api/auth/password/reset", &choose(&new)).await.expect(204);
    assert_eq!(of("reset").await["used"], true);
    staff.post(&again, &json!({})).await.expect(409);
    staff.post("/api/admin/mail/999999/send", &json!({})).await.expect(404);
}

#[tokio::test]
async fn shared_records_are_changed_on_the_pages_of_records_as_staff() {
    let (app, staff, owner) = setting().await;
    shared(&staff).await;
    let mut own = patient("Canary");
    own["city"] = 1.into();
    owner.post("/api/records/patients", &own).await.expect(201);
    let mut web = Web::signed_in(&app, STAFF).await;
    // The pages have no models of tenants.
    for path in ["/admin/data/patients/", "/admin/data/patients/1/", "/admin/data/nothing/"] {
        web.get(path).await.expect(404);
    }
    let edit = web.get("/admin/data/cities/1/edit/").await.expect(200);
    let asked = edit.attrs("section", "hx-get");
    assert_eq!(asked, ["/admin/data/cities/1/impact/"]);
    let impact = web.get(&asked[0]).await.expect(200);
    let text = impact.text();
    assert!(
        text.contains("1 in Patients") && text.contains("1 company refers to this record, with 1 record"),
        "{text}"
    );
    assert!(!text.contains("Canary"), "no rows: {text}");
    let saved = web.submit(&edit, "", &[("name", "Ahlen-Mitte")]).await.expect(303);
    assert!(web.follow(&saved).await.expect(200).text().contains("The changes are saved."));
    assert_eq!(owner.get("/api/records/cities/1").await.expect(200).json()["name"], "Ahlen-Mitte");
    let ask = web.get("/admin/data/cities/1/delete/").await.expect(200);
    assert!(ask.text().contains("Other records need this one"), "a shared clinic refers to it");
    let ask = web.get("/admin/data/cities/2/delete/").await.expect(200);
    owner.patch("/api/records/patients/1", &json!({"city": 2})).await.expect(200);
    let refused = web.submit(&ask, "", &[]).await.expect(409);
    assert!(refused.text().contains("refers to this one"), "{}", refused.text());
    let csv = web.get("/admin/data/cities/export/").await.expect(200);
    assert!(csv.body.contains("Ahlen-Mitte"), "{}", csv.body);
    // A session that is bound to a company still sees the shared values here.
    let owner_page = Web::signed_in(&app, "owner@acme.example").await.get("/admin/data/cities/").await;
    owner_page.expect(404);
}
