//! Lists on pages: groups of conditions of which one must hold, and saved views.

use super::{
    app::{Client, TestApp},
    console_data::filled,
    web::{Page, Web},
};
use serde_json::json;

async fn owner() -> (TestApp, Web, Client) {
    let (app, people) = filled().await;
    let web = Web::signed_in(&app, people[0]).await;
    let client = app.login(people[0]).await;
    (app, web, client)
}

fn chips(page: &Page) -> String {
    let text = page.text();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A group is made row by row, without scripts: the form is sent for each further row, and once to apply all of it.
#[tokio::test]
async fn groups_of_conditions_are_made_in_the_form_of_a_list() {
    let (_app, mut web, client) = owner().await;
    for (first, gender, phone) in [("Ada", "female", "12"), ("Bob", "male", "12"), ("Cem", "male", "34")] {
        let new = json!({"first_name": first, "last_name": "Ash", "born_on": "1980-01-01", "gender": gender,
            "phone": phone});
        client.post("/api/records/patients", &new).await.expect(201);
    }
    let list = web.get("/patients/?last_name=Ash&_or=1").await.expect(200);
    assert!(list.attrs("select", "name").contains(&"_field_0_0".to_owned()), "{}", list.body);
    let row = "/patients/?last_name=Ash&_add=1&_field_0_0=gender";
    let typed = web.get(row).await.expect(200);
    let names = typed.attrs("select", "name");
    for name in ["_is_0_0", "_value_0_0", "_field_0_1", "_field_1_0"] {
        assert!(names.contains(&name.to_owned()), "{name}: {names:?}");
    }
    // A condition without a value is not applied, and says what is missing.
    let group = "&_is_0_0=eq&_value_0_0=female&_field_1_0=phone&_is_1_0=eq&_value_1_0=34&_field_1_1=city.name&_is_1_1=";
    let missing = web.get(&format!("{row}{group}eq").replace("&_add=1", "")).await.expect(200);
    assert!(missing.text().contains("Give a value, or remove the condition."), "{}", missing.text());
    let sent = format!("{row}{group}empty").replace("&_add=1", "");
    let applied = web.get(&sent).await.expect(303).location();
    assert_eq!(
        applied,
        "/patients/?last_name=Ash&any=%28gender%3Dfemale%2Call%28phone%3D34%2Ccity.name__isnull%3Dtrue%29%29"
    );
    let found = web.get(&applied).await.expect(200);
    let text = chips(&found);
    assert!(text.contains("Gender is Female or (Phone is 34 and City › Name is empty)"), "{text}");
    assert!(text.contains("Ada") && text.contains("Cem") && !text.contains("Bob"), "{text}");
    // Another search keeps the group, which no input of the form has.
    let kept = found.forms().into_iter().find(|form| form.fields.iter().any(|(name, _)| name == "any"));
    assert!(found.attrs("input", "name").contains(&"any".to_owned()) || kept.is_some(), "{}", found.body);

    // The chip leads to the form with the group in it, which replaces the group of the address.
    let edit = found.attrs("a", "href").into_iter().find(|href| href.contains("_edit=")).unwrap();
    let form = web.get(&edit).await.expect(200);
    assert!(form.attrs("input", "name").contains(&"_instead".to_owned()), "{}", form.body);
    let instead = "(gender=female,all(phone=34,city.name__isnull=true))";
    let instead: String = instead.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let one =
        format!("{applied}&_instead={instead}&_field_0_0=gender&_is_0_0=eq&_value_0_0=female&_field_1_0=");
    assert_eq!(web.get(&one).await.expect(303).location(), "/patients/?last_name=Ash&gender=female");
    let dropped = web.get(&format!("{one}&_drop=0_0")).await.expect(200);
    assert!(!dropped.attrs("select", "name").contains(&"_value_0_0".to_owned()), "{}", dropped.body);
}

#[tokio::test]
async fn a_search_keeps_conditions_that_no_input_shows() {
    let (_app, mut web, _) = owner().await;
    let list = web.get("/patients/?id__in=1,2&city.region=1&gender=female&sort=-id").await.expect(200);
    let hidden: Vec<_> = list
        .tags
        .iter()
        .filter(|tag| tag.attr("form") == Some("query") && tag.attr("type") == Some("hidden"))
        .filter_map(|tag| tag.attr("name"))
        .collect();
    assert_eq!(hidden, ["id__in", "city.region", "sort"], "{}", list.body);
}

/// A view is saved from a list, opens the list, and says so when a part of it no longer fits.
#[tokio::test]
async fn views_are_saved_above_a_list_and_open_it() {
    let (app, mut web, client) = owner().await;
    let plain = web.get("/patients/").await.expect(200);
    assert!(!plain.body.contains("/patients/views/"), "nothing to save yet: {}", plain.body);
    let list = web.get("/patients/?gender=female&sort=-id&after=").await.expect(200);
    let none = web.submit(&list, "/patients/views/", &[("name", " ")]).await.expect(422);
    assert!(
        none.text().contains("Write 1 to 80 characters.") && none.body.contains("gender=female"),
        "{}",
        none.body
    );
    let sent = [("name", "Women"), ("default", "1")];
    let saved = web.submit(&list, "/patients/views/", &sent).await.expect(303);
    assert_eq!(saved.location(), "/patients/?gender=female&sort=-id&_done=view");
    let shown = web.follow(&saved).await.expect(200);
    assert!(shown.text().contains("The view is saved."), "{}", shown.text());
    let current = |page: &Page| {
        let links = page.tags.iter().filter(|tag| tag.attr("aria-current") == Some("page"));
        links.filter_map(|tag| tag.attr("href").map(str::to_owned)).collect::<Vec<_>>()
    };
    assert!(
        current(&shown).contains(&"/patients/?gender=female&sort=-id".to_owned()),
        "{:?}",
        current(&shown)
    );
    // The plain address opens the default view; "All" and "Clear all" lead to all records.
    assert_eq!(web.get("/patients/").await.expect(303).location(), "/patients/?gender=female&sort=-id");
    let links = shown.attrs("a", "href");
    assert!(links.contains(&"/patients/?_all=1".to_owned()), "{links:?}");
    let all = web.get("/patients/?_all=1").await.expect(200);
    assert!(current(&all).contains(&"/patients/?_all=1".to_owned()), "{:?}", current(&all));

    // Another list replaces the view and leaves its name.
    let other = web.get("/patients/?gender=male").await.expect(200);
    let id = client.get("/api/views/patients").await.json()["items"][0]["id"].to_string();
    web.submit(&other, "/patients/views/", &[("name", ""), ("instead", &id)]).await.expect(303);
    let views = client.get("/api/views/patients").await.json();
    let view = &views["items"][0];
    assert_eq!((&view["name"], &view["query"]), (&json!("Women"), &json!("gender=male")));

    let manage = web.get("/patients/views/").await.expect(200);
    assert!(chips(&manage).contains("Women Opens the list Gender is Male"), "{}", chips(&manage));
    for (act, key, value) in
        [("share", "shared", true), ("unshare", "shared", false), ("usual", "default", false)]
    {
        web.submit(&manage, "/patients/views/change/", &[("act", act)]).await.expect(303);
        assert_eq!(client.get("/api/views/patients").await.json()["items"][0][key], value, "{act}");
    }
    let rename = [("act", "rename"), ("name", "Men")];
    web.submit(&manage, "/patients/views/change/", &rename).await.expect(303);

    // A migration removes the field of a condition: the view stays and is shown without it.
    client
        .patch(&format!("/api/views/patients/{id}"), &json!({"query": "gender=male&phone=1"}))
        .await
        .expect(200);
    let sql = "UPDATE views SET query = 'gender=male&gone=1'";
    app.catalog(sql).await;
    let views = client.get("/api/views/patients").await.expect(200).json();
    assert_eq!(views["items"][0]["wrong"][0]["name"], "gone", "{views}");
    let manage = web.get("/patients/views/").await.expect(200);
    assert!(
        manage.text().contains("No longer fits the records, and is left out: gone: 1"),
        "{}",
        manage.text()
    );
    let list = web.get("/patients/?gender=male&gone=1").await.expect(200);
    assert!(list.text().contains("gone: 1"), "{}", list.text());
    web.submit(&manage, "/patients/views/change/", &[("act", "delete")]).await.expect(303);
    assert_eq!(client.get("/api/views/patients").await.json()["items"], json!([]));
}
