//! An operator's corrections on PostgreSQL: they change values of one place and nothing else.

use crate::{
    schema_kit::{load, store},
    schema_lab::{Lab, Subject, TENANT},
    schema_people::{answers, models, people, step},
    schema_rows::{Cell::*, NOW},
};
use std::{sync::Arc, time::Duration};
use tenantry_engine::{
    Fault, Kind, Result, Script, SqlLimits,
    migration::Migration,
    model::Model,
    name::ServerName,
    place::{Isolation, Place},
};
use tenantry_testkit::tried;

const CANARY: &str = "canary of the neighbour";
const LIMIT: Duration = Duration::from_secs(20);

/// Returns models in which the name of a person is optional.
fn before() -> Vec<Model> {
    models(people!(
        "search = true\nmax_length = 30\n[fields.age]\ntype = \"integer\"\nmin = 0\n[fields.data]\ntype = \"json\"\n\
         [fields.visit]\ntype = \"ref\"\nto = \"visits\"\n[fields.code]\ntype = \"text\"\nunique = true\n\
         [fields.born]\ntype = \"date\""
    ))
}

/// Returns the same models with a required name.
fn after() -> Vec<Model> {
    let people = "store = \"tenant\"\n[fields.name]\ntype = \"text\"\nrequired = true\nsearch = true\n\
        max_length = 30\n[fields.age]\ntype = \"integer\"\nmin = 0\n[fields.data]\ntype = \"json\"\n\
        [fields.visit]\ntype = \"ref\"\nto = \"visits\"\n[fields.code]\ntype = \"text\"\nunique = true\n\
        [fields.born]\ntype = \"date\"";
    load(&[("visits", "store = \"tenant\"\n[fields.note]\ntype = \"text\""), ("people", people)]).unwrap()
}

/// Returns a place of each isolation on each server, and a system store, each with two people, one of whom has no name.
/// In a pool, a neighbour has a row with the same id.
async fn clinics(lab: &Lab) -> Vec<(Subject<'_>, Place, Migration)> {
    let mut subjects = lab.on_postgres(true).await;
    let system = Place {
        server: ServerName::parse("pg0").unwrap(),
        isolation: Isolation::Database,
        tenant: None,
        ..lab.unused(&subjects[0].whole)
    };
    lab.engine.create_system(&system).await.unwrap();
    subjects.push(lab.at(&system).await);
    let mut out = vec![];
    for subject in subjects {
        let first = subject.start(&before()).await;
        let ann = [("name", Text("Ann")), ("age", Integer(40)), ("code", Text("a"))];
        subject.insert(&before(), "people", 1, &ann).await;
        subject.insert(&before(), "people", 2, &[("code", Text("b")), ("data", Text("{\"a\": 1e2}"))]).await;
        if subject.is_pooled() {
            let (other, rest) = (TENANT + 1, "created_at, updated_at");
            subject
                .execute(&format!(
                    "INSERT INTO people (tenant_id, id, code, {rest}) VALUES ({other}, 2, 'b', '{NOW}', '{NOW}'); \
                     INSERT INTO visits (tenant_id, id, note, {rest}) VALUES ({other}, 1, '{CANARY}', '{NOW}', '{NOW}')"
                ))
                .await;
        }
        let place = if subject.is_pooled() { subject.place() } else { subject.whole.clone() };
        out.push((subject, place, first));
    }
    out
}

/// Returns all values that a correction could change.
async fn stored(subject: &Subject<'_>) -> Vec<Vec<String>> {
    let mut all = subject.query("SELECT * FROM people ORDER BY code, 1, 2").await;
    for table in ["visits", "_tenantry_place", "_tenantry_ledger", "_tenantry_seq", "_tenantry_meta"] {
        all.extend(subject.query(&format!("SELECT * FROM {table} ORDER BY 1, 2")).await);
    }
    all
}

fn script(all: &[Migration]) -> Arc<Script> {
    Arc::new(Script::new(&store("tenant"), all).unwrap())
}

async fn repair(lab: &Lab, place: &Place, first: &Migration, text: &str) -> Result<Option<u64>> {
    lab.engine.operator_repair(place, &script(std::slice::from_ref(first)), text, LIMIT).await
}

async fn assert_sound(lab: &Lab, subject: &Subject<'_>, place: &Place, all: &[Migration]) {
    let script = script(all);
    assert_eq!(lab.engine.check_rows(place, &script).await.unwrap(), [], "{subject}");
    assert_eq!(lab.engine.check_search(&subject.whole, &script).await.unwrap(), [], "{subject}");
}

