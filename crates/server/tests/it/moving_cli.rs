//! Moving a tenant with the shipped binary, next to a server that keeps serving it.

use super::{
    binary::{TestBinary, find, json_of, run, start, stdout},
    lives::{fine, refused},
};
use serde_json::{Value, json};
use std::path::Path;
use tenantry_testkit::Settings;

fn two_servers() -> Settings {
    Settings::default().two_servers().set("registration", "placement = \"first\"")
}

/// Returns server and isolation of the tenant's database in use.
fn lies(dir: &Path, slug: &str) -> (String, String) {
    let shown = json_of(dir, &["tenant", "show", slug]);
    let place = &shown["placements"][0]["place"];
    let text = |name: &str| place[name].as_str().unwrap().to_owned();
    (text("server"), text("isolation"))
}

fn moved(dir: &Path, args: &[&str]) {
    let said = fine(dir, args);
    assert!(said.contains("every record is the same in both places"), "{args:?}: {said}");
    assert!(said.contains("writes waited for"), "{args:?}: {said}");
}

/// Reads the doctors from the running server, because raw SQL needs an own database.
fn doctors(demo: &TestBinary, token: &str) -> Value {
    let (status, page) =
        demo.ask("GET", "/api/records/doctors?expand=city.region,specialisation", token, None);
    assert_eq!(status, 200, "{page}");
    page["items"].clone()
}

fn rename_doctor(demo: &TestBinary, token: &str, name: &str) {
    let (status, body) =
        demo.ask("PATCH", "/api/records/doctors/1", token, Some(&json!({ "last_name": name })));
    assert_eq!(status, 200, "{body}");
}

fn one_doctor(demo: &TestBinary, token: &str) -> String {
    demo.ask("GET", "/api/records/doctors/1", token, None).1["last_name"].as_str().unwrap().to_owned()
}

#[test]
fn a_company_is_moved_promoted_demoted_and_taken_back_at_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tenantry.toml"), two_servers().to_string()).unwrap();
    let demo = start(dir.path(), "demo");
    let dir = dir.path();
    let token = demo.log_in("owner@city-hospital.example");
    let neighbours = demo.log_in("owner@green-clinic.example");
    let neighbour = doctors(&demo, &neighbours);
    assert!(refused(dir, &["tenant", "promote", "city-hospital"]).contains("of its own already"));
    assert!(refused(dir, &["tenant", "move", "city-hospital", "--back"]).contains("nothing is kept"));
    assert!(
        refused(dir, &["tenant", "move", "city-hospital", "--to", "moon"])
            .contains("can be placed on: main, disk")
    );
    assert!(!run(dir, &["tenant", "move", "city-hospital"]).status.success(), "whereto is not said");
    for (args, server, isolation) in [
        (&["tenant", "demote", "city-hospital"][..], "main", "pooled"),
        (&["tenant", "promote", "city-hospital", "--to", "disk"], "disk", "database"),
        (&["tenant", "move", "city-hospital", "--back"], "main", "pooled"),
        (&["tenant", "promote", "city-hospital", "--to", "main", "--store", "tenant"], "main", "database"),
        (&["tenant", "move", "city-hospital", "--to", "disk"], "disk", "database"),
        (&["tenant", "move", "city-hospital", "--back"], "main", "database"),
    ] {
        let before = doctors(&demo, &token);
        moved(dir, args);
        assert_eq!(lies(dir, "city-hospital"), (server.into(), isolation.into()), "{args:?}");
        assert_eq!(doctors(&demo, &token), before, "{args:?}");
        let name = args.join(" ");
        rename_doctor(&demo, &token, &name);
        assert_eq!(one_doctor(&demo, &token), name, "the server went along");
    }
    let kept = refused(dir, &["tenant", "demote", "city-hospital", "--store", "nothing"]);
    assert!(kept.contains("no such store"), "{kept}");
    assert_eq!(doctors(&demo, &neighbours), neighbour);
    fine(dir, &["migrate", "tenants"]);
    assert!(run(dir, &["check"]).status.success(), "{}", stdout(&run(dir, &["check"])));
    released(dir);
    rename_doctor(&demo, &token, "after");
    fine(dir, &["audit", "verify"]);
}

/// Removes the retained databases of all those moves, and asserts that the files are gone.
fn released(dir: &Path) {
    let shown = json_of(dir, &["tenant", "show", "city-hospital"]);
    let physical = shown["placements"][0]["place"]["physical"].as_str().unwrap().to_owned();
    let said = fine(dir, &["tenant", "release", "city-hospital"]);
    assert!(said.contains("retained databases of city-hospital"), "{said}");
    assert!(refused(dir, &["tenant", "release", "city-hospital"]).contains("nothing is kept"));
    let mut left = Vec::new();
    for server in ["databases", "more"] {
        let entries = std::fs::read_dir(dir.join("tenantry-data").join(server)).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        left.extend(names.filter(|name| name.contains("city-hospital") && name.ends_with(".db")));
    }
    assert_eq!(left, [format!("{physical}.db")]);
    assert!(find(&dir.join("tenantry-data"), &left[0]).is_some());
}

