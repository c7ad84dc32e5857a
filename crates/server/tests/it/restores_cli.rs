//! Restores and backups at the command line after damage: the cause is reported for each tenant, the newest good backup
//! is found without its id, and the error of a damaged shared database names the remedy.

use super::{
    binary::{items_of, json_of, run, start, stdout},
    lives::{fine, refused},
};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Returns the file of a tenant's own database.
fn file_of(dir: &Path, slug: &str) -> PathBuf {
    let shown = json_of(dir, &["tenant", "show", slug]);
    let physical = shown["placements"][0]["place"]["physical"].as_str().unwrap().to_owned();
    let mut found = vec![];
    walk(dir, &mut |path| {
        if path.file_name().is_some_and(|name| name.to_str() == Some(&format!("{physical}.db"))) {
            found.push(path.to_owned());
        }
    });
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn walk(dir: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => walk(&path, visit),
            path => visit(&path),
        }
    }
}

#[test]
fn a_run_over_all_names_the_reason_of_each_tenant_that_fails() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let dir = dir.path();
    std::fs::write(file_of(dir, "green-clinic"), [b'?'; 8192]).unwrap();
    let output = run(dir, &["backup", "create", "--all"]);
    let said = stdout(&output);
    assert!(!output.status.success(), "{said}");
    let line = said
        .lines()
        .find(|line| line.starts_with("green-clinic: FAILED"))
        .unwrap_or_else(|| panic!("{said}"));
    assert!(
        line.contains("holds something else") && line.contains("tenantry restore swap green-clinic latest"),
        "{line}"
    );
    assert!(said.contains("1 backed up, 1 failed"), "{said}");
    let alone = refused(dir, &["backup", "create", "green-clinic"]);
    assert!(alone.contains("tenantry restore swap green-clinic latest"), "the same for one: {alone}");
}

#[test]
fn a_swap_without_a_name_takes_the_newest_good_backup() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let dir = dir.path();
    let none = refused(dir, &["restore", "swap", "city-hospital"]);
    assert!(none.contains("tenantry backup create city-hospital"), "{none}");
    fine(dir, &["backup", "create", "city-hospital"]);
    let good = newest(dir);
    fine(dir, &["backup", "create", "city-hospital"]);
    // Verification finds that the newest backup is damaged, so it is not used.
    let damaged = newest(dir);
    assert_ne!(good, damaged);
    damage(dir, &damaged);
    assert!(!run(dir, &["backup", "verify", &damaged]).status.success());
    std::fs::remove_file(file_of(dir, "city-hospital")).unwrap();
    let said = fine(dir, &["restore", "swap", "city-hospital"]);
    assert!(said.contains(&format!("{good} is restored and staged for city-hospital")), "{said}");
    assert!(said.contains("works on the restored data"), "{said}");
    fine(dir, &["check"]);
    let doctors = fine(dir, &["sql", "city-hospital", "SELECT count(*) AS n FROM doctors", "--json"]);
    assert!(!doctors.contains("\"n\":0"), "{doctors}");
}

#[test]
fn a_new_tenant_is_made_of_the_newest_backup_that_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let dir = dir.path();
    fine(dir, &["backup", "create", "city-hospital"]);
    let good = newest(dir);
    fine(dir, &["backup", "create", "city-hospital"]);
    let damaged = newest(dir);
    damage(dir, &damaged);
    let new = ["restore", "clone", "city-hospital", "latest", "--as", "city-then"];
    let said = fine(dir, &new);
    assert!(said.contains(&format!("passed over {damaged}, which is DAMAGED")), "{said}");
    assert!(said.contains(&format!("{good} is restored as city-then")), "{said}");
    // The damage is recorded, and no member was taken over.
    let listed = fine(dir, &["backup", "list"]);
    let line = listed.lines().find(|line| line.contains(&damaged)).unwrap_or_else(|| panic!("{listed}"));
    assert!(line.to_lowercase().contains("damaged"), "{line}");
    let shown = |slug: &str| json_of(dir, &["tenant", "show", slug]);
    let (old, then) = (shown("city-hospital"), shown("city-then"));
    assert_eq!((&then["users"], &then["name"], &then["email"]), (&0.into(), &old["name"], &old["email"]));
    let named = refused(dir, &["restore", "clone", "city-hospital", &damaged, "--as", "city-too"]);
    assert!(
        named.contains("remedy: restore an older one: tenantry restore clone city-hospital latest --as"),
        "{named}"
    );
    fine(dir, &["restore", "clone", "city-hospital", "--as", "city-all", "--members"]);
    assert_eq!(shown("city-all")["users"], old["users"]);
    let wrong = refused(
        dir,
        &["restore", "clone", "city-hospital", "--as", "X_", "--email", "none", "--plan", "gold"],
    );
    for field in ["slug", "email", "plan"] {
        assert!(wrong.contains(field), "{wrong}");
    }
    let stores =
        refused(dir, &["restore", "clone", "city-hospital", "--as", "city-one", "--store", "tenant"]);
    assert!(stores.contains("--store"), "{stores}");
}

