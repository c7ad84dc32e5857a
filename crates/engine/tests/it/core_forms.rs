//! The platform's own tables: the engine opens, restores and adopts databases and copies that an earlier version of
//! this program created, and refuses those of a later version.

use crate::{
    core_support::{TestEngine, engine_at},
    records_kit::insert,
    transfer_kit::*,
};
use rusqlite::Connection;
use std::path::Path;
use tenantry_engine::{
    AdoptOptions, CacheLimits, Engine, Kind, PlaceState, Result, ServerSpec, WorkLimits,
    name::ServerName,
    place::{Isolation, Place},
    write::WriteOptions,
};

/// The table of places as the first version of this program created it, without a version row.
const OLDER: &str = "
CREATE TABLE IF NOT EXISTS _tenantry_place(
  tenant INTEGER NOT NULL, store TEXT NOT NULL, generation INTEGER NOT NULL, fenced INTEGER NOT NULL DEFAULT 0,
  rows INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, recording INTEGER NOT NULL DEFAULT 0, carried INTEGER,
  platform TEXT NOT NULL DEFAULT '', PRIMARY KEY(tenant, store)) STRICT, WITHOUT ROWID;";

/// Gives a file the tables of the first version, with open places.
fn make_older(file: &Path) {
    let conn = Connection::open(file).unwrap();
    conn.execute_batch(&format!(
        "BEGIN IMMEDIATE; DROP TABLE _tenantry_meta; DROP INDEX _tenantry_activity__record__idx;
         CREATE TABLE places AS SELECT * FROM _tenantry_place; DROP TABLE _tenantry_place; {OLDER}
         INSERT INTO _tenantry_place SELECT tenant, store, generation, 0, rows, bytes, 0, log_upto, platform FROM places;
         DROP TABLE places; COMMIT"
    ))
    .unwrap();
}

/// Returns the statements that created the platform's own tables in a file, and the version of these tables.
fn form(file: &Path) -> (Vec<String>, i64) {
    let conn = Connection::open(file).unwrap();
    let sql = "SELECT sql FROM sqlite_schema WHERE name LIKE '%tenantry%' AND sql IS NOT NULL ORDER BY name";
    let mut statement = conn.prepare(sql).unwrap();
    let tables = statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>();
    let version = conn.query_row("SELECT version FROM _tenantry_meta", [], |row| row.get(0));
    (tables.unwrap(), version.unwrap())
}

