//! CSV and files, both ways; nothing of it is read whole.

use super::{app::TestApp, records::patient};
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::Method;
use serde_json::json;
use std::io;

#[tokio::test]
async fn csv_goes_in_with_errors_by_line_and_comes_out() {
    let (_app, _, user) = TestApp::new().await;
    let csv = "first_name,last_name,born_on\nAnn,Ash,1990-01-01\nBob,Birch,soon\nCy,Cedar,1991-01-01\n";
    // In odd pieces, as a network would cut it.
    let pieces = csv.as_bytes().chunks(7).map(|piece| Ok::<_, io::Error>(Bytes::copy_from_slice(piece)));
    let body = Body::from_stream(stream::iter(pieces.collect::<Vec<_>>()));
    let report =
        user.send(Method::POST, "/api/records/patients/import", Some("text/csv"), body).await.expect(200);
    let report = report.json();
    assert_eq!(report["errors"][0]["line"], 3, "{report}");
    let out = user.get("/api/records/patients/export?sort=last_name").await.expect(200);
    assert_eq!(out.header("content-disposition"), "attachment; filename=\"patients.csv\"");
    let lines: Vec<_> = out.text().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].contains("Ash") && lines[2].contains("Cedar"), "{lines:?}");
    user.send(Method::POST, "/api/records/patients/import", Some("application/json"), "{}").await.expect(415);
}

#[tokio::test]
async fn an_export_pages_through_everything() {
    let (_app, _, user) = TestApp::new().await;
    let mut csv = String::from("first_name,last_name,born_on\n");
    for n in 0..2500 {
        csv.push_str(&format!("A,N{n:04},1990-01-01\n"));
    }
    user.send(Method::POST, "/api/records/patients/import", Some("text/csv"), csv).await.expect(200);
    let out = user.get("/api/records/patients/export").await.expect(200).text();
    assert_eq!(out.lines().count(), 2501);
    assert!(out.contains("N0000") && out.contains("N2499"));
}

/// M17: what one company takes out goes into another as it was, ids and guarded cells included.
#[tokio::test]
async fn an_export_is_an_import() {
    let (app, _, user) = TestApp::new().await;
    let csv = "id,first_name,last_name,phone,born_on\n7,=Ann,\"Ash, \"\"A\"\"\",+43 1,1990-01-01\n9,Bob,-,,1991-01-01\n";
    user.send(Method::POST, "/api/records/patients/import", Some("text/csv"), csv).await.expect(200);
    let out = user.get("/api/records/patients/export").await.expect(200).text();
    let other = app.register("rival").await;
    other.send(Method::POST, "/api/records/patients/import", Some("text/csv"), out.clone()).await.expect(200);
    let fields = "/api/records/patients?fields=id,first_name,last_name,phone";
    let (there, here) =
        (other.get(fields).await.expect(200).json(), user.get(fields).await.expect(200).json());
    assert_eq!(there, here);
    assert_eq!(here["items"][0]["first_name"], "=Ann");
    assert_eq!(here["items"][0]["phone"], "+43 1");
    assert_eq!(here["items"][1]["id"], 9);
}

#[tokio::test]
async fn files_come_back_as_attachments_of_their_company_only() {
    let (app, _, user) = TestApp::new().await;
    let report =
        json!({"title": "Q1", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
    user.post("/api/records/reports", &report).await.expect(201);
    let path = "/api/records/reports/1/files/document";
    user.get(path).await.expect(404);
    let named = user.with("x-file-name", "../../<q1>.html");
    named.send(Method::PUT, path, Some("text/html"), "<script>1</script>").await.expect(200);
    let file = user.get(path).await.expect(200);
    assert_eq!(file.text(), "<script>1</script>");
    assert!(
        file.header("content-disposition").starts_with("attachment; "),
        "{}",
        file.header("content-disposition")
    );
    assert!(file.header("content-security-policy").contains("sandbox"));
    let rival = app.register("rival").await;
    rival.get(path).await.expect(404);
    rival.post("/api/records/reports", &report).await.expect(201);
    rival.get(path).await.expect(404);
    user.delete(path).await.expect(204);
    user.get(path).await.expect(404);
}

#[tokio::test]
async fn a_form_carries_a_file_too() {
    let (_app, _, user) = TestApp::new().await;
    let report =
        json!({"title": "Q1", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
    user.post("/api/records/reports", &report).await.expect(201);
    let path = "/api/records/reports/1/files/document";
    let form = "--x\r\ncontent-disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\ncontent-type: text/plain\r\n\r\nhello\r\n--x--\r\n";
    user.send(Method::PUT, path, Some("multipart/form-data; boundary=x"), form).await.expect(200);
    assert_eq!(user.get(path).await.expect(200).text(), "hello");
    let empty = "--x\r\ncontent-disposition: form-data; name=\"f\"\r\n\r\nhello\r\n--x--\r\n";
    user.send(Method::PUT, path, Some("multipart/form-data; boundary=x"), empty).await.expect(422);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_the_old_file() {
    let (_app, _, user) = TestApp::new().await;
    user.post("/api/records/patients", &patient("Ash")).await.expect(201);
    let report =
        json!({"title": "Q1", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
    user.post("/api/records/reports", &report).await.expect(201);
    let path = "/api/records/reports/1/files/document";
    user.send(Method::PUT, path, Some("text/plain"), "old").await.expect(200);
    let pieces = vec![Ok(Bytes::from_static(b"ne")), Err(io::Error::from(io::ErrorKind::ConnectionReset))];
    let answer =
        user.send(Method::PUT, path, Some("text/plain"), Body::from_stream(stream::iter(pieces))).await;
    assert!(!answer.status.is_success(), "{}", answer.text());
    assert_eq!(user.get(path).await.expect(200).text(), "old");
}
