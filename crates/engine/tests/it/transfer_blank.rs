//! Removes personal data from copies, and finds objects that do not belong in one.

use crate::core_support::{TestEngine, tenant};
use rusqlite::Connection;
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};
use tenantry_engine::{
    Script,
    migration::{Migration, Op},
    model::{self, Model, Scope, Source},
    name::{AppName, StoreName},
    schema::Schema,
};

const ROWS: i64 = 20;
const CANARY: &str = "Wolverhampton";

const CITIES: &str = "store = \"tenant\"\n[fields.name]\ntype = \"text\"\n";

/// Model with every type in three forms: required and unique, required, optional.
const PEOPLE: &str = r#"
store = "tenant"
[fields.code]
type = "text"
max_length = 12
required = true
unique = true
personal = true
[fields.number]
type = "integer"
min = 5
required = true
unique = true
personal = true
[fields.amount]
type = "decimal"
required = true
unique = true
personal = true
[fields.born]
type = "date"
required = true
unique = true
personal = true
[fields.seen]
type = "datetime"
required = true
unique = true
personal = true
[fields.nick]
type = "text"
unique = true
personal = true
[fields.kind]
type = "choice"
choices = ["it's", "other"]
required = true
personal = true
[fields.flag]
type = "boolean"
required = true
personal = true
[fields.meta]
type = "json"
required = true
personal = true
[fields.words]
type = "text"
required = true
search = true
personal = true
[fields.city]
type = "ref"
to = "cities"
required = true
personal = true
[fields.kept]
type = "text"
"#;

struct Made {
    test: TestEngine,
    schema: Arc<Schema>,
    script: Arc<Script>,
}

/// Creates a tenant with rows whose personal values are all different.
async fn made(id: &str) -> (Made, PathBuf) {
    let app = AppName::parse("own").unwrap();
    let store = StoreName::parse("tenant").unwrap();
    let people = format!("{id}{PEOPLE}");
    let source = |name, text| Source { app: app.clone(), name, file: name, text };
    let sources = [source("cities", CITIES), source("people", people.as_str())];
    let models: Vec<Model> = model::load(&sources, &|_: &StoreName| Some(Scope::Tenant)).unwrap();
    let models: Vec<Arc<Model>> = models.into_iter().map(Arc::new).collect();
    let ops = models.iter().map(|m| Op::CreateModel { model: Box::new(m.schema()) }).collect();
    let migrations = [Migration { app, name: "0001_initial".into(), depends: vec![], ops }];
    let script = Arc::new(Script::new(&store, &migrations).unwrap());
    let test = TestEngine::new(8);
    let template = tenantry_engine::Template::new(&store, &migrations).unwrap();
    test.engine.provision(&tenant(1), &template).await.unwrap();
    let copy = test.dir.path().join("copy.sqlite");
    test.engine.copy_out(&tenant(1), &script, &copy).await.unwrap();
    fill(&copy, id.contains("uuid"));
    let schema = Arc::new(Schema::new(store, models, &migrations).unwrap());
    (Made { test, schema, script }, copy)
}

fn fill(copy: &std::path::Path, uuid: bool) {
    let db = Connection::open(copy).unwrap();
    let at = "'2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z'";
    for n in 1..=ROWS {
        db.execute_batch(&format!(
            "INSERT INTO cities(id, name, created_at, updated_at) VALUES({n}, 'C{n}', {at})"
        ))
        .unwrap();
        let id = if uuid { format!("'0190a0aa-0000-7000-8000-{n:012}'") } else { n.to_string() };
        let (day, second) = (n % 28 + 1, n % 60);
        db.execute_batch(&format!(
            "INSERT INTO people(id, code, number, amount, born, seen, nick, kind, flag, meta, words, city, kept, \
             created_at, updated_at) VALUES({id}, '{CANARY:.6}{n}', {n} + 4, {n}, '1980-01-{day:02}', \
             '2020-01-01T00:00:{second:02}.000000Z', '{CANARY}{n}', 'other', 1, '{{\"a\":\"{CANARY}\"}}', \
             'lives in {CANARY}{n}', {n}, 'kept {n}', {at})"
        ))
        .unwrap();
        db.execute_batch(&format!(
            "INSERT INTO _tenantry_activity(tenant, at, actor, action, model, record, detail) VALUES(1, 'x', 'user:1', \
             'update', 'people', '{n}', '{{\"nick\":[\"{CANARY}\",\"b\"],\"kept\":[\"a\",\"b\"]}}')"
        ))
        .unwrap();
    }
    db.close().unwrap();
}

