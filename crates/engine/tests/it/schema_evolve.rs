//! Random evolution of models: after step-by-step migration, a database has the schema of a newly created one, and the
//! rows it had at the start.

use crate::{
    schema_kit::{app, memory, migration, store},
    schema_lab::{Lab, Subject},
    schema_rows::{Cell, Cell::*},
};
use proptest::prelude::*;
use rusqlite::Connection;
use std::collections::BTreeMap;
use tenantry_engine::{
    Script,
    internals::{inspect::Snapshot, migrate::migrate},
    migration::{Answers, Migration, State, diff},
    model::{Field, FieldKind, IdKind, Index, Model, OnDelete, Permissions},
    name::{FieldName, ModelName},
    place::Isolation,
};
use tenantry_testkit::property;

const MODELS: [&str; 3] = ["ants", "bees", "cats"];
const FIELDS: [&str; 5] = ["f0", "f1", "f2", "f3", "f4"];

/// Returns kinds that a field with that name may have, mostly kinds that can be converted to each other.
fn kind(name: &str) -> BoxedStrategy<FieldKind> {
    let text = || proptest::option::of(1..40_u32).prop_map(|max_length| FieldKind::Text { max_length });
    let integer = || Just(FieldKind::Integer { min: None, max: None });
    match name {
        "f0" => prop_oneof![6 => text(), 2 => Just(FieldKind::Choice { choices: vec!["x".into(), "9".into()] }), 1 => integer()].boxed(),
        "f1" => prop_oneof![2 => integer(), 4 => (0..4_u32).prop_map(|scale| FieldKind::Decimal { scale }), 1 => Just(FieldKind::Boolean)].boxed(),
        "f2" => prop_oneof![Just(FieldKind::Date), Just(FieldKind::Datetime)].boxed(),
        "f3" => prop_oneof![8 => Just(FieldKind::Json), 1 => Just(FieldKind::File { max_bytes: 9 })].boxed(),
        _ => prop_oneof![
            1 => integer(),
            6 => (0..3_usize).prop_map(|i| FieldKind::Ref {
                to: ModelName::parse(MODELS[i]).unwrap(),
                on_delete: OnDelete::Protect
            }),
        ]
        .boxed(),
    }
}

fn field(name: &'static str) -> BoxedStrategy<Field> {
    (kind(name), any::<[bool; 5]>())
        .prop_map(move |(kind, [required, unique, index, search, default])| {
            let opaque = matches!(kind, FieldKind::Json | FieldKind::File { .. });
            let default = default.then(|| default_of(&kind)).flatten();
            let unique = unique && !opaque && default.is_none();
            Field {
                name: FieldName::parse(name).unwrap(),
                label: String::new(),
                required: required && !unique,
                unique,
                index: index && !opaque,
                search: search && matches!(kind, FieldKind::Text { .. }),
                personal: false,
                consistent: true,
                default,
                kind,
            }
        })
        .boxed()
}

fn default_of(kind: &FieldKind) -> Option<serde_json::Value> {
    Some(match kind {
        FieldKind::Text { .. } => "4".into(),
        FieldKind::Integer { .. } => 5.into(),
        FieldKind::Decimal { .. } => "1".into(),
        FieldKind::Boolean => true.into(),
        FieldKind::Date => "2026-01-02".into(),
        FieldKind::Datetime => "2026-01-02T03:04:05Z".into(),
        FieldKind::Json => serde_json::json!({ "a": [1, null, "it's"] }),
        FieldKind::Choice { .. } => "9".into(),
        FieldKind::Custom | FieldKind::File { .. } | FieldKind::Ref { .. } => return None,
    })
}

