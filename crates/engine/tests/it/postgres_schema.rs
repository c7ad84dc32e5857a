//! Migrations on PostgreSQL: transactions, locks, statements of authors, and large tables.

use crate::{
    schema_kit::{app, load, migration, store},
    schema_lab::{Lab, POSITION, Subject, TENANT},
    schema_people::{NAME, answers, models, people, step},
    schema_rows::{Cell::*, NOW},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tenantry_engine::{
    Kind, Script, Template,
    migration::{Answers, Migration, Op, Statements},
    name::ModelName,
    place::Isolation,
};
use tokio::time::sleep;

pub(crate) fn statements(postgres: &[&str]) -> Statements {
    Statements { postgres: postgres.iter().map(|sql| (*sql).to_owned()).collect(), ..Statements::default() }
}

fn raw(name: &str, postgres: &[&str]) -> Migration {
    migration(name, vec![Op::Raw { store: store("tenant"), statements: statements(postgres), reverse: None }])
}

/// Returns `INSERT INTO people` for the test's tenant.
fn insert(subject: &Subject<'_>, id: i64, name: &str) -> String {
    let (column, value) =
        if subject.is_pooled() { ("tenant_id, ", format!("{TENANT}, ")) } else { ("", String::new()) };
    format!(
        "INSERT INTO people ({column}id, name, created_at, updated_at) VALUES ({value}{id}, '{name}', '{NOW}', '{NOW}')"
    )
}

#[tokio::test]
async fn statements_of_authors_stay_inside_transaction_and_schema() {
    let lab = Lab::new().await;
    let bad = [
        "COMMIT",
        "SELECT 1; ROLLBACK; SELECT 2",
        "/* no */ BEGIN",
        "SAVEPOINT s",
        "SET ROLE none",
        "SET LOCAL search_path = pg_catalog",
        "SELECT set_config('search_path', 'pg_catalog', true)",
        "DO $$BEGIN EXECUTE 'SET LOCAL tenantry.tenant = ''8'''; END$$",
        "CREATE ROLE t_intruder",
        "GRANT ALL ON ALL TABLES IN SCHEMA pg_catalog TO PUBLIC",
        "DELETE FROM _tenantry_ledger",
        "UPDATE _tenantry_place SET generation = generation",
        "ALTER TABLE _tenantry_seq ADD COLUMN x integer",
        "TRUNCATE _tenantry_changes",
        "COPY people TO STDOUT",
        "SELECT nonsense",
        "LISTEN x",
    ];
    for subject in lab.on_postgres(true).await {
        let first = subject.start(&models(NAME)).await;
        let before = subject.catalog().await;
        for sql in bad {
            let all =
                [first.clone(), raw("0002_raw", &["CREATE VIEW names AS SELECT name FROM people", sql])];
            let error = subject.migrate(&all).await.unwrap_err();
            assert!(matches!(error.kind(), Kind::Statement(_)), "{subject}, {sql}: {error}");
            assert!(error.detail().contains("migration clinic/0002_raw: "), "{error}");
            assert_eq!(subject.catalog().await, before, "{subject}: {sql} left something");
        }
        let good = [
            "CREATE VIEW names AS SELECT name FROM people; -- a list; of names\n",
            "CREATE TEMP TABLE scratch AS SELECT count(*) AS n FROM _tenantry_place; SELECT n FROM scratch",
            "CREATE FUNCTION two() RETURNS integer LANGUAGE sql AS $$ SELECT 1; SELECT 2 $$",
        ];
        for name in ["0002_raw", "0003_again"] {
            // The second migration runs on the same connection, without the temporary table of the first.
            let all = [first.clone(), raw("0002_raw", &good), raw(name, &good[1..2])];
            let all = if name == "0002_raw" { &all[..2] } else { &all };
            assert_eq!(subject.migrate(all).await.unwrap().applied, [format!("clinic/{name}")], "{subject}");
        }
        assert_eq!(subject.query("SELECT two()").await, [["2"]]);
    }
    lab.remove().await;
}

#[tokio::test]
async fn a_migration_that_fails_in_the_middle_leaves_nothing() {
    let lab = Lab::new().await;
    let cats = load(&[("cats", NAME)]).unwrap().remove(0);
    for subject in lab.on_postgres(true).await {
        let first = subject.start(&models(NAME)).await;
        subject.insert(&models(NAME), "people", 1, &[("name", Text("A"))]).await;
        let before = subject.catalog().await;
        let ops = vec![
            Op::CreateModel { model: Box::new(cats.clone()) },
            Op::Data { store: store("tenant"), statements: statements(&["UPDATE people SET name = 'B'"]) },
            Op::RenameModel {
                store: store("tenant"),
                from: ModelName::parse("people").unwrap(),
                to: ModelName::parse("dogs").unwrap(),
            },
            Op::Raw { store: store("tenant"), statements: statements(&["SELECT 1 / 0"]), reverse: None },
        ];
        let error = subject.migrate(&[first, migration("0002_bad", ops)]).await.unwrap_err();
        assert!(error.detail().contains("0002_bad: ERROR: division by zero: in `SELECT 1 / 0`"), "{error}");
        assert_eq!(subject.catalog().await, before, "{subject}");
        assert_eq!(subject.values(&models(NAME), "people", &["name"]).await, [["A"]]);
        assert_eq!(subject.position().await, 1);
    }
    lab.remove().await;
}

#[tokio::test]
async fn rows_of_migrations_are_counted_and_keep_references() {
    let lab = Lab::new().await;
    let with_visit = models(people!("[fields.v]\ntype = \"ref\"\nto = \"visits\""));
    let data = |sql: &str| Op::Data { store: store("tenant"), statements: statements(&[sql]) };
    for subject in lab.on_postgres(true).await {
        let first = subject.start(&with_visit).await;
        let rows = migration("0002_rows", vec![data(&insert(&subject, 41, "x"))]);
        // The reference dangles until the second statement of the migration.
        let visit = insert(&subject, 5, "").replace("people", "visits").replace("name", "note");
        let late = migration("0003_late", vec![data("UPDATE people SET v = 5"), data(&visit)]);
        let bad = migration("0004_bad", vec![data("UPDATE people SET v = 99")]);
        let error = subject.migrate(&[first.clone(), rows.clone(), late.clone(), bad]).await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Reference(table) if table == "people"), "{subject}: {error}");
        assert!(error.detail().contains("0004_bad: a row of `people` refers to a missing row"), "{error}");
        assert_eq!(subject.applied().await, 3);
        let sql = format!("SELECT rows, bytes FROM _tenantry_place WHERE tenant = {TENANT}");
        // Bytes of a person: id 8, name 1, reference 8, two instants, version 8. Of a visit: no name, no reference.
        let bytes = (8 + 1 + 8 + 27 + 27 + 8) + (8 + 27 + 27 + 8);
        assert_eq!(subject.query(&sql).await, [["2".to_owned(), bytes.to_string()]], "{subject}");
        let sql = format!("SELECT model, last FROM _tenantry_seq WHERE tenant = {TENANT} ORDER BY 1");
        assert_eq!(subject.query(&sql).await, [["people", "41"], ["visits", "5"]], "ids are not given again");
        let place = subject.place();
        lab.engine.fence(&place, true).await.unwrap();
        let more = migration("0004_more", vec![data("UPDATE people SET name = 'y'")]);
        let outcome = subject.migrate(&[first, rows, late, more]).await;
        match subject.is_pooled() {
            true => drop(outcome.unwrap()),
            false => assert_eq!(*outcome.unwrap_err().kind(), Kind::Fenced, "`fenced-generation`"),
        }
    }
    lab.remove().await;
}

