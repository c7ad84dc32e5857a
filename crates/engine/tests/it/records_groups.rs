//! Groups of rows, compared with a model in memory on every database and in every isolation, plain and merged; their
//! periods, sums and refusals.

use crate::{records_kit::*, records_naive::*};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};
use std::{cmp::Ordering, collections::BTreeMap};
use tenantry_engine::{
    Kind,
    overrides::{self, OverrideRow},
    query::{Aggregate, Filter, Function, Group, GroupKey, GroupOrder, Groups, Measure, Period, RecordId},
    value::Value,
};
use tenantry_testkit::property;

fn key(field: &str, period: Option<Period>) -> GroupKey {
    GroupKey { field: name(field), period }
}

fn measure(function: Function, field: &str) -> Measure {
    Measure { function, field: name(field) }
}

fn asked() -> impl Strategy<Value = Aggregate> {
    let plain = prop::sample::select(vec!["name", "age", "fee", "active", "born", "level"]);
    let period = prop::sample::select(vec![Period::Year, Period::Quarter, Period::Month, Period::Day]);
    let key = prop_oneof![
        2 => plain.prop_map(|field| key(field, None)),
        1 => period.prop_map(|period| key("born", Some(period))),
    ];
    let number = prop::sample::select(vec!["age", "fee"]);
    let ordered = prop::sample::select(vec!["name", "age", "fee", "born", "level"]);
    let measure = prop_oneof![
        number.clone().prop_map(|field| measure(Function::Sum, field)),
        number.prop_map(|field| measure(Function::Average, field)),
        ordered.clone().prop_map(|field| measure(Function::Min, field)),
        ordered.prop_map(|field| measure(Function::Max, field)),
    ];
    let order = prop::sample::select(vec![GroupOrder::Keys, GroupOrder::Largest]);
    (
        condition(),
        prop::collection::vec(key, 0..4),
        prop::collection::vec(measure, 0..4),
        order,
        prop_oneof![1..4_u32, Just(1000)],
    )
        .prop_map(|(filter, group_by, measures, order, limit)| Aggregate {
            filter,
            search: None,
            group_by,
            measures,
            order,
            limit,
            time_zone: None,
        })
}

/// A value with the sort order of lists.
#[derive(Debug, Clone, PartialEq)]
struct Sorted(Value);

impl Eq for Sorted {}

impl Ord for Sorted {
    fn cmp(&self, other: &Self) -> Ordering {
        cmp(&self.0, &other.0)
    }
}

impl PartialOrd for Sorted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn key_of(row: &Naive, key: &GroupKey) -> Sorted {
    Sorted(match (at(row, key.field.as_str()), key.period) {
        (Value::Date(day), Some(period)) => Value::Date(first_day(*day, period)),
        (value, _) => value.clone(),
    })
}

fn first_day(day: Date, period: Period) -> Date {
    match period {
        Period::Year => date(day.year(), 1, 1),
        Period::Quarter => {
            date(day.year(), [1, 4, 7, 10][usize::from(day.month().unsigned_abs() - 1) / 3], 1)
        }
        Period::Month => date(day.year(), day.month(), 1),
        Period::Day => day,
    }
}

fn computed(rows: &[&Naive], measure: &Measure) -> Value {
    let values = rows.iter().map(|row| at(row, measure.field.as_str()).clone());
    let mut values: Vec<Value> = values.filter(|value| *value != Value::Null).collect();
    values.sort_by(cmp);
    if values.is_empty() {
        return Value::Null;
    }
    let number = |value: &Value| match value {
        Value::Integer(number) => Decimal::from(*number),
        Value::Decimal(number) => *number,
        other => panic!("{other:?}"),
    };
    let scale = if measure.field.as_str() == "fee" { 2 } else { 0 };
    let rounded = |sum: Decimal, scale: u32| {
        let mut sum = sum.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero);
        sum.rescale(scale);
        Value::Decimal(sum)
    };
    match measure.function {
        Function::Min => values.remove(0),
        Function::Max => values.pop().unwrap(),
        Function::Sum if scale == 0 => {
            Value::Integer(i64::try_from(values.iter().map(number).sum::<Decimal>()).unwrap())
        }
        Function::Sum => rounded(values.iter().map(number).sum(), scale),
        Function::Average => {
            rounded(values.iter().map(number).sum::<Decimal>() / Decimal::from(values.len()), scale + 4)
        }
    }
}

