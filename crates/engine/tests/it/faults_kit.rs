//! Kit for the fault tests (T9): writes come in pairs, so that a partial transaction is visible.

use crate::{
    core_support::{TestEngine, engine_at},
    records_kit::{insert, update},
    transfer_kit::*,
};
use std::path::{Path, PathBuf};
use tenantry_engine::{
    place::{Isolation, Place},
    query::RecordId,
    value::Value,
};

/// Writes transaction `number`: inserts two doctors, and updates the age of the first doctor.
pub(crate) async fn pair(clinic: &Clinic, place: &Place, number: usize) -> tenantry_engine::Result<()> {
    let text = format!("notes {}", "lorem ipsum ".repeat(20 + number % 7 * 30));
    let doctor = |side: &str| {
        let values = [("name", format!("pair {number} {side}").into()), ("notes", text.as_str().into())];
        insert("doctors", &values)
    };
    let age = Value::Integer(i64::try_from(number % 150).unwrap());
    let first = update("doctors", &RecordId::Integer(1), None, &[("age", age)]);
    clinic.write(place, &[doctor("a"), first, doctor("b")]).await.map(drop)
}

/// Returns the numbers of the stored pairs. An incomplete pair means a torn transaction.
pub(crate) async fn pairs(clinic: &Clinic, place: &Place) -> Vec<usize> {
    let names = clinic.names(place).await;
    let side = |side: &str| {
        let number = |name: &String| name.strip_prefix("pair ")?.strip_suffix(side)?.trim().parse().ok();
        let mut numbers: Vec<usize> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(side("a"), side("b"), "half a transaction");
    side("a")
}

/// Returns the places of a fault test: one for writes, and one that is only read.
pub(crate) fn places(isolation: Isolation) -> (Place, Place) {
    let other = match isolation {
        Isolation::Pooled => place(Isolation::Pooled, NEIGHBOUR, 1),
        Isolation::Schema | Isolation::Database => place(Isolation::Database, NEIGHBOUR, 1),
    };
    (place(isolation, TENANT, 1), other)
}

/// Asserts that SQLite finds no damage in a file, after recovering it if necessary.
pub(crate) fn whole(path: &Path) {
    let conn = rusqlite::Connection::open(path).unwrap();
    let verdict: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok", "{}", path.display());
    for model in ["doctors", "hospitals"] {
        conn.execute_batch(&format!(
            "INSERT INTO {model}__fts({model}__fts, rank) VALUES ('integrity-check', 1)"
        ))
        .unwrap();
    }
}

/// Environment variable with the child's directory; a process for which it is set is a child.
pub(crate) const DIRECTORY: &str = "TENANTRY_FAULTS_DIRECTORY";

pub(crate) const BOTH: [Isolation; 2] = [Isolation::Database, Isolation::Pooled];

/// Returns the working directory if this process is a child. The tests start themselves as children.
pub(crate) fn child() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

/// Returns true if the environment states that this machine lacks a capability.
pub(crate) fn without(what: &str) -> bool {
    std::env::var("TENANTRY_WITHOUT").is_ok_and(|all| all.split(',').any(|one| one == what))
}

/// Opens the databases of a directory that outlives this process or belongs to another one.
pub(crate) fn open(dir: &Path) -> Clinic {
    let kept = tempfile::tempdir_in(dir).unwrap();
    let engine = engine_at(dir, 8);
    Clinic::again(TestEngine { dir: kept, engine })
}

/// Creates places with some rows, all closed.
pub(crate) async fn furnished(dir: &Path) {
    for isolation in [Isolation::Database, Isolation::Pooled] {
        let clinic = open(dir);
        if isolation == Isolation::Pooled {
            let pool = Place { tenant: None, ..pooled(1, 1) };
            clinic.test.engine.create_system(&pool).await.unwrap();
            clinic.test.engine.migrate(&pool, &migrations(vec![])).await.unwrap();
        }
        let (mine, other) = places(isolation);
        clinic.make(&mine).await;
        clinic.make(&other).await;
        clinic.test.engine.shutdown().await;
    }
}
