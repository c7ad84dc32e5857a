//! The seal that reads on PostgreSQL name, and the role with which they run.

use crate::{records_kit::*, records_models::models};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tenantry_engine::{
    Error, Kind, Script,
    migration::{Migration, Op},
    name::ModelName,
    place::{Isolation, Place},
    query::{Filter, RecordId, Select},
    row::Collect,
};
use tokio::time::timeout;

/// Makes the platform's tables of format 6 such of format 5.
pub(crate) const FORM_5: &str = "DROP TABLE _tenantry_open; \
    ALTER TABLE _tenantry_meta ADD COLUMN ledger bigint NOT NULL DEFAULT 1; \
    ALTER TABLE _tenantry_ledger ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY, ADD PRIMARY KEY (app, migration); \
    UPDATE _tenantry_meta SET version = 5";

/// Returns the cases on PostgreSQL.
fn on_postgres() -> impl Iterator<Item = Case> {
    cases().into_iter().filter(|case| matches!(case.on, On::Postgres(_)))
}

/// Returns the cases that are not on files.
fn on_servers() -> impl Iterator<Item = Case> {
    cases().into_iter().filter(|case| case.on != On::Sqlite)
}

#[test]
fn reads_run_as_the_role_of_their_place() {
    for case in on_postgres().filter(|case| case.isolation != Isolation::Database) {
        let kit = Kit::new(case);
        let id = kit.one(insert("hospitals", &[("name", "City".into())])).id;
        assert!(kit.get("hospitals", &id).is_some());
        let role = |sql: &str| {
            // The role of a schema has the schema's name.
            kit.side().run(&format!("DO $$BEGIN EXECUTE format('{sql}', current_schema()); END$$"));
        };
        role("REVOKE SELECT ON hospitals FROM %I");
        let refused = kit.try_get("hospitals", &id).unwrap_err();
        assert!(matches!(refused.kind(), Kind::Denied(_)), "{case:?}: {refused}");
        // The connection of the refused statement is in use again.
        role("GRANT SELECT ON hospitals TO %I");
        assert!(kit.get("hospitals", &id).is_some());
    }
}

#[test]
fn a_place_of_the_first_form_gets_its_seal() {
    for case in on_postgres() {
        let kit = Kit::new(case);
        let id = kit.one(insert("hospitals", &[("name", "City".into())])).id;
        let seals = "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
            AND starts_with(relname, '_tenantry_at_')";
        assert_eq!(kit.side().integer(seals), 1);
        kit.side().run(
            "DO $$BEGIN EXECUTE (SELECT format('DROP TABLE %s', oid::regclass) FROM pg_class \
               WHERE relnamespace = current_schema()::regnamespace AND starts_with(relname, '_tenantry_at_')); \
             DROP INDEX _tenantry_activity__record__idx; ALTER TABLE _tenantry_place DROP COLUMN barred; END$$",
        );
        kit.side().run(FORM_5);
        kit.side().run("UPDATE _tenantry_meta SET version = 1");
        let kit = kit.again();
        assert!(kit.get("hospitals", &id).is_some(), "{case:?}");
        let side = kit.side();
        assert_eq!((side.integer(seals), side.integer("SELECT version FROM _tenantry_meta")), (1, 6));
    }
}

/// Returns a kit that has read a row, whose id it returns, before another process ran a migration.
fn before_a_migration(case: Case) -> (Kit, RecordId) {
    let kit = Kit::new(case);
    let id = kit.one(insert("hospitals", &[("name", "City".into())])).id;
    assert!(kit.get("hospitals", &id).is_some());
    let hospitals = models().into_iter().find(|model| model.name.as_str() == "hospitals").unwrap();
    let mut wards = (*hospitals).clone();
    wards.name = ModelName::parse("wards").unwrap();
    let mut later = migrations(&models()).to_vec();
    let (app, ops) = (later[0].app.clone(), vec![Op::CreateModel { model: Box::new(wards.schema()) }]);
    later.push(Migration { app, name: "0002_wards".into(), depends: vec![], ops });
    let whole = match case.is_pooled() {
        true => Place { tenant: None, ..kit.place.clone() },
        false => kit.place.clone(),
    };
    runtime().block_on(kit.again().engine.migrate(&whole, &later)).unwrap();
    (kit, id)
}

#[test]
fn a_read_for_an_earlier_ledger_is_refused() {
    for case in on_servers() {
        let (kit, id) = before_a_migration(case);
        assert_eq!(*kit.try_get("hospitals", &id).unwrap_err().kind(), Kind::SchemaAhead, "{case:?}");
    }
}

