//! One script on many places: what the first one lacked is expected of the others, and each of them is judged by its own
//! state.

use crate::{
    postgres_schema::statements,
    postgres_straight::{HAS_X, RESEAL, SEALS, plain},
    records_seal::FORM_5,
    schema_kit::store,
    schema_lab::{Lab, Subject, TENANT},
};
use std::{sync::Arc, time::Duration};
use tenantry_engine::{
    Error, Kind, MigrateReport, Script, Template,
    migration::{Migration, Op},
    name::{PhysicalName, TenantId},
    place::{Isolation, Place},
};
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
        ("UPDATE _tenantry_place SET state = 'fenced'; DROP TABLE _tenantry_open", Kind::Fenced),
        ("UPDATE _tenantry_place SET tenant = 99", Kind::WrongIdentity),
        (
            "INSERT INTO _tenantry_place(tenant, store, generation, platform) VALUES (99, 'tenant', 1, 'lab')",
            Kind::WrongIdentity,
        ),
        ("UPDATE _tenantry_ledger SET checksum = 'other'", Kind::Statement(String::new())),
        (
            "INSERT INTO _tenantry_ledger(n, app, migration, checksum) VALUES (2, 'clinic', 'tenant/0003_y', '')",
            Kind::Statement(String::new()),
        ),
        ("ALTER TABLE people ADD COLUMN x date", Kind::Statement(String::new())),
        ("DROP TABLE _tenantry_place", Kind::WrongIdentity),
    ] {
        let (subject, script) = second(&lab, "pg0", Isolation::Schema).await;
        subject.execute(&format!("{change}; {RESEAL}")).await;
        let before = (subject.catalog().await, subject.applied().await);
        let refused = subject.migrate_with(&script).await.unwrap_err();
        let same = std::mem::discriminant(refused.kind()) == std::mem::discriminant(&kind);
        assert!(same, "{change}: {refused}");
        assert_eq!((subject.catalog().await, subject.applied().await), before, "{change}");
    }
    lab.remove().await;
}

#[tokio::test]
async fn a_place_with_other_lines_at_the_same_position_is_refused() {
    let lab = Lab::new().await;
    let (subject, _) = second(&lab, "pg0", Isolation::Schema).await;
    let other = lab.subject("pg0", Isolation::Schema).await;
    let all = plain(&other).await;
    let mut changed = all.to_vec();
    changed[0].ops.push(Op::Data { store: store("tenant"), statements: statements(&["DELETE FROM people"]) });
    let script = script(&changed);
    // A place that lacks both migrations gets the first one from the changed script, and then has another line.
    let third = lab.subject("pg0", Isolation::Schema).await;
    third.migrate(&changed[..1]).await.unwrap();
    assert_eq!(third.migrate_with(&script).await.unwrap().applied, ["clinic/0002_x"]);
    let refused = subject.migrate_with(&script).await.unwrap_err();
    assert!(refused.detail().contains("was changed after it had been applied"), "{refused}");
    assert_eq!(subject.query(HAS_X).await, [["0"]]);
    lab.remove().await;
}

/// Two schemas of one installation that exchanged their names have equal ledgers.
#[tokio::test]
async fn a_schema_under_the_name_of_another_tenant_is_not_migrated() {
    let lab = Lab::new().await;
    let (subject, script) = second(&lab, "pg0", Isolation::Schema).await;
    let stranger = Place {
        tenant: Some(TenantId::from_raw(TENANT + 1)),
        physical: PhysicalName::parse("stranger").unwrap(),
        ..subject.whole.clone()
    };
    lab.engine.provision(&stranger, &Template::bare(store("tenant"))).await.unwrap();
    let all = plain(&lab.subject("pg0", Isolation::Schema).await).await;
    lab.engine.migrate(&stranger, &all[..1]).await.unwrap();
    let mine = &subject.query("SELECT current_schema()").await[0][0];
    let its = mine.replace(subject.whole.physical.as_str(), "stranger");
    subject
        .execute(&format!(
            "ALTER SCHEMA \"{mine}\" RENAME TO aside; ALTER SCHEMA \"{its}\" RENAME TO \"{mine}\"; \
             ALTER SCHEMA aside RENAME TO \"{its}\""
        ))
        .await;
    let refused = subject.migrate_with(&script).await.unwrap_err();
    assert_eq!(*refused.kind(), Kind::WrongIdentity, "{refused}");
    assert_eq!(subject.query(HAS_X).await, [["0"]]);
    lab.remove().await;
}

#[tokio::test]
async fn a_fenced_place_is_migrated_once_it_is_open_again() {
    let lab = Lab::new().await;
    for isolation in OWN {
        let (subject, script) = second(&lab, "pg0", isolation).await;
        lab.engine.fence(&subject.whole, true).await.unwrap();
        let refused = subject.migrate_with(&script).await.unwrap_err();
        assert_eq!(*refused.kind(), Kind::Fenced, "{subject}: {refused}");
        assert_eq!(subject.query(HAS_X).await, [["0"]], "{subject}");
        lab.engine.fence(&subject.whole, false).await.unwrap();
        assert_eq!(subject.migrate_with(&script).await.unwrap().applied, ["clinic/0002_x"], "{subject}");
    }
    lab.remove().await;
}

#[tokio::test]
async fn a_place_with_another_past_is_migrated_after_it_was_read() {
    let lab = Lab::new().await;
    let line =
        "INSERT INTO _tenantry_ledger(n, app, migration, checksum) VALUES (2, 'other', 'tenant/0001_a', 'a')";
    let form_4 = format!(
        "{FORM_5}; UPDATE _tenantry_meta SET version = 4; ALTER TABLE _tenantry_place DROP COLUMN barred"
    );
    for (change, unknown) in
        [(&*RESEAL.replace("_at_1_", "_at_9_"), 0), (&*form_4, 0), (&*format!("{line}; {RESEAL}"), 1)]
    {
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
            assert_eq!(subject.position().await, 2, "{subject}");
            assert_eq!(subject.query(SEALS).await.len(), 1, "{subject}");
        }
    }
    lab.remove().await;
}