#[tokio::test]
async fn a_correction_lets_a_migration_go_on() {
    let lab = Lab::new().await;
    for (subject, place, first) in clinics(&lab).await {
        let second = step(&before(), &after(), &answers(&[("checked", "people.name")]), "0002_named");
        let all = [first.clone(), second];
        if subject.is_pooled() {
            let sql = format!("UPDATE people SET name = '' WHERE tenant_id = {}", TENANT + 1);
            subject.execute(&sql).await;
        }
        let error = subject.migrate(&all).await.unwrap_err();
        assert!(error.detail().contains("that is null"), "{subject}: {error}");
        // Also with the new models, while the place has the old ones.
        let text = "UPDATE people AS p SET (name, age) = (SELECT 'Bob ' || upper('o'), count(*) FROM visits), \
            data = '{\"b\": 2, \"b\": 3}' WHERE p.name IS NULL OR EXISTS (SELECT 1 FROM people WHERE id > 2) -- why;\n;";
        let changed = lab.engine.operator_repair(&place, &script(&all), text, LIMIT).await.unwrap();
        assert_eq!(changed, Some(1), "{subject}");
        let same = "UPDATE people SET name = name, data = data, age = age + 0";
        assert_eq!(repair(&lab, &place, &first, same).await.unwrap(), Some(0), "{subject}");
        subject.migrate(&all).await.unwrap();
        assert_sound(&lab, &subject, &place, &all).await;
        let own = if subject.is_pooled() { "tenant_id = 7" } else { "true" };
        let sql = format!("SELECT id, name, age, data, code, version FROM people WHERE {own} ORDER BY id");
        let rows = subject.query(&sql).await;
        assert_eq!(rows[0], ["1", "Ann", "40", "", "a", "1"], "{subject}");
        assert_eq!(rows[1], ["2", "Bob O", "0", "{\"b\": 2, \"b\": 3}", "b", "2"], "{subject}");
        let hits = "SELECT id FROM people WHERE _search @@ '''bob'''::tsquery";
        assert_eq!(subject.query(hits).await, [["2"]], "{subject}");
    }
    lab.remove().await;
}

#[tokio::test]
async fn a_correction_changes_values_of_its_place_and_nothing_else() {
    let lab = Lab::new().await;
    let denied = [
        "DELETE FROM people",
        "INSERT INTO people (id) VALUES (3)",
        "TRUNCATE people",
        "SELECT 1",
        "COMMIT",
        "SET ROLE none",
        "DO $$BEGIN DELETE FROM people; END$$",
        "WITH x AS (SELECT 1) UPDATE people SET age = 1",
        "WITH x AS (DELETE FROM people RETURNING 1) UPDATE visits SET note = 'x'",
        "UPDATE people SET age = 1 RETURNING id",
        "UPDATE people SET age = DEFAULT",
        "UPDATE people SET id = id + 70",
        "UPDATE people SET id = 1",
        "UPDATE people SET created_at = '2001-02-03'",
        "UPDATE people SET version = 7",
        "UPDATE public.people SET age = 1",
        "UPDATE \"public\".\"people\" SET id = 5",
        "UPDATE _tenantry_place SET state = 'fenced'",
        "UPDATE pg_class SET relname = 'x'",
        "UPDATE people SET name = set_config('role', 'none', true)",
        "UPDATE people SET name = (SELECT platform FROM _tenantry_place)",
        "UPDATE names SET name = 'x'",
    ];
    let wrong = [
        "UPDATE people SET age = 1; DELETE FROM people",
        "UPDATE people SET tenant_id = 8",
        "UPDATE people SET _search = ''",
        "UPDATE people SET age = 'x'",
        "UPDATE people SET age = $1",
        "UPDATE people SET code = 'same'",
        "UPDATE people SET visit = 99",
        "UPDATE people SET name = (SELECT note FROM nowhere)",
    ];
    let broken = [
        ("UPDATE people SET age = -1 WHERE id = 2", "people.age of record 2"),
        ("UPDATE people SET name = concat(md5('x'), md5('y'))", "people.name"),
        ("UPDATE people SET born = 'infinity' WHERE id = 1", "people.born of record 1"),
        ("UPDATE people SET updated_at = 'infinity' WHERE id = 1", "people.updated_at of record 1"),
    ];
    let mut count = 0;
    for (subject, place, first) in clinics(&lab).await {
        subject.execute("CREATE VIEW names AS SELECT name FROM people").await;
        let held = stored(&subject).await;
        for sql in denied {
            let refused = repair(&lab, &place, &first, sql).await.map_err(|error| error.kind().clone());
            assert!(matches!(refused, Err(Kind::Denied(_))), "{subject}, {sql}: {refused:?}");
            assert_eq!(stored(&subject).await, held, "{subject}: {sql}");
        }
        for sql in wrong {
            let refused = repair(&lab, &place, &first, sql).await.map_err(|error| error.kind().clone());
            assert!(matches!(refused, Err(Kind::Statement(_))), "{subject}, {sql}: {refused:?}");
            assert_eq!(stored(&subject).await, held, "{subject}: {sql}");
        }
        for (sql, wanted) in broken {
            match repair(&lab, &place, &first, sql).await.map_err(|error| error.kind().clone()) {
                Err(Kind::Invalid(field, _)) => assert!(field.starts_with(wanted), "{field}"),
                other => panic!("{subject}, {sql}: {other:?}"),
            }
            assert_eq!(stored(&subject).await, held, "{subject}: {sql}");
        }
        count += denied.len() + wrong.len() + broken.len();
        // A correction neither reads nor changes the neighbour's rows.
        let sql =
            "UPDATE people SET name = coalesce((SELECT max(note) FROM visits), 'none'), updated_at = now()";
        assert_eq!(repair(&lab, &place, &first, sql).await.unwrap(), Some(2), "{subject}");
        let names = subject.query("SELECT coalesce(name, 'left alone') FROM people ORDER BY 1").await;
        let expect = if subject.is_pooled() { vec!["left alone", "none", "none"] } else { vec!["none"; 2] };
        assert_eq!(names.concat(), expect, "{subject}");
        assert_sound(&lab, &subject, &place, &[first]).await;
    }
    tried("corrections on PostgreSQL", count as u64, "statements");
    lab.remove().await;
}

