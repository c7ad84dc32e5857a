//! Model files: valid ones are parsed; for others, every mistake is reported at once with its line.

use crate::schema_kit::{CLINIC, load};
use proptest::prelude::*;
use tenantry_engine::{
    migration::Migration,
    model::{FieldKind, IdKind},
};
use tenantry_testkit::property;

/// Loads one file `m.toml` together with a shared model `towns` and a tenant model `people`, and checks its problems,
/// one per line.
fn check(text: &str, expect: &[&str]) {
    let towns = "store = \"shared\"\n[fields.name]\ntype = \"text\"";
    let people = "store = \"tenant\"\n[fields.name]\ntype = \"text\"";
    let found = load(&[("towns", towns), ("people", people), ("m", text)]).err().unwrap_or_default();
    let cut = |s: &String, n: usize| s.get(..n).unwrap_or(s).to_owned();
    let seen: Vec<String> = found.iter().zip(expect).map(|(f, e)| cut(f, e.len())).collect();
    assert_eq!(seen, expect, "all: {found:#?}");
    assert_eq!(found.len(), expect.len(), "all: {found:#?}");
}

#[test]
fn a_good_model_is_read_whole() {
    let models = load(CLINIC).unwrap();
    let doctors = models.iter().find(|m| m.name.as_str() == "doctors").unwrap();
    assert_eq!(doctors.label, "Doctors");
    assert_eq!(doctors.fields.len(), 13);
    assert_eq!(doctors.id, IdKind::Integer);
    assert_eq!(doctors.permissions.create.len(), 3);
    assert!(matches!(doctors.field("fee").unwrap().kind, FieldKind::Decimal { scale: 2 }));
    let shared = models.iter().find(|m| m.name.as_str() == "regions").unwrap();
    assert_eq!(String::from(shared.permissions.update[0].clone()), "platform");
    let automatic = models.iter().find(|m| m.name.as_str() == "regions_overrides").unwrap();
    assert_eq!(automatic.store.as_str(), "tenant");
    assert!(automatic.field("shared_id").unwrap().unique);
}

#[test]
fn every_problem_is_reported_at_once_with_its_line() {
    check(
        "store = \"tenant\"\nid = \"serial\"\ncolour = 1\n[fields.a]\ntype = \"txt\"\n[fields.b]\ntype = \"text\"\nrequired = 1\n[fields.id]\ntype = \"text\"",
        &[
            "m.toml:2: `id` must be",
            "m.toml:3: unknown key `colour`",
            "m.toml:5: `type` \"txt\" is not known",
            "m.toml:8: `required` must be true or false",
            "m.toml:9: `id` is reserved",
        ],
    );
}