fn column(copy: &std::path::Path, name: &str) -> Vec<String> {
    let db = Connection::open(copy).unwrap();
    let sql = format!("SELECT coalesce(CAST({name} AS TEXT), 'null') FROM people ORDER BY id");
    let mut statement = db.prepare(&sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn every_type_gets_a_value_that_says_nothing_and_fits() {
    for id in ["", "id = \"uuid\"\n"] {
        let (made, copy) = made(id).await;
        let (kept, city) = (column(&copy, "kept"), column(&copy, "city"));
        let mut from = copy;
        // A blanked copy can be blanked again, as for a clone of a clone.
        for round in 0..2 {
            let to = made.test.dir.path().join(format!("blank-{round}.sqlite"));
            let done = made.test.engine.blank_copy(&from, &to, &made.schema).await.unwrap();
            assert_eq!((done.fields, done.rows), (11, ROWS as u64));
            for name in ["code", "number", "amount", "born", "seen"] {
                let values: BTreeSet<_> = column(&to, name).into_iter().collect();
                assert_eq!(values.len(), ROWS as usize, "{name} is unique: {values:?}");
            }
            for (name, wanted) in
                [("nick", "null"), ("kind", "it's"), ("flag", "0"), ("meta", "{}"), ("words", "redacted")]
            {
                assert!(
                    column(&to, name).iter().all(|value| value == wanted),
                    "{name}: {:?}",
                    column(&to, name)
                );
            }
            let cities: BTreeSet<_> = column(&to, "city").into_iter().collect();
            assert!(cities.len() == 1 && city.contains(cities.first().unwrap()), "{cities:?}");
            assert_eq!(column(&to, "kept"), kept);
            assert!(column(&to, "code").iter().all(|code| code.len() <= 12));
            let bytes = std::fs::read(&to).unwrap().to_ascii_lowercase();
            let canary = CANARY.to_ascii_lowercase();
            assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()), "round {round}");
            // The values are allowed by their types, references lead to existing rows, and the full-text index matches.
            let mut seen = 0;
            made.test
                .engine
                .read_copy(&to, &made.schema, "people", &[], &mut |_| {
                    seen += 1;
                    true
                })
                .unwrap();
            assert_eq!(seen, ROWS);
            let db = Connection::open(&to).unwrap();
            let broken: i64 =
                db.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |r| r.get(0)).unwrap();
            assert_eq!(broken, 0);
            db.execute("INSERT INTO people__fts(people__fts, rank) VALUES('integrity-check', 1)", [])
                .unwrap();
            let log: i64 = db
                .query_row(
                    "SELECT count(*) FROM _tenantry_activity WHERE detail ->> '$.kept[0]' = 'a'",
                    [],
                    |r| r.get(0),
                )
                .unwrap();
            assert_eq!(log, ROWS, "what is not personal stays in the log");
            from = to;
        }
    }
}

#[tokio::test]
async fn what_migrations_did_not_make_is_told_dump_runs_code() {
    let (made, copy) = made("").await;
    let foreign =
        async |path: &std::path::Path| made.test.engine.foreign_in_copy(path, &made.script).await.unwrap();
    assert_eq!(foreign(&copy).await, Vec::<String>::new());
    for sql in [
        "CREATE TRIGGER spy AFTER UPDATE ON people BEGIN DELETE FROM cities; END",
        "CREATE VIEW mine AS SELECT 1 AS a",
        "CREATE TABLE more(a TEXT)",
        "CREATE INDEX more ON people(kept)",
        "CREATE TRIGGER _tenantry_spy AFTER INSERT ON _tenantry_activity BEGIN DELETE FROM cities; END",
        "DROP TRIGGER people__fts_ai",
        "ALTER TABLE people ADD COLUMN more TEXT",
        "DROP TABLE _tenantry_seq",
    ] {
        let changed = made.test.dir.path().join("changed.sqlite");
        std::fs::copy(&copy, &changed).unwrap();
        let db = Connection::open(&changed).unwrap();
        db.execute_batch(sql).unwrap();
        db.close().unwrap();
        assert!(!foreign(&changed).await.is_empty(), "{sql}");
    }
}
