//! An export can be imported again: every value of every type is preserved, in both isolations, and files saved by
//! spreadsheets are accepted.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use http::Method;
use serde_json::{Value, json};
use tenantry_testkit::{Random, dose};

/// A model with one field of every type, required and not.
const THINGS: &str = r#"
store = "tenant"
label = "Things"
[fields.name]
type = "text"
required = true
[fields.note]
type = "text"
[fields.count]
type = "integer"
[fields.price]
type = "decimal"
scale = 3
[fields.on]
type = "boolean"
[fields.day]
type = "date"
[fields.at]
type = "datetime"
[fields.kind]
type = "choice"
choices = ["-1", "=x", "plain", " spaced "]
[fields.data]
type = "json"
[fields.scan]
type = "file"
[fields.parent]
type = "ref"
to = "things"
"#;
const POOLED: &str = "[stores.control]\n[stores.shared]\n[stores.tenant]\nisolation = \"pooled\"\n";
/// Columns that an import writes.
const COLUMNS: &str = "id,name,note,count,price,on,day,at,kind,data,parent";

async fn import(user: &Client, model: &str, text: impl Into<axum::body::Body>) -> Value {
    let path = format!("/api/records/{model}/import");
    user.send(Method::POST, &path, Some("text/csv"), text).await.expect(200).json()
}

fn text(random: &mut Random) -> String {
    const PARTS: [&str; 19] = [
        "'", "=", "+1", "-", "@", "\t", "\r", "\n", "＝", "＠", "\"", ",", ";", " ", "a", "é", "🩺", "\r\n",
        "null",
    ];
    (0..random.below(5)).map(|_| *random.pick(&PARTS)).collect()
}

fn thing(random: &mut Random, n: usize) -> Value {
    let name = format!("{}{}", text(random), if random.one_in(2) { "x" } else { "'" });
    let mut thing = json!({ "name": name });
    let data = [json!({"a": [1, null, "=x"]}), json!("text"), json!(-5), json!([]), json!(false)];
    let values = [
        ("note", json!(text(random))),
        ("count", json!([0, -1, i64::MAX, i64::MIN][random.below(4)])),
        ("price", json!(["0.001", "-12.500", "999999999999999.999"][random.below(3)])),
        ("on", json!(random.one_in(2))),
        ("day", json!(["0001-01-01", "2026-11-28"][random.below(2)])),
        ("at", json!(["2026-11-28T00:00:00Z", "1969-12-31T23:59:59.000001Z"][random.below(2)])),
        ("kind", json!(["-1", "=x", "plain", " spaced "][random.below(4)])),
        ("data", data[random.below(5)].clone()),
        ("parent", json!(1 + random.below(n.max(1)))),
    ];
    for (field, value) in values.into_iter().filter(|(field, _)| *field != "parent" || n > 0) {
        if !random.one_in(4) {
            thing[field] = value;
        }
    }
    thing
}

#[tokio::test]
async fn every_value_comes_back_as_it_was_in_both_isolations() {
    for (round, stores) in ["", POOLED].into_iter().enumerate() {
        let app = TestApp::with_own("things", THINGS, stores).await;
        let (from, to) = (app.register("acme").await, app.register("rival").await);
        let mut random = Random::new(23, round as u64);
        // Within one batch of the import: a dry run does not compare lines of different batches.
        let count = usize::try_from(dose(150, 1_000)).unwrap();
        let things: Vec<_> = (0..count).map(|n| thing(&mut random, n)).collect();
        for some in things.chunks(500) {
            from.post("/api/records/things/batch", &json!(some)).await.expect(201);
        }
        from.send(Method::PUT, "/api/records/things/1/files/scan", Some("text/plain"), "x").await.expect(200);
        let whole = from.get("/api/records/things/export").await.expect(200).text();
        let checked = to
            .send(Method::POST, "/api/records/things/import?dry_run=true", Some("text/csv"), whole.clone())
            .await
            .expect(200)
            .json();
        assert_eq!((&checked["created"], &checked["dry_run"]), (&json!(count), &json!(true)), "{checked}");
        assert_eq!(to.get("/api/records/things?count=true").await.expect(200).json()["count"], 0);
        let report = import(&to, "things", whole).await;
        assert_eq!((&report["created"], &report["errors"]), (&json!(count), &json!([])), "{report}");
        assert_eq!(report["ignored"], json!(["scan", "created_at", "updated_at", "version"]));
        let export = format!("/api/records/things/export?fields={COLUMNS}");
        let (there, here) = (to.get(&export).await.expect(200), from.get(&export).await.expect(200));
        assert_eq!(there.body, here.body, "the export of the import is the export");
        let list = format!("/api/records/things?limit=1000&fields={COLUMNS}");
        let (there, here) = (to.get(&list).await.expect(200), from.get(&list).await.expect(200));
        assert_eq!(there.body, here.body, "and so are the values");
    }
}