/// Generates some models, each with its key, some fields and perhaps an index. References to missing models become
/// plain integers.
fn models() -> BoxedStrategy<Vec<Model>> {
    let one = |name: &'static str| {
        let id = if name == "bees" { IdKind::Uuid } else { IdKind::Integer };
        let fields = FIELDS.map(|f| proptest::option::weighted(0.6, field(f)));
        (fields, proptest::option::of(any::<bool>()))
            .prop_map(move |(fields, index)| model(name, id, fields, index))
            .boxed()
    };
    let all = MODELS.map(|m| proptest::option::weighted(0.8, one(m)));
    all.prop_map(|found| {
        let mut models: Vec<Model> = found.into_iter().flatten().collect();
        let names: Vec<ModelName> = models.iter().map(|m| m.name.clone()).collect();
        for field in models.iter_mut().flat_map(|m| &mut m.fields) {
            if matches!(&field.kind, FieldKind::Ref { to, .. } if !names.contains(to)) {
                field.kind = FieldKind::Integer { min: None, max: None };
            }
        }
        models
    })
    .boxed()
}

fn model(name: &str, id: IdKind, fields: [Option<Field>; 5], index: Option<bool>) -> Model {
    let fields: Vec<Field> = fields.into_iter().flatten().collect();
    let opaque = |f: &&Field| matches!(f.kind, FieldKind::Json | FieldKind::File { .. });
    let columns: Vec<FieldName> =
        fields.iter().filter(|f| !opaque(f)).map(|f| f.name.clone()).take(2).collect();
    let indexes = match index {
        Some(unique) if columns.len() == 2 => vec![Index { fields: columns, unique }],
        _ => vec![],
    };
    Model {
        app: app(),
        name: ModelName::parse(name).unwrap(),
        label: String::new(),
        store: store("tenant"),
        id,
        display: None,
        fields,
        indexes,
        permissions: Permissions::default(),
        tenant_field: FieldName::parse("tenant_id").unwrap(),
        overrides: None,
        workflow: None,
        audit: false,
        reads: None,
    }
}

/// Answers every question. Names never change here, so nothing is a rename; every field gets a fill.
fn answers(models: &[Model]) -> Answers {
    let mut out = Answers::default();
    for model in models {
        out.new.push(model.name.to_string());
        for field in &model.fields {
            let place = format!("{}.{}", model.name, field.name);
            out.new.push(place.clone());
            let fill = match &field.kind {
                FieldKind::File { .. } | FieldKind::Ref { .. } => None,
                kind => default_of(kind),
            };
            match fill {
                Some(fill) if !field.unique => out.fills.push((place, fill)),
                _ => out.checked.push(place),
            }
        }
    }
    out
}

/// Inserts one row into each model that has no required reference.
fn fill(conn: &Connection, models: &[Model], isolation: Isolation) {
    for model in models {
        let scope = |f: &&Field| !matches!(f.kind, FieldKind::Ref { .. } | FieldKind::File { .. });
        if model.fields.iter().any(|f| f.required && f.default.is_none() && !scope(&f)) {
            continue;
        }
        let mut columns = vec![("id", if model.id == IdKind::Uuid { "'u1'" } else { "41" })];
        if isolation == Isolation::Pooled {
            columns.push(("tenant_id", "7"));
        }
        for field in model.fields.iter().filter(scope) {
            columns.push((field.name.as_str(), value(&field.kind)));
        }
        let (names, values): (Vec<&str>, Vec<&str>) = columns.into_iter().unzip();
        let sql = format!(
            "INSERT INTO {} ({}, created_at, updated_at) VALUES ({}, 'c', 'u')",
            model.name,
            names.join(", "),
            values.join(", ")
        );
        conn.execute(&sql, []).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

fn value(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Text { .. } => "'9'",
        FieldKind::Integer { .. } | FieldKind::Boolean => "1",
        FieldKind::Decimal { .. } => "2000",
        FieldKind::Date => "'2026-05-06'",
        FieldKind::Datetime => "'2026-05-06T00:00:00.000000Z'",
        FieldKind::Choice { .. } => "'9'",
        FieldKind::Json | FieldKind::Custom | FieldKind::File { .. } | FieldKind::Ref { .. } => "'{}'",
    }
}

/// Returns the final values of fields whose type no step changed, by the row's id.
fn values(
    conn: &Connection,
    models: &[Model],
    of: &dyn Fn(&Model, &Field) -> bool,
) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for model in models {
        for field in model.fields.iter().filter(|f| of(model, f)) {
            let place = format!("{}.{}", model.name, field.name);
            let sql = format!(
                "SELECT group_concat(id || '=' || quote({}) || version) FROM {}",
                field.name, model.name
            );
            let found: Option<String> = conn.query_row(&sql, [], |r| r.get(0)).unwrap();
            out.insert(place, found.unwrap_or_default());
        }
    }
    out
}

