//! The platform's own databases after a loss, at the command line: a lost database is never replaced by an empty one,
//! and the error names the command that restores it.

use super::{
    binary::{find, run, start},
    lives::{fine, refused},
};
use rusqlite::{Connection, functions::FunctionFlags, types::ValueRef};
use std::{
    fs,
    path::{Path, PathBuf},
};

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

/// Returns a demo with a backup of the platform's own stores, and the folder of its databases.
fn demo() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    fine(dir.path(), &["backup", "create", "--system"]);
    let control = find(&dir.path().join("tenantry-data"), "control.db").unwrap();
    (dir, control.parent().unwrap().to_owned())
}

fn remove(databases: &Path, name: &str) {
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(databases.join(format!("{name}{suffix}"))).ok();
    }
}

/// Each of these commands is refused with the remedy, and none creates the database.
fn refused_by_all(dir: &Path, databases: &Path, name: &str) {
    let own = format!("{name} ");
    for args in [
        &SERVE[..],
        &["tenant", "list"],
        &["check"],
        &["backup", "create", "--system"],
        &["migrate", "system"],
    ] {
        let said = refused(dir, args);
        assert!(
            said.contains("is not there") && said.contains("tenantry restore system"),
            "{args:?}: {said}"
        );
        assert!(said.contains(own.trim()), "{args:?} names the file: {said}");
        assert!(!said.contains("Place {") && !said.contains("ServerName("), "{args:?}: {said}");
        assert!(!databases.join(name).exists(), "{args:?} created {name}");
    }
}

#[test]
fn databases_of_a_disk_that_is_not_there_are_not_made_anew() {
    let (dir, databases) = demo();
    let dir = dir.path();
    let elsewhere = dir.join("unmounted");
    fs::rename(&databases, &elsewhere).unwrap();
    fs::create_dir(&databases).unwrap();
    refused_by_all(dir, &databases, "control.db");
    // The disk has been mounted again.
    fs::remove_dir_all(&databases).unwrap();
    fs::rename(&elsewhere, &databases).unwrap();
    fine(dir, &["check"]);
    fine(dir, &["audit", "verify"]);
}

#[test]
fn a_lost_control_store_is_restored_and_not_made_anew() {
    let (dir, databases) = demo();
    let dir = dir.path();
    remove(&databases, "control.db");
    refused_by_all(dir, &databases, "control.db");
    // Each trace suffices alone: the other databases, then the backups.
    let heads = find(dir, "audit.heads").unwrap();
    fs::remove_file(&heads).unwrap();
    let (backups, hidden) = (dir.join("tenantry-data/backups"), dir.join("hidden"));
    fs::rename(&backups, &hidden).unwrap();
    refused_by_all(dir, &databases, "control.db");
    fs::remove_dir_all(&backups).ok();
    fs::rename(&hidden, &backups).unwrap();
    let elsewhere = dir.join("unmounted");
    fs::rename(&databases, &elsewhere).unwrap();
    fs::create_dir(&databases).unwrap();
    fs::remove_file(&heads).ok();
    refused_by_all(dir, &databases, "control.db");
    fs::remove_dir_all(&databases).unwrap();
    fs::rename(&elsewhere, &databases).unwrap();
    fine(dir, &["restore", "system"]);
    assert!(fine(dir, &["tenant", "list"]).contains("city-hospital"));
    fine(dir, &["check"]);
}

#[test]
fn a_lost_shared_store_is_restored_and_not_made_anew() {
    let (dir, databases) = demo();
    let dir = dir.path();
    remove(&databases, "shared.db");
    refused_by_all(dir, &databases, "shared.db");
    fine(dir, &["restore", "system"]);
    let server = start(dir, "serve");
    let token = server.log_in("owner@city-hospital.example");
    let (status, page) = server.ask("GET", "/api/records/cities?count=true", &token, None);
    assert_eq!(status, 200, "{page}");
    assert!(page["count"].as_i64().is_some_and(|count| count > 0), "{page}");
}

/// Runs SQLite's own check as a version does in which json_valid(NULL) is false.
fn checked_by_an_older_sqlite(control: &Path) -> String {
    let conn = Connection::open(control).unwrap();
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    conn.create_scalar_function("json_valid", 1, flags, |context| {
        Ok(match context.get_raw(0) {
            ValueRef::Text(text) => serde_json::from_slice::<serde_json::Value>(text).is_ok(),
            _ => false,
        })
    })
    .unwrap();
    conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}

#[test]
fn an_older_sqlite_finds_the_control_store_whole() {
    let (dir, databases) = demo();
    let control = databases.join("control.db");
    assert_eq!(checked_by_an_older_sqlite(&control), "ok");
    // An installation of an earlier version.
    let conn = Connection::open(&control).unwrap();
    let operations = "SELECT id, kind, progress, result FROM operations ORDER BY id";
    let all = |conn: &Connection| -> Vec<(i64, String, Option<String>, Option<String>)> {
        let mut rows = conn.prepare(operations).unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        rows.query_map([], read).unwrap().map(Result::unwrap).collect()
    };
    let before = all(&conn);
    assert!(
        before.iter().any(|row| row.3.is_some()) && before.iter().any(|row| row.2.is_none()),
        "{before:?}"
    );
    for column in ["progress", "result"] {
        conn.execute_batch(&format!(
            "ALTER TABLE operations RENAME COLUMN {column} TO new; \
             ALTER TABLE operations ADD COLUMN {column} TEXT CHECK (json_valid({column})); \
             UPDATE operations SET {column} = new; ALTER TABLE operations DROP COLUMN new;"
        ))
        .unwrap();
    }
    for table in ["identities", "memberships", "sessions", "mails", "login_failures", "known_networks"] {
        conn.execute_batch(&format!("ALTER TABLE {table} RENAME COLUMN user_id TO user")).unwrap();
    }
    conn.execute_batch(
        "DELETE FROM control_migrations WHERE number >= 11; DROP TABLE system_stores; DROP TABLE leaving; \
         DROP TABLE members; DROP TABLE exports; \
         ALTER TABLE invitations DROP COLUMN made_by; ALTER TABLE mails DROP COLUMN charged; \
         DROP TABLE imports; DROP INDEX restores_expiry; DROP INDEX subscriptions_plan; \
         DROP INDEX subscriptions_renewal; DROP INDEX mails_state; DROP INDEX placements_ready; \
         ALTER TABLE plans DROP COLUMN kept; ALTER TABLE restores DROP COLUMN expires_at; \
         ALTER TABLE users DROP COLUMN language; ALTER TABLE users DROP COLUMN time_zone; \
         DROP INDEX placements_failed; DROP INDEX audit_actor; DROP INDEX audit_impersonator; DROP INDEX audit_action; \
         DROP TABLE view_defaults; DROP TABLE views; DROP INDEX placements_physical; DROP TABLE proofs; DROP INDEX audit_at; DROP TABLE imported_rows; DROP TABLE sizes; \
         DROP TABLE attachments; \
         DROP TABLE licences; DROP TABLE revoked_keys; DROP TABLE usage_counts; DROP TABLE usage_keys; \
         ALTER TABLE plans DROP COLUMN servers;",
    )
    .unwrap();
    drop(conn);
    assert!(checked_by_an_older_sqlite(&control).contains("CHECK constraint failed"));
    assert!(run(dir.path(), &["tenant", "list"]).status.success());
    assert_eq!(checked_by_an_older_sqlite(&control), "ok");
    assert_eq!(all(&Connection::open(&control).unwrap()), before);
}