/// Damages the objects of a backup, and leaves its manifest unchanged.
fn damage(dir: &Path, backup: &str) {
    walk(dir, &mut |path| {
        let is_object = path.extension().is_some_and(|end| end == "zst");
        if is_object && path.components().any(|part| part.as_os_str() == backup) {
            std::fs::write(path, b"damaged").unwrap();
        }
    });
}

#[test]
fn a_run_over_all_tries_a_tenant_that_cannot_be_read_once() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let dir = dir.path();
    std::fs::OpenOptions::new()
        .write(true)
        .open(file_of(dir, "green-clinic"))
        .unwrap()
        .set_len(5000)
        .unwrap();
    std::fs::remove_file(file_of(dir, "city-hospital")).unwrap();
    let before = Instant::now();
    let output = run(dir, &["backup", "create", "--all"]);
    assert!(
        !output.status.success() && stdout(&output).contains("0 backed up, 2 failed"),
        "{}",
        stdout(&output)
    );
    assert!(before.elapsed() < Duration::from_secs(30), "{:?}", before.elapsed());
    let listed = items_of(dir, &["operation", "list", "--limit", "1000"]);
    let backups = listed.iter().filter(|operation| operation["kind"] == "backup").count();
    assert_eq!(backups, 2, "one for each tenant: {listed:#?}");
}

#[test]
fn a_damaged_newest_backup_is_passed_over_and_is_on_record() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let dir = dir.path();
    fine(dir, &["backup", "create", "city-hospital"]);
    let good = newest(dir);
    fine(dir, &["backup", "create", "city-hospital"]);
    let damaged = newest(dir);
    damage(dir, &damaged);
    let said = fine(dir, &["restore", "swap", "city-hospital", "latest"]);
    assert!(said.contains(&format!("passed over {damaged}, which is DAMAGED")), "{said}");
    assert!(said.contains(&format!("{good} is restored and staged for city-hospital")), "{said}");
    assert!(said.contains("restore undo city-hospital"), "{said}");
    let listed = items_of(dir, &["backup", "list"]);
    assert_eq!((&listed[0]["id"], &listed[0]["state"]), (&damaged.clone().into(), &"damaged".into()));
    let log = fine(dir, &["audit", "list"]);
    assert!(log.lines().any(|line| line.contains("backup.verify") && line.contains(&damaged)), "{log}");
    // If the damaged backup is named, it is refused with the remedy. The damage of an older backup is found, too.
    let refused = refused(dir, &["restore", "create", "city-hospital", &damaged]);
    assert!(refused.contains("tenantry restore swap city-hospital latest"), "{refused}");
    damage(dir, &good);
    let none = run(dir, &["restore", "swap", "city-hospital"]);
    let none = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(none.contains("has no good backup") && none.contains(&good), "{none}");
}

#[test]
fn a_swap_over_a_lost_database_promises_no_undo() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let dir = dir.path();
    fine(dir, &["backup", "create", "city-hospital"]);
    std::fs::write(file_of(dir, "city-hospital"), [b'?'; 8192]).unwrap();
    let said = fine(dir, &["restore", "swap", "city-hospital"]);
    assert!(said.contains("works on the restored data") && said.contains("cannot be undone"), "{said}");
    assert!(!said.contains("--undo"), "{said}");
    refused(dir, &["restore", "undo", "city-hospital"]);
    fine(dir, &["check"]);
}

/// Returns the id of the newest backup, whatever its state.
fn newest(dir: &Path) -> String {
    items_of(dir, &["backup", "list"])[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_damaged_pool_stops_a_server_with_the_command_that_makes_it_anew() {
    let dir = tempfile::tempdir().unwrap();
    let config = "[stores.control]\n[stores.shared]\n[stores.tenant]\nisolation = \"pooled\"\n";
    std::fs::write(dir.path().join("tenantry.toml"), config).unwrap();
    drop(start(dir.path(), "demo"));
    let dir = dir.path();
    fine(dir, &["backup", "create", "--all"]);
    let mut pools = vec![];
    walk(dir, &mut |path| {
        if path.file_name().is_some_and(|name| name == "tenant_pool.db") {
            pools.push(path.to_owned());
        }
    });
    std::fs::write(&pools[0], [b'?'; 8192]).unwrap();
    let said = refused(dir, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("tenantry restore pool tenant"), "{said}");
    fine(dir, &["restore", "pool", "tenant"]);
    let said = fine(dir, &["restore", "all"]);
    assert!(said.contains("2 lost, 2 restored, 0 failed"), "{said}");
    let server = start(dir, "serve");
    let token = server.log_in("owner@city-hospital.example");
    assert_eq!(server.ask("GET", "/api/records/doctors/1", &token, None).0, 200);
}
