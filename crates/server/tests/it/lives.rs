//! The life of a tenant with the shipped binary: export, import, clone, rename, cancel, purge, certificate.

use super::binary::{find, items_of, json_of, run, start, stdout, tenantry};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Output, Stdio},
};

pub(super) fn fine(dir: &Path, args: &[&str]) -> String {
    let output = run(dir, args);
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    stdout(&output)
}

pub(super) fn refused(dir: &Path, args: &[&str]) -> String {
    let output = match args.first() {
        Some(&"serve") => not_served(dir, args),
        _ => run(dir, args),
    };
    assert!(!output.status.success(), "{args:?}: {}", stdout(&output));
    said(&output)
}

/// Runs a server that must not start. A server that starts would not end by itself.
fn not_served(dir: &Path, args: &[&str]) -> Output {
    let mut child = tenantry(dir).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    if let Some(address) = lines.find(|line| line.contains("http://")) {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("{args:?}: {address}");
    }
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn doctors(dir: &Path, slug: &str) -> Value {
    let rows = fine(dir, &["sql", slug, "SELECT id, last_name, email FROM doctors ORDER BY id", "--json"]);
    serde_json::from_str(&rows).unwrap()
}

#[test]
fn a_command_that_reads_begins_no_installation() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for args in [&["tenant", "list"][..], &["backup", "list"], &["plan", "list"], &["check"]] {
        let said = refused(dir, &[args, &["--data", "elsewhere"]].concat());
        assert!(said.contains("there is no installation: elsewhere does not exist"), "{args:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(dir).unwrap().count(), 0);
    fine(dir, &["tenant", "create", "acme", "--email", "a@acme.example", "--data", "elsewhere"]);
    assert!(fine(dir, &["tenant", "list", "--data", "elsewhere"]).contains("acme"));
}

#[test]
fn a_company_is_exported_and_imported_at_the_command_line() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [&here, &there] {
        drop(start(dir.path(), "demo"));
    }
    let here = here.path();
    fine(here, &["tenant", "export", "city-hospital", "--out", "city.zip"]);
    let again = refused(here, &["tenant", "export", "city-hospital", "--out", "city.zip"]);
    assert!(again.contains("exists already"), "{again}");
    let archive = here.join("city.zip");
    let archive = archive.to_str().unwrap();
    let imported = fine(
        there.path(),
        &["tenant", "import", archive, "--slug", "moved-in", "--email", "a@moved.example"],
    );
    assert!(imported.contains("moved-in"), "{imported}");
    assert_eq!(doctors(there.path(), "moved-in"), doctors(here, "city-hospital"));
    let taken = refused(there.path(), &["tenant", "import", archive, "--slug", "moved-in"]);
    assert!(taken.contains("taken"), "{taken}");
    let mut damaged = std::fs::read(archive).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x40;
    std::fs::write(here.join("bad.zip"), damaged).unwrap();
    let bad = refused(here, &["tenant", "import", "bad.zip", "--slug", "bad-one"]);
    assert!(bad.contains("damaged") || bad.contains("cut off"), "{bad}");
    assert!(refused(here, &["tenant", "show", "bad-one"]).contains("no such tenant"));
    assert!(refused(here, &["tenant", "import", "nothing.zip", "--slug", "bad-one"]).contains("nothing.zip"));
    for dir in [here, there.path()] {
        assert!(run(dir, &["check"]).status.success(), "{}", stdout(&run(dir, &["check"])));
        fine(dir, &["audit", "verify"]);
    }
}

#[test]
fn a_company_is_cloned_renamed_and_ended_beside_a_running_server() {
    let dir = tempfile::tempdir().unwrap();
    let demo = start(dir.path(), "demo");
    let dir = dir.path();
    let token = demo.log_in("owner@city-hospital.example");
    let blanked = fine(dir, &["tenant", "clone", "city-hospital", "training", "--blank-personal"]);
    assert!(blanked.contains("blanked"), "{blanked}");
    let (before, after) = (doctors(dir, "city-hospital"), doctors(dir, "training"));
    assert_eq!(before.as_array().unwrap().len(), after.as_array().unwrap().len());
    assert!(after.as_array().unwrap().iter().all(|row| row["email"].is_null()), "{after}");
    assert_ne!(before, after);

    fine(dir, &["tenant", "rename", "city-hospital", "st-mary"]);
    assert_eq!(demo.ask("GET", "/api/records/doctors", &token, None).0, 200, "the session goes on");
    assert!(refused(dir, &["tenant", "show", "city-hospital"]).contains("no such tenant"));
    let taken = refused(dir, &["tenant", "create", "city-hospital", "--email", "x@x.example"]);
    assert!(taken.contains("taken"), "{taken}");

    let dry = fine(dir, &["tenant", "cancel", "st-mary", "--dry-run"]);
    for wanted in ["database of store tenant", "uploaded files", "sessions", "audit log", "nothing was done"]
    {
        assert!(dry.contains(wanted), "{wanted} in {dry}");
    }
    assert!(refused(dir, &["tenant", "purge", "st-mary", "--yes", "st-mary"]).contains("not closed"));
    refused(dir, &["tenant", "cancel", "st-mary", "--yes", "other"]);
    fine(dir, &["tenant", "cancel", "st-mary", "--yes", "st-mary", "--grace-days", "0"]);
    assert_eq!(demo.ask("GET", "/api/records/doctors", &token, None).0, 403);
    fine(dir, &["tenant", "revoke-cancellation", "st-mary"]);
    assert_eq!(demo.ask("GET", "/api/records/doctors", &token, None).0, 200);
    fine(dir, &["tenant", "cancel", "st-mary", "--yes", "st-mary", "--grace-days", "0"]);
    assert!(refused(dir, &["tenant", "purge", "st-mary", "--yes", "st-mary"]).contains("retention"));
    assert!(refused(dir, &["tenant", "certificate", "st-mary"]).contains("no such certificate"));
    let shown = json_of(dir, &["tenant", "show", "st-mary"]);
    let file = format!("{}.db", shown["placements"][0]["place"]["physical"].as_str().unwrap());
    assert!(find(&dir.join("tenantry-data"), &file).is_some());
    fine(dir, &["tenant", "purge", "st-mary", "--early", "--yes", "st-mary"]);
    assert_eq!(demo.ask("GET", "/api/records/doctors", &token, None).0, 401);
    assert!(find(&dir.join("tenantry-data"), &file).is_none());
    let certificate = fine(dir, &["tenant", "certificate", "st-mary"]);
    for wanted in ["Certificate of deletion", "st-mary", "database of store tenant", "removed", "SHA-256"] {
        assert!(certificate.contains(wanted), "{wanted} in {certificate}");
    }
    assert!(items_of(dir, &["tenant", "list"]).iter().all(|t| t["slug"] != "st-mary"));
    fine(dir, &["audit", "verify"]);
    assert!(run(dir, &["check"]).status.success());
}

/// Without a terminal for the confirmation, nothing is done.
#[test]
fn an_end_that_nobody_confirmed_is_none() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let mut command = tenantry(dir.path());
    let asked = command
        .args(["tenant", "cancel", "green-clinic"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(!asked.status.success());
    assert!(said(&asked).contains("--yes green-clinic"), "{}", said(&asked));
    let shown = json_of(dir.path(), &["tenant", "show", "green-clinic"]);
    assert!(shown["ends"].is_null() && shown["state"] == "active", "{shown}");
}