fn same_kind(stages: &[Vec<Model>], model: &Model, field: &Field) -> bool {
    stages.iter().all(|models| {
        let found = models.iter().find(|m| m.name == model.name).and_then(|m| m.field(field.name.as_str()));
        found.is_some_and(|f| f.kind == field.kind)
    })
}

/// Runs the evolution. Skips steps that a diff refuses (types that cannot be converted), and steps for which the
/// migration refuses the data. A refused step must change nothing.
fn evolve(stages: Vec<Vec<Model>>, isolation: Isolation) -> usize {
    let mut conn = memory();
    let (mut done, mut reached): (Vec<Migration>, Vec<Vec<Model>>) = (vec![], vec![]);
    for models in stages {
        let old = State::replay(&done).unwrap();
        let Ok(ops) = diff(&app(), &old, &models, &answers(&models)) else { continue };
        let text = migration(&format!("{:04}_step", done.len() + 1), ops).to_text();
        done.push(Migration::parse("m", &text).unwrap_or_else(|p| panic!("{p:#?}\n{text}")));
        let before = Snapshot::read(&conn).unwrap();
        if let Err(e) = migrate(&mut conn, &store("tenant"), isolation, &done) {
            let spoken = ["refused: ", "refers to a missing row"].iter().any(|s| e.detail().contains(s));
            assert!(spoken, "{e}\n{text}");
            assert_eq!(Snapshot::read(&conn).unwrap(), before);
            done.pop();
            continue;
        }
        let state = State::replay(&done).unwrap();
        let live = Snapshot::read(&conn).unwrap();
        let wanted = Snapshot::wanted(&State::of(&models), &store("tenant"), isolation).unwrap();
        assert_eq!(live, wanted, "stepwise is not as fresh:\n{text}");
        let script = Script::new(&store("tenant"), &done).unwrap();
        assert_eq!(script.state(), &state);
        if reached.is_empty() {
            fill(&conn, &models, isolation);
        }
        reached.push(models);
        check_rows(&conn, &reached);
    }
    reached.len()
}

fn check_rows(conn: &Connection, reached: &[Vec<Model>]) {
    let (Some(first), Some(last)) = (reached.first(), reached.last()) else { return };
    let kept = |m: &Model, f: &Field| same_kind(reached, m, f);
    for (place, found) in values(conn, last, &kept) {
        let (model, field) = place.split_once('.').unwrap();
        let model = first.iter().find(|m| m.name.as_str() == model).unwrap();
        let field = model.field(field).unwrap();
        let filled: i64 =
            conn.query_row(&format!("SELECT count(*) FROM {}", model.name), [], |r| r.get(0)).unwrap();
        let reference = matches!(field.kind, FieldKind::Ref { .. } | FieldKind::File { .. });
        let id = if model.id == IdKind::Uuid { "u1" } else { "41" };
        if filled == 1 && !reference {
            assert_eq!(found, format!("{id}={}1", value(&field.kind)), "{place}");
        }
    }
    conn.execute_batch("PRAGMA foreign_key_check; PRAGMA integrity_check").unwrap();
}

/// Returns the number of evolutions: 100, unless `PROPTEST_CASES` sets another one.
#[test]
fn stepwise_is_as_fresh_and_rows_survive() {
    let (evolutions, steps) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let stages = (proptest::collection::vec(models(), 2..6), any::<bool>());
    property(100, stages, |(stages, pooled)| {
        let isolation = if pooled { Isolation::Pooled } else { Isolation::Database };
        steps.set(steps.get() + evolve(stages, isolation));
        evolutions.set(evolutions.get() + 1);
    });
    println!("{} migrations applied", steps.get());
    assert!(steps.get() > evolutions.get(), "most evolutions were refused: nothing was tested");
}

