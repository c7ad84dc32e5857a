//! Conversions of fields: PostgreSQL accepts and refuses the same values as SQLite, with the same messages.

use crate::{
    schema_kit::{app, load, store},
    schema_lab::{Lab, Subject},
    schema_rows::{Cell, Cell::*},
};
use tenantry_engine::{
    Kind,
    migration::{Answers, Migration, Op, State, diff},
    model::Model,
    name::AppName,
};

/// A kind of field, and stored values to convert.
const KINDS: &[(&str, &[Cell<'_>])] = &[
    (
        "type = \"text\"",
        &[
            Text("x"),
            Text(""),
            Text("12"),
            Text("-7"),
            Text("007"),
            Text("+5"),
            Text(" 5"),
            Text("-0"),
            Text("0"),
            Text("9223372036854775807"),
            Text("9223372036854775808"),
            Text("-9223372036854775808"),
            Text("1e3"),
            Text("2026-01-31"),
            Text("2026-02-30"),
            Text("2024-02-29"),
            Text("2023-02-29"),
            Text("1900-02-29"),
            Text("2000-02-29"),
            Text("0000-02-29"),
            Text("9999-12-31"),
            Text("now"),
            Text("today"),
            Text("26-01-31"),
            Text("2026-1-31"),
            Text("2026-01-31 "),
            Text("2026-01-31\n"),
            Text("ä"),
            Text("long text"),
            Text("00000000-0000-7000-8000-000000000001"),
            Text("00000000-0000-7000-8000-00000000000A"),
        ],
    ),
    ("type = \"text\"\nmax_length = 3", &[Text("abc"), Text("äöü")]),
    (
        "type = \"integer\"",
        &[
            Integer(0),
            Integer(1),
            Integer(2),
            Integer(-1),
            Integer(5),
            Integer(i64::MAX),
            Integer(i64::MIN),
            Integer(999_999_999_999_999_999),
            Integer(10_000_000_000_000_000),
            Integer(9_999_999_999_999_999),
        ],
    ),
    ("type = \"integer\"\nmin = 0\nmax = 4", &[Integer(0), Integer(4)]),
    ("type = \"decimal\"\nscale = 0", &[Integer(0), Integer(1), Integer(-999_999_999_999_999_999)]),
    (
        "type = \"decimal\"\nscale = 2",
        &[
            Integer(0),
            Integer(100),
            Integer(150),
            Integer(155),
            Integer(-1),
            Integer(999_999_999_999_999_999),
            Integer(-100_000_000_000_000_000),
            Integer(99_999_999_999_999_900),
        ],
    ),
    ("type = \"decimal\"\nscale = 9", &[Integer(1), Integer(1_000_000_000)]),
    ("type = \"boolean\"", &[Integer(0), Integer(1)]),
    ("type = \"date\"", &[Text("2026-01-31"), Text("0000-01-01"), Text("9999-12-30"), Text("9999-12-31")]),
    (
        "type = \"datetime\"",
        &[
            Text("2026-01-31T00:00:00.000000Z"),
            Text("2026-01-31T00:00:00.000001Z"),
            Text("0001-01-01T00:00:00.000000Z"),
            Text("9999-12-30T00:00:00.000000Z"),
        ],
    ),
    ("type = \"json\"", &[Text("{\"b\":1,\"a\":[1.0,1e2]}")]),
    ("type = \"file\"", &[Text("{}")]),
    ("type = \"choice\"\nchoices = [\"x\", \"12\"]", &[Text("x"), Text("12")]),
    ("type = \"choice\"\nchoices = [\"x\"]", &[Text("x")]),
    ("type = \"ref\"\nto = \"visits\"", &[Integer(1)]),
    ("type = \"ref\"\nto = \"rooms\"", &[Text("00000000-0000-7000-8000-000000000001")]),
];

fn parsed(field: &str, models: usize) -> Vec<Model> {
    let visits = "store = \"tenant\"\n[fields.note]\ntype = \"text\"".to_owned();
    let rooms = format!("id = \"uuid\"\n{visits}");
    let mut all = vec![("visits".to_owned(), visits), ("rooms".to_owned(), rooms)];
    let text = format!("store = \"tenant\"\n[fields.v]\n{field}");
    all.extend((0..models).map(|number| (format!("m{number}"), text.clone())));
    let files: Vec<(&str, &str)> = all.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    load(&files).unwrap()
}

/// Returns the change of one model in a separate app, so that refusals of other models have no effect.
fn change(number: usize, to: &Model) -> Migration {
    let field = to.field("v").unwrap().clone();
    let op = Op::AlterField { store: store("tenant"), model: to.name.clone(), field, fill: None };
    let app = AppName::parse(&format!("a{number}")).unwrap();
    Migration { app, name: "0001_change".into(), depends: vec![], ops: vec![op] }
}

/// Converts each value in a separate model and migration. Returns the values afterwards, or the reasons of the
/// refusals. The values in `kept` are known to be accepted, so they are converted together.
async fn converted(
    subject: &Subject<'_>,
    (old, new): (&[Model], &[Model]),
    values: &[Cell<'_>],
    kept: &[bool],
) -> Vec<String> {
    let mut all = vec![subject.start(old).await];
    subject.insert(old, "visits", 1, &[]).await;
    subject.insert(old, "rooms", 1, &[]).await;
    let mut together = vec![];
    for (number, value) in values.iter().enumerate() {
        let model = format!("m{number}");
        subject.insert(old, &model, 1, &[("v", *value)]).await;
        subject.insert(old, &model, 2, &[("v", Null)]).await;
        let to = new.iter().find(|m| m.name.as_str() == model).unwrap();
        together.push(change(number, to));
    }
    let mut outcomes = vec![None; values.len()];
    for (number, change) in together.iter().enumerate().filter(|(number, _)| !kept[*number]) {
        all.push(change.clone());
        if let Err(error) = subject.migrate(&all).await {
            all.pop();
            outcomes[number] = Some(match error.kind() {
                Kind::Reference(_) => "a reference to a missing row".into(),
                _ => error.detail().replace(" (id 1)", ""),
            });
        }
    }
    all.extend(
        together.into_iter().enumerate().filter(|(number, _)| kept[*number]).map(|(_, change)| change),
    );
    subject.migrate(&all).await.unwrap_or_else(|error| panic!("{subject}: {error}"));
    let mut out = vec![];
    for (number, refused) in outcomes.into_iter().enumerate() {
        out.push(match refused {
            Some(refused) => refused,
            None => format!("{:?}", subject.values(new, &format!("m{number}"), &["v"]).await),
        });
    }
    out
}

/// Converts every kind of field to every other: the same values are accepted, and the same values are refused with the
/// same messages, as on SQLite.
#[tokio::test]
async fn every_conversion_is_that_of_sqlite() {
    let lab = Lab::new().await;
    let (mut tried, mut stayed) = (0, 0);
    for (from, values) in KINDS {
        for (to, _) in KINDS {
            let (old, new) = (parsed(from, values.len()), parsed(to, values.len()));
            if diff(&app(), &State::of(&old), &new, &Answers::default()).is_err() {
                continue;
            }
            let subjects = lab.subjects(false).await;
            let first = converted(&subjects[0], (&old, &new), values, &vec![false; values.len()]).await;
            let kept: Vec<bool> = first.iter().map(|outcome| outcome.starts_with('[')).collect();
            for subject in &subjects[1..] {
                let outcome = converted(subject, (&old, &new), values, &kept).await;
                assert_eq!(outcome, first, "{subject}: {values:?} from {from} to {to}");
            }
            tried += first.len();
            stayed += kept.iter().filter(|kept| **kept).count();
        }
    }
    assert!(tried > 150 && stayed > 50 && stayed < tried, "{stayed} of {tried}");
    lab.remove().await;
}
