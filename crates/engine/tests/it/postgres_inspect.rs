//! Inspection of a place on PostgreSQL: drift, tables that no model declares, and wrong contents.

use crate::{
    schema_kit::{CLINIC, load, migration, store},
    schema_lab::{Lab, TENANT},
    schema_people::{models, people, step},
    schema_rows::Cell::*,
};
use std::sync::Arc;
use tenantry_engine::{
    Fault, Script,
    migration::{Answers, Op, Statements},
};

#[tokio::test]
async fn drift_names_what_differs() {
    let lab = Lab::new().await;
    let clinic = load(CLINIC).unwrap();
    let cases: &[(&str, &[&str])] = &[
        (
            "ALTER TABLE doctors ADD COLUMN shoe text",
            &["column doctors.shoe should not be there (is: shoe text)"],
        ),
        ("DROP INDEX doctors__rooms__idx", &["index doctors__rooms__idx is missing"]),
        (
            "ALTER TABLE doctors DROP CONSTRAINT doctors__mentor__ref",
            &["constraint doctors__mentor__ref is missing"],
        ),
        ("ALTER TABLE doctors DROP COLUMN born", &["column doctors.born is missing (should be: born date)"]),
        (
            "ALTER TABLE doctors ALTER grade DROP DEFAULT",
            &["column doctors.grade is: grade text COLLATE C; should be"],
        ),
        (
            "ALTER TABLE doctors ALTER name DROP NOT NULL",
            &["column doctors.name is: name text COLLATE C; should be"],
        ),
        (
            "ALTER TABLE doctors ALTER name TYPE text COLLATE \"default\"",
            &["column doctors.name is: name text NOT NULL"],
        ),
        ("ALTER TABLE doctors ALTER fee TYPE numeric", &["column doctors.fee is: fee numeric DEFAULT"]),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'doctors__rooms__idx'::regclass",
            &["index doctors__rooms__idx is: USING"],
        ),
        ("DROP TABLE regions_overrides", &["table regions_overrides is missing"]),
        ("CREATE POLICY more ON doctors USING (true)", &["policy doctors.more should not be there"]),
        (
            "CREATE TABLE own (x integer); CREATE INDEX mine ON doctors (fee); CREATE VIEW v AS SELECT 1 AS one",
            &[],
        ),
    ];
    for subject in lab.on_postgres(true).await {
        let all = [subject.start(&clinic).await];
        assert_eq!(subject.inspect(&all).await.undeclared, [""; 0]);
        let pooled: &[(&str, &[&str])] = &[
            (
                "ALTER TABLE doctors NO FORCE ROW LEVEL SECURITY",
                &["table doctors is: table row-level security; should be"],
            ),
            (
                "ALTER TABLE doctors DISABLE ROW LEVEL SECURITY",
                &["table doctors is: table forced; should be"],
            ),
            ("DROP POLICY tenantry_tenant ON doctors", &["policy doctors.tenantry_tenant is missing"]),
            (
                "ALTER POLICY tenantry_all ON doctors TO PUBLIC",
                &["policy doctors.tenantry_all is: PERMISSIVE * TO public"],
            ),
        ];
        let own = if subject.is_pooled() { pooled } else { &[] };
        for (sql, expect) in cases.iter().chain(own) {
            let same = lab.subject(subject.whole.server.as_str(), subject.whole.isolation).await;
            same.start(&clinic).await;
            same.execute(sql).await;
            let seen = same.inspect(&all).await;
            let found: Vec<String> = seen.drift.iter().map(ToString::to_string).collect();
            assert_eq!(found.len(), expect.len(), "{subject}, {sql}: {found:#?}");
            assert!(found.iter().zip(*expect).all(|(f, e)| f.starts_with(e)), "{subject}, {sql}: {found:#?}");
            let made = sql.starts_with("CREATE TABLE");
            assert_eq!(seen.undeclared, if made { vec!["table own", "view v"] } else { vec![] }, "{subject}");
        }
    }
    lab.remove().await;
}