#[test]
fn single_mistakes_are_named() {
    let tenant = |rest: &str| format!("store = \"tenant\"\n{rest}");
    for (text, expect) in [
        ("store = ", "m.toml:1: not valid TOML"),
        ("[fields.a]\ntype = \"text\"", "m.toml:1: `store` is missing"),
        ("store = \"nowhere\"\n[fields.a]\ntype = \"text\"", "m.toml:1: there is no store `nowhere`"),
        (&tenant(""), "m.toml:1: a model needs at least one field"),
        (
            &tenant("display = \"b\"\n[fields.a]\ntype = \"text\""),
            "m.toml:2: `display`: there is no field `b`",
        ),
        (&tenant("[fields.Bad]\ntype = \"text\""), "m.toml:2: field name \"Bad\""),
        (&tenant("[fields.a]\nrequired = true"), "m.toml:2: `type` is missing"),
        (&tenant("[fields.tenant_id]\ntype = \"text\""), "m.toml:2: `tenant_id` is reserved"),
        (&tenant("tenant_field = \"co\"\n[fields.co]\ntype = \"text\""), "m.toml:3: `co` is reserved"),
        (
            &tenant("tenant_field = \"version\"\n[fields.a]\ntype = \"text\""),
            "m.toml:2: `tenant_field`: `version` is",
        ),
        (
            &tenant("[fields.a]\ntype = \"json\"\n[[indexes]]\nfields = [\"a\", \"id\"]"),
            "m.toml:5: index: `a` is json",
        ),
        (
            &tenant("[fields.a]\ntype = \"text\"\n[[indexes]]\nfields = [\"a\", \"a\"]"),
            "m.toml:5: `a` is twice in this index",
        ),
        (&tenant("[fields.a]\ntype = \"decimal\"\nscale = 10"), "m.toml:4: `scale` must lie between 0 and 9"),
        (&tenant("[fields.a]\ntype = \"integer\"\nmin = 2\nmax = 1"), "m.toml:5: `max` 1 is smaller"),
        (&tenant("[fields.a]\ntype = \"choice\""), "m.toml:3: a choice needs"),
        (
            &tenant("[fields.a]\ntype = \"choice\"\nchoices = [\"x\"]\ndefault = \"y\""),
            "m.toml:5: default of `a`: must be one of x",
        ),
        (
            &tenant("[fields.a]\ntype = \"date\"\ndefault = \"soon\""),
            "m.toml:4: default of `a`: must be a date",
        ),
        (
            &tenant("[fields.a]\ntype = \"decimal\"\ndefault = \"1.234\""),
            "m.toml:4: default of `a`: 1.234 has more",
        ),
        (
            &tenant("[fields.a]\ntype = \"integer\"\nsearch = true"),
            "m.toml:2: `a`: only text can have `search`",
        ),
        (&tenant("[fields.a]\ntype = \"json\"\nunique = true"), "m.toml:2: `a`: a json or file field"),
        (&tenant("[fields.a]\ntype = \"ref\""), "m.toml:3: a reference needs"),
        (&tenant("[fields.a]\ntype = \"ref\"\nto = \"ghosts\""), "m.toml:4: there is no model `ghosts`"),
        (
            &tenant("[fields.a]\ntype = \"ref\"\nto = \"towns\"\nrequired = true\non_delete = \"set_null\""),
            "m.toml:2: `a` is required, so",
        ),
        (
            "store = \"shared\"\n[fields.a]\ntype = \"ref\"\nto = \"people\"",
            "m.toml:4: a model of system store `shared` cannot refer to `people`",
        ),
        (
            &tenant("[fields.a]\ntype = \"text\"\n[[indexes]]\nfields = [\"z\"]"),
            "m.toml:5: index: there is no field `z`",
        ),
        (
            &tenant("[fields.a]\ntype = \"text\"\nindex = true\n[[indexes]]\nfields = [\"a\"]"),
            "m.toml:5: clashes with the index that field `a` has",
        ),
        (
            &tenant("[fields.a]\ntype = \"text\"\n[overrides]\nstore = \"tenant\"\nfields = [\"a\"]"),
            "m.toml:4: only a model of a system store",
        ),
        (
            "store = \"shared\"\n[fields.a]\ntype = \"text\"\n[overrides]\nstore = \"control\"\nfields = [\"q\"]",
            "m.toml:5: `store`: control is not",
        ),
        (
            &tenant("[fields.a]\ntype = \"text\"\n[permissions]\nread = [\"No\"]"),
            "m.toml:5: `read`: role name",
        ),
    ] {
        let found = load(&[
            ("towns", "store = \"shared\"\n[fields.name]\ntype = \"text\""),
            ("people", "store = \"tenant\"\n[fields.name]\ntype = \"text\""),
            ("m", text),
        ])
        .expect_err(text);
        assert!(found.iter().any(|f| f.starts_with(expect)), "{text}\nwants {expect}\nfound {found:#?}");
    }
}

#[test]
fn names_used_twice_are_refused() {
    let text = "store = \"tenant\"\n[fields.a]\ntype = \"text\"";
    let found = load(&[("m", text), ("m", text)]).unwrap_err();
    assert!(found[0].contains("declared twice"), "{found:?}");
    let shared =
        "store = \"shared\"\n[fields.a]\ntype = \"text\"\n[overrides]\nstore = \"tenant\"\nfields = [\"a\"]";
    let found = load(&[("m", shared), ("m_overrides", text)]).unwrap_err();
    assert!(found[0].contains("automatic model"), "{found:?}");
}

#[test]
fn numbers_may_be_written_as_toml_writes_them() {
    let text = "store = \"tenant\"\n[fields.a]\ntype = \"integer\"\nmin = -1_000\nmax = 0xff\ndefault = +7\n\
                [fields.b]\ntype = \"decimal\"\ndefault = 0.10\n[fields.c]\ntype = \"date\"\ndefault = 2026-01-31";
    let models = load(&[("m", text)]).unwrap();
    let kind = &models[0].field("a").unwrap().kind;
    assert!(matches!(kind, FieldKind::Integer { min: Some(-1000), max: Some(255) }), "{kind:?}");
    let default = |name: &str| models[0].field(name).unwrap().default_value().unwrap();
    assert_eq!(default("a"), 7.into());
    assert_eq!(format!("{:?}", default("b")), "Decimal(0.1)");
    assert_eq!(format!("{:?}", default("c")), "Date(2026-01-31)");
}

