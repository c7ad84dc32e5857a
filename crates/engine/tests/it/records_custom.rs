//! A tenant's own fields on every database and in every isolation: conditions, order with pages, groups, and what the
//! activity log says of them. The expectation is computed from the values, once for all databases.

use crate::records_kit::*;
use std::{cmp::Ordering, sync::Arc};
use tenantry_engine::{
    Kind,
    model::{Field, FieldKind},
    name::FieldName,
    query::{
        Aggregate, Direction, Filter, Function, GroupKey, Measure, Operator, Period, RecordId, Select, SortBy,
    },
    value::Value,
};

fn own() -> Vec<Field> {
    let choices = vec!["land".into(), "house".into()];
    vec![
        field("note", FieldKind::Text { max_length: Some(100) }),
        field("floor", FieldKind::Integer { min: None, max: None }),
        field("price", FieldKind::Decimal { scale: 2 }),
        field("lift", FieldKind::Boolean),
        field("built", FieldKind::Date),
        field("seen", FieldKind::Datetime),
        field("kind", FieldKind::Choice { choices }),
    ]
}

fn json(value: &Value) -> serde_json::Value {
    let mut text = vec![];
    tenantry_engine::row::json::write_owned(&mut text, value);
    serde_json::from_slice(&text).unwrap()
}

fn date(text: &str) -> Value {
    Value::Date(text.parse().unwrap())
}

fn instant(text: &str) -> Value {
    Value::DateTime(text.parse().unwrap())
}

/// Values of each own field, in their order. Some order otherwise as texts than as numbers.
fn samples() -> Vec<Vec<Value>> {
    vec![
        ["10", "9.5", "Ärger", "arm", "Zoo's \"%_\\"].map(Value::from).into(),
        [-3, 0, 2, 10, i64::MAX, i64::MIN].map(Value::from).into(),
        ["-12.50", "-0.05", "0.00", "9.99", "10.00", "9999999999999999.99"].map(decimal).into(),
        [false, true].map(Value::from).into(),
        ["0001-01-01", "1999-12-31", "2026-01-31"].map(date).into(),
        ["2026-01-31T09:30:00Z", "2026-01-31T09:30:00.000001Z", "1969-07-20T20:17:40Z"].map(instant).into(),
        ["land", "house"].map(Value::from).into(),
    ]
}

/// Rows: the id, and the value of each own field or null.
fn fill(kit: &Kit) -> Vec<(i64, Vec<Value>)> {
    let (fields, samples) = (own(), samples());
    (0..24_usize)
        .map(|row| {
            let value = |(at, of): (usize, &Vec<Value>)| match (row * 7 + at * 3) % (of.len() + 2) {
                pick if pick < of.len() => of[(pick + row) % of.len()].clone(),
                _ => Value::Null,
            };
            let values: Vec<Value> = samples.iter().enumerate().map(value).collect();
            let members = fields.iter().zip(&values).filter(|(_, value)| **value != Value::Null);
            let members: serde_json::Map<_, _> =
                members.map(|(field, value)| (field.name.to_string(), json(value))).collect();
            let custom = if members.is_empty() { Value::Null } else { Value::Json(members.into()) };
            let written = kit.one(insert("reports", &[("name", "x".into()), ("custom", custom)]));
            let RecordId::Integer(id) = written.id else { panic!("{:?}", written.id) };
            (id, values)
        })
        .collect()
}

fn cmp(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::DateTime(a), Value::DateTime(b)) => a.cmp(b),
        other => panic!("{other:?}"),
    }
}

fn holds(operator: Operator, a: &Value, b: &Value) -> bool {
    let both = *a != Value::Null && *b != Value::Null;
    match operator {
        Operator::Eq => both && cmp(a, b).is_eq(),
        Operator::Ne => !both || cmp(a, b).is_ne(),
        Operator::Lt => both && cmp(a, b).is_lt(),
        Operator::Le => both && cmp(a, b).is_le(),
        Operator::Gt => both && cmp(a, b).is_gt(),
        Operator::Ge => both && cmp(a, b).is_ge(),
        Operator::Contains | Operator::StartsWith => unreachable!(),
    }
}

