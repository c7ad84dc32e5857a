//! Rows when models change, on every database: values are kept exactly, or the migration refuses with a clear message
//! and changes nothing.

use crate::{
    schema_lab::{Lab, Subject},
    schema_people::{NAME, answers, models, people, step},
    schema_rows::{Cell, Cell::*},
};
use tenantry_engine::{RefusedRows, model::Model};

/// A change between two versions of `people`.
struct Change<'c> {
    old: &'static str,
    /// Rows before the change.
    rows: &'c [&'c [(&'c str, Cell<'c>)]],
    new: &'static str,
    answers: &'c [(&'c str, &'c str)],
    /// Fields to read afterwards.
    fields: &'c [&'c str],
    /// Values of these fields, joined, or the start of the refusal.
    expect: Result<&'c str, &'c str>,
}

impl Change<'_> {
    async fn check(&self, lab: &Lab) {
        for subject in lab.subjects(false).await.into_iter().chain(lab.on_mongo().await) {
            self.check_on(&subject).await;
        }
    }

    async fn check_on(&self, subject: &Subject<'_>) {
        let (old, new) = (models(self.old), models(self.new));
        let first = subject.start(&old).await;
        for (row, id) in self.rows.iter().zip(1..) {
            subject.insert(&old, "people", id, row).await;
        }
        let before = subject.catalog().await;
        let all = [first, step(&old, &new, &answers(self.answers), "0002_change")];
        let rehearsed = subject.lab.engine.rehearse(&subject.whole, &all).await;
        assert_eq!(subject.catalog().await, before, "{subject}: a rehearsal left something");
        let outcome = subject.migrate(&all).await;
        assert_eq!(rehearsed.is_ok(), outcome.is_ok(), "{subject}: a rehearsal tells what happens");
        match (outcome, self.expect) {
            (Ok(report), Ok(expect)) => {
                assert_eq!(report.applied, ["clinic/0002_change"]);
                assert_eq!(self.found(subject, &new).await, expect, "{subject}");
                let seen = subject.inspect(&all).await;
                assert_eq!((seen.pending.len(), seen.drift), (0, vec![]), "{subject}");
            }
            (Err(error), Err(expect)) => {
                assert!(error.detail().contains(expect), "{subject} wants {expect}: {error}");
                assert_eq!(subject.catalog().await, before, "{subject}: a failed migration left something");
                assert_eq!(subject.applied().await, 1);
                if let Some(rows) = RefusedRows::of(&error) {
                    assert_eq!(rows.is_pooled(), subject.is_pooled(), "{subject}");
                    assert_eq!(
                        rows.ids.values().flatten().next().map(String::as_str),
                        Some("1"),
                        "{subject}"
                    );
                }
            }
            (found, expect) => panic!("{subject}: found {found:?}, wants {expect:?}"),
        }
    }

    async fn found(&self, subject: &Subject<'_>, new: &[Model]) -> String {
        let rows = subject.values(new, "people", self.fields).await;
        rows.iter().map(|row| row.concat()).collect::<Vec<_>>().join(";")
    }
}

/// Models before, row, models after, field, and the expected value.
type TypeCase<'c> =
    (&'static str, &'c [(&'c str, Cell<'c>)], &'static str, &'c str, Result<&'c str, &'c str>);
/// Rows, rules of the field, answers, and the expected value.
type RuleCase<'c> =
    (&'c [&'c [(&'c str, Cell<'c>)]], &'c str, &'c [(&'c str, &'c str)], Result<&'c str, &'c str>);

