//! An operator's UPDATE changes values and nothing else: no row, no id, no index, and no value to one that an app
//! cannot read.

use super::binary::{run, start, stdout};
use std::path::Path;

fn fine(dir: &Path, args: &[&str]) -> String {
    let output = run(dir, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    stdout(&output)
}

/// Returns the rows of the tables that the statements below try to change.
fn stored(dir: &Path) -> Vec<String> {
    let rows = |sql| fine(dir, &["sql", "city-hospital", sql, "--json"]);
    vec![
        rows("SELECT id, version, last_name FROM doctors"),
        rows("SELECT id, version, born_on, gender FROM patients"),
        rows("SELECT id, version, reference FROM payments"),
        rows("SELECT id, version FROM sales"),
    ]
}

#[test]
fn a_repair_changes_values_only_and_only_to_readable_ones() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(start(dir.path(), "demo").terminate(), Some(0));
    let dir = dir.path();
    let before = stored(dir);
    for (wrong, why) in [
        ("UPDATE sales SET rowid = rowid + 70000", "no such column: rowid"),
        ("UPDATE sales SET _rowid_ = 7", "only an UPDATE"),
        ("UPDATE sales SET oid = 7", "only an UPDATE"),
        ("UPDATE OR REPLACE payments SET reference = 'SAME'", "UNIQUE constraint failed: payments."),
        ("UPDATE OR IGNORE payments SET reference = 'SAME'", "UNIQUE constraint failed: payments."),
        ("INSERT INTO hospitals__fts(hospitals__fts) VALUES('delete-all')", "only an UPDATE"),
        ("DELETE FROM sales__fts", "only an UPDATE"),
        ("DELETE FROM payments", "because it is a view"),
        ("DELETE FROM main.payments", "only an UPDATE"),
        ("DELETE FROM main.sales", "only an UPDATE"),
        ("DELETE FROM _tenantry_activity", "only an UPDATE"),
        (
            "UPDATE doctors SET last_name = cast(x'ff00' AS TEXT) WHERE id = 1",
            "doctors.last_name of record 1",
        ),
        ("UPDATE patients SET born_on = 'garbage' WHERE id = 9", "patients.born_on of record 9"),
        ("UPDATE patients SET born_on = '2001-02-30' WHERE id = 9", "patients.born_on of record 9"),
        ("UPDATE patients SET gender = 'q' WHERE id = 9", "must be one of"),
        ("UPDATE appointments SET custom = '{\"floor\":3}' WHERE id = 1", "change them through the API"),
        ("UPDATE sales SET patient = 99999 WHERE id = 1", "FOREIGN KEY constraint failed"),
    ] {
        let output = run(dir, &["sql", "city-hospital", "--write", wrong]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{wrong}: {}{said}", stdout(&output));
    }
    assert_eq!(stored(dir), before);
    let log = fine(dir, &["audit", "list"]);
    for wanted in ["tenant.sql_write ", "tenant.sql_write_end", "\"refused\":"] {
        assert!(log.contains(wanted), "{wanted} in {log}");
    }
}

/// Caches of clients, and writers with `If-Match`, depend on the version.
#[test]
fn a_repair_raises_the_version_of_the_rows_that_differ_and_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), "demo");
    let dir = dir.path();
    let owner = server.log_in("owner@city-hospital.example");
    let version =
        |id| server.ask("GET", &format!("/api/records/patients/{id}"), &owner, None).1["version"].as_i64();
    let (ninth, tenth) = (version(9).unwrap(), version(10));
    let sql = "UPDATE patients SET first_name = 'Zebulon' WHERE id = 9";
    assert!(fine(dir, &["sql", "city-hospital", "--write", sql]).contains("1 row changed"));
    let sql = "UPDATE patients SET first_name = first_name";
    assert!(fine(dir, &["sql", "city-hospital", "--write", sql]).contains("0 rows changed"));
    assert_eq!((version(9), version(10)), (Some(ninth + 1), tenth));
    let found = server.ask("GET", "/api/records/patients?q=Zebulon", &owner, None).1;
    assert_eq!(found["items"][0]["id"], 9, "{found}");
    assert!(fine(dir, &["audit", "list"]).contains("\"rows\":1"));
    assert!(fine(dir, &["check"]).contains("agree"));
}