/// Texts that a spreadsheet might run as a formula are marked, also after a full-width character or a line break.
#[tokio::test]
async fn no_cell_is_a_formula_and_apostrophes_stay() {
    let (_app, _, user) = TestApp::new().await;
    for (phone, cell) in [
        ("'+quoted", "''+quoted"),
        ("+plain", "'+plain"),
        ("\n=1+1", "\"'\n=1+1\""),
        ("＝1+1", "'＝1+1"),
        ("", "'"),
        ("o'clock", "o'clock"),
    ] {
        let mut record = patient("Ash");
        record["phone"] = json!(phone);
        let made = user.post("/api/records/patients", &record).await.expect(201).json();
        let out = user.get(&format!("/api/records/patients/export?fields=phone&id={}", made["id"])).await;
        assert_eq!(out.expect(200).text(), format!("phone\n{cell}\n"), "{phone:?}");
    }
}

#[tokio::test]
async fn files_that_spreadsheets_save_are_taken() {
    let (_app, _, user) = TestApp::new().await;
    let text = |delimiter: &str| {
        ["first_name,last_name,born_on,phone", "Zoë,Ash,1990-01-01,+1\r\nJo,Birch,1991-01-01,"]
            .map(|line| line.replace(',', delimiter))
            .join("\r\n")
    };
    let utf16 = |mark: u16, text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(mark).chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    let files: [Vec<u8>; 6] = [
        text(",").into(),
        text(";").into(),
        ["\u{feff}", &text(";")].concat().into(),
        utf16(0xfeff, &text("\t"), u16::to_le_bytes),
        utf16(0xfeff, &text(","), u16::to_be_bytes),
        ["sep=;\r\n", &text(";")].concat().into(),
    ];
    for (n, file) in files.into_iter().enumerate() {
        let report = import(&user, "patients", file).await;
        assert_eq!((&report["created"], &report["errors"]), (&json!(2), &json!([])), "file {n}: {report}");
    }
    let zoes =
        user.get("/api/records/patients?first_name=Zo%C3%AB&phone=%2B1&count=true").await.expect(200).json();
    assert_eq!(zoes["count"], 6, "{zoes}");
}

#[tokio::test]
async fn an_import_names_every_wrong_field_of_a_line() {
    let (_app, _, user) = TestApp::new().await;
    let report = import(
        &user,
        "sales",
        "item;category;quantity;unit_price;total;sold_at\nPen;device;x;1,50;2.00;soon\n",
    )
    .await;
    let wrong = report["errors"].as_array().unwrap();
    let named: Vec<_> = wrong.iter().map(|e| (e["line"].as_i64(), e["field"].as_str().unwrap())).collect();
    assert_eq!(named, [(Some(2), "quantity"), (Some(2), "unit_price"), (Some(2), "sold_at")], "{report}");
    assert!(wrong[1]["reason"].as_str().unwrap().contains("point"), "a decimal comma is named: {report}");
    let path = "/api/records/patients/import";
    let header = "first_name,last_name,last_name,height\nA,B,C,1\n";
    let refused = user.send(Method::POST, path, Some("text/csv"), header).await.expect(422).json();
    let fields: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["last_name", "height", "born_on"], "{refused}");
    let latin = b"first_name,last_name,born_on\nZo\xeb,Ash,1990-01-01\n".to_vec();
    let report = import(&user, "patients", latin).await;
    assert!(report["errors"][0]["reason"].as_str().unwrap().contains("CSV UTF-8"), "{report}");
}