fn expected(rows: &[Naive], asked: &Aggregate) -> Groups {
    let mut groups: BTreeMap<Vec<Sorted>, Vec<&Naive>> = BTreeMap::new();
    if asked.group_by.is_empty() {
        groups.insert(vec![], vec![]);
    }
    for row in rows.iter().filter(|row| holds(row, &asked.filter)) {
        let keys = asked.group_by.iter().map(|key| key_of(row, key)).collect();
        groups.entry(keys).or_default().push(row);
    }
    let mut groups: Vec<Group> = groups
        .into_iter()
        .map(|(keys, rows)| Group {
            keys: keys.into_iter().map(|key| key.0).collect(),
            count: rows.len() as u64,
            measures: asked.measures.iter().map(|measure| computed(&rows, measure)).collect(),
        })
        .collect();
    if asked.order == GroupOrder::Largest {
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    }
    let more = groups.len() > asked.limit as usize;
    groups.truncate(asked.limit as usize);
    Groups { groups, more }
}

#[test]
fn groups_agree_with_a_model_in_memory() {
    let kits = kits();
    property(
        60,
        (prop::collection::vec(row(), 0..20), prop::collection::vec(asked(), 1..6)),
        |(rows, questions)| {
            let rows = unique(rows);
            for kit in &mut *kits.borrow_mut() {
                let naive = fill(kit.reset(), &rows);
                for asked in &questions {
                    assert_eq!(kit.groups(asked, None).unwrap(), expected(&naive, asked), "{:?}", kit.case);
                }
            }
        },
    );
}

/// Groups of the merged view use the overridden values.
#[test]
fn merged_groups_have_the_overridden_values() {
    for case in cases() {
        let kit = Kit::new(case);
        for (name, age) in [("A", 1), ("B", 1), ("C", 2)] {
            kit.one(insert("doctors", &[("name", name.into()), ("age", age.into())]));
        }
        let plan = kit.schema.model("doctors").unwrap();
        let changes = overrides::changes(plan, &values(&[("age", 2.into())])).unwrap().to_string();
        let merge = [OverrideRow::of_shared(RecordId::Integer(2), changes)];
        let asked = Aggregate {
            group_by: vec![key("age", None)],
            measures: vec![measure(Function::Sum, "age")],
            ..Aggregate::default()
        };
        let counted = |merge| {
            let groups = kit.groups(&asked, merge).unwrap().groups;
            groups.into_iter().map(|group| (group.count, group.measures[0].clone())).collect::<Vec<_>>()
        };
        assert_eq!(counted(None), [(2, Value::Integer(2)), (1, Value::Integer(2))]);
        assert_eq!(counted(Some(&merge)), [(1, Value::Integer(1)), (2, Value::Integer(4))]);
    }
}

#[test]
fn periods_begin_on_their_first_day_in_every_year() {
    for case in cases() {
        let kit = Kit::new(case);
        let days = [
            "0000-01-01",
            "0000-12-31",
            "1999-03-31",
            "2000-04-01",
            "2024-02-29",
            "2024-08-15",
            "9999-12-31",
        ]
        .map(|day| day.parse::<Date>().unwrap());
        for (index, day) in days.iter().enumerate() {
            let name = format!("D{index}");
            kit.one(insert("doctors", &[("name", name.as_str().into()), ("born", Value::Date(*day))]));
        }
        for period in [Period::Year, Period::Quarter, Period::Month, Period::Day] {
            let asked = Aggregate { group_by: vec![key("born", Some(period))], ..Aggregate::default() };
            let found = kit.groups(&asked, None).unwrap().groups;
            let mut wanted: Vec<_> = days.iter().map(|day| first_day(*day, period)).collect();
            wanted.dedup();
            let found: Vec<_> = found.into_iter().flat_map(|group| group.keys).collect();
            assert_eq!(found, wanted.into_iter().map(Value::Date).collect::<Vec<_>>(), "{period:?} {case:?}");
        }
        let late: jiff::Timestamp = "2026-01-31T23:59:59.999999Z".parse().unwrap();
        kit.one(insert("doctors", &[("name", "late".into()), ("seen", Value::DateTime(late))]));
        let asked = Aggregate { group_by: vec![key("seen", Some(Period::Month))], ..Aggregate::default() };
        let groups = kit.groups(&asked, None).unwrap().groups;
        assert_eq!(groups[1].keys, [Value::Date(date(2026, 1, 1))], "{groups:?}");
    }
}

#[test]
fn sums_beyond_64_bits_are_exact() {
    for case in cases() {
        let kit = Kit::new(case);
        let fee = Decimal::new(-999_999_999_999_999_999, 2);
        for number in 0..20 {
            let name = format!("D{number}");
            kit.one(insert("doctors", &[("name", name.as_str().into()), ("fee", Value::Decimal(fee))]));
        }
        let measures = vec![measure(Function::Sum, "fee"), measure(Function::Average, "fee")];
        let found = kit.groups(&Aggregate { measures, ..Aggregate::default() }, None).unwrap();
        let expected = [fee * Decimal::from(20), "-9999999999999999.990000".parse().unwrap()];
        assert_eq!(found.groups[0].measures, expected.map(Value::Decimal), "{case:?}");
    }
}

