//! The workflow of a record on its page: badge, buttons by role and author, comments, conflicts, and the trail; in both
//! languages, for companies and for shared records.

use super::{
    app::TestApp,
    audited_records::Lines,
    console_data::CANARY,
    crawl::check,
    web::{Page, Web},
    workflow::{DEEDS, deed, make, staffed},
};
use serde_json::json;
use tenantry_testkit::Settings;

/// Forms of records, and the action of the line that each leaves in the log of its store.
pub(super) const LOGGED: &[(&str, &str)] =
    &[("/{model}/{id}/transition/", "update"), ("/admin/data/{model}/{id}/transition/", "update")];

/// Returns the names of the transitions that a page offers.
fn offered(page: &Page) -> Vec<String> {
    let buttons =
        page.tags.iter().filter(|tag| tag.name == "button" && tag.attr("name") == Some("transition"));
    buttons.filter_map(|tag| tag.attr("value").map(str::to_owned)).collect()
}

async fn step(web: &mut Web, page: &Page, name: &str, comment: &str) -> Page {
    // A refused form is answered with the page of the record, under the form's own address.
    let path = page.path.split('?').next().unwrap();
    let action = format!("{}transition/", path.trim_end_matches("transition/"));
    web.submit(page, &action, &[("transition", name), ("comment", comment)]).await
}

#[tokio::test]
async fn one_member_submits_and_another_approves() {
    let app = TestApp::with_own("deeds", DEEDS, &Settings::default()).await;
    let people = staffed(&app).await;
    let lines = Lines::open(&app).await;
    let mut boss = Web::signed_in(&app, "boss@acme.example").await;
    let form = boss.get("/deeds/add/").await.expect(200);
    assert!(form.attrs("select", "name").iter().all(|name| name != "state"), "{}", form.body);
    assert!(form.attrs("input", "name").iter().all(|name| name != "author"), "{}", form.body);
    let made = boss.submit(&form, "", &[("title", "Lease")]).await.expect(303);
    let path = made.location().split('?').next().unwrap().to_owned();
    let page = boss.get(&path).await.expect(200);
    assert_eq!(offered(&page), ["submit"]);
    assert!(page.text().contains("Draft") && page.text().contains("Added by"), "{}", page.text());
    let last = lines.last();
    let done = step(&mut boss, &page, "submit", CANARY).await.expect(303);
    assert_eq!(lines.after(last).len(), 1);
    let page = boss.follow(&done).await.expect(200);
    assert!(page.text().contains("The record has its new state."), "{}", page.text());
    assert!(page.text().contains(CANARY) && !page.tags.iter().any(|tag| tag.name == "img"), "{}", page.body);
    check(&page, "author", "en");
    // The author is offered no approval, and a form that is made up is refused.
    assert_eq!(offered(&page), ["reject"]);
    let refused = step(&mut boss, &page, "approve", "").await.expect(409);
    assert!(refused.text().contains("another person must make it"), "{}", refused.text());

    let mut owner = Web::signed_in(&app, "owner@acme.example").await;
    let listed = owner.get("/deeds/").await.expect(200);
    assert!(listed.tags.iter().any(|tag| tag.text == "Pending"), "{}", listed.body);
    let page = owner.get(&path).await.expect(200);
    assert_eq!(offered(&page), ["approve", "reject"]);
    check(&page, "owner", "en");
    let silent = step(&mut owner, &page, "reject", " ").await.expect(422);
    assert!(silent.text().contains("needs a comment"), "{}", silent.text());
    // An edit keeps the state; the page that was open before is outdated.
    let form = owner.get(&format!("{path}edit/")).await.expect(200);
    owner.submit(&form, "", &[("title", "Lease 2")]).await.expect(303);
    let outdated = step(&mut owner, &page, "approve", "typed").await.expect(412);
    assert!(outdated.text().contains("Another person has changed") && outdated.text().contains("typed"));
    step(&mut owner, &outdated, "approve", "").await.expect(303);
    let mut viewer = Web::signed_in(&app, "viewer@acme.example").await;
    let page = viewer.get(&path).await.expect(200);
    assert!(offered(&page).is_empty() && page.text().contains("Approved"), "{}", page.text());
    step_refused(&mut viewer, &path).await;
    viewer.accepts = "az";
    let form = viewer.get("/account/").await.expect(200);
    viewer.submit(&form, "/account/locale/", &[("language", "az"), ("time_zone", "")]).await.expect(303);
    let page = viewer.get(&path).await.expect(200);
    check(&page, "viewer", "az");
    assert!(page.text().contains("Vəziyyətlər") && !page.text().contains("Added by"), "{}", page.text());
    drop(people);
}

/// A member without the role sends the form of a transition.
async fn step_refused(web: &mut Web, path: &str) {
    let list = web.get("/deeds/?sort=-id").await.expect(200);
    let mut fields = list.form("/deeds/views/").fields;
    fields.retain(|(name, _)| name == "_token");
    for (name, value) in [("_version", "4"), ("transition", "archive")] {
        fields.push((name.into(), value.into()));
    }
    web.post(&format!("{path}transition/"), &fields).await.expect(403);
}

#[tokio::test]
async fn a_long_trail_has_pages() {
    let app = TestApp::with_own("deeds", DEEDS, &Settings::default()).await;
    let people = staffed(&app).await;
    let id = deed(&people.clerk, "Lease").await;
    for _ in 0..11 {
        make(&people.clerk, id, "submit", "again").await.expect(200);
        make(&people.boss, id, "reject", "not yet").await.expect(200);
    }
    let mut web = Web::signed_in(&app, "clerk@acme.example").await;
    let entries = |page: &Page| page.body.matches("class=\"said\"").count();
    let page = web.get(&format!("/deeds/{id}/")).await.expect(200);
    assert_eq!(entries(&page), 20);
    let older = page.attrs("a", "href").into_iter().find(|href| href.contains("_trail=")).unwrap();
    let rest = web.get(&format!("/deeds/{id}/{}", older.split('#').next().unwrap())).await.expect(200);
    assert_eq!(entries(&rest), 2);
    assert!(rest.text().contains("Added by"), "{}", rest.text());
}

#[tokio::test]
async fn staff_make_transitions_of_shared_records() {
    let shared = DEEDS
        .replace("store = \"tenant\"", "store = \"shared\"")
        .replace("\"owner\", \"admin\"", "\"platform\"");
    let shared = format!("{shared}[permissions]\nread = [\"*\"]\nwrite = [\"platform\"]\n");
    let app = TestApp::with_own("deeds", &shared, &Settings::default()).await;
    let staff = app.staff().await;
    staff.post("/api/records/deeds", &json!({"title": "Lease"})).await.expect(201);
    let lines = Lines::of(&app, "shared");
    let mut web = Web::signed_in(&app, "staff@platform.example").await;
    let page = web.get("/admin/data/deeds/1/").await.expect(200);
    let last = lines.last();
    step(&mut web, &page, "submit", "").await.expect(303);
    assert!(!lines.after(last).is_empty());
    let page = web.get("/admin/data/deeds/1/").await.expect(200);
    assert_eq!(offered(&page), ["reject"], "staff too do not approve what they wrote");
    app.register("acme").await;
    let mut member = Web::signed_in(&app, "owner@acme.example").await;
    let page = member.get("/deeds/1/").await.expect(200);
    assert!(offered(&page).is_empty() && page.text().contains("Pending"), "{}", page.text());
}