#[tokio::test]
async fn a_new_place_has_counted_the_rows_of_its_migrations() {
    let lab = Lab::new().await;
    for (server, isolation) in [
        ("pg0", Isolation::Schema),
        ("pg1", Isolation::Schema),
        ("pg0", Isolation::Database),
        ("pg1", Isolation::Database),
    ] {
        let first = step(&[], &models(NAME), &Answers::default(), "0001_initial");
        let row = "INSERT INTO people (id, name, created_at, updated_at) VALUES (3, 'x', now(), now())";
        let data = Op::Data { store: store("tenant"), statements: statements(&[row]) };
        let all = [first, migration("0002_row", vec![data])];
        let template = Template::new(&store("tenant"), &all).unwrap();
        let subject = lab.subject_of(server, isolation, &template).await;
        let script = Arc::new(Script::new(&store("tenant"), &all).unwrap());
        assert_eq!(lab.engine.check_rows(&subject.place(), &script).await.unwrap(), [], "{subject}");
        let ids = subject.query("SELECT tenant, last FROM _tenantry_seq").await;
        assert_eq!(ids, [[TENANT.to_string(), "3".into()]], "{subject}");
        assert_eq!(subject.position().await, 2);
    }
    lab.remove().await;
}

#[tokio::test]
async fn processes_that_migrate_at_once_apply_each_migration_once() {
    let lab = Lab::new().await;
    for subject in lab.on_postgres(true).await {
        let first = step(&[], &models(NAME), &Answers::default(), "0001_initial");
        let data =
            Op::Data { store: store("tenant"), statements: statements(&[&insert(&subject, 1, "once")]) };
        let all = [first, migration("0002_more", vec![data])];
        let runs = (0..4).map(|_| subject.migrate(&all));
        let mut applied = 0;
        for outcome in futures_util::future::join_all(runs).await {
            applied += outcome.unwrap_or_else(|error| panic!("{subject}: {error}")).applied.len();
        }
        assert_eq!(applied, 2, "{subject}");
        assert_eq!(subject.query("SELECT count(*) FROM people").await, [["1"]]);
    }
    lab.remove().await;
}