/// A dry run finds errors that only the database can detect, and leaves no trace, not even in the numbering.
#[tokio::test]
async fn a_dry_run_checks_everything_and_writes_nothing() {
    for stores in ["", POOLED] {
        let app = TestApp::with_own("things", THINGS, stores).await;
        let user = app.register("acme").await;
        let csv = "id,first_name,last_name,born_on,insurance_number,doctor\n\
            7,A,Ash,1990-01-01,1,\n8,B,Birch,1990-01-01,1,\n9,C,Cedar,soon,2,\n10,D,Dogwood,1990-01-01,3,99\n";
        let path = "/api/records/patients/import?dry_run=true";
        let report = user.send(Method::POST, path, Some("text/csv"), csv).await.expect(200).json();
        assert_eq!(report["created"], 1, "{report}");
        let lines: Vec<_> =
            report["errors"].as_array().unwrap().iter().map(|e| e["line"].as_i64().unwrap()).collect();
        assert_eq!(lines, [3, 4, 5], "{report}");
        assert_eq!(user.get("/api/records/patients?count=true").await.expect(200).json()["count"], 0);
        let made = user.post("/api/records/patients", &patient("Elm")).await.expect(201).json();
        assert_eq!((&made["id"], &made["version"]), (&json!(1), &json!(1)));
        assert_eq!(
            user.get("/api/tenant/activity").await.expect(200).json()["items"].as_array().unwrap().len(),
            1
        );
    }
}

/// Ids that JSON readers cannot distinguish are never assigned, and do not advance the numbering.
#[tokio::test]
async fn ids_that_json_cannot_hold_are_refused() {
    for stores in ["", POOLED] {
        let app = TestApp::with_own("things", THINGS, stores).await;
        let user = app.register("acme").await;
        let line = |id: i64| format!("id,name\n{id},x\n");
        for id in [0, -1, (1 << 52) + 1, (1 << 53) - 1, 1 << 53, i64::MAX] {
            let report = import(&user, "things", line(id)).await;
            assert_eq!(
                (&report["created"], &report["errors"][0]["field"]),
                (&json!(0), &json!("id")),
                "{id}"
            );
        }
        assert_eq!(import(&user, "things", line(1 << 52)).await["created"], 1);
        let next = user.post("/api/records/things", &json!({"name": "y"})).await.expect(201).json();
        assert_eq!(next["id"], (1_i64 << 52) + 1);
    }
}

#[tokio::test]
async fn utf_16_without_a_mark_and_an_open_quote_are_named() {
    let app = TestApp::new().await.0;
    let user = app.register("rival").await;
    let text = "first_name,last_name,born_on\nAda,Adler,1990-01-01\n";
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let refused =
        user.send(Method::POST, "/api/records/patients/import", Some("text/csv"), wide).await.expect(422);
    assert!(refused.text().contains("UTF-16 without a byte order mark"), "{}", refused.text());
    let open = "first_name,last_name,born_on\n\"Ada,Adler,1990-01-01\nBob,Birch,1990-01-01\n";
    let report = import(&user, "patients", open).await;
    let reason = report["errors"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("has 1 cell,") && reason.ends_with("a quote is not closed"), "{report}");
}

#[tokio::test]
async fn an_instant_that_cannot_be_kept_is_refused_with_the_reason() {
    let app = TestApp::with_own("things", THINGS, "").await;
    let user = app.register("acme").await;
    for (at, reason) in [
        ("2026-01-01T00:00:00.1234567Z", "at most six digits"),
        ("9999-12-31T23:59:59Z", "to 9999-12-30T22:00:00Z"),
        ("-000001-01-01T00:00:00Z", "from 0000-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00", "with its offset"),
        ("soon", "with its offset"),
        ("2026-01-01T23:59:60Z", "a second from 00 to 59"),
        ("2026-01-01 23:59:60.5+01:00", "a second from 00 to 59"),
        ("2026-01-01T12:00:00+24:00", "less than 24 hours"),
        ("2026-01-01T12:00:00-25:30", "less than 24 hours"),
    ] {
        let refused =
            user.post("/api/records/things", &json!({"name": "a", "at": at})).await.expect(422).json();
        let error = &refused["errors"][0];
        assert_eq!(error["field"], "at", "{refused}");
        assert!(error["message"].as_str().unwrap().contains(reason), "{at}: {refused}");
        let report = import(&user, "things", format!("name,at\na,{at}\n")).await;
        assert!(report["errors"][0]["reason"].as_str().unwrap().contains(reason), "{at}: {report}");
    }
    for (at, kept) in [
        ("2026-01-01T00:00:00.1234560Z", "2026-01-01T00:00:00.123456Z"),
        ("9999-12-30T22:00:00Z", "9999-12-30T22:00:00.000000Z"),
        ("2026-01-01T12:00:59+14:00", "2025-12-31T22:00:59.000000Z"),
    ] {
        let made = user.post("/api/records/things", &json!({"name": "a", "at": at})).await.expect(201).json();
        assert_eq!(made["at"], kept);
    }
}
