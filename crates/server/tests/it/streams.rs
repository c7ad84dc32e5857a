//! CSV and files in both directions; none is read into memory completely.

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
    // Sent in odd chunks, as a network would split it.
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

/// An export of one tenant is imported into another unchanged, ids and guarded cells included.
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

/// Lines are written while the rest of the file is still arriving: no process ever has the complete file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_writes_before_the_file_is_at_its_end() {
    let (_app, _, user) = TestApp::new().await;
    let lines =
        |from: usize, to: usize| (from..to).map(|n| format!("A,N{n},1990-01-01\n")).collect::<String>();
    let first = format!("first_name,last_name,born_on\n{}wrong,line,here\n", lines(0, 1_500));
    let (more, rest) = tokio::sync::oneshot::channel::<String>();
    let rest = stream::once(async move { Ok::<_, io::Error>(Bytes::from(rest.await.unwrap())) });
    let body = futures_util::StreamExt::chain(stream::once(async move { Ok(Bytes::from(first)) }), rest);
    let path = "/api/records/patients/import";
    let importing = tokio::spawn({
        let user = user.clone();
        async move { user.send(Method::POST, path, Some("text/csv"), Body::from_stream(body)).await }
    });
    let began = std::time::Instant::now();
    while user.get("/api/records/patients?limit=1&count=true").await.expect(200).json()["count"] != 1_000 {
        assert!(began.elapsed().as_secs() < 60, "nothing is written before the end");
        // Stay within the rate limit of the plan.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(!importing.is_finished());
    more.send(lines(1_500, 2_000)).unwrap();
    let report = importing.await.unwrap().expect(200).json();
    assert_eq!(
        (&report["created"], &report["errors"][0]["line"]),
        (&json!(2_000), &json!(1_502)),
        "{report}"
    );
}

/// If a file breaks off in the middle of a line, the partial line is not imported.
#[tokio::test]
async fn an_import_that_breaks_off_keeps_whole_lines_only() {
    let (_app, _, user) = TestApp::new().await;
    let text = "born_on,first_name,last_name\n1990-01-01,Ann,Ash\n1990-01-01,Bob,Bir";
    let pieces = vec![Ok(Bytes::from(text)), Err(io::Error::from(io::ErrorKind::ConnectionReset))];
    let body = Body::from_stream(stream::iter(pieces));
    user.send(Method::POST, "/api/records/patients/import", Some("text/csv"), body).await;
    let kept = user.get("/api/records/patients?fields=last_name").await.expect(200).json();
    assert_eq!(kept["items"], json!([{"last_name": "Ash"}]), "{kept}");
}

/// An export's first page is sent before the last is read.
#[tokio::test]
async fn an_export_comes_page_by_page() {
    let (app, _, user) = TestApp::new().await;
    let rows = (0..2_500).map(|n| format!("A,N{n},1990-01-01\n")).collect::<String>();
    let csv = format!("first_name,last_name,born_on\n{rows}");
    user.send(Method::POST, "/api/records/patients/import", Some("text/csv"), csv).await.expect(200);
    let (served, router) = app.served();
    let request = http::Request::get("/api/records/patients/export")
        .header("authorization", format!("Bearer {}", user.token()));
    let request = request.body(Body::empty()).unwrap();
    let body = tenantry_server::http::call(&served, &router, request).await.into_body();
    let pieces: Vec<_> = futures_util::StreamExt::collect(body.into_data_stream()).await;
    let lengths: Vec<_> = pieces.into_iter().map(|piece| piece.unwrap().len()).collect();
    assert!(lengths.len() >= 3 && lengths.iter().all(|length| *length < 200_000), "{lengths:?}");
}
