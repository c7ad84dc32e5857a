//! Pages of a company: backups, then and now, analytics, subscription, name and end.

use super::{
    app::TestApp,
    records::patient,
    take_back::rests,
    web::{Page, Web},
};
use serde_json::json;
use tenantry_server::http::Options;

async fn company() -> (TestApp, super::app::Client, Web) {
    let app = TestApp::with(Options::default()).await;
    let owner = app.register("acme").await;
    for name in ["Ash", "Elm", "Oak"] {
        owner.post("/api/records/patients", &patient(name)).await.expect(201);
    }
    let web = Web::signed_in(&app, "owner@acme.example").await;
    (app, owner, web)
}

/// Presses "Back up now" and waits for the end.
async fn backed_up(app: &TestApp, web: &mut Web) -> Page {
    let page = web.get("/settings/backups/").await.expect(200);
    let asked = web.submit(&page, "/settings/backups/", &[]).await.expect(303);
    rests(app).await;
    web.follow(&asked).await.expect(200)
}

#[tokio::test]
async fn a_deleted_record_is_taken_back_from_a_backup_on_pages() {
    let (app, owner, mut web) = company().await;
    let empty = web.get("/settings/backups/").await.expect(200);
    assert!(empty.text().contains("No backups yet"), "{}", empty.text());
    web.get("/settings/compare/").await.expect(303);
    let backups = backed_up(&app, &mut web).await;
    assert!(
        backups.text().contains("1 backup") && backups.text().contains("Made by hand"),
        "{}",
        backups.text()
    );
    let soon = web.submit(&backups, "/settings/backups/", &[]).await.expect(429);
    assert!(soon.text().contains("only a few minutes old"), "{}", soon.text());

    owner.delete("/api/records/patients/1").await.expect(204);
    owner.patch("/api/records/patients/2", &json!({"last_name": "Changed"})).await.expect(200);
    owner.post("/api/records/patients", &patient("New")).await.expect(201);
    let id = backups.attrs("button", "value").into_iter().find(|value| !value.is_empty()).unwrap();
    let opened = web.submit(&backups, "/settings/compare/", &[("backup", &id)]).await.expect(303);
    assert_eq!(opened.location(), "/settings/compare/");
    let table = web.follow(&opened).await.expect(200);
    assert!(table.text().contains("No difference"), "of the other models: {}", table.text());
    let differing = web.get("/settings/compare/patients/").await.expect(200);
    let text = differing.text();
    for part in ["Deleted since", "Changed since", "Added since", "Changed", "Elm"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // A record that was added since the backup cannot be taken back.
    assert_eq!(differing.attrs("input", "value").iter().filter(|id| id.len() == 1).count(), 2);
    let route = "/settings/compare/patients/";
    let none = web.post(route, &[("_token".to_owned(), differing.form(route).fields[0].1.clone())]).await;
    assert!(none.expect(422).text().contains("Choose the records"));
    let token = differing.form(route).fields[0].1.clone();
    let chosen = [("_token".to_owned(), token), ("id".into(), "1".into()), ("id".into(), "2".into())];
    let taken = web.post(route, &chosen).await.expect(303);
    let after = web.follow(&taken).await.expect(200);
    assert!(after.text().contains("Taken back: 1 deleted and 1 changed"), "{}", after.text());
    assert!(!after.text().contains("Deleted since") && after.text().contains("Added since"));
    let back = owner.get("/api/records/patients/1").await.expect(200).json();
    assert_eq!(back["last_name"], "Ash");
    // An id that is not in the backup takes nothing back.
    let wrong = [chosen[0].clone(), ("id".into(), "4".into())];
    let refused = web.post(route, &wrong).await.expect(422);
    assert!(refused.text().contains("Nothing was taken back."), "{}", refused.text());

    let page = web.get("/settings/compare/").await.expect(200);
    let closed = web.submit(&page, "/settings/compare/close/", &[]).await.expect(303);
    assert!(web.follow(&closed).await.text().contains("The comparison is closed."));
    owner.get("/api/tenant/restore").await.expect(409);
}

#[tokio::test]
async fn records_are_shown_in_groups_that_lead_to_their_lists() {
    let (_app, owner, mut web) = company().await;
    for (reference, amount, method) in
        [("A", "10.50", "cash"), ("B", "1000.25", "cash"), ("C", "7.00", "card")]
    {
        let row = json!({"reference": reference, "patient": 1, "amount": amount, "method": method});
        owner.post("/api/records/payments", &row).await.expect(201);
    }
    let path = "/analytics/?model=payments&group_by=method&measure=sum.amount";
    let page = web.get(path).await.expect(200);
    let text = page.text();
    assert!(text.contains("1,010.75") && text.contains("7.00") && text.contains("Cash"), "{text}");
    let list = page.attrs("a", "href").into_iter().find(|href| href.starts_with("/payments/?method=cash"));
    let list = web.get(&list.unwrap()).await.expect(200);
    assert!(list.text().contains("2 records"), "{}", list.text());
    let api = page.attrs("a", "href").into_iter().find(|href| href.contains("/aggregate?")).unwrap();
    let groups = owner.get(&api).await.expect(200).json();
    assert_eq!(groups["groups"][0]["sum"]["amount"], "1010.75", "{groups}");
    // Grouped by the records that a reference names, and by time.
    let page = web.get("/analytics/?model=payments&group_by=patient").await.expect(200);
    assert!(page.text().contains("Ash"), "{}", page.text());
    let page = web.get("/analytics/?model=patients&group_by=created_at__day").await.expect(200);
    let list = page.attrs("a", "href").into_iter().find(|href| href.contains("created_at__gte")).unwrap();
    assert!(web.get(&list).await.expect(200).text().contains("3 records"));
    for (id, day) in [(1, "1990-01-31"), (2, "1990-02-01"), (3, "1990-02-28")] {
        owner.patch(&format!("/api/records/patients/{id}"), &json!({"born_on": day})).await.expect(200);
    }
    let page = web.get("/analytics/?model=patients&group_by=born_on__month").await.expect(200);
    let lists: Vec<_> =
        page.attrs("a", "href").into_iter().filter(|href| href.contains("born_on__gte")).collect();
    for (list, count) in lists.iter().zip(["1 record", "2 records"]) {
        assert!(web.get(list).await.expect(200).text().contains(count), "{list}");
    }
    assert_eq!(lists.len(), 2);
    // A valid condition is applied. A condition that does not fit is shown as such.
    let page = web.get(&format!("{path}&amount__gt=8&gone=1")).await.expect(200);
    assert!(page.text().contains("gone: 1") && !page.text().contains("7.00"), "{}", page.text());
    // A user without the right to read the model sees another one.
    let page = web.get("/analytics/?model=nothing").await.expect(200);
    assert!(!page.text().contains("nothing"));
}

#[tokio::test]
async fn an_owner_names_and_closes_the_company() {
    let (app, owner, mut web) = company().await;
    let page = web.get("/settings/company/").await.expect(200);
    let wrong = web.submit(&page, "/settings/company/", &[("name", " ")]).await.expect(422);
    assert!(wrong.body.contains("id=\"name-wrong\""));
    web.submit(&page, "/settings/company/", &[("name", "Elm & Co")]).await.expect(303);
    let page = web.get("/settings/subscription/").await.expect(200);
    let text = page.text();
    assert!(
        text.contains("Elm & Co") && text.contains("Your plan") && text.contains("Plans on offer"),
        "{text}"
    );
    let page = web.get("/settings/close/").await.expect(200);
    let fields = [("confirm", "acm"), ("act", "cancel"), ("reason", "We <b>move</b>.")];
    let wrong = web.submit(&page, "/settings/close/", &fields).await.expect(422);
    assert!(wrong.text().contains("Type acme to confirm.") && wrong.text().contains("We <b>move</b>."));
    let done =
        web.submit(&page, "/settings/close/", &[("confirm", "acme"), ("act", "cancel")]).await.expect(303);
    let closed = web.follow(&done).await.expect(200);
    assert!(closed.text().contains("The account is cancelled."), "{}", closed.text());
    assert!(!owner.get("/api/tenant").await.expect(200).json()["ends"].is_null());
    let kept = web.submit(&closed, "/settings/close/", &[("act", "revoke")]).await.expect(303);
    assert!(web.follow(&kept).await.text().contains("The cancellation is revoked."));
    assert!(owner.get("/api/tenant").await.expect(200).json()["ends"].is_null());
    // A suspended company is closed from the same page.
    let staff = app.staff().await;
    staff.post("/api/admin/tenants/acme/suspend", &json!({"reason": "unpaid"})).await.expect(200);
    web.get("/dashboard/").await.expect(403);
    web.get("/settings/close/").await.expect(200);
}

#[tokio::test]
async fn a_company_sets_its_own_values_of_a_shared_record() {
    let (app, people) = super::console_data::filled().await;
    let mut owner = Web::signed_in(&app, people[0]).await;
    let detail = owner.get("/clinics/1/").await.expect(200);
    assert!(detail.attrs("a", "href").contains(&"/clinics/1/override/".to_owned()));
    let form = owner.get("/clinics/1/override/").await.expect(200);
    assert!(!form.text().contains("Your role may not set"), "{}", form.text());
    let route = "/clinics/1/override/";
    let long = "5".repeat(41);
    let wrong = owner.submit(&form, route, &[("_own", "phone"), ("phone", &long)]).await.expect(422);
    assert!(wrong.body.contains("id=\"phone-wrong\"") && wrong.body.contains(&long));
    // A value without a tick is not stored as the company's own.
    let fields = [("_own", "phone"), ("phone", "555"), ("email", "typed@acme.example")];
    let done = owner.submit(&form, route, &fields).await.expect(303);
    let seen = owner.follow(&done).await.expect(200);
    assert!(seen.text().contains("has its own value of: Phone"), "{}", seen.text());
    let api = app.login(people[0]).await;
    let own = api.get("/api/records/clinics/1/override").await.expect(200).json();
    assert_eq!(own["own"], json!({"phone": "555"}));
    // A viewer reads both values and can set none.
    let mut viewer = Web::signed_in(&app, people[1]).await;
    let page = viewer.get(route).await.expect(200);
    assert!(page.text().contains("Your role may not set"), "{}", page.text());
    viewer.submit(&page, route, &[("_own", "phone"), ("phone", "6")]).await.expect(403);
    // Once the tick is removed, the company sees the shared value again.
    let form = owner.get(route).await.expect(200);
    owner.submit(&form, route, &[("_own", "")]).await.expect(303);
    let own = api.get("/api/records/clinics/1/override").await.expect(200).json();
    assert_eq!(own["own"], json!({}));
    owner.get("/patients/1/override/").await.expect(404);
}
