//! Pages that change or delete several records: exactly the records that the page showed, or none.

use super::{
    app::{Client, TestApp},
    console_data::{doctor, filled},
    records::patient,
    web::{Page, Web},
};
use serde_json::{Value, json};

async fn owner() -> (TestApp, Web, Client) {
    let (app, people) = filled().await;
    let (web, client) = (Web::signed_in(&app, people[0]).await, app.login(people[0]).await);
    let all: Vec<Value> = ["Ash", "Ash", "Elm"].map(patient).to_vec();
    client.post("/api/records/patients/batch", &all.into()).await.expect(201);
    (app, web, client)
}

async fn notes(client: &Client) -> Vec<Value> {
    let page = client.get("/api/records/patients?sort=id&fields=notes").await.expect(200).json();
    page["items"].as_array().unwrap().iter().map(|item| item["notes"].clone()).collect()
}

/// Returns the link of a list with this text.
fn link(page: &Page, text: &str) -> String {
    let at = page.tags.iter().position(|tag| tag.text == text).unwrap_or_else(|| panic!("{}", page.body));
    page.tags[..at].iter().rfind(|tag| tag.name == "a").unwrap().attr("href").unwrap().to_owned()
}

/// The form first tries the change. Only a confirmed number of records is written, and then the list reports it.
#[tokio::test]
async fn all_that_match_are_changed_after_a_trial() {
    let (_app, mut web, client) = owner().await;
    let before = notes(&client).await;
    let list = web.get("/patients/?last_name=Ash&sort=-id").await.expect(200);
    let form = web.get(&link(&list, "Change all")).await.expect(200);
    assert!(form.text().contains("2 records of Patients") && form.text().contains("Last name is Ash"));
    let none = web.submit(&form, "/patients/change/", &[("notes", "x")]).await.expect(422);
    assert!(none.text().contains("Tick at least one field"), "what is typed and not ticked is not meant");
    let wrong = [("_set", "born_on"), ("born_on", "soon")];
    let wrong = web.submit(&form, "/patients/change/", &wrong).await.expect(422);
    assert!(wrong.body.contains("id=\"born_on-wrong\""), "{}", wrong.body);
    let tried = [("_set", "notes"), ("notes", "seen"), ("blood_type", "B+")];
    let tried = web.submit(&form, "/patients/change/", &tried).await.expect(200);
    assert!(tried.text().contains("no record refuses it") && tried.text().contains("seen"));
    assert_eq!(notes(&client).await, before, "nothing is written yet");
    let done = web.submit(&tried, "/patients/change/", &[("_confirm", "1")]).await.expect(303);
    assert_eq!(done.location(), "/patients/?last_name=Ash&_done=changed&_count=2");
    assert!(web.follow(&done).await.expect(200).text().contains("Changed: 2 records."));
    let after = [before[0].clone(), "seen".into(), "seen".into(), before[3].clone()];
    assert_eq!(notes(&client).await, after);
    let row = client.get("/api/records/patients/2").await.json();
    assert_eq!(row["blood_type"], Value::Null, "a field that is not ticked stays");
    // A program may confirm without a trial.
    let form = web.get("/patients/change/?last_name=Ash").await.expect(200);
    let direct = [("_set", "notes"), ("notes", "seen"), ("blood_type", "B+"), ("_confirm", "1")];
    web.submit(&form, "/patients/change/", &direct).await.expect(303);
    let row = client.get("/api/records/patients/2").await.json();
    assert_eq!(row["blood_type"], Value::Null, "a field that is not ticked stays");
}

#[tokio::test]
async fn another_number_than_shown_changes_and_deletes_nothing() {
    let (_app, mut web, client) = owner().await;
    let change = web.get("/patients/change/?last_name=Ash").await.expect(200);
    let delete = web.get("/patients/delete/?last_name=Ash").await.expect(200);
    client.post("/api/records/patients", &patient("Ash")).await.expect(201);
    let fields = [("_set", "notes"), ("notes", "seen"), ("_confirm", "1")];
    for (page, path, fields) in
        [(&change, "/patients/change/", &fields[..]), (&delete, "/patients/delete/", &[("_number", "2")][..])]
    {
        let refused = web.submit(page, path, fields).await.expect(409);
        assert!(refused.text().contains("there were 2, and now there are 3"), "{}", refused.text());
        let form = refused.form(path).fields;
        assert!(form.contains(&("_expect".into(), "3".into())), "the form has the new number: {form:?}");
    }
    assert_eq!(notes(&client).await.len(), 5);
    assert!(!notes(&client).await.contains(&json!("seen")));
}

