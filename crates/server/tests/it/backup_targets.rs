//! Backup targets and schedules that cannot work are refused or named by the commands that check them.

use super::{
    binary::{run, start, stdout},
    lives::{fine, refused},
};
use serde_json::Value;
use std::path::Path;

fn configure(dir: &Path, text: &str) {
    std::fs::write(dir.join("tenantry.toml"), text).unwrap();
}

#[test]
fn a_target_with_an_unknown_scheme_is_no_directory() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for target in ["S3://bucket", "s3:/bucket", "gs://bucket/prefix", "http://backups.example"] {
        configure(dir, &format!("[backups]\ntarget = \"{target}\"\n"));
        let said = refused(dir, &["tenant", "list"]);
        assert!(said.contains("tenantry.toml:2: backups.target: "), "{target}: {said}");
        assert!(said.contains("s3://BUCKET/PREFIX"), "{target}: {said}");
    }
}

#[test]
fn trouble_with_backups_is_named_with_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let absent = dir.join("absent");
    let schedule =
        "[[backups.schedules]]\nname = \"nightly\"\ncron = \"0 3 * * *\"\ntenants = [\"nobody\"]\n";
    configure(dir, &format!("[backups]\ntarget = \"{}\"\n{schedule}", absent.display()));
    let checked = run(dir, &["check"]);
    let said = stdout(&checked);
    assert!(!checked.status.success() && said.contains("make the directory"), "{said}");
    assert!(said.contains("schedule nightly names tenant nobody"), "{said}");
    assert!(said.contains("2 problems found"), "{said}");
    let status = run(dir, &["backup", "status", "--json"]);
    assert!(!status.status.success());
    let shown: Value = serde_json::from_str(&stdout(&status)).unwrap();
    assert!(shown["trouble"].as_str().unwrap_or_default().contains("make the directory"), "{shown}");
    assert!(stdout(&run(dir, &["backup", "status"])).contains("make the directory"));
    let made = refused(dir, &["backup", "create", "--system"]);
    assert!(made.contains("make the directory") && !made.contains("try again in a moment"), "{made}");
    assert!(!made.contains("stays for now") && !made.contains("nothing is left"), "{made}");
    std::fs::create_dir(&absent).unwrap();
    let none = refused(dir, &["backup", "verify", "--all"]);
    assert!(none.contains("no good backup") && !none.contains("--tenant"), "{none}");
    fine(dir, &["backup", "create", "--system"]);
}

#[test]
fn a_check_goes_on_past_a_server_that_is_not_configured_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let system = "[stores.control]\nserver = \"main\"\n[stores.shared]\nserver = \"main\"\n[stores.tenant]\n";
    let main = "[servers.main]\npath = \"one\"\n";
    configure(dir, &format!("{main}[servers.disk2]\npath = \"two\"\n{system}server = \"disk2\"\n"));
    drop(start(dir, "demo"));
    configure(dir, &format!("{main}{system}server = \"main\"\n"));
    let checked = run(dir, &["check"]);
    let said = stdout(&checked);
    let lost = said.lines().filter(|line| line.contains("put server disk2 back into tenantry.toml")).count();
    assert!(!checked.status.success() && lost == 2, "one line for each tenant: {said}");
    assert!(said.contains("2 problems found; tenants checked: 2"), "{said}");
}

#[test]
fn the_demo_works_beside_a_configuration_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    fine(dir.path(), &["init"]);
    drop(start(dir.path(), "demo"));
    let shown = fine(dir.path(), &["tenant", "list"]);
    assert!(shown.contains("city-hospital") && shown.contains("green-clinic"), "{shown}");
}
