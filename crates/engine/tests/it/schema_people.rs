//! The small platform that the migration tests change: `people` and `visits`, in both isolations.

use crate::schema_kit::{app, load, migration};
use rusqlite::Connection;
use tenantry_engine::{
    migration::{Answers, Migration, State, diff},
    model::Model,
    place::Isolation,
};

pub(crate) const BOTH: [Isolation; 2] = [Isolation::Database, Isolation::Pooled];

/// Returns the schema without ledger and counts, to verify that a refused migration leaves nothing.
pub(crate) fn schema(conn: &Connection) -> Vec<String> {
    let mut query = conn.prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY 1").unwrap();
    query.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
}

pub(crate) fn step(old: &[Model], new: &[Model], answers: &Answers, name: &str) -> Migration {
    let ops = diff(&app(), &State::of(old), new, answers).unwrap();
    migration(name, ops)
}

pub(crate) fn models(text: &'static str) -> Vec<Model> {
    load(&[("visits", "store = \"tenant\"\n[fields.note]\ntype = \"text\""), ("people", text)]).unwrap()
}

pub(crate) fn answers(options: &[(&str, &str)]) -> Answers {
    let mut out = Answers::default();
    for (option, value) in options {
        out.add(option, value).unwrap();
    }
    out
}

/// Returns `column=value, …` as an insert into `people`, in either isolation.
pub(crate) fn row(insert: &str, isolation: Isolation) -> String {
    let mut out = String::new();
    for (i, one) in insert.split(" | ").filter(|s| !s.is_empty()).enumerate() {
        let (columns, values): (Vec<&str>, Vec<&str>) =
            one.split(", ").filter_map(|p| p.split_once('=')).unzip();
        let (tc, tv) = match isolation {
            Isolation::Pooled => ("tenant_id, id, ".to_owned(), format!("7, {}, ", i + 1)),
            Isolation::Schema | Isolation::Database => (String::new(), String::new()),
        };
        out.push_str(&format!(
            "INSERT INTO people ({tc}{}, created_at, updated_at) VALUES ({tv}{}, 'c', 'u');",
            columns.join(", "),
            values.join(", ")
        ));
    }
    out
}

pub(crate) const NAME: &str = "store = \"tenant\"\n[fields.name]\ntype = \"text\"\n";
macro_rules! people {
    ($rest:literal) => {
        concat!("store = \"tenant\"\n[fields.name]\ntype = \"text\"\n", $rest)
    };
}
pub(crate) use people;
