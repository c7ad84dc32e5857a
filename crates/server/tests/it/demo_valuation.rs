//! `tenantry demo --app valuation` on each database: the lines that it prints work when pasted, a second run continues the
//! first, and `--remove` leaves nothing on a server.

use super::binary::{TestBinary, launch, run, tenantry};
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Output},
};

/// Options of a demo, in one directory.
struct Demo<'d> {
    dir: &'d Path,
    options: Vec<String>,
}

impl Demo<'_> {
    fn start(&self) -> TestBinary {
        let mut command = tenantry(self.dir);
        command.args(["demo", "--app", "valuation", "--listen", "127.0.0.1:0"]).args(&self.options);
        launch(command)
    }

    fn run(&self, more: &[&str]) -> Output {
        let mut command = tenantry(self.dir);
        command.args(["demo", "--app", "valuation"]).args(&self.options).args(more).output().unwrap()
    }
}

/// Runs the lines that the demo printed. Returns the answers of those that read something.
fn paste(demo: &TestBinary) -> Vec<Value> {
    let said = demo.said("Stop it");
    let lines = said.split("another terminal:").nth(1).unwrap();
    let script = format!(
        "set -euo pipefail\ncurl() {{ command curl --fail-with-body -S \"$@\"; echo; }}\n{}",
        lines.replace("curl -s 'http", "echo; curl -s 'http")
    );
    let output = Command::new("bash").arg("-c").arg(&script).output().unwrap();
    let (shown, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{shown}\n{errors}");
    shown.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(answer: &Value, field: &str) -> Vec<String> {
    let items = answer["items"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
    items.map(|item| item[field].as_str().unwrap_or_default().to_owned()).collect()
}

fn shows_everything(demo: &TestBinary) {
    let answers = paste(demo);
    let [banks, bank, reports, activity] = &answers[..] else { panic!("{answers:?}") };
    let active = names(banks, "name");
    assert_eq!(active.len(), 23, "{active:?}");
    for (name, is_there) in [
        ("Aravali State Bank, head office", true),
        ("Marigold Private Lenders", true),
        ("Zenith National Bank", true),
        ("Aravali State Bank", false),
        ("Cedar Mutual Bank", false),
        ("Farmland Credit Union", false),
    ] {
        assert_eq!(active.iter().any(|bank| bank == name), is_there, "{name}: {active:?}");
    }
    assert_eq!(names(banks, "origin").iter().filter(|origin| *origin == "own").count(), 2, "{banks}");
    assert_eq!((&bank["code"], &bank["origin"]), (&"ASB".into(), &"shared".into()));
    assert_eq!(bank["contact"], "panel.valuers@aravali-state-bank.example");
    assert!(reports["items"].as_array().unwrap().iter().all(|report| report["custom"]["urgent"] == true));
    assert_eq!(reports["items"][0]["expand"]["bank"]["name"], "Aravali State Bank, head office", "{reports}");
    assert_eq!(activity["items"].as_array().unwrap().len(), 5, "{activity}");

    let other = demo.log_in("owner@demo-org-002.example");
    let (_, found) = demo.ask("GET", "/api/records/banks?limit=100&sort=name", &other, None);
    let found = names(&found, "name");
    assert!(found.contains(&"Farmland Credit Union (reopened)".into()), "{found:?}");
    assert!(
        found.contains(&"Aravali State Bank".into()) && !found.contains(&"Marigold Private Lenders".into())
    );
    let viewer = demo.log_in("auditor@demo-org-001.example");
    assert_eq!(demo.ask("DELETE", "/api/records/reports/1", &viewer, None).0, 403);
    assert_eq!(demo.ask("GET", "/api/records/reports/1", &viewer, None).0, 200);
}

fn works(demo: &Demo<'_>) {
    shows_everything(&demo.start());
    // The first run was killed. The second one continues with the same data.
    shows_everything(&demo.start());
}

#[test]
fn the_demo_of_valuation_works_in_files_called_like_the_organisations() {
    let dir = tempfile::tempdir().unwrap();
    works(&Demo { dir: dir.path(), options: vec![] });
    let found = super::binary::find(&dir.path().join("tenantry-data-valuation"), "demo_org_001.db");
    assert!(found.is_some());
    let refused = run(dir.path(), &["demo", "--app", "nothing"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("name fbs, medadmin or valuation"), "{said}");
    // Files of an installation in use are not removed by a word.
    assert!(!run(dir.path(), &["demo", "--app", "valuation", "--remove"]).status.success());
}

#[tokio::test]
async fn the_demo_of_valuation_works_on_postgresql() {
    let home = tenantry_testkit::postgres::Home::new(&tenantry_testkit::postgres::servers()[0]).await;
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo { dir: dir.path(), options: vec!["--postgres".into(), home.url().into()] };
    works(&demo);
    let removed = demo.run(&["--remove"]);
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
    assert!(!dir.path().join("tenantry-data-valuation-postgres").exists());
}

#[cfg(feature = "mongodb")]
#[tokio::test]
async fn the_demo_of_valuation_works_on_mongodb() {
    let home = tenantry_testkit::mongodb::Home::new().await;
    let dir = tempfile::tempdir().unwrap();
    let options = ["--mongodb", &tenantry_testkit::mongodb::url(), "--prefix", home.prefix()];
    let demo = Demo { dir: dir.path(), options: options.map(str::to_owned).into() };
    works(&demo);
    let mut databases = home.databases().await;
    databases.sort();
    let expected = ["demo_org_001", "demo_org_002", "demo_org_003", "shared_resources"];
    assert_eq!(databases, expected.map(|name| format!("{}{name}", home.prefix())));
    let removed = demo.run(&["--remove"]);
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
    assert!(!dir.path().join("tenantry-data-valuation-mongodb").exists());
    assert_eq!(home.databases().await, [""; 0]);
}

#[cfg(feature = "mongodb")]
#[test]
fn the_demo_names_what_a_mongodb_url_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let check = |url: &str, expect: &str| {
        let demo = Demo { dir: dir.path(), options: vec!["--mongodb".into(), url.into()] };
        let refused = demo.run(&["--listen", "127.0.0.1:0"]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(expect), "{url}: {said}");
    };
    check("postgres://127.0.0.1/x", "replicaSet=NAME");
    check("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100", "mongo");
}
