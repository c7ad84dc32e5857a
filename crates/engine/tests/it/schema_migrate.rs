//! Migrations on a database: each is whole or absent, runs once, and refuses with a clear message (T6).

use crate::{
    schema_kit::{CLINIC, load, memory, migration, store},
    schema_lab::Lab,
    schema_people::{BOTH, NAME, answers, models, people, row, schema, step},
    schema_rows::Cell,
};
use rusqlite::Connection;
use tenantry_engine::{
    Kind,
    internals::{
        inspect::Snapshot,
        migrate::{self, migrate},
    },
    migration::{Answers, Op, Statements},
    place::Isolation,
};

#[test]
fn integer_ids_are_not_given_out_again_after_a_rebuild() {
    let (old, new) = (models(people!("[fields.v]\ntype = \"ref\"\nto = \"visits\"")), models(NAME));
    let all = [
        step(&[], &old, &Answers::default(), "0001_initial"),
        step(&old, &new, &Answers::default(), "0002_drop"),
    ];
    let mut conn = memory();
    migrate(&mut conn, &store("tenant"), Isolation::Database, &all[..1]).unwrap();
    conn.execute_batch(&format!(
        "{0} {0} DELETE FROM people WHERE id = 2;",
        row("name='A'", Isolation::Database)
    ))
    .unwrap();
    migrate(&mut conn, &store("tenant"), Isolation::Database, &all).unwrap();
    conn.execute_batch(&row("name='B'", Isolation::Database)).unwrap();
    assert_eq!(conn.query_row("SELECT max(id) FROM people", [], |r| r.get::<_, i64>(0)), Ok(3));
}

#[test]
fn raw_statements_stay_inside_transaction_and_database() {
    for sql in [
        "COMMIT",
        "ATTACH ':memory:' AS x",
        "PRAGMA foreign_keys=ON",
        "SAVEPOINT s",
        "DELETE FROM _tenantry_ledger",
        "SELECT nonsense",
    ] {
        let first = step(&[], &models(NAME), &Answers::default(), "0001_initial");
        let statements = Statements {
            sqlite: vec!["CREATE VIEW names AS SELECT name FROM people".into(), sql.into()],
            ..Statements::default()
        };
        let raw = Op::Raw { store: store("tenant"), statements, reverse: None };
        let mut conn = memory();
        let all = [first, migration("0002_raw", vec![raw])];
        let error = migrate(&mut conn, &store("tenant"), Isolation::Database, &all).unwrap_err();
        assert!(matches!(error.kind(), Kind::Statement(_)), "{sql}: {error}");
        assert!(!schema(&conn).iter().any(|s| s.contains("names")), "{sql} left the view");
        conn.execute_batch("BEGIN; PRAGMA user_version; COMMIT").unwrap();
    }
}

