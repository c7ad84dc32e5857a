//! Compares lists with a model in memory: random rows, conditions, orders and page sizes on every database and in
//! every isolation, plain and merged, against an evaluation in Rust that shares no code with the engine.

use crate::records_kit::*;
use proptest::prelude::*;
use rust_decimal::Decimal;
use std::cmp::Ordering;
use tenantry_engine::{
    overrides::{self, OverrideRow, Stamps},
    query::{Direction, Filter, Operator, RecordId, Select},
    schema::Plan,
    value::Value,
};
use tenantry_testkit::property;

pub(crate) const FIELDS: [&str; 6] = ["name", "age", "fee", "active", "born", "level"];

fn text() -> impl Strategy<Value = String> {
    let letters =
        prop::sample::select(vec!["a", "A", "b", "ß", "É", "é", "%", "_", "\\", "'", "\"", "😀", " "]);
    prop::collection::vec(letters, 0..4).prop_map(|v| v.concat())
}

pub(crate) fn value(field: &'static str, exact: bool) -> BoxedStrategy<Value> {
    let some = match field {
        // A required text is never stored empty, but may be compared with an empty text.
        "name" if exact => return text().prop_map(|text| Value::Text(format!("{text}n"))).boxed(),
        "name" => return text().prop_map(Value::Text).boxed(),
        "active" => return any::<bool>().prop_map(Value::Boolean).boxed(),
        "age" => (0..4_i64).prop_map(Value::Integer).boxed(),
        "fee" => {
            let scale = if exact { 0..3_u32 } else { 0..4 };
            (-300..300_i64, scale).prop_map(|(n, s)| Value::Decimal(Decimal::new(n, s))).boxed()
        }
        "born" => (1..4_i8).prop_map(|d| Value::Date(jiff::civil::date(2000, 1, d))).boxed(),
        "id" => (0..30_i64).prop_map(Value::Integer).boxed(),
        _ => prop::sample::select(vec!["junior", "senior"]).prop_map(Value::from).boxed(),
    };
    if exact { prop_oneof![3 => some, 1 => Just(Value::Null)].boxed() } else { some }
}

pub(crate) fn row() -> impl Strategy<Value = Vec<Value>> {
    FIELDS.map(|field| value(field, true)).prop_map(Vec::from)
}

pub(crate) fn condition() -> impl Strategy<Value = Filter> {
    let field = prop::sample::select(vec!["id", "name", "age", "fee", "active", "born", "level"]);
    let leaf = field.prop_flat_map(|field| {
        let operators = match field {
            "active" => vec![Operator::Eq, Operator::Ne],
            "name" | "level" => {
                vec![
                    Operator::Contains,
                    Operator::StartsWith,
                    Operator::Eq,
                    Operator::Ne,
                    Operator::Lt,
                    Operator::Ge,
                ]
            }
            _ => vec![Operator::Eq, Operator::Ne, Operator::Lt, Operator::Le, Operator::Gt, Operator::Ge],
        };
        let compare = (prop::sample::select(operators), value(field, false));
        let list = prop::collection::vec(prop_oneof![5 => value(field, false), 1 => Just(Value::Null)], 0..4);
        prop_oneof![
            4 => compare.prop_map(move |(operator, value)| Filter::Compare(name(field), operator, value)),
            1 => list.prop_map(move |values| Filter::In(name(field), values)),
            1 => any::<bool>().prop_map(move |null| Filter::Null(name(field), null)),
        ]
    });
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Any),
            inner.prop_map(|f| Filter::Not(Box::new(f))),
        ]
    })
}

fn order() -> impl Strategy<Value = Vec<(&'static str, Direction)>> {
    let field = prop::sample::select(vec!["id", "name", "age", "fee", "active", "born", "level"]);
    let direction = prop::sample::select(vec![Direction::Ascending, Direction::Descending]);
    prop::collection::vec((field, direction), 0..4)
}

/// A row of the model: id first, then [`FIELDS`].
pub(crate) type Naive = Vec<Value>;

pub(crate) fn at<'r>(row: &'r Naive, field: &str) -> &'r Value {
    if field == "id" { &row[0] } else { &row[1 + FIELDS.iter().position(|f| *f == field).unwrap()] }
}