/// Words of model and migration files, so that random text gets past the TOML parser.
fn words() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(vec![
        "store = \"tenant\"",
        "[fields.a]",
        "[fields]",
        "type = \"ref\"",
        "type = \"choice\"",
        "to = \"m\"",
        "to = 1",
        "choices = [1]",
        "choices = [\"x\"]",
        "default = {}",
        "default = [1, {a = nan}]",
        "default = -inf",
        "min = 99999999999999999999",
        "scale = -1",
        "[[indexes]]",
        "fields = [\"a\"]",
        "fields = [[]]",
        "[overrides]",
        "[permissions]",
        "write = [\"*\"]",
        "[[ops]]",
        "op = \"add_field\"",
        "op = \"create_model\"",
        "model = \"m\"",
        "field = { name = \"a\", type = \"text\" }",
        "app = \"a\"",
        "name = \"0001_é\"",
        "name = \"é\"",
        "fill = 1",
        "fields = [{ name = \"é\" }]",
        "é = 1",
        "\u{0}",
        "a.b.c = 1",
    ]);
    proptest::collection::vec(word, 0..12).prop_map(|w| w.join("\n"))
}

/// T4: whatever a file holds, it is parsed, or refused with lines that exist.
#[test]
fn no_file_makes_the_parsers_panic() {
    property(2_000, prop_oneof![words(), "\\PC{0,80}"], |text| {
        let lines = text.lines().count().max(1) + 1;
        let line = |p: &str| p.split(':').nth(1).and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
        if let Err(found) = load(&[("m", &text)]) {
            assert!(!found.is_empty() && found.iter().all(|p| line(p) <= lines), "{found:?}");
        }
        if let Err(found) = Migration::parse("m.toml", &text) {
            assert!(!found.is_empty() && found.iter().all(|p| p.line <= lines), "{found:?}");
        }
    });
}

#[test]
fn a_model_that_reads_a_table_of_another_program_writes_nothing() {
    let text = "store = \"tenant\"\n[reads]\ntable = \"res_partner\"\n[reads.columns]\nname = \"name ->> 'en_US'\"\n\
                [fields.name]\ntype = \"text\"\n";
    let models = load(&[("m", text)]).unwrap();
    assert!(models[0].permissions.read_only && !models[0].is_migrated());
    for (text, expect) in [
        ("[reads]\n[fields.a]\ntype = \"text\"", "m.toml:2: `table` must name"),
        ("[reads]\ntable = \"a.b.c\"\n[fields.a]\ntype = \"text\"", "m.toml:3: `table` must be a name"),
        (
            "[reads]\ntable = \"t\"\n[reads.columns]\nb = \"x\"\n[fields.a]\ntype = \"text\"",
            "m.toml:5: unknown key `b`",
        ),
        (
            "[reads]\ntable = \"t\"\n[reads.columns]\na = \"a; DROP\"\n[fields.a]\ntype = \"text\"",
            "m.toml:5: `a` must be an SQL expression",
        ),
        (
            "[reads]\ntable = \"t\"\n[fields.a]\ntype = \"file\"",
            "m.toml:2: a model with `reads` only reads: `a` is a file",
        ),
        (
            "[reads]\ntable = \"t\"\n[permissions]\nwrite = [\"owner\"]\n[fields.a]\ntype = \"text\"",
            "m.toml:2: a model with `reads` only reads: its permissions",
        ),
        (
            "audit = true\n[reads]\ntable = \"t\"\n[fields.a]\ntype = \"text\"",
            "m.toml:1: a model with `reads` only reads: remove",
        ),
    ] {
        check(&format!("store = \"tenant\"\n{text}"), &[expect]);
    }
    let refers = "store = \"tenant\"\n[fields.m]\ntype = \"ref\"\nto = \"m\"\n";
    let refused = load(&[("m", text), ("other", refers)]).unwrap_err();
    assert!(refused[0].contains("only reads a table of another program"), "{refused:?}");
}
