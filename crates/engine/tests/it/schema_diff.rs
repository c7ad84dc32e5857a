//! Diffs: the operations they return, the questions they ask, the changes they refuse; and migration files.

use crate::schema_kit::{CLINIC, app, load, migration};
use tenantry_engine::{
    migration::{Answers, Migration, Op, State, Statements, dependencies, diff, fingerprint, order},
    model::Model,
    name::AppName,
};

/// Returns each operation as a word and a name.
fn brief(ops: &[Op]) -> Vec<String> {
    let one = |op: &Op| match op {
        Op::CreateModel { model } => format!("create {}", model.name),
        Op::DropModel { model, .. } => format!("drop {model}"),
        Op::RenameModel { from, to, .. } => format!("rename {from} {to}"),
        Op::AddField { model, field, .. } => format!("add {model}.{}", field.name),
        Op::AlterField { model, field, .. } => format!("alter {model}.{}", field.name),
        Op::RenameField { model, from, to, .. } => format!("rename {model}.{from} {to}"),
        Op::DropField { model, field, .. } => format!("drop {model}.{field}"),
        Op::AddIndex { model, .. } => format!("index {model}"),
        Op::DropIndex { model, .. } => format!("unindex {model}"),
        Op::Raw { .. } => "raw".into(),
        Op::Data { .. } => "data".into(),
    };
    ops.iter().map(one).collect()
}

type Files<'a> = &'a [(&'a str, &'a str)];

/// Diffs between models with answers, and checks the operations, or the offered options and refusals. The operations
/// must lead to the declared schema, and must be the same after they were written to a file.
fn check(old: Files<'_>, new: Files<'_>, options: &[(&str, &str)], expect: &[&str]) {
    let (old, new): (Vec<Model>, Vec<Model>) = (load(old).unwrap(), load(new).unwrap());
    let mut answers = Answers::default();
    options.iter().for_each(|(o, v)| answers.add(o, v).unwrap());
    let found = match diff(&app(), &State::of(&old), &new, &answers) {
        Ok(ops) => {
            let mut state = State::of(&old);
            let written = migration("0002_change", ops);
            state.apply_all(&written).unwrap();
            let again = diff(&app(), &state, &new, &Answers::default());
            assert_eq!(again, Ok(vec![]), "a second diff finds nothing");
            let read = Migration::parse("m.toml", &written.to_text())
                .unwrap_or_else(|p| panic!("{p:#?}\n{}", written.to_text()));
            assert_eq!(read, written, "{}", written.to_text());
            brief(&written.ops)
        }
        Err(undecided) => {
            let options = undecided.questions.iter().flat_map(|q| &q.choices).map(|c| c.option.clone());
            options.chain(undecided.refusals).collect()
        }
    };
    let starts = found.len() == expect.len() && found.iter().zip(expect).all(|(f, e)| f.starts_with(e));
    assert!(starts, "found {found:#?}\nwants {expect:#?}");
}

const TEXT: &str = "store = \"tenant\"\n[fields.a]\ntype = \"text\"\n";
const OTHER: &str = "store = \"tenant\"\n[fields.b]\ntype = \"text\"\n";

#[test]
fn nothing_changed_gives_nothing_and_labels_are_no_schema() {
    check(CLINIC, CLINIC, &[], &[]);
    check(
        &[("m", TEXT)],
        &[(
            "m",
            "store = \"tenant\"\nlabel = \"M\"\naudit = true\n[fields.a]\ntype = \"text\"\nlabel = \"A\"\npersonal = true\n[permissions]\nread = [\"owner\"]",
        )],
        &[],
        &[],
    );
}

#[test]
fn models_are_created_with_those_they_refer_to_first() {
    check(&[], CLINIC, &[], &["create "; 4]);
    let a = "store = \"tenant\"\n[fields.b]\ntype = \"ref\"\nto = \"b\"\n[fields.n]\ntype = \"text\"\n[[indexes]]\nfields = [\"n\", \"b\"]";
    let b = "store = \"tenant\"\n[fields.a]\ntype = \"ref\"\nto = \"a\"\nrequired = true";
    check(&[], &[("a", a), ("b", b)], &[], &["create a", "create b", "add a.b", "index a"]);
    check(&[("a", a), ("b", b)], &[], &[], &["drop b.a", "drop a", "drop b"]);
}

