//! Conditions and orders across references, on every database and in every isolation, against an evaluation in Rust that
//! shares no code with the engine.

use crate::{
    records_kit::*,
    records_naive::{FIELDS, Naive, at, cmp, condition, holds, row, unique},
};
use proptest::prelude::*;
use std::{cell::RefCell, cmp::Ordering, sync::Arc};
use tenantry_engine::{
    Kind,
    list::Cost,
    query::{Direction, Filter, Operator, Ranks, RecordId, Select, SortBy},
    value::Value,
};
use tenantry_testkit::property;

/// The rows of a tenant, and the index of each row's mentor.
struct World {
    rows: Vec<Naive>,
    mentors: Vec<Option<usize>>,
    ranks: Arc<Ranks>,
}

/// Returns conditions across one or two references, also inside other conditions.
fn path() -> impl Strategy<Value = Filter> {
    let through = |inner| Filter::Through(name("mentor"), Box::new(inner));
    let one = condition().prop_map(through).boxed();
    prop_oneof![3 => one.clone(), 1 => one.clone().prop_map(through), 1 => condition()].prop_recursive(
        2,
        6,
        3,
        move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::All),
                prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Any),
                inner.clone().prop_map(|filter| Filter::Not(Box::new(filter))),
                inner.prop_map(through),
            ]
        },
    )
}

