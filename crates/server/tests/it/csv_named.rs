//! Imports with chosen columns, references that are named by values, and older encodings; and the report by reason.

use super::{
    app::{Client, TestApp},
    console_data::shared,
};
use http::Method;
use serde_json::{Value, json};

const PATH: &str = "/api/records/patients/import";

async fn company() -> (TestApp, Client) {
    let (app, _, user) = TestApp::new().await;
    let staff = app.staff().await;
    shared(&staff).await;
    for (name, region) in [("Şəki", 1), ("Twin", 1), ("Twin", 2)] {
        let city = json!({"name": name, "region": region, "postal_code": "1"});
        staff.post("/api/records/cities", &city).await.expect(201);
    }
    (app, user)
}

async fn import(user: &Client, query: &str, text: impl Into<axum::body::Body>) -> Value {
    let path = format!("{PATH}?{query}");
    user.send(Method::POST, &path, Some("text/csv"), text).await.expect(200).json()
}

#[tokio::test]
async fn references_are_named_by_a_value_of_the_other_record() {
    let (_app, user) = company().await;
    let csv = "last_name,first_name,born_on,city.name\nAsh,A,1990-01-01,Şəki\nElm,B,1990-01-01,\nOak,C,1990-01-01,Nowhere\n\
               Fir,D,1990-01-01,Twin\n";
    for dry_run in ["true", "false"] {
        let report = import(&user, &format!("dry_run={dry_run}"), csv).await;
        assert_eq!((&report["created"], &report["refused"]), (&json!(2), &json!(2)), "{report}");
        let errors = &report["errors"];
        assert_eq!(
            (&errors[0]["line"], &errors[0]["field"], &errors[0]["code"]),
            (&json!(4), &json!("city.name"), &json!("no_such_record")),
            "{report}"
        );
        assert!(errors[1]["reason"].as_str().unwrap().contains("more than one record of Cities"), "{report}");
        let sample = report["sample"].as_array().unwrap();
        assert_eq!(sample.len(), if dry_run == "true" { 2 } else { 0 });
    }
    let rows = user.get("/api/records/patients?sort=id&fields=city,last_name").await.json();
    assert_eq!(
        rows["items"],
        json!([{"city": 3, "last_name": "Ash"}, {"city": null, "last_name": "Elm"}]),
        "{rows}"
    );
}

/// Only a unique field, or the field that the model displays, can name a record, and only in models that the caller may
/// read.
#[tokio::test]
async fn only_names_of_records_name_them() {
    let (_app, user) = company().await;
    for (column, says) in [
        ("city.postal_code", "named by: name"),
        ("city.gone", "named by: name"),
        ("last_name.x", "is no reference"),
        ("gone.name", "no such field"),
        ("city,city.name", "two columns"),
    ] {
        let csv = format!("last_name,first_name,born_on,{column}\n");
        let refused = user.send(Method::POST, PATH, Some("text/csv"), csv).await.expect(422);
        assert!(refused.text().contains(says), "{column}: {}", refused.text());
    }
}

/// The columns of a file get their fields by position. The caller names older encodings and other separators.
#[tokio::test]
async fn the_caller_says_how_a_file_is_read() {
    let (_app, user) = company().await;
    let file = b"Soyad;Ad;Do\xf0um;Bo\xfe\nA\xf0ayev;\xddlham;1990-01-01;x\n";
    let query = "columns=last_name,first_name,born_on&encoding=windows-1254&separator=semicolon";
    let report = import(&user, query, file.to_vec()).await;
    assert_eq!((&report["created"], &report["ignored"]), (&json!(1), &json!(["Boş"])), "{report}");
    let row = user.get("/api/records/patients/1").await.json();
    assert_eq!((&row["last_name"], &row["first_name"]), (&json!("Ağayev"), &json!("İlham")));
    let report = import(&user, "columns=last_name,first_name,born_on", "a\tb\tc\nAsh\tA\t1990-01-01\n").await;
    assert_eq!(report["created"], 1, "the separator is found without known names: {report}");
    let cyrillic = b"last_name,first_name,born_on\n\xc0\xeb\xe8,A,1990-01-01\n".to_vec();
    import(&user, "encoding=windows-1251", cyrillic).await;
    assert_eq!(user.get("/api/records/patients/3").await.json()["last_name"], "Али");
    for (query, says) in [
        ("columns=last_name,first_name,born_on,notes,phone", "the file has 4 columns"),
        ("columns=last_name", "first_name"),
        ("encoding=ebcdic", "windows-1254"),
        ("separator=x", "comma, semicolon, tab"),
        ("report=xml", "json or csv"),
        ("dryrun=true", "there are: dry_run"),
    ] {
        let path = format!("{PATH}?{query}");
        let refused = user.send(Method::POST, &path, Some("text/csv"), &b"a,b,c,d\n"[..]).await;
        assert!(matches!(refused.status.as_u16(), 400 | 422), "{query}: {}", refused.text());
        assert!(refused.text().contains(says), "{query}: {}", refused.text());
    }
}

