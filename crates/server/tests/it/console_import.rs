//! A CSV import on pages: the file is sent from step to step, nothing is written before "Import", and refused lines are
//! returned.

use super::{
    app::{Client, TestApp},
    console_data::filled,
    web::{Page, Web},
};

const PATH: &str = "/patients/import/";

async fn owner() -> (TestApp, Web, Client) {
    let (app, people) = filled().await;
    (app.clone(), Web::signed_in(&app, people[0]).await, app.login(people[0]).await)
}

async fn count(client: &Client) -> u64 {
    client.get("/api/records/patients?count=true&limit=1").await.json()["count"].as_u64().unwrap()
}

async fn choose(web: &mut Web, bytes: &[u8]) -> Page {
    let form = web.get(PATH).await.expect(200);
    web.send_file(&form, PATH, &[("_to", "columns")], Some(("people.csv", bytes))).await
}

/// Returns the chosen option of each column.
fn chosen(page: &Page) -> Vec<String> {
    let fields = page.form(PATH).fields;
    let columns = fields.into_iter().filter(|(name, _)| name.starts_with("column-"));
    columns.map(|(_, value)| value).collect()
}

#[tokio::test]
async fn a_file_is_looked_at_before_it_is_imported() {
    let (_app, mut web, client) = owner().await;
    // Labels, a reference by name, another separator and encoding.
    let city = super::console_data::CANARY;
    let file = format!(
        "Last name;First name;BORN_ON;City;Whatever\r\nA\u{1};Ann;1990-01-01;Ahlen {city};x\r\nElm;Bea;soon;;\r\nOak;Cem;1991-02-03;Nowhere;\r\n"
    );
    let file: Vec<u8> = file.bytes().map(|b| if b == 1 { 0xf0 } else { b }).collect();
    let columns = choose(&mut web, &file).await.expect(200);
    assert_eq!(chosen(&columns), ["last_name", "first_name", "born_on", "city.name", ""]);
    let text = columns.text();
    assert!(text.contains("Ann · Bea · Cem") && text.contains("Ağ"), "{text}");
    let preview = web.send_file(&columns, PATH, &[("_to", "preview")], None).await.expect(200);
    let text = preview.text();
    assert!(text.contains("1 record  can be added") || text.contains("1 record can be added"), "{text}");
    assert!(
        text.contains("2 lines of people.csv cannot be imported") && text.contains("No record of Cities"),
        "{text}"
    );
    assert!(text.contains("Ahlen") && text.contains("Ann"), "references show what they refer to: {text}");
    assert_eq!(count(&client).await, 1, "nothing is written yet");
    let refused = web.send_file(&preview, PATH, &[("_to", "refused")], None).await.expect(200);
    assert!(refused.body.contains("Elm;Bea;soon;;;born_on: "), "{}", refused.body);
    assert_eq!(refused.headers["content-disposition"], "attachment; filename=\"patients-refused.csv\"");
    let back = web.send_file(&preview, PATH, &[("_to", "columns")], None).await.expect(200);
    assert_eq!(chosen(&back), chosen(&columns), "the choices are kept");
    let done = web.send_file(&preview, PATH, &[("_to", "import")], None).await.expect(200);
    assert!(
        done.text().contains("Imported: 1 record.") && done.text().contains("2 lines refused"),
        "{}",
        done.text()
    );
    assert_eq!(count(&client).await, 2);
    let saved = web.send_file(&done, PATH, &[("_to", "save")], None).await.expect(200);
    assert!(saved.body.contains("Oak;Cem;1991-02-03;Nowhere;;city.name: "), "{}", saved.body);
}

#[tokio::test]
async fn a_good_file_leads_to_the_list() {
    let (_app, mut web, client) = owner().await;
    let columns =
        choose(&mut web, b"last_name,first_name,born_on,City\nAsh,A,1990-01-01,1\n").await.expect(200);
    assert_eq!(chosen(&columns)[3], "city", "cells that are ids are taken as ids");
    let missing =
        web.send_file(&columns, PATH, &[("_to", "preview"), ("column-2", "")], None).await.expect(422);
    assert!(missing.text().contains("Choose the columns of: Born on"), "{}", missing.text());
    let twice = [("_to", "preview"), ("column-3", "last_name")];
    let twice = web.send_file(&columns, PATH, &twice, None).await.expect(422);
    assert!(twice.text().contains("two columns"), "{}", twice.text());
    let preview = web.send_file(&columns, PATH, &[("_to", "preview")], None).await.expect(200);
    let done = web.send_file(&preview, PATH, &[("_to", "import")], None).await.expect(303);
    assert_eq!(done.location(), "/patients/?_done=imported&_count=1");
    assert!(web.follow(&done).await.text().contains("Imported: 1 record."));
    assert_eq!(count(&client).await, 2);
    // Sent again by a second click or after "back", the form imports nothing.
    let again = web.send_file(&preview, PATH, &[("_to", "import")], None).await.expect(303);
    assert_eq!(again.location(), "/patients/?_done=imported-before");
    assert!(web.follow(&again).await.text().contains("imported only once"));
    assert_eq!(count(&client).await, 2);
}

