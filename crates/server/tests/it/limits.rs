//! Limits of plans at their edge and in races, and rate limits of the public endpoints (`enforced-limits`,
//! `noisy-neighbour`, `quota-race` and `account-enumeration`).

use super::{
    app::{Answer, Client, PASSWORD, TestApp},
    records::patient,
};
use axum::body::Body;
use bytes::Bytes;
use futures_util::{future::join_all, stream};
use http::Method;
use serde_json::json;
use std::{io, path::Path};
use tenantry_server::http::Options;

const BOTH: [&str; 2] = ["database", "pooled"];
/// Number of concurrent attempts.
const CROWD: usize = 12;

/// Creates an app whose only plan has these limits.
pub(crate) async fn limited(isolation: &str, limits: &str) -> TestApp {
    let text = format!(
        "[stores.control]\n[stores.shared]\n[stores.tenant]\nisolation = \"{isolation}\"\n[plans.small]\n\
         label = \"Small\"\n[plans.small.limits]\n{limits}\n[registration]\ndefault_plan = \"small\"\n"
    );
    TestApp::configured(&text, Options::default()).await
}

fn refused(answer: &Answer) -> bool {
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (403, "limit_exceeded"),
        "{}",
        answer.text()
    );
    true
}

/// Returns how many of the concurrent requests were let in; all others met the limit.
fn let_in(answers: &[Answer]) -> usize {
    answers.iter().filter(|a| a.status == 201 || !refused(a)).count()
}

