//! Messages of commands when something is missing or refused: they name the cause and the remedy.

use super::{
    binary::{items_of, run, start, stdout, tenantry},
    lives::{fine, refused},
};
use std::{io::Write, path::Path, process::Stdio};

const PASSWORD: &str = "correct horse battery";

fn piped(dir: &Path, args: &[&str], text: &str) -> bool {
    let mut command = tenantry(dir);
    let mut child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait().unwrap().success()
}

#[test]
fn a_missing_secret_stops_the_server_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let issuer = "[[auth.jwt]]\nissuer = \"https://id.example/\"\naudience = [\"a\"]\nalgorithm = \"HS256\"\n\
        secret_env = \"TENANTRY_TEST_ABSENT\"\n";
    std::fs::write(dir.join("tenantry.toml"), issuer).unwrap();
    fine(dir, &["tenant", "list"]);
    fine(dir, &["audit", "verify"]);
    let said = refused(dir, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("environment variable TENANTRY_TEST_ABSENT is not set"), "{said}");
    assert!(!said.contains("cannot open"), "{said}");
    let mail = "[mail]\nsmtp = \"smtp://user@mail.example\"\nfrom = \"a@mail.example\"\npassword_env = \"TENANTRY_TEST_ABSENT\"\n";
    std::fs::write(dir.join("tenantry.toml"), mail).unwrap();
    fine(dir, &["tenant", "list"]);
    fine(dir, &["tenant", "create", "acme", "--email", "info@acme.example"]);
    let said = refused(dir, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("TENANTRY_TEST_ABSENT is not set"), "{said}");
    assert!(!said.contains("cannot open"), "{said}");
    let bucket = "[backups]\ntarget = \"s3://bucket\"\n";
    std::fs::write(dir.join("tenantry.toml"), bucket).unwrap();
    fine(dir, &["tenant", "list"]);
    fine(dir, &["backup", "list"]);
}

#[test]
fn a_password_comes_from_standard_input_where_there_is_no_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let email = ["user", "create-superuser", "--email", "root@platform.example"];
    let said = refused(dir, &email);
    assert!(said.contains("pipe it into standard input, or set TENANTRY_PASSWORD"), "{said}");
    assert!(piped(dir, &email, &format!("{PASSWORD}\n")));
    fine(dir, &["tenant", "create", "acme", "--email", "info@acme.example"]);
    let owner = ["tenant", "add-owner", "acme", "--email", "owner@acme.example"];
    assert!(piped(dir, &owner, PASSWORD));
    assert!(!piped(dir, &owner, PASSWORD), "an account that exists joins by invitation only");
    let shown = items_of(dir, &["tenant", "list"]);
    assert_eq!(shown[0]["users"], 1, "{shown:#?}");
    let made = tenantry(dir)
        .args(["tenant", "suspend", "acme", "--reason", "unpaid"])
        .env_remove("USER")
        .env_remove("LOGNAME")
        .output();
    assert!(made.unwrap().status.success());
    let log = fine(dir, &["audit", "list"]);
    assert!(!log.contains("cli:unknown") && log.contains("IMPERSONATED BY"), "{log}");
}

#[test]
fn an_exported_password_gets_in_the_way_of_no_command() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    drop(start(dir, "demo"));
    let with = |password: &str, args: &[&str]| {
        let output = tenantry(dir).args(args).env("TENANTRY_PASSWORD", password).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    };
    let owner = "owner@city-hospital.example";
    with(PASSWORD, &["tenant", "clone", "city-hospital", "copy-one", "--owner", owner]);
    with(PASSWORD, &["tenant", "clone", "city-hospital", "copy-two"]);
    with("", &["tenant", "clone", "city-hospital", "copy-three", "--email", "three@copy.example"]);
    with(PASSWORD, &["tenant", "create", "ownerless", "--email", "info@ownerless.example", "--no-owner"]);
    with(PASSWORD, &["tenant", "create", "owned", "--email", "info@owned.example"]);
    let shown = items_of(dir, &["tenant", "list"]);
    let users = |slug: &str| shown.iter().find(|t| t["slug"] == slug).map(|t| t["users"].clone());
    let found = ["copy-one", "copy-two", "copy-three", "ownerless", "owned"].map(users);
    assert_eq!(found, [1, 0, 0, 0, 1].map(|n| Some(n.into())), "{shown:#?}");
    let empty =
        tenantry(dir).args(["user", "set-password", owner]).env("TENANTRY_PASSWORD", "").output().unwrap();
    let said = String::from_utf8_lossy(&empty.stderr).into_owned();
    assert!(said.contains("there is no terminal"), "an empty variable is none: {said}");
}