/// A sort key: references to follow, a field, true for its rank, a direction.
type Key = (usize, &'static str, bool, Direction);

fn order() -> impl Strategy<Value = Vec<Key>> {
    let field = prop::sample::select(vec!["id", "name", "age", "fee", "active", "born", "level"]);
    let direction = prop::sample::select(vec![Direction::Ascending, Direction::Descending]);
    let key = (0..3_usize, field, prop::bool::weighted(0.2), direction);
    prop::collection::vec(key, 0..4)
}

impl World {
    /// Fills the place of a tenant.
    fn new(kit: &Kit, rows: &[Vec<Value>], mentors: &[usize]) -> Self {
        let inserts: Vec<_> = rows
            .iter()
            .map(|row| {
                let list: Vec<_> = FIELDS.into_iter().zip(row.iter().cloned()).collect();
                insert("doctors", &list)
            })
            .collect();
        kit.apply(&inserts).unwrap();
        let mentors: Vec<_> =
            (0..rows.len()).map(|index| mentors.get(index).copied().filter(|m| *m < rows.len())).collect();
        let number = |index: usize| i64::try_from(index).unwrap() + 1;
        let updates: Vec<_> = mentors
            .iter()
            .enumerate()
            .filter_map(|(index, mentor)| {
                let mentor = Value::Integer(number((*mentor)?));
                Some(update("doctors", &RecordId::Integer(number(index)), None, &[("mentor", mentor)]))
            })
            .collect();
        kit.apply(&updates).unwrap();
        let ranks = (0..rows.len()).step_by(2).map(|row| (RecordId::Integer(number(row)), 1 - number(row)));
        let ranks = Arc::new(ranks.collect());
        let numbered = rows.iter().enumerate();
        let rows = numbered
            .map(|(index, row)| [vec![Value::Integer(number(index))], row.clone()].concat())
            .collect();
        Self { rows, mentors, ranks }
    }

    fn holds(&self, row: Option<usize>, filter: &Filter) -> bool {
        match filter {
            Filter::All(list) => list.iter().all(|filter| self.holds(row, filter)),
            Filter::Any(list) => list.iter().any(|filter| self.holds(row, filter)),
            Filter::Not(inner) => !self.holds(row, inner),
            Filter::Through(_, inner) => self.holds(row.and_then(|row| self.mentors[row]), inner),
            leaf => holds(&self.row(row), leaf),
        }
    }

    fn row(&self, row: Option<usize>) -> Naive {
        row.map_or_else(|| vec![Value::Null; 1 + FIELDS.len()], |row| self.rows[row].clone())
    }

    /// Returns the value of a sort key. The rank of a mentor is its negated id; mentors with an even id have none.
    fn value(&self, row: usize, (via, field, is_rank, _): Key) -> Value {
        let end = (0..via).try_fold(row, |row, _| self.mentors[row]);
        match (is_rank, end.and_then(|end| self.mentors[end])) {
            (false, _) => at(&self.row(end), field).clone(),
            (true, Some(mentor)) if mentor % 2 == 0 => Value::Integer(-i64::try_from(mentor).unwrap()),
            (true, _) => Value::Null,
        }
    }

    fn sorted(&self, filter: &Filter, order: &[Key]) -> Vec<Naive> {
        let mut rows: Vec<_> = (0..self.rows.len()).filter(|row| self.holds(Some(*row), filter)).collect();
        let end = order.iter().position(|(via, field, is_rank, _)| *via == 0 && *field == "id" && !is_rank);
        let mut distinct: Vec<Key> = vec![];
        for key in &order[..end.map_or(order.len(), |end| end + 1)] {
            let same = |other: &&Key| other.0 == key.0 && other.2 == key.2 && (key.2 || other.1 == key.1);
            if !distinct.iter().any(|other| same(&other)) {
                distinct.push(*key);
            }
        }
        let last = distinct.last().map_or(Direction::Ascending, |key| key.3);
        rows.sort_by(|a, b| {
            let keys = distinct.iter().copied().chain([(0, "id", false, last)]);
            let by = |key: Key| {
                let order = cmp(&self.value(*a, key), &self.value(*b, key));
                if key.3 == Direction::Descending { order.reverse() } else { order }
            };
            keys.map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        rows.into_iter().map(|row| self.rows[row].clone()).collect()
    }

    fn sort_by(&self, (via, field, is_rank, direction): Key) -> SortBy {
        let via = vec![name("mentor"); via];
        if !is_rank {
            return SortBy { via, field: name(field), direction, ranks: None };
        }
        SortBy { via, field: name("mentor"), direction, ranks: Some(self.ranks.clone()) }
    }
}

/// Rows of neighbours have the same ids but other values and mentors, so that only confinement separates them.
#[test]
fn lists_across_references_agree_with_a_model_in_memory() {
    let kits = RefCell::new(joining().map(Kit::new).collect::<Vec<_>>());
    let rows = prop::collection::vec(row(), 0..12);
    let mentors = prop::collection::vec(0..14_usize, 12);
    let queries = prop::collection::vec((path(), order(), 1..6_u32), 1..5);
    property(40, (rows, mentors, queries), |(rows, mentors, queries)| {
        let rows = unique(rows);
        for kit in &mut *kits.borrow_mut() {
            kit.reset();
            if kit.case.is_pooled() {
                let other = |rows: &[_]| rows.iter().rev().cloned().collect::<Vec<_>>();
                World::new(kit.act_as(TENANTS[1]), &other(&rows), &other_of(&mentors));
            }
            let world = World::new(kit.act_as(TENANTS[0]), &rows, &mentors);
            for (filter, order, limit) in &queries {
                let fields: Vec<_> = ["id"].iter().chain(&FIELDS).map(|field| name(field)).collect();
                let sort = order.iter().map(|key| world.sort_by(*key)).collect();
                let select =
                    Select { filter: filter.clone(), sort, limit: *limit, fields, ..Select::default() };
                let expected = world.sorted(filter, order);
                assert_eq!(kit.pages("doctors", &select, None).unwrap(), expected, "{:?}", kit.case);
                assert_eq!(kit.count(filter, None, None).unwrap(), expected.len() as u64);
            }
        }
    });
}

fn other_of(mentors: &[usize]) -> Vec<usize> {
    mentors.iter().map(|mentor| mentor / 2).collect()
}

#[test]
fn what_is_no_reference_of_the_store_is_refused() {
    for case in cases() {
        let kit = Kit::new(case);
        let empty = || Box::new(Filter::Null(name("name"), true));
        for (field, refused) in [("age", "age"), ("region", "region"), ("nothing", "nothing")] {
            let filter = Filter::Through(name(field), empty());
            let by = SortBy { via: vec![name(field)], ..SortBy::from((name("name"), Direction::Ascending)) };
            for select in
                [Select { filter, ..Select::default() }, Select { sort: vec![by], ..Select::default() }]
            {
                let error = kit.pages("doctors", &select, None).unwrap_err();
                assert!(matches!(error.kind(), Kind::Invalid(field, _) if field == refused), "{error:?}");
            }
        }
        let deep =
            SortBy { via: vec![name("mentor"); 4], ..SortBy::from((name("name"), Direction::Ascending)) };
        let select = Select { sort: vec![deep], ..Select::default() };
        assert!(matches!(kit.pages("doctors", &select, None).unwrap_err().kind(), Kind::Invalid(..)));
        let nested = (0..20).fold(Filter::Null(name("name"), true), |filter, _| {
            Filter::Through(name("mentor"), Box::new(filter))
        });
        assert!(matches!(kit.count(&nested, None, None).unwrap_err().kind(), Kind::Invalid(..)));
    }
}

/// References and ranks may be UUIDs.
#[test]
fn references_may_be_uuids() {
    for case in joining() {
        let kit = Kit::new(case);
        let ids: Vec<_> = ["north", "east", "west"]
            .map(|text| kit.one(insert("hospitals", &[("name", text.into())])).id)
            .into();
        for (index, doctor) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let hospital = match ids.get(index) {
                Some(RecordId::Uuid(id)) => Value::Uuid(*id),
                _ => Value::Null,
            };
            kit.one(insert("doctors", &[("name", doctor.into()), ("hospital", hospital)]));
        }
        let through = |operator, value: &str| {
            let inner = Filter::Compare(name("name"), operator, value.into());
            Filter::Through(name("hospital"), Box::new(inner))
        };
        let names = |filter: Filter, sort: Vec<SortBy>| {
            kit.names(&Select { filter, sort, limit: 2, ..Select::default() }, None)
        };
        assert_eq!(names(through(Operator::Contains, "ST"), vec![]), ["b", "c"]);
        assert_eq!(names(through(Operator::Ne, "east"), vec![]), ["a", "c", "d"]);
        let by = |via: &[&str], field, ranks| SortBy {
            via: via.iter().map(|field| name(field)).collect(),
            field: name(field),
            direction: Direction::Descending,
            ranks,
        };
        let all = || Filter::All(vec![]);
        assert_eq!(names(all(), vec![by(&["hospital"], "name", None)]), ["c", "a", "b", "d"]);
        let ranks = vec![(ids[0].clone(), 5), (ids[2].clone(), 9)];
        assert_eq!(names(all(), vec![by(&[], "hospital", Some(Arc::new(ranks)))]), ["c", "a", "d", "b"]);
    }
}

#[test]
fn lists_across_references_are_long() {
    let schema = schema();
    let cost = |select: Select| tenantry_engine::list::cost(&schema, "doctors", &select);
    let by = SortBy { via: vec![name("mentor")], ..SortBy::from((name("age"), Direction::Ascending)) };
    assert_eq!(cost(Select { sort: vec![by], ..Select::default() }), Cost::Long);
    let by = SortBy { ranks: Some(Arc::default()), ..SortBy::from((name("mentor"), Direction::Ascending)) };
    assert_eq!(cost(Select { sort: vec![by], ..Select::default() }), Cost::Long);
    let filter = Filter::Through(name("mentor"), Box::new(Filter::Null(name("age"), true)));
    assert_eq!(cost(Select { filter, ..Select::default() }), Cost::Long);
}