fn ids(kit: &Kit, filter: Filter, sort: Vec<SortBy>, limit: u32) -> Vec<i64> {
    let select = Select { filter, sort, limit, fields: vec![name("id")], ..Select::default() };
    let rows = kit.pages("reports", &select, None).unwrap();
    let id = |row: &Vec<Value>| match row[0] {
        Value::Integer(id) => id,
        ref other => panic!("{other:?}"),
    };
    rows.iter().map(id).collect()
}

fn with_own(case: Case) -> Kit {
    let mut kit = Kit::new(case);
    kit.schema = Arc::new(kit.schema.with_custom("reports", &own()).unwrap());
    kit
}

fn custom(text: &str) -> FieldName {
    name(text).custom()
}

#[test]
fn own_fields_are_compared_by_their_kind() {
    for case in cases() {
        let kit = with_own(case);
        let rows = fill(&kit);
        for (at, field) in own().iter().enumerate() {
            let operators = match field.kind {
                FieldKind::Boolean => &[Operator::Eq, Operator::Ne][..],
                _ => &[Operator::Eq, Operator::Ne, Operator::Lt, Operator::Le, Operator::Gt, Operator::Ge],
            };
            let expect = |test: &dyn Fn(&Value) -> bool| -> Vec<i64> {
                rows.iter().filter(|(_, values)| test(&values[at])).map(|(id, _)| *id).collect()
            };
            let column = custom(field.name.as_str());
            for sample in &samples()[at] {
                for operator in operators {
                    let filter = Filter::Compare(column.clone(), *operator, sample.clone());
                    let wanted = expect(&|value| holds(*operator, value, sample));
                    assert_eq!(kit.count_of("reports", &filter, None, None).unwrap(), wanted.len() as u64);
                    assert_eq!(
                        ids(&kit, filter, vec![], 100),
                        wanted,
                        "{case:?} {field:?} {operator:?} {sample:?}"
                    );
                }
            }
            let two: Vec<Value> = samples()[at][..2].to_vec();
            let filter = Filter::In(column.clone(), two.clone());
            assert_eq!(
                ids(&kit, filter, vec![], 100),
                expect(&|value| two.contains(value)),
                "{case:?} {field:?}"
            );
            for null in [true, false] {
                let filter = Filter::Null(column.clone(), null);
                let wanted = expect(&|value| (*value == Value::Null) == null);
                assert_eq!(ids(&kit, filter, vec![], 100), wanted, "{case:?} {field:?} null {null}");
            }
            let either = Filter::Any(vec![
                Filter::Compare(column.clone(), Operator::Eq, two[0].clone()),
                Filter::Not(Box::new(Filter::Null(column, false))),
            ]);
            assert_eq!(
                ids(&kit, either, vec![], 100),
                expect(&|value| *value == Value::Null || *value == two[0])
            );
        }
        let starts = |operator, text: &str| {
            ids(&kit, Filter::Compare(custom("note"), operator, text.into()), vec![], 100)
        };
        let noted = |part: &str| -> Vec<i64> {
            let has =
                |value: &Value| matches!(value, Value::Text(t) if t.to_ascii_lowercase().contains(part));
            rows.iter().filter(|(_, values)| has(&values[0])).map(|(id, _)| *id).collect()
        };
        assert_eq!(starts(Operator::Contains, "S \"%_"), noted("s \"%_"));
        assert_eq!(starts(Operator::StartsWith, "ARM"), noted("arm"));
    }
}