#[test]
fn data_operations_recount_rows_and_keep_references() {
    let initial = step(
        &[],
        &models(people!("[fields.v]\ntype = \"ref\"\nto = \"visits\"")),
        &Answers::default(),
        "0001_initial",
    );
    let data = |sql: &str| {
        let statements = Statements { sqlite: vec![sql.into()], ..Statements::default() };
        Op::Data { store: store("tenant"), statements }
    };
    let insert = "INSERT INTO people (name, created_at, updated_at) VALUES ('x', 'c', 'u')";
    let dangling = "UPDATE people SET v = 99";
    let all =
        [initial, migration("0002_rows", vec![data(insert)]), migration("0003_bad", vec![data(dangling)])];
    let mut conn = memory();
    migrate(&mut conn, &store("tenant"), Isolation::Database, &all[..1]).unwrap();
    conn.execute_batch("INSERT INTO _tenantry_place (tenant, store, generation) VALUES (1, 'tenant', 1)")
        .unwrap();
    let error = migrate(&mut conn, &store("tenant"), Isolation::Database, &all).unwrap_err();
    assert!(matches!(error.kind(), Kind::Reference(_)) && error.detail().contains("0003_bad"), "{error}");
    let (rows, v): (i64, Option<i64>) = conn
        .query_row("SELECT rows, v FROM _tenantry_place, people", [], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap();
    assert_eq!((rows, v), (1, None));
    conn.execute_batch("UPDATE _tenantry_place SET state = 'fenced'").unwrap();
    let more = [all[0].clone(), all[1].clone(), migration("0003_more", vec![data(insert)])];
    let error = migrate(&mut conn, &store("tenant"), Isolation::Database, &more).unwrap_err();
    assert_eq!(*error.kind(), Kind::Fenced, "`fenced-generation`");
}

#[test]
fn two_processes_apply_each_migration_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db");
    let clinic = load(CLINIC).unwrap();
    let all = [
        step(&[], &clinic, &Answers::default(), "0001_initial"),
        migration("0002_more", vec![Op::Data {
            store: store("tenant"),
            statements: Statements {
                sqlite: vec!["INSERT INTO hospitals (id, name, created_at, updated_at) VALUES (hex(randomblob(8)), 'h', 'c', 'u')".into()],
                ..Statements::default()
            },
        }]),
    ];
    let applied: usize = std::thread::scope(|scope| {
        let run = || {
            let mut conn = Connection::open(&path).unwrap();
            conn.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
            migrate(&mut conn, &store("tenant"), Isolation::Database, &all).unwrap().applied.len()
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        workers.into_iter().map(|w| w.join().unwrap()).sum()
    });
    assert_eq!(applied, 2);
    let conn = Connection::open(&path).unwrap();
    assert_eq!(conn.query_row("SELECT count(*) FROM hospitals", [], |r| r.get::<_, i64>(0)), Ok(1));
}

#[test]
fn drift_names_what_differs() {
    let clinic = load(CLINIC).unwrap();
    let all = [step(&[], &clinic, &Answers::default(), "0001_initial")];
    let cases: [(&str, &[&str]); 6] = [
        (
            "ALTER TABLE doctors ADD COLUMN shoe TEXT",
            &["column doctors.shoe should not be there (is: shoe TEXT)"],
        ),
        ("DROP INDEX doctors__rooms__idx", &["index doctors__rooms__idx is missing"]),
        ("DROP TRIGGER hospitals__fts_au", &["trigger hospitals__fts_au is missing"]),
        ("ALTER TABLE doctors DROP COLUMN born", &["column doctors.born is missing (should be: born TEXT)"]),
        ("DROP TABLE regions_overrides", &["table regions_overrides is missing"]),
        ("CREATE TABLE own (x); CREATE INDEX mine ON doctors (fee); CREATE VIEW v AS SELECT 1", &[]),
    ];
    for isolation in BOTH {
        for (sql, expect) in cases {
            let mut conn = memory();
            migrate(&mut conn, &store("tenant"), isolation, &all).unwrap();
            conn.execute_batch(sql).unwrap();
            let found: Vec<String> = migrate::inspect(&conn, &store("tenant"), isolation, &all)
                .unwrap()
                .drift
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(found.len(), expect.len(), "{sql}: {found:#?}");
            assert!(found.iter().zip(expect).all(|(f, e)| f.starts_with(e)), "{sql}: {found:#?}");
        }
    }
    let empty = Snapshot::default().drift(&Snapshot::default());
    assert!(empty.is_empty());
}

#[test]
fn counters_of_pooled_tenants_follow_changed_values() {
    let all = [
        step(&[], &models(NAME), &Answers::default(), "0001_initial"),
        step(
            &models(NAME),
            &models(people!("[fields.word]\ntype = \"text\"\ndefault = \"four\"")),
            &Answers::default(),
            "0002_word",
        ),
    ];
    let mut conn = memory();
    migrate(&mut conn, &store("tenant"), Isolation::Pooled, &all[..1]).unwrap();
    conn.execute_batch(&row("name='A' | name='BB'", Isolation::Pooled)).unwrap();
    conn.execute_batch(
        "INSERT INTO _tenantry_place (tenant, store, generation) VALUES (7, 'tenant', 1), (8, 'tenant', 1), (7, 'books', 1)",
    )
    .unwrap();
    migrate(&mut conn, &store("tenant"), Isolation::Pooled, &all).unwrap();
    let found: String = conn
        .query_row(
            "SELECT group_concat(store || tenant || '=' || rows || '/' || bytes, ' ') FROM _tenantry_place",
            [],
            |r| r.get(0),
        )
        .unwrap();
    // Bytes of a row: id 8, name 1 or 2, word 4, created_at 1, updated_at 1, version 8.
    assert_eq!(found, "books7=0/0 tenant7=2/47 tenant8=0/0");
}

#[test]
fn a_server_that_has_the_database_open_goes_on_through_a_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db");
    let (old, new) = (models(NAME), models(people!("[fields.v]\ntype = \"ref\"\nto = \"visits\"\n")));
    let all = [
        step(&[], &old, &Answers::default(), "0001_initial"),
        step(&old, &new, &Answers::default(), "0002_ref"),
    ];
    for isolation in BOTH {
        let _ = std::fs::remove_file(&path);
        let mut command = Connection::open(&path).unwrap();
        migrate(&mut command, &store("tenant"), isolation, &all[..1]).unwrap();
        let server = Connection::open(&path).unwrap();
        server.execute_batch("PRAGMA foreign_keys=ON").unwrap();
        server.execute_batch(&row("name='A'", isolation)).unwrap();
        let mut held = server.prepare("SELECT name FROM people WHERE id = ?1").unwrap();
        let read = |held: &mut rusqlite::Statement<'_>| held.query_row([1], |r| r.get::<_, String>(0));
        assert_eq!(read(&mut held), Ok("A".into()));
        migrate(&mut command, &store("tenant"), isolation, &all).unwrap();
        assert_eq!(read(&mut held), Ok("A".into()));
        let refused = server.execute_batch("UPDATE people SET v = 9");
        assert!(refused.is_err(), "the new reference holds on connections that were open before");
    }
}