const A: &[(&str, Cell<'_>)] = &[("name", Text("A"))];

#[tokio::test]
async fn fields_come_and_go_and_rows_stay() {
    let lab = Lab::new().await;
    let keep = Change { old: NAME, rows: &[A], new: NAME, answers: &[], fields: &["name"], expect: Ok("A") };
    let cases = [
        Change {
            new: people!("[fields.fee]\ntype = \"decimal\"\ndefault = \"1.5\""),
            fields: &["name", "fee", "created_at", "version"],
            expect: Ok("A1502026-01-31T12:00:00.000000Z1"),
            ..keep
        },
        Change {
            new: people!("[fields.fee]\ntype = \"integer\"\nrequired = true"),
            answers: &[("fill", "people.fee=4")],
            fields: &["name", "fee"],
            expect: Ok("A4"),
            ..keep
        },
        Change {
            new: people!("[fields.visit]\ntype = \"ref\"\nto = \"visits\""),
            fields: &["name", "visit"],
            expect: Ok("A∅"),
            ..keep
        },
        Change {
            old: people!(
                "[fields.visit]\ntype = \"ref\"\nto = \"visits\"\n[fields.x]\ntype=\"date\"\nindex=true"
            ),
            rows: &[&[("name", Text("A")), ("x", Text("2026-01-01"))]],
            ..keep
        },
        Change {
            new: "store = \"tenant\"\n[fields.full_name]\ntype = \"text\"\nsearch = true",
            answers: &[("rename", "people.name=full_name")],
            fields: &["full_name"],
            ..keep
        },
        Change {
            old: people!("[[indexes]]\nfields = [\"name\"]\nunique = true"),
            new: people!("[[indexes]]\nfields = [\"name\", \"created_at\"]"),
            ..keep
        },
    ];
    for case in &cases {
        case.check(&lab).await;
    }
    lab.remove().await;
}

#[tokio::test]
async fn types_change_exactly_or_refuse() {
    let lab = Lab::new().await;
    let fee = |cell| [("name", Text("A")), ("fee", cell)];
    let cases: &[TypeCase<'_>] = &[
        (
            people!("[fields.fee]\ntype = \"decimal\"\nscale = 2"),
            &fee(Integer(150)),
            people!("[fields.fee]\ntype = \"decimal\"\nscale = 4"),
            "fee",
            Ok("15000"),
        ),
        (
            people!("[fields.fee]\ntype = \"decimal\"\nscale = 2"),
            &fee(Integer(150)),
            people!("[fields.fee]\ntype = \"decimal\"\nscale = 1"),
            "fee",
            Ok("15"),
        ),
        (
            people!("[fields.fee]\ntype = \"decimal\"\nscale = 2"),
            &fee(Integer(155)),
            people!("[fields.fee]\ntype = \"decimal\"\nscale = 1"),
            "fee",
            Err("1 rows of `people` have a `fee` with more than 1 decimals"),
        ),
        (
            people!("[fields.fee]\ntype = \"decimal\"\nscale = 0"),
            &fee(Integer(999_999_999_999_999_999)),
            people!("[fields.fee]\ntype = \"decimal\"\nscale = 1"),
            "fee",
            Err("too large for that many decimals"),
        ),
        (
            people!("[fields.d]\ntype = \"date\""),
            &[("name", Text("A")), ("d", Text("2026-01-02"))],
            people!("[fields.d]\ntype = \"datetime\""),
            "d",
            Ok("2026-01-02T00:00:00.000000Z"),
        ),
    ];
    for (old, row, new, field, expect) in cases.iter().copied() {
        let case = Change { old, rows: &[row], new, answers: &[], fields: &[field], expect };
        case.check(&lab).await;
    }
    let twice: [&[(&str, Cell<'_>)]; 2] = [A, A];
    let names: &[RuleCase<'_>] = &[
        (&[&[("name", Text("12"))]], "type = \"integer\"", &[], Ok("12")),
        (&[&[("name", Text("x"))]], "type = \"integer\"", &[], Err("that is not a whole number (id 1)")),
        (&[&[("name", Text("2026-02-30"))]], "type = \"date\"", &[], Err("that is not a date")),
        (&[&[("name", Text("x"))]], "type = \"choice\"\nchoices = [\"y\"]", &[], Err("none of the choices")),
        (&[&[("name", Text("long"))]], "type = \"text\"\nmax_length = 3", &[], Err("longer than 3")),
        (&twice, "type = \"text\"\nunique = true", &[], Err("1 values of (name) occur more than once")),
        (
            &[&[("name", Null)]],
            "type = \"text\"\nrequired = true",
            &[("checked", "people.name")],
            Err("that is null"),
        ),
        (
            &[&[("name", Null)]],
            "type = \"text\"\nrequired = true",
            &[("fill", "people.name=none")],
            Ok("none"),
        ),
    ];
    for (rows, field, answers, expect) in names.iter().copied() {
        let new = format!("store = \"tenant\"\n[fields.name]\n{field}").leak();
        // In a pool, the reason concerns all tenants, so it names no ids.
        let expect = expect.map_err(|why| why.trim_end_matches(" (id 1)"));
        Change { old: NAME, rows, new, answers, fields: &["name"], expect }.check(&lab).await;
    }
    lab.remove().await;
}