pub(crate) fn cmp(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn holds(row: &Naive, filter: &Filter) -> bool {
    match filter {
        Filter::All(list) => list.iter().all(|f| holds(row, f)),
        Filter::Any(list) => list.iter().any(|f| holds(row, f)),
        Filter::Not(inner) => !holds(row, inner),
        Filter::Null(field, null) => (*at(row, field.as_str()) == Value::Null) == *null,
        Filter::In(field, values) => values.iter().any(|v| cmp(at(row, field.as_str()), v).is_eq()),
        Filter::Compare(field, operator, value) => compare(at(row, field.as_str()), *operator, value),
        Filter::Through(..) => panic!("the row of a reference is not known here"),
    }
}

fn compare(left: &Value, operator: Operator, right: &Value) -> bool {
    if *left == Value::Null {
        return operator == Operator::Ne;
    }
    let lower = |v: &Value| match v {
        Value::Text(t) => t.to_ascii_lowercase(),
        other => panic!("{other:?}"),
    };
    match operator {
        Operator::Eq => cmp(left, right).is_eq(),
        Operator::Ne => cmp(left, right).is_ne(),
        Operator::Lt => cmp(left, right).is_lt(),
        Operator::Le => cmp(left, right).is_le(),
        Operator::Gt => cmp(left, right).is_gt(),
        Operator::Ge => cmp(left, right).is_ge(),
        Operator::Contains => lower(left).contains(&lower(right)),
        Operator::StartsWith => lower(left).starts_with(&lower(right)),
    }
}

fn sorted(mut rows: Vec<Naive>, order: &[(&str, Direction)]) -> Vec<Naive> {
    // A repeated key has no effect. The id takes the direction of the last distinct key.
    let mut distinct: Vec<(&str, Direction)> = vec![];
    for key in order {
        if distinct.iter().all(|(field, _)| *field != key.0) {
            distinct.push(*key);
        }
    }
    let last = distinct.last().map_or(Direction::Ascending, |(_, direction)| *direction);
    rows.sort_by(|a, b| {
        let keys = order.iter().copied().chain([("id", last)]);
        let by = |(field, direction): (&str, Direction)| match direction {
            Direction::Ascending => cmp(at(a, field), at(b, field)),
            Direction::Descending => cmp(at(b, field), at(a, field)),
        };
        keys.map(by).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    });
    rows
}

/// Fills the database and its neighbours. Every tenant has the same ids, so that only confinement separates them.
pub(crate) fn fill(kit: &mut Kit, rows: &[Vec<Value>]) -> Vec<Naive> {
    let change = |row: &Vec<Value>| {
        let list: Vec<_> = FIELDS.into_iter().zip(row.iter().cloned()).collect();
        insert("doctors", &list)
    };
    let changes: Vec<_> = rows.iter().map(change).collect();
    if kit.case.is_pooled() {
        for neighbour in &TENANTS[1..] {
            kit.act_as(*neighbour).apply(&changes).unwrap();
        }
    }
    kit.act_as(TENANTS[0]).apply(&changes).unwrap();
    let numbered = rows.iter().enumerate();
    numbered.map(|(i, row)| [vec![Value::Integer(i as i64 + 1)], row.clone()].concat()).collect()
}

fn agree(
    kit: &Kit,
    rows: &[Naive],
    filter: &Filter,
    order: &[(&str, Direction)],
    limit: u32,
    merge: Option<&[OverrideRow]>,
) {
    let fields: Vec<_> = ["id"].iter().chain(&FIELDS).map(|f| name(f)).collect();
    let sort = order.iter().map(|(field, direction)| (name(field), *direction).into()).collect();
    let select = Select { filter: filter.clone(), sort, limit, fields, ..Select::default() };
    let shown = kit.pages("doctors", &select, merge).unwrap();
    let expected = sorted(rows.iter().filter(|row| holds(row, filter)).cloned().collect(), order);
    assert_eq!(shown, expected);
    assert_eq!(kit.count(filter, None, merge).unwrap(), expected.len() as u64);
}

#[test]
fn lists_agree_with_a_model_in_memory() {
    let kits = kits();
    property(
        60,
        (prop::collection::vec(row(), 0..20), prop::collection::vec((condition(), order(), 1..8_u32), 1..6)),
        |(rows, queries)| {
            let rows = unique(rows);
            for kit in &mut *kits.borrow_mut() {
                let naive = fill(kit.reset(), &rows);
                for (filter, order, limit) in &queries {
                    agree(kit, &naive, filter, order, *limit, None);
                }
            }
        },
    );
}

/// The merged view filters, sorts and pages as if the overrides were stored.
#[test]
fn merged_lists_agree_with_a_model_in_memory() {
    let kits = kits();
    property(
        60,
        (
            prop::collection::vec((row(), row(), any::<[bool; 5]>()), 0..15),
            prop::collection::vec((condition(), order(), 1..8_u32), 1..6),
        ),
        |(rows, queries)| {
            let base = unique(rows.iter().map(|(row, ..)| row.clone()).collect());
            for kit in &mut *kits.borrow_mut() {
                let mut naive = fill(kit.reset(), &base);
                let plan = kit.schema.model("doctors").unwrap();
                let (mut overrides, mut added) = (vec![], vec![]);
                for (row, (_, other, which)) in naive.iter_mut().zip(&rows) {
                    let changed: Vec<_> =
                        (0..4).filter(|&i| which[i]).map(|i| (FIELDS[i], other[i].clone())).collect();
                    if !changed.is_empty() {
                        let changes = overrides::changes(plan, &values(&changed)).unwrap().to_string();
                        let Value::Integer(id) = row[0] else { panic!() };
                        overrides.push(OverrideRow::of_shared(RecordId::Integer(id), changes));
                    }
                    for i in (0..4).filter(|&i| which[i]) {
                        row[i + 1] = other[i].clone();
                    }
                    if which[4] {
                        let id = -1 - added.len() as i64;
                        overrides.push(entry(plan, id, other));
                        added.push([vec![Value::Integer(id)], other.clone()].concat());
                    }
                }
                naive.extend(added);
                overrides.push(OverrideRow::of_shared(RecordId::Integer(999), r#"{"name":"of no row"}"#));
                for (filter, order, limit) in &queries {
                    agree(kit, &naive, filter, order, *limit, Some(&overrides));
                }
            }
        },
    );
}

/// Returns an entry that the tenant added, with these values of [`FIELDS`].
fn entry(plan: &Plan, id: i64, row: &[Value]) -> OverrideRow {
    let list: Vec<_> = FIELDS.into_iter().zip(row.iter().cloned()).collect();
    let changes = overrides::whole_entry(plan, &values(&list)).unwrap();
    let now = jiff::Timestamp::now();
    let added = Some(Stamps { created_at: now, updated_at: now, version: 1 });
    OverrideRow { id: RecordId::Integer(id), changes: serde_json::Value::Object(changes).to_string(), added }
}

/// Drops rows that repeat name and birthday, which are unique together.
pub(crate) fn unique(rows: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    let mut kept: Vec<Vec<Value>> = vec![];
    for mut row in rows {
        if kept.iter().any(|other| other[0] == row[0] && other[4] == row[4]) {
            row[4] = Value::Null;
        }
        kept.push(row);
    }
    kept
}