#[tokio::test]
async fn wrong_counters_values_and_words_are_found() {
    let lab = Lab::new().await;
    let all = models(people!("search = true\nmax_length = 5\n[fields.age]\ntype = \"integer\"\nmin = 0"));
    for subject in lab.on_postgres(true).await {
        let first = subject.start(&all).await;
        subject.insert(&all, "people", 1, &[("name", Text("Ann Ö")), ("age", Integer(1))]).await;
        subject.insert(&all, "people", 2, &[("name", Text("too long")), ("age", Integer(-1))]).await;
        let script = Arc::new(Script::new(&store("tenant"), std::slice::from_ref(&first)).unwrap());
        let place = subject.place();
        let found = lab.engine.check_search(&subject.whole, &script).await.unwrap();
        assert_eq!(found, [Fault::Search("people".into())], "{subject}: the rows were not written by writes");
        let found = lab.engine.check_rows(&place, &script).await.unwrap();
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{subject}: {told:#?}");
        assert_eq!(told[0], "the row counter says 0, but there are 2");
        assert!(told[1].starts_with("people.name must have at most 5 characters: 1 record"), "{told:#?}");
        assert!(told[2].starts_with("people.age must be at least 0: 1 record"), "{told:#?}");
        // A migration of rows counts them and collects their words again.
        let data = Statements {
            postgres: vec!["UPDATE people SET name = 'Böb', age = 3 WHERE id = 2".into()],
            ..Statements::default()
        };
        let mended =
            [first, migration("0002_mend", vec![Op::Data { store: store("tenant"), statements: data }])];
        subject.migrate(&mended).await.unwrap();
        let script = Arc::new(Script::new(&store("tenant"), &mended).unwrap());
        assert_eq!(lab.engine.check_search(&subject.whole, &script).await.unwrap(), [], "{subject}");
        assert_eq!(lab.engine.check_rows(&place, &script).await.unwrap(), [], "{subject}");
        let hits = "SELECT id FROM people WHERE _search @@ '''bob'''::tsquery";
        assert_eq!(subject.query(hits).await, [["2"]], "{subject}");
        subject.execute(&format!("UPDATE _tenantry_place SET bytes = 1 WHERE tenant = {TENANT}")).await;
        let found = lab.engine.check_rows(&place, &script).await.unwrap();
        assert!(matches!(&found[..], [Fault::Counters { held: (2, 1), counted: (2, _) }]), "{found:?}");
    }
    lab.remove().await;
}

#[tokio::test]
async fn the_search_follows_its_fields() {
    let lab = Lab::new().await;
    let plain = models(people!("[fields.note]\ntype = \"text\""));
    let searched = models(people!("search = true\n[fields.note]\ntype = \"text\""));
    let both = models(people!("search = true\n[fields.note]\ntype = \"text\"\nsearch = true"));
    let stages = [&plain, &searched, &both, &searched, &plain];
    for subject in lab.on_postgres(true).await {
        let mut all = vec![subject.start(&plain).await];
        subject.insert(&plain, "people", 1, &[("name", Text("Ann")), ("note", Text("late"))]).await;
        for (number, pair) in stages.windows(2).enumerate() {
            let name = format!("{:04}_search", number + 2);
            all.push(step(pair[0], pair[1], &Answers::default(), &name));
            subject.migrate(&all).await.unwrap();
            let seen = subject.inspect(&all).await;
            assert_eq!((seen.pending.len(), seen.drift), (0, vec![]), "{subject}, {name}");
            let script = Arc::new(Script::new(&store("tenant"), &all).unwrap());
            assert_eq!(
                lab.engine.check_search(&subject.whole, &script).await.unwrap(),
                [],
                "{subject}, {name}"
            );
        }
    }
    lab.remove().await;
}