/// Returns the stored form of the value that [`fill_on`] writes.
fn cell(kind: &FieldKind) -> Cell<'static> {
    match kind {
        FieldKind::Text { .. } | FieldKind::Choice { .. } => Text("9"),
        FieldKind::Integer { .. } | FieldKind::Boolean => Integer(1),
        FieldKind::Decimal { .. } => Integer(2000),
        FieldKind::Date => Text("2026-05-06"),
        FieldKind::Datetime => Text("2026-05-06T00:00:00.000000Z"),
        FieldKind::Json | FieldKind::Custom | FieldKind::File { .. } | FieldKind::Ref { .. } => Text("{}"),
    }
}

fn is_plain(field: &Field) -> bool {
    !matches!(field.kind, FieldKind::Ref { .. } | FieldKind::File { .. })
}

/// Inserts one row into each model that has no required reference. Returns the models with a row.
async fn fill_on(subject: &Subject<'_>, models: &[Model]) -> Vec<ModelName> {
    let mut filled = vec![];
    for model in models {
        if model.fields.iter().any(|f| f.required && f.default.is_none() && !is_plain(f)) {
            continue;
        }
        let plain = model.fields.iter().filter(|f| is_plain(f));
        let row: Vec<_> = plain.map(|field| (field.name.as_str(), cell(&field.kind))).collect();
        subject.insert(models, model.name.as_str(), 41, &row).await;
        filled.push(model.name.clone());
    }
    filled
}

/// Runs the evolution on a place, like [`evolve`].
async fn evolve_on(subject: &Subject<'_>, stages: Vec<Vec<Model>>) -> usize {
    let (mut done, mut reached, mut filled): (Vec<Migration>, Vec<Vec<Model>>, _) = (vec![], vec![], vec![]);
    for models in stages {
        let old = State::replay(&done).unwrap();
        let Ok(ops) = diff(&app(), &old, &models, &answers(&models)) else { continue };
        done.push(migration(&format!("{:04}_step", done.len() + 1), ops));
        let before = subject.catalog().await;
        if let Err(error) = subject.migrate(&done).await {
            let spoken = ["refused: ", "refers to a missing row"].iter().any(|s| error.detail().contains(s));
            assert!(spoken, "{subject}: {error}\n{done:#?}");
            assert_eq!(subject.catalog().await, before, "{subject}");
            done.pop();
            continue;
        }
        let seen = subject.inspect(&done).await;
        assert_eq!((seen.drift, seen.undeclared), (vec![], vec![]), "{subject}: not as fresh: {done:#?}");
        if reached.is_empty() {
            filled = fill_on(subject, &models).await;
        }
        reached.push(models);
        let last = reached.last().unwrap();
        for model in last.iter().filter(|model| filled.contains(&model.name)) {
            filled_values_stay(subject, &reached, model).await;
        }
        filled.retain(|name| last.iter().any(|model| model.name == *name));
    }
    reached.len()
}

async fn filled_values_stay(subject: &Subject<'_>, reached: &[Vec<Model>], model: &Model) {
    for field in model.fields.iter().filter(|field| is_plain(field) && same_kind(reached, model, field)) {
        let found =
            subject.values(reached.last().unwrap(), model.name.as_str(), &[field.name.as_str()]).await;
        let expect = match cell(&field.kind) {
            Integer(number) => number.to_string(),
            Text(text) => text.to_owned(),
            Null => unreachable!("no field is filled with null"),
        };
        assert_eq!(found, [[expect]], "{subject}: {}.{}", model.name, field.name);
    }
}

#[test]
fn stepwise_is_as_fresh_on_servers() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lab = runtime.block_on(Lab::new());
    let steps = std::cell::Cell::new(0);
    property(12, proptest::collection::vec(models(), 2..6), |stages| {
        runtime.block_on(async {
            for subject in lab.on_postgres(false).await.into_iter().chain(lab.on_mongo().await) {
                steps.set(steps.get() + evolve_on(&subject, stages.clone()).await);
            }
        });
    });
    assert!(steps.get() > 48, "most evolutions were refused: nothing was tested");
    runtime.block_on(lab.remove());
}