#[tokio::test]
async fn two_clicks_at_once_import_once_and_a_refused_file_may_be_sent_again() {
    let (app, mut web, client) = owner().await;
    let columns =
        choose(&mut web, b"last_name,first_name,born_on\nAsh,A,1990-01-01\nElm,B,1990-01-02\n").await;
    let preview = web.send_file(&columns, PATH, &[("_to", "preview")], None).await.expect(200);
    let (mut first, mut second) = (web.clone(), web.clone());
    let both = tokio::join!(
        first.send_file(&preview, PATH, &[("_to", "import")], None),
        second.send_file(&preview, PATH, &[("_to", "import")], None)
    );
    let mut led = [both.0.expect(303).location(), both.1.expect(303).location()];
    led.sort();
    assert_eq!(led, ["/patients/?_done=imported&_count=2", "/patients/?_done=imported-before"]);
    assert_eq!(count(&client).await, 3);
    // The API accepts the same key. An import that stored nothing leaves the key unused, and the key expires after two
    // days.
    let key = "0192f0c1-2f4e-7cc2-8f3b-0f4c4b1f0a11";
    let path = format!("/api/records/patients/import?once={key}");
    let send = async |client: &Client, line: &str| {
        let client = client.with("content-type", "text/csv");
        let body = axum::body::Body::from(format!("last_name,first_name,born_on\n{line}\n"));
        client.send(http::Method::POST, &path, None, body).await
    };
    assert_eq!(send(&client, "Oak,C,soon").await.expect(200).json()["refused"], 1);
    assert_eq!(send(&client, "Oak,C,1990-01-03").await.expect(200).json()["created"], 1);
    let refused = send(&client, "Oak,C,1990-01-03").await.expect(409).json();
    assert!(refused["detail"].as_str().unwrap().contains("imported only once"), "{refused}");
    assert_eq!(count(&client).await, 4);
    app.clock().advance_us(3 * 86_400_000_000);
    assert_eq!(tenantry::internals::forget_imports(app.control()).await.unwrap(), 2);
}

#[tokio::test]
async fn files_that_are_none_are_refused_with_the_remedy() {
    let (_app, mut web, client) = owner().await;
    let form = web.get(PATH).await.expect(200);
    let none = web.send_file(&form, PATH, &[("_to", "columns")], Some(("", b""))).await.expect(422);
    assert!(none.text().contains("Choose a file first."), "{}", none.text());
    assert!(choose(&mut web, b"").await.expect(422).text().contains("first line names the fields"));
    let large = vec![b'x'; (2 << 20) + 1];
    let large = choose(&mut web, &large).await.expect(413);
    assert!(large.text().contains("POST /api/records/patients/import"), "{}", large.text());
    let cyrillic =
        choose(&mut web, b"\xd4\xe0\xec\xe8\xeb\xe8\xff;born_on\n\xc8\xe2\xe0\xed\xee\xe2;1990-01-01\n")
            .await;
    assert!(cyrillic.text().contains("Фамилия") && cyrillic.text().contains("Иванов"), "{}", cyrillic.text());
    let again = [("_to", "again"), ("_encoding", "windows-1252"), ("_separator", "comma")];
    let again = web.send_file(&cyrillic, PATH, &again, None).await.expect(200);
    assert!(!again.text().contains("Фамилия") && chosen(&again).len() == 1, "{}", again.text());
    // The form of another page is refused.
    let stolen =
        web.send_file(&form, PATH, &[("_to", "columns"), ("_token", "x")], Some(("a.csv", b"a\n"))).await;
    stolen.expect(409);
    assert_eq!(count(&client).await, 1);
}

#[tokio::test]
async fn a_list_is_exported_as_it_is_shown_and_only_some_import() {
    let (app, people) = filled().await;
    let mut viewer = Web::signed_in(&app, people[1]).await;
    viewer.get(PATH).await.expect(403);
    let list = viewer.get("/patients/?last_name__startswith=%22&fields=last_name&sort=-id").await.expect(200);
    assert!(!list.attrs("a", "href").contains(&PATH.to_owned()));
    let export = list.attrs("a", "href").into_iter().find(|href| href.contains("/export?")).unwrap();
    let file = viewer.get(&export).await.expect(200);
    assert_eq!(file.body.lines().next(), Some("last_name"));
    assert_eq!(file.body.lines().count(), 2, "{}", file.body);
}

#[tokio::test]
async fn dates_and_decimals_are_guessed_shown_and_asked() {
    let (_app, mut web, client) = owner().await;
    let chosen_format = |page: &Page, name: &str| {
        let fields = page.form(PATH).fields;
        fields.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    };
    let file = b"last_name;first_name;born_on\nAsh;Ann;21.11.1990\nElm;Bea;01/02/1991\n";
    let columns = choose(&mut web, file).await.expect(200);
    assert_eq!(chosen_format(&columns, "_dates").as_deref(), Some("dmy"), "{}", columns.body);
    assert_eq!(chosen_format(&columns, "_decimals"), None);
    let preview = web.send_file(&columns, PATH, &[("_to", "preview")], None).await.expect(200);
    assert!(preview.text().contains("2 records can be added"), "{}", preview.text());
    web.send_file(&preview, PATH, &[("_to", "import")], None).await.expect(303);
    let born = client.get("/api/records/patients?first_name=Bea").await.json()["items"][0]["born_on"].clone();
    assert_eq!(born, "1991-02-01");
    // The visitor must choose a format that the cells leave open.
    let file = b"last_name;first_name;born_on\nOak;Cem;03/04/1990\n";
    let columns = choose(&mut web, file).await.expect(200);
    assert_eq!(chosen_format(&columns, "_dates").as_deref(), Some(""));
    let refused = web.send_file(&columns, PATH, &[("_to", "preview")], None).await.expect(422);
    assert!(refused.text().contains("Choose how the file writes dates."), "{}", refused.text());
    let with = [("_to", "preview"), ("_dates", "mdy")];
    let preview = web.send_file(&refused, PATH, &with, None).await.expect(200);
    web.send_file(&preview, PATH, &[("_to", "import")], None).await.expect(303);
    let born = client.get("/api/records/patients?first_name=Cem").await.json()["items"][0]["born_on"].clone();
    assert_eq!(born, "1990-03-04");
}