#[test]
fn a_write_for_an_earlier_ledger_is_refused() {
    for case in on_servers() {
        let (kit, id) = before_a_migration(case);
        let change = update("hospitals", &id, None, &[("name", "Town".into())]);
        assert_eq!(*kit.apply(&[change]).unwrap_err().kind(), Kind::SchemaAhead, "{case:?}");
    }
}

/// Returns a kit with another engine, like another process, and the kit that has read this row in the pool.
fn pool_with_a_row(case: Case) -> (Kit, Kit) {
    let kit = Kit::new(case);
    add(&kit);
    (kit.again(), kit)
}

fn id() -> RecordId {
    RecordId::Uuid(uuid::Uuid::from_u128(1))
}

fn add(kit: &Kit) {
    kit.one(insert_as("hospitals", id(), &[("name", "City".into())]));
    assert!(kit.get("hospitals", &id()).is_some());
}

#[test]
fn no_read_answers_for_a_tenant_that_was_moved_out_of_the_pool() {
    for case in on_servers().filter(|case| case.isolation.is_pooled()) {
        let (other, kit) = pool_with_a_row(case);
        let nobody = RecordId::Uuid(uuid::Uuid::nil());
        let list = Select { limit: 5, ..Select::default() };
        let reads: [&dyn Fn() -> Option<Error>; 5] = [
            &|| kit.try_get("hospitals", &id()).err(),
            &|| kit.try_get("hospitals", &nobody).err(),
            &|| kit.count(&Filter::All(vec![]), None, None).err(),
            &|| kit.pages("hospitals", &list, None).err(),
            &|| kit.usage().err(),
        ];
        for read in reads {
            runtime().block_on(other.engine.withdraw(&kit.place)).unwrap();
            assert_eq!(read().map(|error| error.kind().clone()), Some(Kind::Fenced), "{case:?}");
            runtime().block_on(other.engine.enrol(&kit.place)).unwrap();
            add(&kit);
        }
    }
}

#[test]
fn no_read_answers_for_an_earlier_generation_in_the_pool() {
    for case in on_servers().filter(|case| case.isolation.is_pooled()) {
        let (other, kit) = pool_with_a_row(case);
        let script = Arc::new(Script::new(kit.schema.store(), &migrations(&models())).unwrap());
        let (folder, next) = (tempfile::tempdir().unwrap(), Place { generation: 4, ..kit.place.clone() });
        let copy = folder.path().join("copy.db");
        runtime().block_on(other.engine.copy_out(&kit.place, &script, &copy)).unwrap();
        kit.one(update("hospitals", &id(), None, &[("name", "Town".into())]));
        assert!(kit.get("hospitals", &id()).is_some());
        let tenant = kit.place.tenant.unwrap();
        runtime().block_on(other.engine.adopt(&next, &script, &copy, tenant)).unwrap();
        assert_eq!(*kit.try_get("hospitals", &id()).unwrap_err().kind(), Kind::Fenced, "{case:?}");
    }
}

/// A long read of one tenant delays the departure of another, which does not stop other reads.
#[test]
fn a_departure_from_a_pool_waits_for_reads_without_stopping_others() {
    for case in on_postgres().filter(|case| case.isolation.is_pooled()) {
        let (other, mut kit) = pool_with_a_row(case);
        let place = kit.place.clone();
        kit.act_as(TENANTS[1]);
        add(&kit);
        kit.side().run(
            "BEGIN; DO $$BEGIN EXECUTE (SELECT format('LOCK TABLE %s IN ACCESS SHARE MODE', oid::regclass) \
               FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
               AND starts_with(relname, '_tenantry_at_')); END$$",
        );
        let leaving = runtime().spawn(async move { other.engine.withdraw(&place).await });
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(1) {
            let read = async {
                let session = kit.engine.session(&kit.place, &kit.schema).await?;
                session.get("hospitals", &id(), &[], Collect::default()).await
            };
            let read = runtime().block_on(async { timeout(Duration::from_secs(10), read).await });
            assert!(read.expect("a read waits for the departure").unwrap().is_some());
        }
        assert!(!leaving.is_finished(), "{case:?}: it left during a read");
        kit.side().run("COMMIT");
        runtime().block_on(leaving).unwrap().unwrap();
        assert!(kit.get("hospitals", &id()).is_some());
    }
}
