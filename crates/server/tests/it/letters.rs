//! Letters are sent through a mail server or written to files, in order. None is lost while the server is unreachable.

use super::app::TestApp;
use serde_json::json;
use std::time::Duration;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// Speaks enough SMTP to accept one letter; returns its text.
async fn take_one(stream: TcpStream) -> String {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 test\r\n").await.unwrap();
    let (mut text, mut in_data) = (String::new(), false);
    while let Some(line) = lines.next_line().await.unwrap() {
        let answer: &[u8] = match (in_data, line.as_str()) {
            (true, ".") => b"250 taken\r\n",
            (true, line) => {
                text.push_str(line);
                text.push('\n');
                continue;
            }
            (false, "DATA") => b"354 go on\r\n",
            (false, "QUIT") => b"221 bye\r\n",
            (false, _) => b"250 test\r\n",
        };
        in_data = line == "DATA";
        if write.write_all(answer).await.is_err() || line == "." {
            break;
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_waits_until_the_mail_server_is_back() {
    // No process listens on this port until the server is back.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let text = format!("[mail]\nsmtp = \"smtp://127.0.0.1:{port}?tls=none\"\nfrom = \"M <m@app.example>\"\n");
    let app = TestApp::configured(&text, Default::default()).await;
    let owner = app.register_only("acme").await;
    owner
        .post("/api/tenant/invitations", &json!({"email": "bea@x.example", "role": "member"}))
        .await
        .expect(201);
    let letter = async || {
        let open = owner.get("/api/tenant/invitations").await.expect(200).json();
        open["items"][0]["letter"].as_str().unwrap().to_owned()
    };
    assert_eq!(app.platform().letters().send_due().await.unwrap(), 0);
    assert_eq!(letter().await, "waiting");
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    assert_eq!(app.platform().letters().send_due().await.unwrap(), 0, "not tried again at once");
    app.clock().advance_us(61_000_000);
    let server = tokio::spawn(async move {
        let mut texts = vec![];
        for _ in 0..2 {
            texts.push(take_one(listener.accept().await.unwrap().0).await);
        }
        texts
    });
    assert_eq!(app.platform().letters().send_due().await.unwrap(), 2);
    assert_eq!(app.platform().letters().send_due().await.unwrap(), 0, "each letter once");
    assert_eq!(letter().await, "sent");
    let texts = tokio::time::timeout(Duration::from_secs(20), server).await.unwrap().unwrap();
    let to_bea = texts.iter().find(|text| text.contains("bea@x.example")).unwrap();
    let token = &to_bea[to_bea.rfind("tnl_").unwrap()..].trim();
    let shown = app.anon().post("/api/invitations/show", &json!({"token": token})).await.expect(200).json();
    assert_eq!(shown["tenant"], "acme");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_is_given_up_after_ten_attempts_and_shows() {
    let text = "[mail]\nsmtp = \"smtp://127.0.0.1:9?tls=none\"\nfrom = \"M <m@app.example>\"\n";
    let app = TestApp::configured(text, Default::default()).await;
    let owner = app.register_only("acme").await;
    owner
        .post("/api/tenant/invitations", &json!({"email": "bea@x.example", "role": "member"}))
        .await
        .expect(201);
    for _ in 0..10 {
        app.platform().letters().send_due().await.unwrap();
        app.clock().advance_us(12 * 3_600_000_000);
    }
    let open = owner.get("/api/tenant/invitations").await;
    // The session has expired by now, so the owner signs in again.
    assert_eq!(open.status, 401);
    let owner = app.login_in("owner@acme.example", "acme").await;
    let open = owner.get("/api/tenant/invitations").await.expect(200).json();
    assert_eq!(open["items"][0]["letter"], "failed", "{open}");
}

#[cfg(unix)]
#[tokio::test]
async fn letters_in_files_are_for_the_server_alone_and_bounded_for_each_address() {
    use std::os::unix::fs::PermissionsExt;
    let text = "[mail]\nper_address_per_hour = 3\n";
    let app = TestApp::configured(text, Default::default()).await;
    let acme = app.register("acme").await;
    let form = json!({"email": "bea@x.example", "role": "member"});
    for sent in [1, 2, 3, 3, 3] {
        let made = acme.post("/api/tenant/invitations", &form).await.expect(201).json();
        assert_eq!(made["letter"], "waiting");
        assert_eq!(app.letters("bea@x.example").await.len(), sent);
    }
    let open = acme.get("/api/tenant/invitations").await.expect(200).json();
    assert_eq!(
        (&open["items"][0]["letter"], open["items"].as_array().unwrap().len()),
        (&json!("waiting"), 1)
    );
    acme.post("/api/tenant/invitations", &json!({"email": "other@x.example", "role": "member"}))
        .await
        .expect(201);
    assert_eq!(app.letters("bea@x.example").await.len(), 3);
    let folder = &app.platform().config().mail.folder;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700);
    for entry in std::fs::read_dir(folder).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}
