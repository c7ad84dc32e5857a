//! Pages of records: add, view, change, delete; lists whose address is their state; two users who change one record.

use super::{
    app::{Client, TestApp},
    console_data::{CANARY, doctor, filled},
    web::{Page, Web},
};
use serde_json::json;

async fn owner() -> (TestApp, Web, Client) {
    let (app, people) = filled().await;
    let web = Web::signed_in(&app, people[0]).await;
    let client = app.login(people[0]).await;
    (app, web, client)
}

fn shows(page: &Page, text: &str) -> bool {
    page.text().contains(text)
}

/// Returns the values that a drop-down list offers.
fn offered(page: &Page, field: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = vec![];
    for tag in &page.tags {
        match tag.name.as_str() {
            "select" => inside = tag.attr("id") == Some(field),
            "option" if inside => found.push(tag.attr("value").unwrap().to_owned()),
            "/select" => inside = false,
            _ => {}
        }
    }
    found.into_iter().filter(|value| !value.is_empty()).collect()
}

#[tokio::test]
async fn a_record_is_added_changed_and_deleted_on_pages() {
    let (_app, mut web, client) = owner().await;
    let form = web.get("/hospitals/add/").await.expect(200);
    let empty = web.submit(&form, "", &[("name", "")]).await.expect(422);
    assert!(
        shows(&empty, "Nothing is saved yet") && empty.body.contains("id=\"name-wrong\""),
        "{}",
        empty.body
    );
    let twice = [("name", "Saint Mary"), ("city", "2"), ("beds", "12"), ("active", "true")];
    let added = web.submit(&form, "", &twice).await.expect(303);
    let shown = web.follow(&added).await.expect(200);
    assert!(shows(&shown, "The record is added.") && shows(&shown, "Saint Mary") && shows(&shown, "Bonn"));
    let path = shown.path.split('?').next().unwrap().to_owned();
    let taken = web.submit(&form, "", &twice).await.expect(409);
    assert!(
        taken.body.contains("id=\"name-wrong\"") && taken.body.contains("value=\"Saint Mary\""),
        "{}",
        taken.body
    );

    let form = web.get(&format!("{path}edit/")).await.expect(200);
    let many = web.submit(&form, "", &[("beds", "100000")]).await.expect(422);
    assert!(many.body.contains("id=\"beds-wrong\""), "{}", many.body);
    let changed = web.submit(&form, "", &[("beds", "40")]).await.expect(303);
    assert!(shows(&web.follow(&changed).await, "The changes are saved."));
    let api = client.get(&format!("/api/records{}", path.trim_end_matches('/'))).await.expect(200).json();
    assert_eq!(
        (&api["beds"], &api["version"], &api["active"]),
        (&json!(40), &json!(2), &json!(true)),
        "{api}"
    );
    let form = web.get(&format!("{path}edit/")).await.expect(200);
    let same = web.submit(&form, "", &[]).await.expect(303);
    assert!(shows(&web.follow(&same).await, "Nothing was changed."));

    let ask = web.get(&format!("{path}delete/")).await.expect(200);
    assert!(shows(&ask, "No other record refers to it."));
    let gone = web.submit(&ask, "", &[]).await.expect(303);
    assert!(shows(&web.follow(&gone).await, "The record is deleted."));
    web.get(&path).await.expect(404);
}

#[tokio::test]
async fn a_record_that_others_need_stays_and_the_page_says_who() {
    let (_app, mut web, _) = owner().await;
    let ask = web.get("/doctors/1/delete/").await.expect(200);
    assert!(shows(&ask, "1 in Appointments") && shows(&ask, "cannot be deleted"), "{}", ask.text());
    assert!(ask.forms().iter().all(|form| !form.action.is_empty()), "there is no form to delete it");
    assert!(ask.attrs("a", "href").contains(&"/appointments/?doctor=1".to_owned()));
    web.get("/appointments/?doctor=1").await.expect(200);
}

