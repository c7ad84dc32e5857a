//! One script on many places: what the first one lacked is expected of the others, and each of them is judged by its own
//! state.

use crate::{
    postgres_straight::{HAS_X, SEALS, plain},
    schema_kit::store,
    schema_lab::{Lab, Subject},
};
use std::{sync::Arc, time::Duration};
use tenantry_engine::{Error, Kind, MigrateReport, Script, migration::Migration, place::Isolation};
use tokio::time::sleep;

const OWN: [Isolation; 2] = [Isolation::Schema, Isolation::Database];

fn script(all: &[Migration]) -> Arc<Script> {
    Arc::new(Script::new(&store("tenant"), all).unwrap())
}

impl Subject<'_> {
    async fn migrate_with(&self, script: &Arc<Script>) -> Result<MigrateReport, Error> {
        self.lab.engine.migrate_with(&self.whole, script).await
    }
}

/// Returns a place with the first tables, and a script that has migrated another such place.
async fn second<'l>(lab: &'l Lab, server: &str, isolation: Isolation) -> (Subject<'l>, Arc<Script>) {
    let (first, second) = (lab.subject(server, isolation).await, lab.subject(server, isolation).await);
    let all = plain(&first).await;
    plain(&second).await;
    let script = script(&all);
    let report = first.migrate_with(&script).await.unwrap();
    assert_eq!(report.applied, ["clinic/0002_x"]);
    (second, script)
}

#[tokio::test]
async fn a_place_that_is_not_as_expected_is_judged_by_its_own_state() {
    let lab = Lab::new().await;
    for (change, kind) in [
        ("UPDATE _tenantry_place SET generation = 2", Kind::Fenced),
        ("UPDATE _tenantry_place SET platform = 'other'", Kind::WrongIdentity),
        ("UPDATE _tenantry_place SET state = 'fenced'", Kind::Fenced),
        ("UPDATE _tenantry_place SET tenant = 99", Kind::WrongIdentity),
        (
            "INSERT INTO _tenantry_place(tenant, store, generation, platform) VALUES (99, 'tenant', 1, 'lab')",
            Kind::WrongIdentity,
        ),
        ("UPDATE _tenantry_ledger SET checksum = 'other'", Kind::Statement(String::new())),
        (
            "INSERT INTO _tenantry_ledger(app, migration, checksum) VALUES ('clinic', 'tenant/0003_y', '')",
            Kind::Statement(String::new()),
        ),
        ("ALTER TABLE people ADD COLUMN x date", Kind::Statement(String::new())),
        ("DROP TABLE _tenantry_place", Kind::WrongIdentity),
    ] {
        let (subject, script) = second(&lab, "pg0", Isolation::Schema).await;
        subject.execute(change).await;
        let before = (subject.catalog().await, subject.applied().await);
        let refused = subject.migrate_with(&script).await.unwrap_err();
        let same = std::mem::discriminant(refused.kind()) == std::mem::discriminant(&kind);
        assert!(same, "{change}: {refused}");
        assert_eq!((subject.catalog().await, subject.applied().await), before, "{change}");
    }
    lab.remove().await;
}

#[tokio::test]
async fn a_place_with_another_past_is_migrated_after_it_was_read() {
    let lab = Lab::new().await;
    for (change, unknown) in [
        ("UPDATE _tenantry_meta SET ledger = 9", 0),
        ("UPDATE _tenantry_meta SET version = 4; ALTER TABLE _tenantry_place DROP COLUMN barred", 0),
        ("INSERT INTO _tenantry_ledger(app, migration, checksum) VALUES ('other', 'tenant/0001_a', 'a')", 1),
    ] {
        let (subject, script) = second(&lab, "pg0", Isolation::Schema).await;
        subject.execute(change).await;
        let report = subject.migrate_with(&script).await.unwrap();
        assert_eq!(
            (report.applied, report.unknown.len()),
            (vec!["clinic/0002_x".into()], unknown),
            "{change}"
        );
        assert_eq!(subject.query(HAS_X).await, [["1"]], "{change}");
        assert_eq!(subject.query(SEALS).await.len(), 1, "{change}");
        let again = subject.migrate_with(&script).await.unwrap();
        assert_eq!(again.applied.len(), 0, "{change}");
    }
    lab.remove().await;
}

/// The read of a place waits for a lock on its ledger to read it, and a migration that expects its state waits to insert.
#[tokio::test]
async fn a_place_that_is_as_expected_is_migrated_without_a_read() {
    let lab = Lab::new().await;
    for server in ["pg0", "pg1"] {
        for isolation in OWN {
            let (subject, script) = second(&lab, server, isolation).await;
            let other = subject.client().await;
            other.batch_execute("BEGIN; LOCK TABLE _tenantry_ledger").await.unwrap();
            let waits = async {
                let waiting =
                    "SELECT mode FROM pg_locks WHERE relation = '_tenantry_ledger'::regclass AND NOT granted";
                loop {
                    let found = subject.query(waiting).await;
                    if !found.is_empty() {
                        other.batch_execute("COMMIT").await.unwrap();
                        return found;
                    }
                    sleep(Duration::from_millis(2)).await;
                }
            };
            let (report, waited) = tokio::join!(subject.migrate_with(&script), waits);
            assert_eq!(report.unwrap().applied, ["clinic/0002_x"], "{subject}");
            assert_eq!(waited, [["RowExclusiveLock"]], "{subject}");
        }
    }
    lab.remove().await;
}

#[tokio::test]
async fn places_that_lack_several_migrations_get_them_in_order() {
    let lab = Lab::new().await;
    for isolation in OWN {
        let all = plain(&lab.subject("pg0", isolation).await).await;
        let script = script(&all);
        for _ in 0..3 {
            let subject = lab.subject("pg0", isolation).await;
            let report = subject.migrate_with(&script).await.unwrap();
            assert_eq!(report.applied, ["clinic/0001_initial", "clinic/0002_x"], "{subject}");
            assert_eq!(subject.query(HAS_X).await, [["1"]], "{subject}");
            assert_eq!(subject.query("SELECT ledger FROM _tenantry_meta").await, [["2"]], "{subject}");
            assert_eq!(subject.query(SEALS).await, [["_tenantry_at_2_1"]], "{subject}");
        }
    }
    lab.remove().await;
}