#[test]
fn renames_are_asked_never_guessed() {
    let options = ["--rename m.a=b", "--new m.b"];
    check(&[("m", TEXT)], &[("m", OTHER)], &[], &options);
    check(&[("m", TEXT)], &[("m", OTHER)], &[("rename", "m.a=b")], &["rename m.a b"]);
    check(&[("m", TEXT)], &[("m", OTHER)], &[("new", "m.b")], &["drop m.a", "add m.b"]);
    check(&[("m", TEXT)], &[("m", &format!("{OTHER}required = true"))], &[], &options);
    check(&[("m", TEXT)], &[("n", TEXT)], &[], &["--rename m=n", "--new n"]);
    check(&[("m", TEXT)], &[("n", TEXT)], &[("rename", "m=n")], &["rename m n"]);
    check(&[("m", TEXT)], &[("n", TEXT)], &[("new", "n")], &["create n", "drop m"]);
    check(
        &[("m", TEXT)],
        &[("n", OTHER)],
        &[("rename", "m=n"), ("rename", "n.a=b")],
        &["rename m n", "rename n.a b"],
    );
    check(
        &[("m", TEXT)],
        &[("m", "store = \"tenant\"\n[fields.b]\ntype = \"date\"")],
        &[],
        &["drop m.a", "add m.b"],
    );
}

#[test]
fn required_fields_need_a_value_for_rows_that_exist() {
    let with = |rest: &str| format!("{TEXT}[fields.c]\ntype = \"integer\"\n{rest}");
    check(&[("m", TEXT)], &[("m", &with("required = true"))], &[], &["--fill m.c=VALUE"]);
    check(&[("m", TEXT)], &[("m", &with("required = true\ndefault = 3"))], &[], &["add m.c"]);
    check(&[("m", TEXT)], &[("m", &with("required = true"))], &[("fill", "m.c=3")], &["add m.c"]);
    check(
        &[("m", TEXT)],
        &[("m", &with("required = true"))],
        &[("fill", "m.c=x")],
        &["--fill m.c=VALUE", "--fill m.c: must be"],
    );
    check(
        &[("m", &with(""))],
        &[("m", &with("required = true"))],
        &[],
        &["--fill m.c=VALUE", "--checked m.c"],
    );
    check(&[("m", &with(""))], &[("m", &with("required = true"))], &[("checked", "m.c")], &["alter m.c"]);
    check(
        &[("m", TEXT)],
        &[("m", &with("unique = true\ndefault = 3"))],
        &[],
        &["`m.c` is unique, but every row"],
    );
}

#[test]
fn what_cannot_be_migrated_is_refused_with_the_remedy() {
    check(
        &[("m", TEXT)],
        &[("m", "store = \"books\"\n[fields.a]\ntype = \"text\"")],
        &[],
        &["model `m` cannot move from store"],
    );
    check(
        &[("m", TEXT)],
        &[("m", &format!("id = \"uuid\"\n{TEXT}"))],
        &[],
        &["model `m` cannot change its kind of id"],
    );
    check(
        &[("m", TEXT)],
        &[("m", &format!("tenant_field = \"co\"\n{TEXT}"))],
        &[],
        &["model `m` cannot rename its tenant"],
    );
    check(
        &[("m", TEXT)],
        &[("m", "store = \"tenant\"\n[fields.a]\ntype = \"boolean\"")],
        &[],
        &["`m.a` cannot change its type"],
    );
}

#[test]
fn fields_and_indexes_change_in_an_order_that_holds() {
    let old = "store = \"tenant\"\n[fields.a]\ntype = \"text\"\n[fields.gone]\ntype = \"date\"\n[[indexes]]\nfields = [\"a\", \"gone\"]";
    let new = "store = \"tenant\"\n[fields.a]\ntype = \"text\"\nmax_length = 9\n[fields.fresh]\ntype = \"json\"\n[[indexes]]\nfields = [\"a\", \"id\"]";
    let new = new.replace("\"id\"", "\"version\"");
    check(
        &[("m", old)],
        &[("m", &new)],
        &[],
        &["unindex m", "drop m.gone", "alter m.a", "add m.fresh", "index m"],
    );
}