#[tokio::test]
async fn a_migration_lets_others_go_on_and_waits_for_a_long_reader() {
    let lab = Lab::new().await;
    for subject in lab.on_postgres(false).await {
        let old = models(NAME);
        let first = subject.start(&old).await;
        let second =
            step(&old, &models(people!("[fields.x]\ntype = \"date\"")), &Answers::default(), "0002_x");
        let reader = subject.client().await;
        reader.batch_execute("BEGIN; SELECT count(*) FROM people").await.unwrap();
        let started = Instant::now();
        let other = async {
            sleep(Duration::from_millis(300)).await;
            // The statement queues behind the migration, which gives up soon.
            let asked = Instant::now();
            subject.query("SELECT count(*) FROM people").await;
            let waited = asked.elapsed();
            sleep(Duration::from_millis(2200)).await;
            reader.batch_execute("COMMIT").await.unwrap();
            waited
        };
        let all = [first, second];
        let (outcome, waited) = tokio::join!(subject.migrate(&all), other);
        assert_eq!(outcome.unwrap().applied, ["clinic/0002_x"], "{subject}");
        assert!(started.elapsed() > Duration::from_secs(2), "the migration waited for the reader");
        assert!(waited < Duration::from_secs(2), "a reader waited {waited:?} behind the migration");
    }
    lab.remove().await;
}

#[tokio::test]
async fn a_migration_gives_up_when_tables_stay_in_use() {
    let lab = Lab::new().await;
    let subject = lab.subject("pg0", Isolation::Schema).await;
    let old = models(NAME);
    let first = subject.start(&old).await;
    let second = step(&old, &models(people!("[fields.x]\ntype = \"date\"")), &Answers::default(), "0002_x");
    let reader = subject.client().await;
    reader.batch_execute("BEGIN; SELECT count(*) FROM people").await.unwrap();
    let error = subject.migrate(&[first, second]).await.unwrap_err();
    assert_eq!(*error.kind(), Kind::Busy);
    assert!(error.detail().contains("end the transactions that hold them"), "{error}");
    drop(reader);
    lab.remove().await;
}

/// A write that began before the migration is among the rows that it converts. No write slips in between.
#[tokio::test]
async fn writes_come_before_a_migration_or_after_it() {
    // The second migration needs an answer of the database, whether its index was made ahead.
    for new in [
        people!("[fields.cost]\ntype = \"decimal\""),
        people!("[fields.cost]\ntype = \"decimal\"\n[[indexes]]\nfields = [\"cost\"]"),
    ] {
        writes_and(new).await;
    }
}

/// Migrates places to the models `new` while another connection writes.
async fn writes_and(new: &'static str) {
    let lab = Lab::new().await;
    for subject in lab.on_postgres(false).await {
        let old = models(people!("[fields.fee]\ntype = \"decimal\""));
        let first = subject.start(&old).await;
        let rename = answers(&[("rename", "people.fee=cost")]);
        let change = step(&old, &models(new), &rename, "0002_cost");
        let writer = subject.client().await;
        let lock = format!("BEGIN; SELECT 1 FROM _tenantry_place WHERE tenant = {TENANT} FOR UPDATE");
        writer.batch_execute(&lock).await.unwrap();
        let all = [first, change];
        let write = async {
            sleep(Duration::from_millis(300)).await;
            writer.batch_execute(&insert(&subject, 1, "x")).await.unwrap();
            let ledger = writer.query_one(POSITION, &[]).await.unwrap();
            writer.batch_execute("COMMIT").await.unwrap();
            ledger.get::<_, i64>(0)
        };
        let (outcome, ledger) = tokio::join!(subject.migrate(&all), write);
        outcome.unwrap();
        assert_eq!(ledger, 1, "{subject}: the migration waited for the write");
        assert_eq!(subject.position().await, 2);
    }
    lab.remove().await;
}

