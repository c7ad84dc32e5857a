//! Progress of a running operation: growing numbers over the API, a bar on a terminal, and the effect of Ctrl-C there.

use super::{
    app::TestApp,
    binary::{items_of, run, start, stdout, tenantry},
    lives::fine,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io::{Read, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tenantry_server::http::Options;

const COMPANIES: u64 = 5;
/// Sequential backups, so that the progress of each is visible.
const SLOWLY: &str = "[backups]\nparallel = 1\n";

/// Returns faults that delay each backup.
fn slow() -> String {
    ["backup:take:before:wait-1100"; 5].join(",")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_a_running_operation_grow_in_its_events() {
    let app = TestApp::configured(
        &format!("{SLOWLY}[stores.control]\n[stores.shared]\n[stores.tenant]\n"),
        Options::default(),
    )
    .await;
    for n in 0..COMPANIES {
        app.register(&format!("firm-{n}")).await;
    }
    let staff = app.staff().await;
    let faults = app.platform().operations().faults();
    slow().split(',').for_each(|fault| faults.arm(fault));
    let begun = staff.post("/api/admin/backups", &json!({})).await.expect(202).json();
    let events = staff.get(&format!("/api/admin/operations/{}/events", begun["id"])).await.expect(200).text();
    let told = events.lines().filter_map(|line| line.strip_prefix("data: "));
    let told: Vec<Value> = told.map(|json| serde_json::from_str(json).unwrap()).collect();
    let amounts = told.iter().map(|o| &o["progress"]).filter(|progress| !progress.is_null());
    let done: Vec<u64> = amounts
        .map(|amount| {
            assert_eq!(
                (&amount["total"], &amount["unit"]),
                (&json!(COMPANIES), &json!("tenants")),
                "{amount}"
            );
            amount["done"].as_u64().unwrap()
        })
        .collect();
    assert!(done.is_sorted(), "{done:?}");
    let seen: BTreeSet<_> = done.iter().collect();
    println!("{} events, {done:?} of {COMPANIES}", told.len());
    assert!(seen.len() >= 3, "{done:?}");
    assert_eq!(told.last().unwrap()["state"], "done");
    let over = staff.get(&format!("/api/admin/operations/{}", begun["id"])).await.expect(200).json();
    assert_eq!(over["result"]["good"], json!(COMPANIES), "{over}");
}

/// A command on its own terminal.
struct Terminal {
    script: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<String>>,
}

impl Terminal {
    fn open(dir: &Path, command: &str, faults: &str) -> Self {
        let line = format!("stty cols 120 rows 30; exec {} {command}", env!("CARGO_BIN_EXE_tenantry"));
        let mut script = Command::new("script")
            .args(["-qefc", &line, "/dev/null"])
            .current_dir(dir)
            .env("TENANTRY_LOG", "error")
            .env("TENANTRY_FAULT", faults)
            .env("TERM", "xterm")
            .env_remove("TENANTRY_CONFIG")
            .env_remove("TENANTRY_DATA")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (keys, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
        let shown = Arc::new(Mutex::new(String::new()));
        let to = shown.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut bytes) {
                to.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
        });
        Self { script, keys, shown }
    }

    fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    /// Waits until the terminal shows this text.
    fn see(&self, text: &str) {
        let began = Instant::now();
        while !self.shown().contains(text) {
            assert!(began.elapsed() < Duration::from_secs(60), "{text:?} is not shown: {:?}", self.shown());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn press_ctrl_c(&mut self) {
        self.keys.write_all(b"\x03").unwrap();
        self.keys.flush().unwrap();
    }

    /// Returns the status and all output.
    fn end(mut self) -> (Option<i32>, String) {
        let status = self.script.wait().unwrap().code();
        std::thread::sleep(Duration::from_millis(100));
        (status, self.shown())
    }
}

fn installation() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("tenantry.toml"),
        format!("{SLOWLY}[stores.control]\n[stores.shared]\n[stores.tenant]\n"),
    )
    .unwrap();
    drop(start(dir.path(), "demo"));
    for n in 2..COMPANIES {
        let slug = format!("firm-{n}");
        fine(dir.path(), &["tenant", "create", &slug, "--email", &format!("a@{slug}.example")]);
    }
    dir
}

/// Returns the newest operation of this kind.
fn newest(dir: &Path, kind: &str) -> Option<Value> {
    items_of(dir, &["operation", "list"]).into_iter().find(|operation| operation["kind"] == kind)
}

#[test]
fn a_terminal_shows_a_bar_that_fills() {
    let dir = installation();
    let terminal = Terminal::open(dir.path(), "backup create --all", &slow());
    terminal.see(" of 5 tenants");
    let (status, shown) = terminal.end();
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains('█') && shown.contains('%'), "no bar: {shown:?}");
    let seen = (1..=COMPANIES).filter(|n| shown.contains(&format!("{n} of 5 tenants"))).count();
    assert!(seen >= 2, "it does not fill: {shown:?}");
    assert_eq!(newest(dir.path(), "backup_run").unwrap()["result"]["good"], json!(COMPANIES));
}

#[test]
fn ctrl_c_ends_the_watching_and_not_the_operation() {
    let dir = installation();
    let dir = dir.path();
    let working = tenantry(dir)
        .args(["backup", "create", "--all"])
        .env("TENANTRY_FAULT", slow())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let id = loop {
        if let Some(operation) = newest(dir, "backup_run") {
            break operation["id"].clone();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it does not begin");
    };
    let mut watcher = Terminal::open(dir, &format!("operation watch {id}"), "");
    watcher.see("back up");
    watcher.press_ctrl_c();
    let (status, shown) = watcher.end();
    assert_eq!(status, Some(130), "{shown:?}");
    assert!(shown.contains(&format!("look again with: tenantry operation watch {id}")), "{shown:?}");
    let over = working.wait_with_output().unwrap();
    assert!(over.status.success(), "{}", String::from_utf8_lossy(&over.stderr));
    let done = newest(dir, "backup_run").unwrap();
    assert_eq!((&done["state"], &done["cancel_requested"]), (&json!("done"), &json!(false)), "{done}");
}

#[test]
fn the_first_ctrl_c_cancels_and_the_second_leaves_it_to_others() {
    let dir = installation();
    let dir = dir.path();
    let mut starter = Terminal::open(dir, "backup create --all", &slow());
    starter.see("back up");
    starter.press_ctrl_c();
    starter.see("cancelling; press Ctrl-C again");
    starter.press_ctrl_c();
    let (status, shown) = starter.end();
    assert_eq!(status, Some(1), "{shown:?}");
    let left = newest(dir, "backup_run").unwrap();
    assert!(
        shown.contains(&format!("look again with: tenantry operation watch {}", left["id"])),
        "{shown:?}"
    );
    assert_eq!((&left["state"], &left["cancel_requested"]), (&json!("running"), &json!(true)), "{left}");
    // The next command that opens the platform for changes ends the operation.
    fine(dir, &["plan", "init"]);
    let began = Instant::now();
    while newest(dir, "backup_run").unwrap()["state"] != "undone" {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", newest(dir, "backup_run"));
        fine(dir, &["plan", "init"]);
    }
}

/// Reading every page of many databases takes time. A terminal shows the progress, a pipe only the findings.
#[test]
fn check_shows_how_far_it_is_on_a_terminal_only() {
    let dir = installation();
    let terminal = Terminal::open(dir.path(), "check", "");
    terminal.see(&format!("/{COMPANIES} tenants"));
    let (status, shown) = terminal.end();
    assert_eq!(status, Some(0), "{shown:?}");
    assert!(shown.contains(&format!("tenants checked: {COMPANIES}")), "{shown:?}");
    let piped = run(dir.path(), &["check"]);
    assert_eq!(String::from_utf8_lossy(&piped.stderr), "");
    assert_eq!(stdout(&piped).lines().count(), 1, "{}", stdout(&piped));
}