/// Two users change one record. The fields that one of them changed are joined; for fields that both changed, the
/// second user decides.
#[tokio::test]
async fn a_conflict_is_shown_field_by_field() {
    let (_app, mut web, client) = owner().await;
    let form = web.get("/patients/1/edit/").await.expect(200);
    let theirs = json!({"first_name": "Theirs", "phone": "123"});
    client.patch("/api/records/patients/1", &theirs).await.expect(200);
    let mine = [("first_name", "Mine"), ("address", "Elm Street")];
    let conflict = web.submit(&form, "", &mine).await.expect(412);
    assert!(
        shows(&conflict, "Another person has changed this record") && shows(&conflict, "Theirs"),
        "{}",
        conflict.body
    );
    let stored = client.get("/api/records/patients/1").await.json();
    assert_eq!(
        (&stored["first_name"], &stored["address"]),
        (&json!("Theirs"), &json!(null)),
        "nothing is written yet"
    );
    let radios = conflict.attrs("input", "name").into_iter().filter(|name| name.starts_with("_take_"));
    assert_eq!(
        radios.collect::<Vec<_>>(),
        ["_take_first_name", "_take_first_name"],
        "only what both changed"
    );
    let joined = conflict.form("").fields;
    for (name, value) in [("first_name", "Mine"), ("phone", "123"), ("address", "Elm Street")] {
        assert!(joined.contains(&(name.into(), value.into())), "{joined:?}");
    }
    let take = [("_take_first_name", "theirs")];
    web.submit(&conflict, "", &take).await.expect(303);
    let stored = client.get("/api/records/patients/1").await.json();
    let fields = [&stored["first_name"], &stored["phone"], &stored["address"]];
    assert_eq!(fields, [&json!("Theirs"), &json!("123"), &json!("Elm Street")]);
}

/// A region narrows the cities, and a chosen city that no longer fits is not offered. The platform checks the city on
/// write.
#[tokio::test]
async fn references_narrow_each_other_across_stores() {
    let (_app, mut web, _) = owner().await;
    let form = web.get("/doctors/add/").await.expect(200);
    assert_eq!(offered(&form, "city"), ["1", "2"], "without a region all");
    let refreshed = web
        .submit(&form, "", &[("region", "2"), ("city", "1"), ("last_name", "Ash"), ("_refresh", "1")])
        .await
        .expect(200);
    assert_eq!(offered(&refreshed, "city"), ["2"]);
    assert!(refreshed.body.contains("value=\"Ash\""), "what was typed stays");
    assert!(!shows(&refreshed, "Nothing is saved yet"));
    let wrong = [
        ("first_name", "A"),
        ("last_name", "Ash"),
        ("licence_number", "L9"),
        ("specialisation", "1"),
        ("region", "2"),
        ("city", "1"),
    ];
    let refused = web.submit(&form, "", &wrong).await.expect(422);
    assert!(
        refused.body.contains("id=\"city-wrong\"") && refused.body.contains("id=\"region-wrong\""),
        "{}",
        refused.body
    );
    let right = [wrong[0], wrong[1], wrong[2], wrong[3], wrong[4], ("city", "2")];
    web.submit(&form, "", &right).await.expect(303);
}

/// If there are more than thirty records, the server searches them.
#[tokio::test]
async fn long_lists_of_choices_are_searched() {
    let (app, mut web, _) = owner().await;
    let staff = app.login("staff@platform.example").await;
    let cities: Vec<_> = (0..40).map(|n| json!({"name": format!("Town {n:02}"), "region": 1})).collect();
    staff.post("/api/records/cities/batch", &json!(cities)).await.expect(201);
    let form = web.get("/hospitals/add/").await.expect(200);
    assert_eq!(offered(&form, "city").len(), 30);
    let found =
        web.submit(&form, "", &[("_find_city", "own 3"), ("city", "2"), ("_refresh", "1")]).await.expect(200);
    assert_eq!(offered(&found, "city").len(), 11, "ten towns and the chosen one");
    let chosen = found.form("").fields.into_iter().find(|(name, _)| name == "city");
    assert_eq!(chosen, Some(("city".to_owned(), "2".to_owned())));
}

#[tokio::test]
async fn the_address_of_a_list_is_its_state() {
    let (_app, mut web, client) = owner().await;
    let rows: Vec<_> = (0..60).map(|n| doctor(&format!("Name {n:02}"), &format!("N{n}"))).collect();
    client.post("/api/records/doctors/batch", &json!(rows)).await.expect(201);
    let first = web.get("/doctors/").await.expect(200);
    let next = first.attrs("a", "href").into_iter().find(|href| href.contains("after=")).unwrap();
    let second = web.get(&next).await.expect(200);
    assert!(shows(&first, "50 on this page") && shows(&second, "11 on this page"), "{}", second.text());
    let names = |page: &Page| page.text().matches("Name ").count();
    assert_eq!(names(&first) + names(&second), 2 * 60, "each first and last name once");
    let counted = web.get("/doctors/?count=true").await.expect(200);
    assert!(shows(&counted, "61 records"));
    let sorted = web.get("/doctors/?sort=-licence_number&fields=licence_number").await.expect(200);
    assert!(
        sorted.body.contains("aria-sort=\"descending\"") && !shows(&sorted, "Hired on")
            || shows(&sorted, "Columns")
    );
    let found = web.get("/doctors/?q=&last_name__startswith=Name+0&city=1&hired_on__gte=").await.expect(200);
    assert!(
        shows(&found, "10 records") && shows(&found, &format!("City is Ahlen {CANARY}")),
        "{}",
        found.text()
    );
    let without =
        found.attrs("a", "href").into_iter().find(|href| href.ends_with("last_name__startswith=Name%200"));
    assert!(shows(&web.get(&without.unwrap()).await, "10 records"));
    let stale = web.get("/doctors/?gone=1&city=x&last_name__startswith=Name+00").await.expect(200);
    assert!(
        shows(&stale, "1 record") && stale.body.contains("chip broken") && shows(&stale, "gone: 1"),
        "{}",
        stale.text()
    );
    let none = web.get("/doctors/?q=nothing").await.expect(200);
    assert!(shows(&none, "Nothing fits"));
}

