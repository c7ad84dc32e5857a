//! Values that a database derives from its rows, values that their fields do not allow, and templates: `check` names
//! the fault and the command that corrects it. The audit log records how an export ended.

use super::{
    binary::{file_of, run, start, stdout},
    lives::{fine, refused},
};
use std::path::{Path, PathBuf};

/// Creates the demo's tenants in a directory, and closes all databases.
fn furnished() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(start(dir.path(), "demo").terminate(), Some(0));
    dir
}

/// Changes the database of a tenant of the demo without the platform.
fn tamper(dir: &Path, sql: &str) {
    rusqlite::Connection::open(file_of(dir, "city-hospital")).unwrap().execute_batch(sql).unwrap();
}

fn checked(dir: &Path) -> String {
    let output = run(dir, &["check"]);
    let said = stdout(&output);
    assert_eq!(output.status.success(), said.contains("agree"), "{said}");
    said
}

#[test]
fn a_check_compares_indexes_counters_and_values_with_the_rows() {
    let dir = furnished();
    let dir = dir.path();
    assert!(checked(dir).contains("agree"));
    tamper(
        dir,
        "INSERT INTO hospitals__fts(hospitals__fts) VALUES('delete-all');
         UPDATE _tenantry_place SET rows = rows + 3;
         UPDATE patients SET born_on = 'garbage' WHERE id IN (3, 9)",
    );
    let said = checked(dir);
    for wanted in [
        "the search index of hospitals does not have",
        "the row counter says ",
        "patients.born_on must be a date",
        "2 records with another value: 3, 9",
        "tenantry sql --write city-hospital --store tenant REINDEX",
        "3 problems found",
    ] {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
    let made = fine(dir, &["sql", "--write", "city-hospital", "--store", "tenant", "REINDEX"]);
    assert!(made.contains("made anew"), "{made}");
    let said = checked(dir);
    assert!(said.contains("1 problem found") && said.contains("patients.born_on"), "{said}");
    fine(
        dir,
        &["sql", "--write", "city-hospital", "UPDATE patients SET born_on = '2001-02-03' WHERE id IN (3, 9)"],
    );
    assert!(checked(dir).contains("agree"));
    assert!(fine(dir, &["audit", "list"]).contains("\"rebuilt\":true"));
}

#[test]
fn a_damaged_template_is_named_and_made_anew() {
    let dir = furnished();
    let dir = dir.path();
    let folder = dir.join("tenantry-data/databases/_templates");
    let is_tenants = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("tenant__");
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(is_tenants).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[8200] ^= 0xff;
    std::fs::write(&file, &bytes).unwrap();
    let said = checked(dir);
    assert!(said.contains("the template of new databases ") && said.contains("1 problem found"), "{said}");
    assert!(said.contains(file.file_name().unwrap().to_str().unwrap()), "{said}");
    fine(
        dir,
        &["tenant", "create", "later", "--email", "a@later.example", "--password", tenantry::demo::PASSWORD],
    );
    assert!(checked(dir).contains("agree"));
}

#[test]
fn the_audit_log_says_how_an_export_ended() {
    let dir = furnished();
    let dir = dir.path();
    fine(dir, &["tenant", "export", "city-hospital", "--out", "whole.zip"]);
    assert!(fine(dir, &["audit", "list"]).contains("\"complete\":true"));
    tamper(dir, "UPDATE doctors SET last_name = cast(x'ff00' AS TEXT) WHERE id = 1");
    refused(dir, &["tenant", "export", "city-hospital", "--out", "half.zip"]);
    let log = fine(dir, &["audit", "list", "--limit", "3"]);
    assert!(log.contains("tenant.export_end") && log.contains("\"complete\":false"), "{log}");
}

#[test]
fn a_file_in_the_place_of_the_backup_directory_is_named() {
    let dir = furnished();
    let dir = dir.path();
    let backups = dir.join("tenantry-data/backups");
    std::fs::remove_dir_all(&backups).unwrap();
    std::fs::write(&backups, "").unwrap();
    let said = refused(dir, &["check"]);
    assert!(said.contains("backups.target") && said.contains("is not a directory: move it away"), "{said}");
    let file = dir.join("file");
    std::fs::write(&file, "").unwrap();
    std::fs::remove_file(&backups).unwrap();
    std::fs::write(dir.join("tenantry.toml"), format!("[backups]\ntarget = \"{}\"\n", file.display()))
        .unwrap();
    let said = checked(dir);
    assert!(said.contains("is not a directory: move it away") && said.contains("1 problem found"), "{said}");
}