#[test]
fn what_has_no_groups_is_refused() {
    for case in cases() {
        let kit = Kit::new(case);
        let by = |keys: Vec<GroupKey>| Aggregate { group_by: keys, ..Aggregate::default() };
        let of = |measures: Vec<Measure>| Aggregate { measures, ..Aggregate::default() };
        let questions = [
            ("extra", by(vec![key("extra", None)])),
            ("age", by(vec![key("age", Some(Period::Year))])),
            ("company_id", by(vec![key("company_id", None)])),
            ("nothing", by(vec![key("nothing", None)])),
            ("group_by", by(vec![key("age", None); 4])),
            ("name", of(vec![measure(Function::Sum, "name")])),
            ("born", of(vec![measure(Function::Average, "born")])),
            ("active", of(vec![measure(Function::Min, "active")])),
            ("extra", of(vec![measure(Function::Max, "extra")])),
            ("measures", of(vec![measure(Function::Max, "age"); 21])),
            ("limit", Aggregate { limit: 0, ..Aggregate::default() }),
            ("limit", Aggregate { limit: 1001, ..Aggregate::default() }),
            ("age", Aggregate { filter: Filter::In(name("age"), vec!["x".into()]), ..Aggregate::default() }),
            ("search", Aggregate { search: Some("x".repeat(201)), ..Aggregate::default() }),
        ];
        for (field, asked) in questions {
            let refused = kit.groups(&asked, None).unwrap_err();
            assert!(matches!(refused.kind(), Kind::Invalid(at, _) if at == field), "{field}: {refused}");
        }
    }
}

#[test]
fn search_chooses_the_rows_of_groups() {
    for case in cases() {
        let kit = Kit::new(case);
        for (name, notes, age) in [("A", "heart", 1), ("B", "skin", 1), ("C", "heart", 2)] {
            kit.one(insert(
                "doctors",
                &[("name", name.into()), ("notes", notes.into()), ("age", age.into())],
            ));
        }
        let asked = Aggregate {
            search: Some("heart".into()),
            group_by: vec![key("age", None)],
            ..Aggregate::default()
        };
        let counts: Vec<_> = kit.groups(&asked, None).unwrap().groups.iter().map(|g| g.count).collect();
        assert_eq!(counts, [1, 1], "{case:?}");
    }
}

/// Days of 23 and of 25 hours, and a year that begins earlier than in UTC.
#[test]
fn days_of_instants_are_those_of_the_time_zone() {
    for case in cases() {
        let kit = Kit::new(case);
        for (index, at) in [
            "2026-03-28T22:59:59.999999Z",
            "2026-03-28T23:00:00Z",
            "2026-03-29T21:59:59Z",
            "2026-03-29T22:00:00Z",
            "2026-10-24T21:59:59Z",
            "2026-10-24T22:00:00Z",
            "2026-10-25T22:59:59Z",
            "2026-10-25T23:00:00Z",
            "2026-12-31T23:30:00Z",
        ]
        .into_iter()
        .enumerate()
        {
            let at: jiff::Timestamp = at.parse().unwrap();
            let name = format!("D{index}");
            kit.one(insert("doctors", &[("name", name.as_str().into()), ("seen", Value::DateTime(at))]));
        }
        let groups = |period, zone: Option<&str>| {
            let group_by = vec![key("seen", Some(period))];
            let asked = Aggregate { group_by, time_zone: zone.map(str::to_owned), ..Aggregate::default() };
            let found = kit.groups(&asked, None).unwrap().groups;
            found.into_iter().map(|group| (group.keys[0].clone(), group.count)).collect::<Vec<_>>()
        };
        let day = |month, day, count| (Value::Date(date(2026, month, day)), count);
        let wanted =
            [day(3, 28, 1), day(3, 29, 2), day(3, 30, 1), day(10, 24, 1), day(10, 25, 2), day(10, 26, 1)];
        let found = groups(Period::Day, Some("Europe/Berlin"));
        assert_eq!(found[..6], wanted, "{case:?}");
        assert_eq!(found[6], (Value::Date(date(2027, 1, 1)), 1), "{case:?}");
        assert_eq!(
            groups(Period::Year, Some("Europe/Berlin")),
            [day(1, 1, 8), (Value::Date(date(2027, 1, 1)), 1)]
        );
        assert_eq!(groups(Period::Quarter, Some("Asia/Baku"))[0], day(1, 1, 4), "{case:?}");
        assert_eq!(groups(Period::Year, None), [day(1, 1, 9)], "{case:?}");
        for wrong in ["Nowhere/City", "UTC'; --", ""] {
            let group_by = vec![key("seen", Some(Period::Day))];
            let asked = Aggregate { group_by, time_zone: Some(wrong.into()), ..Aggregate::default() };
            let refused = kit.groups(&asked, None).unwrap_err();
            assert!(matches!(refused.kind(), Kind::Invalid(field, _) if field == "time_zone"), "{refused:?}");
        }
    }
}