#[test]
fn files_round_trip_and_checksums_ignore_comments() {
    let mut ops = diff(&app(), &State::default(), &load(CLINIC).unwrap(), &Answers::default()).unwrap();
    let statements = Statements {
        sqlite: vec!["UPDATE doctors\nSET name = 'O''Hara \"x\"\\'".into()],
        postgres: vec!["SELECT 1".into()],
        mongo: vec!["{\"drop\": \"x\"}".into()],
    };
    let store = crate::schema_kit::store("tenant");
    ops.push(Op::Data { store: store.clone(), statements: statements.clone() });
    ops.push(Op::Raw { store, statements, reverse: Some(Statements::default()) });
    let mut written = migration("0001_initial", ops);
    written.depends = vec!["core/0001_initial".into()];
    let text = written.to_text();
    let read = Migration::parse("0001_initial.toml", &text).unwrap_or_else(|p| panic!("{p:#?}\n{text}"));
    assert_eq!(read, written);
    let commented = Migration::parse("x", &text.replace("[[ops]]", "# why\n[[ops]]")).unwrap();
    assert_eq!(commented.checksum(), written.checksum());
    let other = Migration::parse("x", &text.replace("max_length = 200", "max_length = 201")).unwrap();
    assert_ne!(other.checksum(), written.checksum());
}

#[test]
fn mistakes_in_migration_files_are_reported_with_their_lines() {
    let text = "app = \"clinic\"\nname = \"first\"\n[[ops]]\nop = \"drop_modle\"\nstore = \"tenant\"\nmodel = \"m\"\n\
                [[ops]]\nop = \"add_field\"\nstore = \"tenant\"\nmodel = \"m\"\nfield = { name = \"a\", type = \"txt\" }\n\
                [[ops]]\nop = \"drop_model\"\nmodel = \"m\"\nforce = true";
    let found: Vec<String> =
        Migration::parse("f.toml", text).unwrap_err().iter().map(ToString::to_string).collect();
    for expect in [
        "f.toml:2: `name`",
        "f.toml:4: `op` \"drop_modle\"",
        "f.toml:11: `type` \"txt\"",
        "f.toml:12: `store` is missing",
        "f.toml:15: unknown key `force`",
    ] {
        assert!(found.iter().any(|f| f.starts_with(expect)), "wants {expect}, found {found:#?}");
    }
}

#[test]
fn order_follows_dependencies_and_names() {
    let of = |app: &str, name: &str, depends: &[&str]| Migration {
        app: AppName::parse(app).unwrap(),
        depends: depends.iter().map(ToString::to_string).collect(),
        ..migration(name, vec![])
    };
    let ids = |all: &[Migration]| order(all).map(|o| o.iter().map(Migration::id).collect::<Vec<_>>());
    let all = [of("a", "0002_y", &[]), of("a", "0001_x", &["z/0001_x"]), of("z", "0001_x", &[])];
    assert_eq!(ids(&all).unwrap(), ["z/0001_x", "a/0001_x", "a/0002_y"]);
    assert!(ids(&[of("a", "0001_x", &["b/0001_x"])]).unwrap_err().0.contains("does not exist"));
    let circle = [of("a", "0001_x", &["b/0001_x"]), of("b", "0001_x", &["a/0001_x"])];
    assert!(ids(&circle).unwrap_err().0.contains("circle"));
}

#[test]
fn fingerprints_and_dependencies_follow_stores_and_apps() {
    let models = load(CLINIC).unwrap();
    let ops = diff(&app(), &State::default(), &models, &Answers::default()).unwrap();
    let (shared, tenant): (Vec<Op>, Vec<Op>) =
        ops.into_iter().partition(|op| op.store().as_str() == "shared");
    let first = migration("0001_shared", shared);
    let second = migration("0002_tenant", tenant.clone());
    let (s, t) = (crate::schema_kit::store("shared"), crate::schema_kit::store("tenant"));
    let both = [first.clone(), second];
    assert_eq!(
        fingerprint(&both[..1], &s),
        fingerprint(&both, &s),
        "a tenant migration leaves shared stores be"
    );
    assert_ne!(fingerprint(&both[..1], &t), fingerprint(&both, &t));
    let other = AppName::parse("other").unwrap();
    assert_eq!(dependencies(&other, &tenant, std::slice::from_ref(&first)), ["clinic/0001_shared"]);
    assert!(dependencies(&app(), &tenant, &[first]).is_empty());
}