async fn count(client: &Client) -> u64 {
    client.get("/api/records/patients?limit=1&count=true").await.expect(200).json()["count"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn as_many_rows_as_the_plan_says_and_not_one_more_quota_race() {
    for isolation in BOTH {
        let app = limited(isolation, "rows = 10").await;
        let (acme, rival) = (app.register("acme").await, app.register("rival").await);
        let batch = |rows: usize| json!(vec![patient("Ash"); rows]);
        refused(&acme.post("/api/records/patients/batch", &batch(11)).await);
        assert_eq!(count(&acme).await, 0, "{isolation}: all or none");
        acme.post("/api/records/patients/batch", &batch(7)).await.expect(201);
        let crowd = (0..CROWD).map(|_| {
            let acme = acme.clone();
            tokio::spawn(async move { acme.post("/api/records/patients", &patient("Elm")).await })
        });
        let answers: Vec<_> = join_all(crowd).await.into_iter().map(Result::unwrap).collect();
        assert_eq!((let_in(&answers), count(&acme).await), (3, 10), "{isolation}");
        let csv = "first_name,last_name,born_on\nA,B,1990-01-01\n";
        refused(&acme.send(Method::POST, "/api/records/patients/import", Some("text/csv"), csv).await);
        acme.delete("/api/records/patients/1").await.expect(204);
        acme.post("/api/records/patients", &patient("Oak")).await.expect(201);
        refused(&acme.post("/api/records/patients", &patient("Fir")).await);
        rival.post("/api/records/patients/batch", &batch(10)).await.expect(201);
        assert_eq!((count(&acme).await, count(&rival).await), (10, 10), "{isolation}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn as_many_members_as_the_plan_says_and_not_one_more_quota_race() {
    let app = limited("database", "users = 5").await;
    let acme = app.register("acme").await;
    let form = |name: &str| json!({"email": format!("{name}@acme.example"), "role": "member"});
    let crowd = (0..CROWD).map(|n| {
        let (acme, form) = (acme.clone(), form(&format!("m{n}")));
        tokio::spawn(async move { acme.post("/api/tenant/invitations", &form).await })
    });
    let answers: Vec<_> = join_all(crowd).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(let_in(&answers), 4, "invitations count beside the owner");
    let open =
        acme.get("/api/tenant/invitations").await.expect(200).json()["items"].as_array().unwrap().clone();
    for one in &open {
        let token = app.letter(one["email"].as_str().unwrap()).await;
        let form = json!({"token": token, "password": PASSWORD});
        app.anon().post("/api/invitations/accept", &form).await.expect(201);
    }
    let members = acme.get("/api/tenant/users").await.expect(200).json()["items"].as_array().unwrap().clone();
    assert_eq!(members.len(), 5);
    refused(&acme.post("/api/tenant/invitations", &form("late")).await);
    let one = members.iter().find(|m| m["role"] == "member").unwrap();
    acme.delete(&format!("/api/tenant/users/{}", one["id"])).await.expect(204);
    acme.post("/api/tenant/invitations", &form("late")).await.expect(201);
    refused(&acme.post("/api/tenant/invitations", &form("too-late")).await);
    let staff = app.staff().await;
    let users = staff.get("/api/admin/users").await.expect(200).json();
    let made =
        users["items"].as_array().unwrap().iter().filter(|u| u["email"].as_str().unwrap().contains("@acme"));
    assert_eq!(made.count(), 5, "no account is made before an invitation is accepted");
}

#[tokio::test]
async fn as_many_bytes_as_the_plan_says_and_reading_goes_on() {
    for isolation in BOTH {
        let app = limited(isolation, "bytes = \"768 KiB\"").await;
        let (acme, rival) = (app.register("acme").await, app.register("rival").await);
        let mut large = patient("Ash");
        large["notes"] = json!("n".repeat(9_000));
        let mut rows = 0;
        let last = loop {
            let answer = acme.post("/api/records/patients", &large).await;
            if answer.status != 201 {
                break answer;
            }
            rows += 1;
            assert!(rows < 200, "{isolation}: there is no limit");
        };
        refused(&last);
        assert!(rows > 5, "{isolation}: {rows}");
        let held =
            acme.get("/api/tenant/usage").await.expect(200).json()["stores"]["tenant"]["bytes"].clone();
        assert!(held.as_u64().unwrap() <= 768 * 1024, "{isolation}: {held}");
        assert_eq!(count(&acme).await, rows, "{isolation}: what was refused left nothing");
        acme.get("/api/records/patients/1").await.expect(200);
        acme.delete("/api/records/patients/1").await.expect(204);
        acme.post("/api/records/patients", &patient("Elm")).await.expect(201);
        rival.post("/api/records/patients", &large).await.expect(201);
    }
}

/// Returns the size of all files below the directory, bytes.
fn stored(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.path() {
        path if path.is_dir() => stored(&path),
        path => path.metadata().unwrap().len(),
    };
    entries.map(|entry| size(entry.unwrap())).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn files_that_come_at_once_never_overshoot_quota_race() {
    let app = limited("database", "file_bytes = \"10 KiB\"").await;
    let acme = app.register("acme").await;
    let report = json!({"title": "Q", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
    acme.post("/api/records/reports/batch", &json!(vec![report; CROWD])).await.expect(201);
    let path = |id: usize| format!("/api/records/reports/{id}/files/document");
    let crowd = (1..=CROWD).map(|id| {
        let (acme, path) = (acme.clone(), path(id));
        tokio::spawn(
            async move { acme.send(Method::PUT, &path, Some("text/plain"), "x".repeat(4_000)).await },
        )
    });
    let answers: Vec<_> = join_all(crowd).await.into_iter().map(Result::unwrap).collect();
    let kept = answers.iter().filter(|a| a.status == 200 || !refused(a)).count();
    let files = app.platform().config().platform.data_dir.join("files");
    assert!(kept <= 2, "{kept} files of 4,000 bytes in 10 KiB");
    assert_eq!(stored(&files), kept as u64 * 4_000, "what was refused left no bytes behind");
    // Sequentially there is room for two.
    for id in 1..=CROWD {
        acme.send(Method::PUT, &path(id), Some("text/plain"), "x".repeat(4_000)).await;
    }
    assert_eq!(stored(&files), 8_000);
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again_and_others_are_not_slowed_noisy_neighbour() {
    let app = limited("database", "requests_per_second = 1").await;
    let (acme, rival) = (app.register("acme").await, app.register("rival").await);
    for n in 0..10 {
        let answer = acme.get("/api/records/patients").await;
        assert_eq!(answer.status, 200, "a page asks for several things: {n}");
    }
    let mut slowed = None;
    for _ in 0..200 {
        let answer = acme.get("/api/records/patients").await;
        if answer.status == 429 {
            slowed = Some(answer);
            break;
        }
    }
    let slowed = slowed.expect("two hundred requests in a second's pace");
    assert_eq!(slowed.code(), "rate_limited");
    assert!(slowed.header("retry-after").parse::<u64>().unwrap() >= 1);
    rival.get("/api/records/patients").await.expect(200);
    acme.get("/api/tenant").await.expect(200);
}

/// Starts an import whose file does not end before the sender is dropped.
async fn endless(client: &Client) -> (tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<Answer>) {
    let (sender, ended) = tokio::sync::oneshot::channel::<()>();
    let (asked, at_work) = tokio::sync::oneshot::channel();
    let first = Bytes::from_static(b"first_name,last_name,born_on\nA,B,1990-01-01\n");
    let rest = stream::once(async move {
        // The server has taken the first chunk, so the request was let in.
        asked.send(()).unwrap();
        drop(ended.await);
        Ok::<_, io::Error>(Bytes::new())
    });
    let body = Body::from_stream(futures_util::StreamExt::chain(stream::once(async { Ok(first) }), rest));
    let client = client.clone();
    let path = "/api/records/patients/import";
    let importing =
        tokio::spawn(async move { client.send(Method::POST, path, Some("text/csv"), body).await });
    at_work.await.unwrap();
    (sender, importing)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn as_many_requests_at_once_as_the_plan_says_noisy_neighbour() {
    let app = limited("database", "concurrency = 2").await;
    let (acme, rival) = (app.register("acme").await, app.register("rival").await);
    let held = [endless(&acme).await, endless(&acme).await];
    let third = acme.get("/api/records/patients").await.expect(429);
    assert_eq!((third.code().as_str(), third.header("retry-after")), ("rate_limited", "1"));
    rival.get("/api/records/patients").await.expect(200);
    for (end, importing) in held {
        drop(end);
        assert_eq!(importing.await.unwrap().expect(200).json()["created"], 1);
        acme.get("/api/records/patients").await.expect(200);
    }
}

#[tokio::test]
async fn the_public_doors_are_slow_for_who_knocks_too_often_account_enumeration() {
    let text = "[auth]\nlogin_per_minute = 3\nregistration_per_hour = 2\n";
    let app = TestApp::configured(text, Options::default()).await;
    let form = |n: usize| json!({"company": "A", "slug": format!("firm-{n}"), "email": format!("a{n}@firm.example"), "password": PASSWORD});
    app.anon().post("/api/register", &form(0)).await.expect(201);
    app.anon().post("/subscription/register/", &form(1)).await.expect(201);
    // Neither the other endpoint nor a header that any client can send avoids the limit.
    let spoofed = app.anon().with("x-forwarded-for", "203.0.113.9");
    for (client, path) in
        [(app.anon(), "/api/register"), (app.anon(), "/subscription/register/"), (spoofed, "/api/register")]
    {
        let slowed = client.post(path, &form(2)).await.expect(429);
        assert_eq!(slowed.code(), "rate_limited");
        assert!(slowed.header("retry-after").parse::<u64>().unwrap() > 60);
    }
    assert_eq!(
        app.platform().tenants().show(&"firm-2".parse().unwrap()).await.unwrap_err().code(),
        "not_found"
    );
    let login =
        |password: &str| json!({"email": "a0@firm.example", "password": password, "tenant": "firm-0"});
    for _ in 0..20 {
        app.anon().post("/api/auth/login", &login(PASSWORD)).await.expect(200);
    }
    for _ in 0..3 {
        app.anon().post("/api/auth/login", &login("not this one")).await.expect(401);
    }
    // Another account from the same address does not avoid it either.
    let another = json!({"email": "a1@firm.example", "password": PASSWORD, "tenant": "firm-1"});
    app.anon().post("/api/auth/login", &another).await.expect(429);
    let spoofed = app.anon().with("x-forwarded-for", "203.0.113.10");
    for client in [app.anon(), spoofed] {
        let slowed = client.post("/api/auth/login", &login(PASSWORD)).await.expect(429);
        assert!(slowed.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
}