#[tokio::test]
async fn what_is_derived_is_made_anew() {
    let lab = Lab::new().await;
    let files = "SELECT relname, relfilenode FROM pg_class WHERE relkind = 'i' \
        AND relnamespace = current_schema()::regnamespace ORDER BY 1";
    for (subject, place, first) in clinics(&lab).await {
        let all = [first.clone()];
        subject.execute("UPDATE people SET _search = '''wrong'':1' WHERE name IS NOT NULL").await;
        subject.execute("UPDATE _tenantry_place SET rows = 77, bytes = 78").await;
        let found = lab.engine.check_rows(&place, &script(&all)).await.unwrap();
        assert!(matches!(&found[..], [Fault::Counters { held: (77, 78), counted: (2, _) }]), "{found:?}");
        let old = subject.query(files).await;
        assert_eq!(repair(&lab, &place, &first, " reindex ; ").await.unwrap(), None, "{subject}");
        let new = subject.query(files).await;
        assert!(old.len() > 5 && old.len() == new.len(), "{subject}: {new:?}");
        assert!(old.iter().zip(&new).all(|(old, new)| old != new), "{subject}: {new:?}");
        assert_sound(&lab, &subject, &place, &all).await;
        if subject.is_pooled() {
            let sql = format!("SELECT rows, bytes FROM _tenantry_place WHERE tenant = {}", TENANT + 1);
            assert_eq!(subject.query(&sql).await, [["77", "78"]], "those of others are theirs");
            for text in ["REINDEX", "UPDATE people SET age = 1"] {
                let error = repair(&lab, &subject.whole, &first, text).await.unwrap_err();
                assert!(matches!(error.kind(), Kind::Denied(_)), "{error}");
            }
        }
    }
    lab.remove().await;
}

#[tokio::test]
async fn a_correction_waits_for_no_move_and_knows_the_models() {
    let lab = Lab::new().await;
    let text = "UPDATE people SET age = 1";
    for (subject, place, first) in clinics(&lab).await {
        // The place remembers the token that was barred last.
        lab.engine.stop_recording(&place, 6).await.unwrap();
        let held = stored(&subject).await;
        for sql in [text, "REINDEX"] {
            let ahead = lab.engine.operator_repair(&place, &script(&[]), sql, LIMIT).await.unwrap_err();
            assert_eq!(*ahead.kind(), Kind::SchemaAhead, "{subject}, {sql}");
        }
        let (none, limits) = (script(&[]), SqlLimits::default());
        let seen = lab.engine.operator_sql(&place, &none, "SELECT id FROM people", limits, &[]);
        match subject.is_pooled() {
            true => assert_eq!(*seen.await.unwrap_err().kind(), Kind::SchemaAhead, "{subject}"),
            false => assert_eq!(seen.await.unwrap().rows.len(), 2, "{subject}"),
        }
        let endless = "UPDATE people SET age = (SELECT count(*) FROM generate_series(1, 1000000000000))";
        let short = Duration::from_millis(200);
        let all = script(std::slice::from_ref(&first));
        let late = lab.engine.operator_repair(&place, &all, endless, short).await.unwrap_err();
        assert_eq!(*late.kind(), Kind::Deadline, "{subject}");
        assert_eq!(stored(&subject).await, held, "{subject}");
        lab.engine.record_changes(&place, 5).await.unwrap();
        for sql in [text, "REINDEX"] {
            assert_eq!(*repair(&lab, &place, &first, sql).await.unwrap_err().kind(), Kind::Busy, "{subject}");
        }
        lab.engine.stop_recording(&place, 5).await.unwrap();
        lab.engine.stop_recording(&place, 6).await.unwrap();
        lab.engine.fence(&place, true).await.unwrap();
        assert_eq!(*repair(&lab, &place, &first, text).await.unwrap_err().kind(), Kind::Busy, "{subject}");
        lab.engine.fence(&place, false).await.unwrap();
        assert_eq!(stored(&subject).await, held, "{subject}");
        assert_eq!(repair(&lab, &place, &first, text).await.unwrap(), Some(2), "{subject}");
    }
    lab.remove().await;
}
