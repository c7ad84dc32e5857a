//! What happens to rows when models change: values are kept exactly, or the migration refuses with a clear message and
//! changes nothing.

use crate::{
    schema_kit::{memory, store},
    schema_people::{BOTH, NAME, answers, models, people, row, schema, step},
};
use tenantry_engine::{
    internals::migrate::{self, migrate},
    migration::Answers,
};

/// Checks a change between two versions of `people`, with a row inserted before, the answers, and either SQL with its
/// expected result afterwards or the start of the refusal.
fn check(
    old: &'static str,
    insert: &str,
    new: &'static str,
    options: &[(&str, &str)],
    query: &str,
    expect: Result<&str, &str>,
) {
    for isolation in BOTH {
        let (old, new) = (models(old), models(new));
        let first = step(&[], &old, &Answers::default(), "0001_initial");
        let second = step(&old, &new, &answers(options), "0002_change");
        let mut conn = memory();
        migrate(&mut conn, &store("tenant"), isolation, std::slice::from_ref(&first)).unwrap();
        conn.execute_batch(&row(insert, isolation)).unwrap();
        let before = schema(&conn);
        let all = [first, second];
        let outcome = migrate(&mut conn, &store("tenant"), isolation, &all);
        match (outcome, expect) {
            (Ok(_), Ok(expect)) => {
                let found: String = conn
                    .query_row(&format!("SELECT group_concat(v, ';') FROM ({query})"), [], |r| r.get(0))
                    .unwrap();
                assert_eq!(found, expect);
                let seen = migrate::inspect(&conn, &store("tenant"), isolation, &all).unwrap();
                assert_eq!((seen.pending.len(), seen.drift), (0, vec![]), "{isolation:?}");
            }
            (Err(e), Err(expect)) => {
                assert!(e.detail().contains(expect), "wants {expect}: {e}");
                assert_eq!(schema(&conn), before, "a failed migration left something");
                assert_eq!(
                    conn.query_row("SELECT count(*) FROM _tenantry_ledger", [], |r| r.get::<_, i64>(0)),
                    Ok(1)
                );
            }
            (found, expect) => panic!("{isolation:?}: found {found:?}, wants {expect:?}"),
        }
        let on: bool = conn.query_row("PRAGMA foreign_keys", [], |r| r.get(0)).unwrap();
        assert!(on, "foreign keys are on again");
    }
}

#[test]
fn fields_come_and_go_and_rows_stay() {
    check(
        NAME,
        "name='A'",
        people!("[fields.fee]\ntype = \"decimal\"\ndefault = \"1.5\""),
        &[],
        "SELECT name || fee || created_at || version v FROM people",
        Ok("A150c1"),
    );
    check(
        NAME,
        "name='A'",
        people!("[fields.fee]\ntype = \"integer\"\nrequired = true"),
        &[("fill", "people.fee=4")],
        "SELECT name || fee v FROM people",
        Ok("A4"),
    );
    check(
        NAME,
        "name='A'",
        people!("[fields.visit]\ntype = \"ref\"\nto = \"visits\""),
        &[],
        "SELECT name || (visit IS NULL) v FROM people",
        Ok("A1"),
    );
    check(
        people!("[fields.visit]\ntype = \"ref\"\nto = \"visits\"\n[fields.x]\ntype=\"date\"\nindex=true"),
        "name='A', x='2026-01-01'",
        NAME,
        &[],
        "SELECT name v FROM people",
        Ok("A"),
    );
    check(
        NAME,
        "name='A'",
        "store = \"tenant\"\n[fields.full_name]\ntype = \"text\"\nsearch = true",
        &[("rename", "people.name=full_name")],
        "SELECT full_name v FROM people WHERE rowid IN (SELECT rowid FROM people__fts WHERE people__fts MATCH 'a')",
        Ok("A"),
    );
    check(
        people!("[[indexes]]\nfields = [\"name\"]\nunique = true"),
        "name='A'",
        people!("[[indexes]]\nfields = [\"name\", \"created_at\"]"),
        &[],
        "SELECT name v FROM people",
        Ok("A"),
    );
}

#[test]
fn types_change_exactly_or_refuse() {
    check(
        people!("[fields.fee]\ntype = \"decimal\"\nscale = 2"),
        "name='A', fee=150",
        people!("[fields.fee]\ntype = \"decimal\"\nscale = 4"),
        &[],
        "SELECT fee v FROM people",
        Ok("15000"),
    );
    check(
        people!("[fields.fee]\ntype = \"decimal\"\nscale = 2"),
        "name='A', fee=150",
        people!("[fields.fee]\ntype = \"decimal\"\nscale = 1"),
        &[],
        "SELECT fee v FROM people",
        Ok("15"),
    );
    check(
        people!("[fields.fee]\ntype = \"decimal\"\nscale = 2"),
        "name='A', fee=155",
        people!("[fields.fee]\ntype = \"decimal\"\nscale = 1"),
        &[],
        "",
        Err("1 rows of `people` have a `fee` with more than 1 decimals"),
    );
    check(
        people!("[fields.fee]\ntype = \"decimal\"\nscale = 0"),
        "name='A', fee=999999999999999999",
        people!("[fields.fee]\ntype = \"decimal\"\nscale = 1"),
        &[],
        "",
        Err("too large for that many decimals"),
    );
    check(
        NAME,
        "name='12'",
        "store = \"tenant\"\n[fields.name]\ntype = \"integer\"",
        &[],
        "SELECT name + 1 v FROM people",
        Ok("13"),
    );
    check(
        NAME,
        "name='x'",
        "store = \"tenant\"\n[fields.name]\ntype = \"integer\"",
        &[],
        "",
        Err("that is not a whole number"),
    );
    check(
        NAME,
        "name='2026-02-30'",
        "store = \"tenant\"\n[fields.name]\ntype = \"date\"",
        &[],
        "",
        Err("that is not a date"),
    );
    check(
        NAME,
        "name='x'",
        "store = \"tenant\"\n[fields.name]\ntype = \"choice\"\nchoices = [\"y\"]",
        &[],
        "",
        Err("none of the choices"),
    );
    check(
        NAME,
        "name='long'",
        "store = \"tenant\"\n[fields.name]\ntype = \"text\"\nmax_length = 3",
        &[],
        "",
        Err("longer than 3"),
    );
    check(
        NAME,
        "name='A' | name='A'",
        "store = \"tenant\"\n[fields.name]\ntype = \"text\"\nunique = true",
        &[],
        "",
        Err("more than once"),
    );
    check(
        NAME,
        "name=NULL",
        "store = \"tenant\"\n[fields.name]\ntype = \"text\"\nrequired = true",
        &[("checked", "people.name")],
        "",
        Err("that is null"),
    );
    check(
        NAME,
        "name=NULL",
        "store = \"tenant\"\n[fields.name]\ntype = \"text\"\nrequired = true",
        &[("fill", "people.name=none")],
        "SELECT name v FROM people",
        Ok("none"),
    );
    check(
        people!("[fields.d]\ntype = \"date\""),
        "name='A', d='2026-01-02'",
        people!("[fields.d]\ntype = \"datetime\""),
        &[],
        "SELECT d v FROM people",
        Ok("2026-01-02T00:00:00.000000Z"),
    );
}