#[tokio::test]
async fn a_large_table_is_indexed_while_writes_go_on() {
    let lab = Lab::new().await;
    let old = models(NAME);
    let new = models(people!("[[indexes]]\nfields = [\"name\", \"created_at\"]"));
    for subject in lab.on_postgres(true).await {
        let first = subject.start(&old).await;
        subject.insert(&old, "people", 1, &[("name", Text("A"))]).await;
        // Makes the planner believe that the table has many rows.
        subject.execute("UPDATE pg_class SET reltuples = 1e6 WHERE oid = 'people'::regclass").await;
        let writer = subject.client().await;
        writer.batch_execute(&format!("BEGIN; {}", insert(&subject, 2, "B"))).await.unwrap();
        let all = [first, step(&old, &new, &Answers::default(), "0002_index")];
        let meanwhile = async {
            let until = Instant::now() + Duration::from_secs(20);
            let sql = "SELECT command FROM pg_stat_progress_create_index";
            while subject.query(sql).await.iter().all(|row| row[0] != "CREATE INDEX CONCURRENTLY") {
                assert!(Instant::now() < until, "{subject}: no index is made concurrently");
                sleep(Duration::from_millis(20)).await;
            }
            subject.execute(&insert(&subject, 3, "C")).await;
            writer.batch_execute("COMMIT").await.unwrap();
        };
        let (outcome, ()) = tokio::join!(subject.migrate(&all), meanwhile);
        assert_eq!(outcome.unwrap().applied, ["clinic/0002_index"], "{subject}");
        assert_eq!(subject.inspect(&all).await.drift, [], "{subject}");
    }
    lab.remove().await;
}

#[tokio::test]
async fn an_index_that_was_not_finished_is_made_again() {
    let lab = Lab::new().await;
    let old = models(NAME);
    let new = models(people!("[[indexes]]\nfields = [\"name\", \"created_at\"]"));
    for (subject, rows) in lab.on_postgres(false).await.into_iter().zip([1, 1_000_000].into_iter().cycle()) {
        let first = subject.start(&old).await;
        let index = "people__name_created_at__idx";
        subject
            .execute(&format!(
                "CREATE INDEX {index} ON people (name); \
                 UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{index}'::regclass; \
                 UPDATE pg_class SET reltuples = {rows} WHERE oid = 'people'::regclass"
            ))
            .await;
        let all = [first, step(&old, &new, &Answers::default(), "0002_index")];
        subject.migrate(&all).await.unwrap();
        assert_eq!(subject.inspect(&all).await.drift, [], "{subject}");
    }
    lab.remove().await;
}

#[tokio::test]
async fn names_that_postgresql_would_cut_stay_apart() {
    let lab = Lab::new().await;
    let (long, other) = ("m".repeat(48), "f".repeat(48));
    let text = |field: &str| {
        format!(
            "store = \"tenant\"\n[fields.{field}]\ntype = \"text\"\nunique = true\nsearch = true\n[fields.r]\ntype = \
             \"ref\"\nto = \"{long}\"\n[[indexes]]\nfields = [\"{field}\", \"r\"]\n[[indexes]]\nfields = [\"r\", \
             \"{field}\"]\nunique = true"
        )
    };
    let old = load(&[(&long, &text(&other))]).unwrap();
    let new = load(&[(&long, &text("short"))]).unwrap();
    let rename = answers(&[("rename", &format!("{long}.{other}=short"))]);
    for subject in lab.on_postgres(false).await {
        let first = subject.start(&old).await;
        assert_eq!(subject.inspect(std::slice::from_ref(&first)).await.drift, []);
        let all = [first, step(&old, &new, &rename, "0002_short")];
        subject.migrate(&all).await.unwrap();
        assert_eq!(subject.inspect(&all).await.drift, [], "{subject}");
        assert_eq!(app().as_str(), "clinic");
    }
    lab.remove().await;
}
