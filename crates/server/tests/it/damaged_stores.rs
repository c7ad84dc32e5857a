//! A damaged pool or platform store at the command line: for every kind of damage, the error names the file and the
//! command that restores it, without internals of the program.

use super::{
    binary::{file_of, find, run, start, stdout},
    lives::{fine, refused},
};
use rusqlite::Connection;
use std::{
    fs,
    path::{Path, PathBuf},
};

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
const POOLED: &str = "[stores.control]\n[stores.shared]\n[stores.tenant]\nisolation = \"pooled\"\n";

/// Creates a demo with backups, with pooled tenants if `config` demands it.
fn demo(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    if !config.is_empty() {
        fs::write(dir.path().join("tenantry.toml"), config).unwrap();
    }
    drop(start(dir.path(), "demo"));
    fine(dir.path(), &["backup", "create", "--all"]);
    dir
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Writes the `-wal` back into the file, and closes the file.
fn settle(file: &Path) {
    let conn = Connection::open(file).unwrap();
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(conn);
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(beside(file, suffix)).ok();
    }
}

/// Damages the file in each way in turn, calls `look`, and restores the file.
fn each_damage(file: &Path, mut look: impl FnMut(&str)) {
    settle(file);
    let whole = fs::read(file).unwrap();
    for damage in ["empty", "cut off", "first page", "foreign", "only a wal"] {
        match damage {
            "empty" => fs::write(file, b"").unwrap(),
            "cut off" => fs::write(file, &whole[..whole.len() / 2 / 4096 * 4096 + 100]).unwrap(),
            "first page" => {
                let mut bytes = whole.clone();
                bytes[..4096].fill(0x5a);
                fs::write(file, bytes).unwrap();
            }
            "foreign" => {
                fs::remove_file(file).unwrap();
                let conn = Connection::open(file).unwrap();
                conn.execute_batch("CREATE TABLE other (id INTEGER PRIMARY KEY)").unwrap();
            }
            _ => {
                fs::remove_file(file).unwrap();
                fs::write(beside(file, "-wal"), [7; 4096]).unwrap();
            }
        }
        look(damage);
        for suffix in ["-wal", "-shm"] {
            fs::remove_file(beside(file, suffix)).ok();
        }
        fs::write(file, &whole).unwrap();
    }
}

fn names_remedy(dir: &Path, file: &str, command: &str) {
    let path = find(&dir.join("tenantry-data"), file).unwrap();
    each_damage(&path, |damage| {
        for args in [&SERVE[..], &["tenant", "list"]] {
            let said = refused(dir, args);
            let about = format!("{file}, {damage}, {args:?}: {said}");
            assert!(said.contains(command), "{about}");
            assert!(said.contains(file.trim_end_matches(".db")), "{about}");
            assert!(
                !said.contains("Place {") && !said.contains("ServerName(") && !said.contains("SLUG"),
                "{about}"
            );
        }
    });
    fine(dir, &["tenant", "list"]);
}

#[test]
fn a_damaged_pool_names_its_own_restore() {
    let dir = demo(POOLED);
    names_remedy(dir.path(), "tenant_pool.db", "tenantry restore pool tenant");
}

#[test]
fn damaged_stores_of_the_platform_name_the_system_restore() {
    let dir = demo("");
    for file in ["control.db", "shared.db"] {
        names_remedy(dir.path(), file, "tenantry restore system");
    }
}

/// A pool in the database of a system store is restored with that store.
#[test]
fn a_damaged_pool_in_a_system_store_names_the_system_restore() {
    let dir = demo(
        "[stores.control]\n[stores.shared]\n[stores.tenant]\nisolation = \"database\"\n\
        provision = \"external\"\npooled_in = \"shared\"\n",
    );
    let dir = dir.path();
    damage_inside(&find(&dir.join("tenantry-data"), "shared.db").unwrap(), "patients");
    for args in [&["check"][..], &["restore", "swap", "city-hospital", "latest"], &["restore", "all"]] {
        let output = run(dir, args);
        let said = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
        assert!(!output.status.success(), "{args:?}: {said}");
        assert!(said.contains("tenantry restore system") && !said.contains("restore pool"), "{said}");
    }
}

/// Overwrites the root page of a model's table.
fn damage_inside(file: &Path, table: &str) {
    settle(file);
    let conn = Connection::open(file).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page = conn.query_row(sql, [table], |row| row.get::<_, u32>(0)).unwrap() as usize;
    drop(conn);
    let mut bytes = fs::read(file).unwrap();
    bytes[(page - 1) * 4096..page * 4096].fill(0x5a);
    fs::write(file, bytes).unwrap();
}

/// Such a file can be opened, and the first query that reads the page finds the damage.
#[test]
fn a_control_store_with_a_damaged_inner_page_names_the_system_restore() {
    let dir = demo("");
    let dir = dir.path();
    damage_inside(&find(&dir.join("tenantry-data"), "control.db").unwrap(), "control_migrations");
    for args in [&SERVE[..], &["tenant", "list"]] {
        let said = refused(dir, args);
        assert!(
            said.contains("own store control")
                && said.contains("tenantry restore system")
                && !said.contains("SLUG"),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn a_pool_with_damaged_inner_pages_is_named_once_by_every_command() {
    let dir = demo(POOLED);
    let dir = dir.path();
    damage_inside(&find(dir, "tenant_pool.db").unwrap(), "doctors");
    let server = start(dir, "serve");
    let token = server.log_in("owner@city-hospital.example");
    let (status, answer) = server.ask("GET", "/api/records/doctors", &token, None);
    assert_eq!((status, answer["code"].as_str()), (503, Some("database_damaged")), "{answer}");
    assert!(!answer.to_string().contains("SLUG"), "{answer}");
    drop(server);
    let output = run(dir, &["restore", "all"]);
    let said = stdout(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("tenant_pool") && said.contains("tenantry restore pool tenant"), "{said}");
    let said = stdout(&run(dir, &["check"]));
    assert_eq!(said.matches("tenantry restore pool tenant").count(), 1, "{said}");
    fine(dir, &["restore", "pool", "tenant"]);
    let said = stdout(&run(dir, &["check"]));
    assert!(said.contains("made anew") && said.contains("tenantry restore all"), "{said}");
    assert!(!said.contains("restore swap") && !said.contains("belongs to another"), "{said}");
    let said = fine(dir, &["restore", "all"]);
    assert!(said.contains("2 lost, 2 restored, 0 failed"), "{said}");
    fine(dir, &["check"]);
}

#[test]
fn a_damaged_database_names_its_tenant_in_the_remedy() {
    let dir = demo("");
    let dir = dir.path();
    let file = file_of(dir, "city-hospital");
    settle(&file);
    fs::write(&file, [0x5a; 8192]).unwrap();
    let server = start(dir, "serve");
    let token = server.log_in("owner@city-hospital.example");
    let (status, answer) = server.ask("GET", "/api/records/doctors", &token, None);
    assert_eq!((status, answer["code"].as_str()), (503, Some("database_damaged")), "{answer}");
    assert!(answer.to_string().contains("tenantry restore swap city-hospital latest"), "{answer}");
    drop(server);
    let damaged = stdout(&run(dir, &["check"]));
    assert!(damaged.contains("tenantry restore swap city-hospital latest"), "{damaged}");
    fs::copy(file_of(dir, "green-clinic"), &file).unwrap();
    let foreign = stdout(&run(dir, &["check"]));
    assert!(foreign.contains("tenantry restore swap city-hospital latest"), "{foreign}");
    assert!(!foreign.contains("SLUG"), "{foreign}");
}