/// A form belongs to the company of its page. After a switch of the company in another tab it is refused, and nothing
/// changes in either company.
#[tokio::test]
async fn a_form_of_another_company_is_refused_sources_disagree() {
    let (app, people) = filled().await;
    let mut web = Web::signed_in(&app, people[2]).await;
    let choose = |web: &mut Web, slug: &'static str| {
        let mut web = web.clone();
        async move {
            let page = web.get("/companies/").await.expect(200);
            web.submit(&page, "/companies/", &[("tenant", slug)]).await.expect(303);
        }
    };
    choose(&mut web, "acme").await;
    let form = web.get("/hospitals/add/").await.expect(200);
    choose(&mut web, "rival").await;
    let refused = web.submit(&form, "", &[("name", "Wrong house"), ("city", "1")]).await.expect(409);
    assert!(shows(&refused, "This form belongs to acme, and you now work in rival."), "{}", refused.text());
    for slug in ["rival", "acme"] {
        choose(&mut web, slug).await;
        assert!(!shows(&web.get("/hospitals/").await.expect(200), "Wrong house"), "{slug}");
    }
}

#[tokio::test]
async fn pages_offer_only_what_the_role_may_do() {
    let (app, people) = filled().await;
    let mut viewer = Web::signed_in(&app, people[1]).await;
    for path in ["/patients/", "/patients/1/", "/doctors/1/"] {
        let page = viewer.get(path).await.expect(200);
        let links = page.attrs("a", "href");
        assert!(
            !links
                .iter()
                .any(|href| href.contains("/add/") || href.contains("/edit/") || href.contains("/delete/")),
            "{links:?}"
        );
    }
    for path in ["/patients/add/", "/patients/1/edit/", "/patients/1/delete/"] {
        viewer.get(path).await.expect(403);
        viewer.post(path, &[]).await.expect(403);
    }
    // Only staff can change shared rows.
    let mut owner = Web::signed_in(&app, people[0]).await;
    owner.get("/regions/1/").await.expect(200);
    owner.get("/regions/1/edit/").await.expect(403);
    owner.get("/clinics_overrides/").await.expect(404);
}

/// A model whose pages would have the addresses of other pages is refused when its app is loaded.
#[test]
fn a_model_with_the_name_of_a_page_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let models = dir.path().join("apps/own/models");
    std::fs::create_dir_all(&models).unwrap();
    std::fs::write(dir.path().join("apps/own/app.toml"), "name = \"own\"\n").unwrap();
    let model = "store = \"tenant\"\n[fields.title]\ntype = \"text\"\n";
    std::fs::write(models.join("settings.toml"), model).unwrap();
    let config =
        tenantry::config::Config::parse("tenantry.toml", "[apps]\nlist = [\"own\"]\n", dir.path()).unwrap();
    let refused = tenantry::apps::Apps::load(&config).map(drop).unwrap_err().to_string();
    assert!(refused.contains("settings.toml:1: no model can be called `settings`"), "{refused}");
    assert!(refused.contains("give the file another name"), "{refused}");
}

/// Every first part of an address that does not belong to a model is reserved.
#[test]
fn names_of_pages_are_no_names_of_models() {
    let own: Vec<_> = tenantry_server::http::ROUTES
        .iter()
        .filter_map(|route| route.path.split('/').nth(1))
        .filter(|part| !part.is_empty() && !part.starts_with('{'))
        .collect();
    for name in own {
        assert!(tenantry::apps::TAKEN_NAMES.contains(&name.replace('-', "_").as_str()), "{name}");
    }
}