#[test]
fn maintenance_at_the_command_line_holds_at_the_next_request() {
    let dir = tempfile::tempdir().unwrap();
    let demo = start(dir.path(), "demo");
    let dir = dir.path();
    let tokens = ["city-hospital", "green-clinic"].map(|slug| demo.log_in(&format!("owner@{slug}.example")));
    let asked = |expected: [u16; 2]| {
        for (token, expected) in tokens.iter().zip(expected) {
            let (status, body) = demo.ask("GET", "/api/records/doctors", token, None);
            assert_eq!(status, expected, "{body}");
        }
    };
    assert!(
        !run(dir, &["tenant", "maintenance", "on", "city-hospital"]).status.success(),
        "without a reason"
    );
    asked([200, 200]);
    fine(dir, &["tenant", "maintenance", "on", "city-hospital", "--reason", "new building"]);
    asked([503, 200]);
    let (_, body) = demo.ask("GET", "/api/records/doctors", &tokens[0], None);
    assert!(body.to_string().contains("new building"), "{body}");
    fine(dir, &["tenant", "demote", "city-hospital"]);
    asked([503, 200]);
    fine(dir, &["tenant", "maintenance", "off", "city-hospital"]);
    asked([200, 200]);
    assert_eq!(lies(dir, "city-hospital").1, "pooled");
}

/// The target disk of a move fails. The retained database is used again once an operator requests it, and not before.
#[test]
fn a_company_goes_back_to_the_kept_database_when_the_new_disk_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tenantry.toml"), two_servers().to_string()).unwrap();
    let demo = start(dir.path(), "demo");
    let dir = dir.path();
    let (slug, token) = ("city-hospital", demo.log_in("owner@city-hospital.example"));
    let neighbours = demo.log_in("owner@green-clinic.example");
    rename_doctor(&demo, &token, "before");
    assert!(!run(dir, &["tenant", "move", slug, "--lost"]).status.success(), "only with --back");
    moved(dir, &["tenant", "move", slug, "--to", "disk"]);
    rename_doctor(&demo, &token, "since");
    let back = ["tenant", "move", slug, "--back", "--lost"];
    let well = refused(dir, &back);
    assert!(well.contains("can be opened and is whole"), "{well}");
    assert_eq!(one_doctor(&demo, &token), "since");

    let server = dir.join("tenantry-data/more");
    for entry in std::fs::read_dir(&server).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    refused(dir, &["tenant", "move", slug, "--back"]);
    let said = fine(dir, &back);
    for wanted in ["on disk is not there", "on main is in use again", "written since 20", "is lost"] {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
    assert_eq!(lies(dir, slug), ("main".into(), "database".into()));
    assert_eq!(one_doctor(&demo, &token), "before", "the running server went along");
    rename_doctor(&demo, &token, "after");
    assert_eq!(one_doctor(&demo, &token), "after");
    doctors(&demo, &neighbours);
    let log = fine(dir, &["audit", "list"]);
    assert!(log.contains("tenant.fall_back") && log.contains("writes_lost_since"), "{log}");
    let again = refused(dir, &back);
    assert!(again.contains("can be opened and is whole"), "{again}");
    fine(dir, &["tenant", "release", slug]);
    assert!(run(dir, &["check"]).status.success(), "{}", stdout(&run(dir, &["check"])));
    fine(dir, &["audit", "verify"]);
}

/// A server was started before a disk was added. No tenant can be moved to that disk while the server runs.
#[test]
fn a_company_is_not_moved_to_a_server_that_a_running_process_does_not_know() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tenantry.toml");
    let one = two_servers().without("servers.disk").set("stores.tenant", "servers = [\"main\"]");
    std::fs::write(&config, one.to_string()).unwrap();
    let demo = start(dir.path(), "demo");
    std::fs::write(&config, two_servers().to_string()).unwrap();
    let dir = dir.path();
    let said = refused(dir, &["tenant", "move", "city-hospital", "--to", "disk"]);
    assert!(said.contains("started without server disk") && said.contains("restart it"), "{said}");
    assert_eq!(lies(dir, "city-hospital").0, "main");
    let token = demo.log_in("owner@city-hospital.example");
    rename_doctor(&demo, &token, "Goes-On");
    // The old process does not serve a tenant that was moved there, and reports that. Nothing is lost.
    drop(demo);
    moved(dir, &["tenant", "move", "city-hospital", "--to", "disk"]);
    let demo = start(dir, "demo");
    assert_eq!(one_doctor(&demo, &demo.log_in("owner@city-hospital.example")), "Goes-On");
}