#[test]
fn every_problem_of_a_configuration_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // The reader looks `servers` up twice: for its presence, and for its contents.
    let text = "[corsx]\norigins = []\n[auth]\nsession_hours = 0\n[servers.main]\n";
    std::fs::write(dir.join("tenantry.toml"), text).unwrap();
    let said = refused(dir, &["check"]);
    assert!(said.contains(":1: unknown key `corsx`") && said.contains(":4:"), "{said}");
    let known = said.split("known here: ").nth(1).unwrap().lines().next().unwrap();
    let mut keys: Vec<_> = known.split(", ").collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert!(all > 5 && keys.len() == all, "{known}");
}

#[test]
fn lists_are_json_on_request_and_a_dry_run_shows_what_it_would_write() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fine(dir, &["init"]);
    fine(dir, &["app", "new", "garage"]);
    let config = std::fs::read_to_string(dir.join("tenantry.toml")).unwrap();
    let listed = config.replacen("list = [", "list = [\"garage\", ", 1);
    assert_ne!(config, listed, "{config}");
    std::fs::write(dir.join("tenantry.toml"), listed).unwrap();
    let shown = fine(dir, &["migrate", "make", "--dry-run"]);
    assert!(shown.contains("would write") && shown.contains("[[op"), "{shown}");
    let rows = items_of(dir, &["audit", "list"]);
    assert!(rows.iter().all(|row| row["action"].is_string() && row["hash"].is_string()), "{rows:#?}");
}

#[test]
fn a_new_configuration_speaks_of_no_other_product() {
    let dir = tempfile::tempdir().unwrap();
    let garage = dir.path().join("garage-hub");
    std::fs::create_dir(&garage).unwrap();
    fine(&garage, &["init"]);
    let text = std::fs::read_to_string(garage.join("tenantry.toml")).unwrap();
    assert!(text.contains("name = \"garage-hub\"") && !text.contains("Hospital"), "{text}");
    fine(&garage, &["tenant", "list"]);
}

#[test]
fn refusals_name_what_is_wrong_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    drop(start(dir, "demo"));
    let sql = |statement: &str| refused(dir, &["sql", "city-hospital", statement]);
    assert!(sql("DELETE FROM doctors").contains("only SELECT is allowed here"));
    let absent = sql("SELECT * FROM nothing_here");
    assert!(absent.contains("nothing_here"), "{absent}");
    assert!(sql("SELECT no_such FROM doctors").contains("no_such"));
    let unasked = refused(dir, &["tenant", "cancel", "city-hospital"]);
    assert!(unasked.contains("no terminal") && unasked.contains("--yes city-hospital"), "{unasked}");
    assert!(fine(dir, &["tenant", "purge", "--due", "--dry-run"]).contains("0 tenants are due to be purged"));
    let clock = fine(dir, &["clock"]);
    assert!(clock.contains("they agree"), "{clock}");
    assert!(fine(dir, &["clock", "accept"]).contains("they agree"));
    let databases = dir.join("tenantry-data/databases");
    let (own, other) = ("tenant_city-hospital_1.db", "tenant_green-clinic_1.db");
    for beside in ["-wal", "-shm"] {
        std::fs::remove_file(databases.join(format!("{own}{beside}"))).ok();
    }
    std::fs::copy(databases.join(other), databases.join(own)).unwrap();
    let output = run(dir, &["check"]);
    let said = stdout(&output);
    assert!(!output.status.success() && said.contains("problem"), "{said}");
    let line = said.lines().find(|line| line.starts_with("tenant_city-hospital_1: ")).unwrap_or_default();
    assert!(line.contains("belongs to another tenant") && line.contains("tenantry restore"), "{said}");
}