/// A deletion names the records that need the deleted ones, and requires the typed number.
#[tokio::test]
async fn all_that_match_are_deleted_once_their_number_is_typed() {
    let (_app, mut web, client) = owner().await;
    let all = web.get("/patients/delete/").await.expect(200);
    assert!(all.text().contains("All records.") && all.text().contains("4 records of Patients"));
    assert!(all.text().contains("1 in Appointments"), "{}", all.text());
    assert!(
        all.forms().iter().all(|form| form.action != "/patients/delete/"),
        "a refused deletion has no form"
    );
    let ash = web.get("/patients/delete/?last_name=Ash").await.expect(200);
    for typed in ["", "3", "two"] {
        let wrong = web.submit(&ash, "/patients/delete/", &[("_number", typed)]).await.expect(422);
        assert!(wrong.text().contains("Type the number of records"), "{}", wrong.text());
    }
    let done = web.submit(&ash, "/patients/delete/", &[("_number", "2")]).await.expect(303);
    assert!(web.follow(&done).await.expect(200).text().contains("Deleted: 2 records."));
    assert_eq!(notes(&client).await.len(), 2);
    let nothing = web.get("/patients/delete/?last_name=Ash").await.expect(200);
    assert!(nothing.text().contains("Nothing to delete"), "{}", nothing.text());
}

/// The form applies to ticked records only, whatever else the list shows.
#[tokio::test]
async fn ticked_records_are_changed_and_no_others() {
    let (_app, mut web, client) = owner().await;
    let list = web.get("/patients/?sort=id").await.expect(200);
    assert_eq!(list.attrs("input", "value").iter().filter(|id| *id == "2").count(), 1, "a box for each row");
    let none = web.get("/patients/delete/?_ticked=1&_back=sort%3Did").await.expect(303);
    assert_eq!(none.location(), "/patients/?sort=id&_done=none");
    assert!(web.follow(&none).await.text().contains("Tick at least one record"));
    let form = web.get("/patients/change/?_ticked=1&_back=sort%3Did&_tick=2&_tick=4").await.expect(200);
    assert!(form.text().contains("Ticked: No. 2, 4") && form.text().contains("2 records of Patients"));
    let fields = [("_set", "notes"), ("notes", "seen"), ("_confirm", "1")];
    let done = web.submit(&form, "/patients/change/", &fields).await.expect(303);
    assert_eq!(done.location(), "/patients/?sort=id&_done=changed&_count=2");
    let seen = json!("seen");
    let now = notes(&client).await;
    assert_eq!([now[1] == seen, now[2] == seen, now[3] == seen], [true, false, true]);
}

/// A condition that does not fit the model is refused. Without it, the form would apply to all records.
#[tokio::test]
async fn a_condition_that_does_not_fit_is_never_left_out() {
    let (_app, mut web, client) = owner().await;
    for page in ["change", "delete"] {
        let path = format!("/patients/{page}/");
        web.get(&format!("{path}?gone=1")).await.expect(400);
        let form = web.get(&format!("{path}?last_name=Ash")).await.expect(200).form(&path).fields;
        let other = |(name, value): (String, String)| match name.as_str() {
            "_where" => (name, "gone=1".to_owned()),
            "_expect" => (name, "4".to_owned()),
            _ => (name, value),
        };
        let mut fields: Vec<_> = form.into_iter().map(other).collect();
        fields.extend(
            [("_set", "notes"), ("_number", "4"), ("_confirm", "1")].map(|(n, v)| (n.into(), v.into())),
        );
        web.post(&path, &fields).await.expect(400);
    }
    assert_eq!(notes(&client).await.len(), 4);
}

/// References narrow each other here, too, and the platform's refusal names the record.
#[tokio::test]
async fn a_refused_record_is_named() {
    let (_app, mut web, client) = owner().await;
    client.post("/api/records/doctors", &doctor("Elm", "L2")).await.expect(201);
    let form = web.get("/doctors/change/").await.expect(200);
    assert!(!form.body.contains("id=\"set-licence_number\""), "no two records have the same");
    let fields = [("_set", "city"), ("city", "2")];
    let refused = web.submit(&form, "/doctors/change/", &fields).await.expect(422);
    assert!(refused.text().contains("refuses it, so nothing was changed"), "{}", refused.text());
    assert!(refused.body.contains("id=\"city-wrong\""), "{}", refused.body);
}

#[tokio::test]
async fn a_role_without_the_right_has_no_boxes_and_no_pages() {
    let (app, people) = filled().await;
    let mut viewer = Web::signed_in(&app, people[1]).await;
    let list = viewer.get("/patients/").await.expect(200);
    assert!(!list.body.contains("_tick") && !list.text().contains("Delete all"), "{}", list.body);
    for path in ["/patients/change/", "/patients/delete/"] {
        viewer.get(path).await.expect(403);
        viewer.post(path, &[]).await.expect(403);
    }
    let mut owner = Web::signed_in(&app, people[0]).await;
    owner.get("/regions/delete/").await.expect(403);
    assert!(!owner.get("/regions/").await.expect(200).body.contains("_tick"));
}