/// Reopens the same directory, as another process would.
fn reopened(clinic: Clinic) -> Clinic {
    let TestEngine { dir, engine } = clinic.test;
    drop(engine);
    let engine = engine_at(dir.path(), 16);
    Clinic::again(TestEngine { dir, engine })
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> Kind {
    result.unwrap_err().kind().clone()
}

#[tokio::test]
async fn an_older_database_is_brought_up_to_date_when_it_is_opened() {
    for isolation in [Isolation::Database, Isolation::Pooled] {
        let clinic = Clinic::new().await;
        let place = place(isolation, TENANT, 1);
        clinic.make(&place).await;
        let (held, digest) = (clinic.usage(&place).await, clinic.digest(&place).await);
        let (file, fresh) = (clinic.test.file(&place), form(&clinic.test.file(&place)));
        clinic.test.engine.shutdown().await;
        make_older(&file);
        let clinic = reopened(clinic);
        assert_eq!(clinic.usage(&place).await, held);
        assert_eq!(form(&file), fresh, "as if it were made now");
        assert_eq!(clinic.digest(&place).await, digest);
        clinic.write(&place, &[insert("hospitals", &[("name", "New".into())])]).await.unwrap();
        assert_eq!(clinic.usage(&place).await.rows, held.rows + 1);
        clinic.is_sound(&place);
    }
}

/// Gives a file the tables of the second version, which did not count the bytes of a tenant's own database.
fn make_second(file: &Path) {
    let sql = "UPDATE _tenantry_place SET bytes = 0; ALTER TABLE _tenantry_place DROP COLUMN barred;
        ALTER TABLE _tenantry_place DROP COLUMN counted;
        DROP INDEX _tenantry_activity__record__idx; UPDATE _tenantry_meta SET version = 2";
    Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

/// A read counts nothing. The first write starts the count, and writes continue meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_an_older_database_are_counted_once() {
    let clinic = Clinic::new().await;
    let (place, pooled) = (place(Isolation::Database, TENANT, 1), place(Isolation::Pooled, TENANT, 2));
    clinic.make(&place).await;
    clinic.test.engine.shutdown().await;
    make_second(&clinic.test.file(&place));
    let clinic = reopened(clinic);
    let bytes = async || clinic.test.engine.place_info(&place).await.unwrap().bytes;
    assert_eq!(clinic.names(&place).await.len(), 4);
    assert_eq!(bytes().await, None);
    while bytes().await.is_none() {
        clinic.next_id(&place).await;
    }
    let counted = bytes().await;
    clinic.next_id(&place).await;
    clinic.carry(&place, &pooled).await.unwrap();
    let info = clinic.test.engine.place_info(&pooled).await.unwrap();
    assert_eq!(info.bytes, Some(clinic.usage(&place).await.bytes));
    assert!(info.bytes > counted);
    let session = clinic.test.engine.session(&place, &clinic.schema).await.unwrap();
    let limited = WriteOptions { max_bytes: info.bytes, ..WriteOptions::default() };
    let row = insert("hospitals", &[("name", "Too much".into())]);
    assert_eq!(kind(session.write(&[row], &limited).await), Kind::Limit("bytes"));
}

#[tokio::test]
async fn each_number_of_an_older_database_becomes_a_state_with_a_name() {
    let clinic = Clinic::new().await;
    let at = |tenant| pooled(tenant, 1);
    for tenant in 11..=17 {
        clinic.test.engine.enrol(&at(tenant)).await.unwrap();
    }
    clinic.test.engine.shutdown().await;
    let file = clinic.test.file(&at(11));
    make_older(&file);
    let conn = Connection::open(&file).unwrap();
    conn.execute_batch(
        "UPDATE _tenantry_place SET recording = 77, rows = 3, bytes = 9 WHERE tenant = 11;
         UPDATE _tenantry_place SET fenced = 1 WHERE tenant = 12;
         UPDATE _tenantry_place SET fenced = 77, recording = 77, carried = 5 WHERE tenant = 13;
         UPDATE _tenantry_place SET fenced = 2, carried = 0 WHERE tenant = 14;
         UPDATE _tenantry_place SET fenced = 2, carried = -77 WHERE tenant = 15;
         UPDATE _tenantry_place SET fenced = 2, carried = -9223372036854775808 WHERE tenant = 16",
    )
    .unwrap();
    drop(conn);
    let clinic = reopened(clinic);
    let mut found = vec![];
    for tenant in 11..=17 {
        let info = clinic.test.engine.place_info(&at(tenant)).await.unwrap();
        found.push((info.state, info.recorder, info.log_upto, info.rows, info.bytes));
    }
    assert_eq!(
        found,
        [
            (PlaceState::Open, Some(77), None, 3, Some(9)),
            (PlaceState::Fenced { holder: None }, None, None, 0, Some(0)),
            (PlaceState::Fenced { holder: Some(77) }, Some(77), Some(5), 0, Some(0)),
            (PlaceState::Closed, None, Some(0), 0, Some(0)),
            (PlaceState::Filling { holder: -77 }, None, None, 0, Some(0)),
            (PlaceState::Leaving, None, None, 0, Some(0)),
            (PlaceState::Open, None, None, 0, Some(0)),
        ]
    );
    // This version completes a move or a removal that the earlier version began.
    let engine = &clinic.test.engine;
    engine.lift_fence(&at(12), Some(77)).await.unwrap();
    assert!(!engine.place_info(&at(12)).await.unwrap().state.is_open(), "another holder");
    engine.lift_fence(&at(12), None).await.unwrap();
    engine.lift_fence(&at(13), Some(77)).await.unwrap();
    engine.open_filled(&at(14), 78).await.unwrap();
    assert_eq!(kind(engine.open_filled(&at(15), 78).await), Kind::Fenced);
    engine.withdraw(&at(16)).await.unwrap();
    assert_eq!(kind(engine.place_info(&at(16)).await), Kind::WrongIdentity);
    for tenant in [11, 12, 13, 14, 17] {
        assert!(engine.place_info(&at(tenant)).await.unwrap().state.is_open(), "{tenant}");
    }
}

#[tokio::test]
async fn an_older_copy_becomes_a_place() {
    for (from, to) in WAYS {
        let clinic = Clinic::new().await;
        let (old, new) = (place(from, TENANT, 1), place(to, TENANT, 2));
        clinic.make(&old).await;
        let copy = clinic.copy(&old, "copy").await;
        make_older(&copy);
        Connection::open(&copy).unwrap().execute("UPDATE _tenantry_place SET fenced = 7", []).unwrap();
        let (engine, store) = (&clinic.test.engine, store());
        let (info, described) = tokio::join!(
            engine.inspect_copy(&copy, &store, Some(of(TENANT))),
            engine.describe_copy(&copy, &clinic.script, Some(of(TENANT)))
        );
        assert_eq!((info.unwrap().rows, described.unwrap()), (5, clinic.digest(&old).await));
        make_older(&copy);
        engine.migrate_copy(&copy, of(TENANT), &clinic.script).await.unwrap();
        make_older(&copy);
        assert_eq!(engine.foreign_in_copy(&copy, &clinic.script).await.unwrap(), Vec::<String>::new());
        make_older(&copy);
        let options = AdoptOptions { used_up: true, check: false };
        engine.adopt_with(&new, &clinic.script, &copy, of(TENANT), options).await.unwrap();
        assert_eq!(engine.place_info(&new).await.unwrap().state, PlaceState::Open);
        assert_eq!(clinic.digest(&new).await, clinic.digest(&old).await, "{from:?} -> {to:?}");
        assert_eq!(clinic.lines(&new).await, clinic.lines(&old).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_open_an_older_database_at_once() {
    let clinic = Clinic::new().await;
    let places: Vec<Place> =
        (1..=20).map(|generation| place(Isolation::Database, TENANT, generation)).collect();
    for place in &places {
        clinic.make(place).await;
    }
    clinic.test.engine.shutdown().await;
    places.iter().for_each(|place| make_older(&clinic.test.file(place)));
    let engines = [engine_at(clinic.test.dir.path(), 16), engine_at(clinic.test.dir.path(), 16)];
    for place in &places {
        let (one, other) = tokio::join!(engines[0].place_info(place), engines[1].verify(place));
        assert_eq!(one.unwrap().rows, 5);
        other.unwrap();
    }
}

/// On a read-only disk, an older database is read without an upgrade.
#[tokio::test]
async fn an_older_database_is_read_without_writing() {
    let clinic = Clinic::new().await;
    let place = place(Isolation::Database, TENANT, 1);
    clinic.make(&place).await;
    let digest = clinic.digest(&place).await;
    clinic.test.engine.shutdown().await;
    let file = clinic.test.file(&place);
    make_older(&file);
    let before = std::fs::read(&file).unwrap();
    let server = ServerSpec::sqlite(ServerName::parse("local").unwrap(), clinic.test.dir.path());
    let limits = (CacheLimits::default(), WorkLimits::default());
    let engine = Engine::open_read_only(vec![server], limits.0, limits.1).unwrap();
    let reading = Clinic::again(TestEngine { dir: tempfile::tempdir().unwrap(), engine });
    assert_eq!(reading.names(&place).await.len(), 4);
    assert_eq!(reading.digest(&place).await, digest);
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn tables_of_a_later_version_are_refused_and_stay_as_they_are() {
    let later = [
        "UPDATE _tenantry_meta SET version = 1000",
        "UPDATE _tenantry_meta SET version = 1000; DROP TABLE _tenantry_place; CREATE TABLE _tenantry_place(x)",
    ];
    for (isolation, sql) in
        [Isolation::Database, Isolation::Pooled].into_iter().flat_map(|i| later.map(|sql| (i, sql)))
    {
        let clinic = Clinic::new().await;
        let (old, new) = (place(isolation, TENANT, 1), place(isolation, TENANT, 2));
        clinic.make(&old).await;
        let copy = clinic.copy(&old, "copy").await;
        clinic.test.engine.shutdown().await;
        for file in [&clinic.test.file(&old), &copy] {
            Connection::open(file).unwrap().execute_batch(sql).unwrap();
        }
        let clinic = reopened(clinic);
        let engine = &clinic.test.engine;
        assert_eq!(kind(engine.verify(&old).await), Kind::FormatAhead, "{isolation:?}: {sql}");
        assert_eq!(kind(engine.place_info(&old).await), Kind::FormatAhead);
        assert_eq!(kind(engine.fence(&old, true).await), Kind::FormatAhead);
        assert_eq!(kind(engine.migrate_with(&old, &clinic.script).await), Kind::FormatAhead);
        assert!(!engine.is_loss(&old, &engine.verify(&old).await.unwrap_err()), "nothing is lost");
        let inside = engine.inspect_copy(&copy, &store(), Some(of(TENANT))).await;
        assert_eq!(kind(inside), Kind::FormatAhead);
        let adopted = engine.adopt(&new, &clinic.script, &copy, of(TENANT)).await;
        assert_eq!(kind(adopted), Kind::FormatAhead);
        let conn = Connection::open(clinic.test.file(&old)).unwrap();
        let version = conn.query_row("SELECT version FROM _tenantry_meta", [], |row| row.get::<_, i64>(0));
        assert_eq!(version.unwrap(), 1000);
    }
}

/// Setting and lifting a fence only affect places that are in use.
#[tokio::test]
async fn a_place_that_is_not_open_yet_is_opened_by_no_end_of_a_fence() {
    for (from, to) in WAYS {
        let clinic = Clinic::new().await;
        let (old, new) = (place(from, TENANT, 1), place(to, TENANT, 2));
        clinic.make(&old).await;
        let engine = &clinic.test.engine;
        clinic.carry(&old, &new).await.unwrap();
        engine.fence(&new, true).await.unwrap();
        engine.lift_fence(&new, None).await.unwrap();
        assert_eq!(kind(engine.fence(&new, false).await), Kind::Fenced);
        engine.record_changes(&new, 9).await.unwrap();
        assert_eq!(kind(engine.fence_recorded(&new, 9).await), Kind::Fenced);
        assert_eq!(engine.place_info(&new).await.unwrap().state, PlaceState::Closed);
        engine.open_filled(&new, 9).await.unwrap();
        engine.fence_recorded(&new, 9).await.unwrap();
        assert_eq!(engine.place_info(&new).await.unwrap().state, PlaceState::Fenced { holder: Some(9) });
        engine.fence(&new, false).await.unwrap();
        assert!(engine.place_info(&new).await.unwrap().state.is_open());
    }
}