#[test]
fn own_fields_order_lists_page_by_page() {
    for case in cases() {
        let kit = with_own(case);
        let rows = fill(&kit);
        for (at, field) in own().iter().enumerate() {
            for direction in [Direction::Ascending, Direction::Descending] {
                let mut wanted: Vec<_> = rows.iter().collect();
                wanted.sort_by(|a, b| {
                    let order = cmp(&a.1[at], &b.1[at]).then(a.0.cmp(&b.0));
                    if direction == Direction::Ascending { order } else { order.reverse() }
                });
                let wanted: Vec<i64> = wanted.into_iter().map(|(id, _)| *id).collect();
                let sort: Vec<SortBy> = vec![(custom(field.name.as_str()), direction).into()];
                let found = ids(&kit, Filter::All(vec![]), sort.clone(), 5);
                assert_eq!(found, wanted, "{case:?} {field:?} {direction:?}");
                // A page with all columns continues at the same place.
                let all = Select { sort, limit: 7, ..Select::default() };
                assert_eq!(kit.pages("reports", &all, None).unwrap().len(), rows.len());
            }
        }
    }
}

#[test]
fn own_fields_group_and_add_up() {
    for case in cases() {
        let kit = with_own(case);
        let rows = fill(&kit);
        let measure = |function, text| Measure { function, field: custom(text) };
        let asked = Aggregate {
            group_by: vec![GroupKey { field: custom("kind"), period: None }],
            measures: vec![
                measure(Function::Sum, "price"),
                measure(Function::Max, "price"),
                measure(Function::Min, "floor"),
                measure(Function::Max, "note"),
            ],
            ..Aggregate::default()
        };
        let session = kit.groups_of("reports", &asked).unwrap();
        for group in &session.groups {
            let own: Vec<_> = rows.iter().filter(|(_, values)| values[6] == group.keys[0]).collect();
            assert_eq!(group.count, own.len() as u64, "{case:?}");
            let prices =
                own.iter().filter_map(|(_, v)| if let Value::Decimal(d) = &v[2] { Some(*d) } else { None });
            let sum = prices.clone().reduce(|a, b| a + b).map_or(Value::Null, Value::Decimal);
            let of = |at: usize| own.iter().map(move |(_, v)| &v[at]).filter(|v| **v != Value::Null);
            let largest = |at| of(at).max_by(|a, b| cmp(a, b)).cloned().unwrap_or(Value::Null);
            let smallest = of(1).min_by(|a, b| cmp(a, b)).cloned().unwrap_or(Value::Null);
            assert_eq!(group.measures, [sum, largest(2), smallest, largest(0)], "{case:?} {:?}", group.keys);
        }
        assert_eq!(session.groups.iter().map(|group| group.count).sum::<u64>(), rows.len() as u64);
        let by_month = Aggregate {
            group_by: vec![GroupKey { field: custom("built"), period: Some(Period::Month) }],
            ..Aggregate::default()
        };
        let refused = kit.groups_of("reports", &by_month).expect_err("an own date has no periods");
        assert!(matches!(refused.kind(), Kind::Invalid(..)), "{case:?} {refused}");
    }
}

#[test]
fn members_of_another_type_count_as_null_and_unknown_fields_are_refused() {
    for case in cases() {
        let kit = with_own(case);
        let odd = serde_json::json!({
            "note": 7, "floor": "seven", "price": 12.5, "lift": "true", "built": false, "seen": [], "kind": {},
        });
        kit.one(insert("reports", &[("name", "odd".into()), ("custom", Value::Json(odd))]));
        for field in own() {
            let column = custom(field.name.as_str());
            assert_eq!(
                ids(&kit, Filter::Null(column.clone(), true), vec![], 9).len(),
                1,
                "{case:?} {field:?}"
            );
            let sort = vec![(column, Direction::Descending).into()];
            assert_eq!(ids(&kit, Filter::All(vec![]), sort, 9).len(), 1, "{case:?} {field:?}");
        }
        let unknown = kit.count_of("reports", &Filter::Null(custom("other"), true), None, None);
        assert!(matches!(unknown.unwrap_err().kind(), Kind::Invalid(field, _) if field == "custom.other"));
        let selected = Select { fields: vec![custom("floor")], ..Select::default() };
        assert!(kit.pages("reports", &selected, None).is_err(), "{case:?}");
    }
}