/// Refused lines are returned as a file with their reasons, and all of them are counted, however many there are.
#[tokio::test]
async fn refused_lines_are_counted_by_reason_and_come_back_as_a_file() {
    let (_app, user) = company().await;
    let mut csv = "last_name;first_name;born_on;note\n".to_owned();
    for n in 0..300 {
        csv.push_str(&format!("Ash {n};A;{};\"x\ny\"\n", if n % 3 == 0 { "soon" } else { "1990-01-01" }));
    }
    csv.push_str("Ash;A\nLast;A;soon;z\n");
    let columns = "columns=last_name,first_name,born_on&dry_run=true";
    let report = import(&user, columns, csv.clone()).await;
    assert_eq!((&report["created"], &report["refused"]), (&json!(200), &json!(102)), "{report}");
    assert_eq!((&report["errors"].as_array().unwrap().len(), &report["more_errors"]), (&100, &json!(true)));
    let reasons = report["reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 2, "{report}");
    assert_eq!(
        (&reasons[0]["field"], &reasons[0]["lines"], &reasons[0]["first"]),
        (&json!("born_on"), &json!(101), &json!(2))
    );
    assert_eq!(report["sample"].as_array().unwrap().len(), 20);
    assert_eq!(report["sample"][0]["last_name"], "Ash 1");
    let path = format!("{PATH}?{columns}&report=csv");
    let file = user.send(Method::POST, &path, Some("text/csv"), csv).await.expect(200);
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"patients-refused.csv\"");
    let text = file.text();
    assert!(
        text.starts_with("last_name;first_name;born_on;note;reason\nAsh 0;A;soon;\"x\ny\";born_on: "),
        "{text}"
    );
    assert!(text.contains("\nAsh;A;has 2 cells") && text.contains("\nLast;A;soon;z;born_on: "), "{text}");
    let again =
        import(&user, "columns=last_name,first_name,born_on", text.replace("soon", "1990-01-01")).await;
    assert_eq!((&again["created"], &again["ignored"]), (&json!(101), &json!(["note", "reason"])), "{again}");
}

#[tokio::test]
async fn the_caller_says_how_dates_and_decimals_are_written() {
    let (_app, user) = company().await;
    user.post("/api/records/patients", &super::records::patient("Ash")).await.expect(201);
    let file = "reference,patient,amount,method,paid_at\n\
        P1,1,\"1.234,50\",cash,21.11.2026 14:30\nP2,1,7,cash,2026-11-22T08:00:00Z\nP3,1,12.50,cash,\n";
    let import = async |query: &str| {
        let path = format!("/api/records/payments/import?{query}");
        user.send(http::Method::POST, &path, Some("text/csv"), file).await.expect(200).json()
    };
    let plain = import("dry_run=true").await;
    assert_eq!((&plain["created"], &plain["refused"]), (&json!(2), &json!(1)), "{plain}");
    let read = import("decimals=comma&dates=dmy").await;
    assert_eq!((&read["created"], &read["refused"]), (&json!(2), &json!(1)), "{read}");
    assert!(read["errors"][0]["reason"].as_str().unwrap().contains("1.234,50"), "{read}");
    let stored = user.get("/api/records/payments?sort=reference").await.expect(200).json();
    assert_eq!(stored["items"][0]["amount"], "1234.50");
    assert_eq!(stored["items"][0]["paid_at"], "2026-11-21T14:30:00.000000Z");
    let path = "/api/records/payments/import?dates=ymd";
    user.send(http::Method::POST, path, Some("text/csv"), file).await.expect(400);
}