#[tokio::test]
async fn running_twice_changes_nothing_and_edits_are_noticed() {
    let lab = Lab::new().await;
    let clinic = load(CLINIC).unwrap();
    for subject in lab.subjects(true).await {
        let mut first = step(&[], &clinic, &Answers::default(), "0001_initial");
        let report = subject.migrate(std::slice::from_ref(&first)).await.unwrap();
        assert_eq!(report.applied, ["clinic/0001_initial"]);
        let before = subject.catalog().await;
        let again = subject.migrate(std::slice::from_ref(&first)).await.unwrap();
        assert!(again.applied.is_empty());
        assert_eq!(subject.catalog().await, before, "{subject}");
        let undeclared = subject.inspect(std::slice::from_ref(&first)).await.undeclared;
        assert_eq!(undeclared, [""; 0], "{subject}: shared models stay out of tenant databases");
        first.ops.pop();
        let error = subject.migrate(&[first]).await.unwrap_err();
        assert!(error.detail().contains("was changed after it had been applied"), "{subject}: {error}");
    }
    lab.remove().await;
}

#[tokio::test]
async fn migrations_of_another_order_or_version_are_refused() {
    let lab = Lab::new().await;
    let raw = |name: &str| {
        let op = Op::Raw { store: store("tenant"), statements: Statements::default(), reverse: None };
        migration(name, vec![op])
    };
    for subject in lab.subjects(true).await {
        subject.migrate(&[raw("0002_a"), raw("0003_b")]).await.unwrap();
        let early = [raw("0001_early"), raw("0002_a"), raw("0003_b")];
        let error = subject.migrate(&early).await.unwrap_err();
        assert!(error.detail().contains("give it a later number"), "{subject}: {error}");
        let report = subject.migrate(&[raw("0002_a")]).await.unwrap();
        assert_eq!(report.unknown, ["clinic/0003_b"], "{subject}: a newer version is left alone");
        let error = subject.migrate(&[raw("0002_a"), raw("0003_c")]).await.unwrap_err();
        let expect = "has migration clinic/0003_b, which is not known here";
        assert!(error.detail().contains(expect), "{subject}: {error}");
    }
    lab.remove().await;
}

#[tokio::test]
async fn overrides_of_tenants_follow_a_renamed_field() {
    let lab = Lab::new().await;
    let shared = |field: &str| {
        format!(
            "store = \"shared\"\n[fields.{field}]\ntype = \"text\"\n[overrides]\nstore = \"tenant\"\nfields = [\"{field}\"]"
        )
    };
    let (old, new) =
        (load(&[("banks", &shared("name"))]).unwrap(), load(&[("banks", &shared("title"))]).unwrap());
    let rename = answers(&[("rename", "banks.name=title")]);
    let changes = ["{\"name\":\"Ours\",\"x\":1}", "{\"name\":null}", "{\"x\":2}"];
    for subject in lab.subjects(true).await {
        let all = [subject.start(&old).await, step(&old, &new, &rename, "0002_rename")];
        for (changes, id) in changes.iter().zip(1..) {
            let row = [("shared_id", Cell::Integer(id)), ("changes", Cell::Text(changes))];
            subject.insert(&old, "banks_overrides", id, &row).await;
        }
        subject.migrate(&all).await.unwrap();
        let found = subject.values(&new, "banks_overrides", &["changes"]).await;
        let expect = [["{\"x\":1,\"title\":\"Ours\"}"], ["{\"title\":null}"], ["{\"x\":2}"]];
        assert_eq!(found, expect, "{subject}");
    }
    lab.remove().await;
}
