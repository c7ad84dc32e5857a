//! Tests of accepted and refused list URLs (T4).

use super::*;
use std::sync::Arc;
use tenantry::{name::ModelName, query::Operator};
use tenantry_testkit::{Random, dose, property, tried};

fn model() -> Model {
    serde_json::from_value(serde_json::json!({
        "app": "medadmin", "name": "patients", "label": "Patients", "store": "tenant", "id": "integer",
        "display": "name", "indexes": [], "tenant_field": "company_id", "overrides": null, "audit": false,
        "permissions": {"read": [], "create": [], "update": [], "delete": []},
        "fields": [
            field("name", serde_json::json!({"type": "text", "max_length": 100}), true),
            field("status", serde_json::json!({"type": "choice", "choices": ["active", "gone"]}), false),
            field("age", serde_json::json!({"type": "integer", "min": 0, "max": 150}), false),
            field("balance", serde_json::json!({"type": "decimal", "scale": 2}), false),
            field("born", serde_json::json!({"type": "date"}), false),
            field("notes", serde_json::json!({"type": "json"}), false),
            field("city", serde_json::json!({"type": "ref", "to": "cities", "on_delete": "protect"}), false),
            field("secret", serde_json::json!({"type": "ref", "to": "secrets", "on_delete": "protect"}), false),
        ],
    }))
    .unwrap()
}

impl Models for Model {
    fn listed(&self) -> &Model {
        self
    }

    /// Returns the test's model under every name, except the name of a hidden model.
    fn readable(&self, name: &ModelName) -> Option<Arc<Model>> {
        (name.as_str() != "secrets").then(|| Arc::new(Model { name: name.clone(), ..self.clone() }))
    }

    /// Returns the night in which the clocks of Berlin were put forward, at half past eleven there.
    fn now(&self) -> jiff::Timestamp {
        "2026-03-29T21:30:00Z".parse().unwrap()
    }
}

fn field(name: &str, kind: serde_json::Value, search: bool) -> serde_json::Value {
    serde_json::json!({"name": name, "kind": kind, "label": name, "required": false, "unique": false,
        "index": false, "search": search, "personal": false, "default": null})
}

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

fn wrong(query: &str) -> String {
    String::from_utf8(list(&model(), query).unwrap_err().body(None)).unwrap()
}

#[test]
fn operators_become_conditions() {
    let got = list(&model(), "status=active&age__gte=18&name__contains=a%20b&id__in=1,2&born__isnull=true")
        .unwrap();
    let want = Filter::All(vec![
        Filter::Compare(name("status"), Operator::Eq, "active".into()),
        Filter::Compare(name("age"), Operator::Ge, 18.into()),
        Filter::Compare(name("name"), Operator::Contains, "a b".into()),
        Filter::In(name("id"), vec![1.into(), 2.into()]),
        Filter::Null(name("born"), true),
    ]);
    assert_eq!(got.select.filter, want);
}

#[test]
fn days_by_a_word_are_those_of_the_time_zone_over_a_change_of_its_clocks() {
    let filter = |query: &str| match list(&model(), query).unwrap().select.filter {
        Filter::All(mut all) => all.remove(0),
        other => panic!("{other:?}"),
    };
    let compare = |field: &str, operator, value: &str| {
        let value = match value.len() {
            10 => Value::Date(value.parse().unwrap()),
            _ => Value::DateTime(value.parse().unwrap()),
        };
        Filter::Compare(name(field), operator, value)
    };
    let between = |field: &str, from: &str, until: &str| {
        Filter::All(vec![compare(field, Operator::Ge, from), compare(field, Operator::Lt, until)])
    };
    let berlin = |condition: &str| filter(&format!("{condition}&time_zone=Europe/Berlin"));
    // A day of 23 hours, which is over half an hour later.
    let today = between("created_at", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    assert_eq!(berlin("created_at=today"), today);
    let yesterday = between("created_at", "2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z");
    assert_eq!(berlin("created_at=yesterday"), yesterday);
    let week = between("created_at", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z");
    assert_eq!(berlin("created_at=this_week"), week);
    let month = between("created_at", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z");
    assert_eq!(berlin("created_at=this_month"), month);
    assert_eq!(berlin("created_at__gte=today"), compare("created_at", Operator::Ge, "2026-03-28T23:00:00Z"));
    assert_eq!(berlin("created_at__lte=today"), compare("created_at", Operator::Lt, "2026-03-29T22:00:00Z"));
    // In Baku it is the next day already.
    assert_eq!(filter("born=today&time_zone=Asia/Baku"), between("born", "2026-03-30", "2026-03-31"));
    assert_eq!(filter("born__lt=this_month"), compare("born", Operator::Lt, "2026-03-01"));
    assert!(wrong("born__in=today").contains("must be a date"));
    assert!(wrong("age=today").contains("whole number"));
    assert!(wrong("born=someday").contains("must be a date"));
}

#[test]
fn conditions_follow_references() {
    let filter = |query: &str| match list(&model(), query).unwrap().select.filter {
        Filter::All(mut all) => all.remove(0),
        other => panic!("{other:?}"),
    };
    let age = || Filter::Compare(name("age"), Operator::Ge, 18.into());
    let through = |filter| Filter::Through(name("city"), Box::new(filter));
    assert_eq!(filter("city.age__gte=18"), through(age()));
    assert_eq!(filter("city.city.city.age__gte=18"), through(through(through(age()))));
    let sort = list(&model(), "sort=-city.city.name").unwrap().select.sort;
    let by = SortBy { via: vec![name("city"); 2], ..(name("name"), Direction::Descending).into() };
    assert_eq!(sort, [by]);
}

#[test]
fn groups_of_conditions_are_read() {
    let filter = |query: &str| list(&model(), query).unwrap().select.filter;
    let eq = |field, value: &str| Filter::Compare(name(field), Operator::Eq, value.into());
    let old = || Filter::Compare(name("age"), Operator::Ge, 65.into());
    let of = |filter| Filter::All(vec![filter]);
    assert_eq!(
        filter("any=(status=active,age__gte=65)"),
        of(Filter::Any(vec![eq("status", "active"), old()]))
    );
    let nested = Filter::All(vec![old(), Filter::Any(vec![eq("name", "a=b"), eq("name", "x,(\"\\)")])]);
    assert_eq!(
        filter("any=(status=gone,all(age__gte=65,any(name=a%3Db,name=%22x,(%5C%22%5C%5C)%22)))"),
        of(Filter::Any(vec![eq("status", "gone"), nested]))
    );
    let two = filter("any=(status=active)&any=(age__gte=65)&status=gone");
    assert_eq!(
        two,
        Filter::All(vec![
            Filter::Any(vec![eq("status", "active")]),
            Filter::Any(vec![old()]),
            eq("status", "gone")
        ])
    );
    for (query, says) in [
        ("any=status=active", "must begin with"),
        ("any=()", "is no condition"),
        ("any=(status=active", "not closed"),
        ("any=(name=%22a)", "quote is not closed"),
        ("any=(status=active))", "after the last parenthesis"),
        ("any=(status=active,)", "is no condition"),
        ("any=(not(age=1))", "there are: any, all"),
        ("any=(all(any(all(any(age=1)))))", "at most 4 groups deep"),
        ("any=(age=x)", "age: must be a whole number"),
        ("any=(company_id=2)", "there are: id, name"),
        ("any=(q=ann)", "no field"),
    ] {
        let body = wrong(query);
        assert!(body.contains(says), "{query}: {body}");
    }
    let many = vec!["age=1"; 26].join(",");
    assert!(wrong(&format!("any=({many})&any=({many})")).contains("at most 50 conditions"));
    assert!(list(&model(), &format!("any=({})", vec!["age=1"; 50].join(","))).is_ok());
}

/// A sort key that changes nothing is not a part of the cursor either.
#[test]
fn sort_keys_that_change_nothing_are_left_out() {
    let sort = |text: &str| list(&model(), text).unwrap().select.sort.len();
    assert_eq!(sort("sort=name,-name,age"), 2);
    assert_eq!(sort("sort=city.name,name,-city.name"), 2);
    assert_eq!(sort("sort=name,id,age"), 2);
    assert_eq!(sort("sort=city.id,id"), 2);
}

#[test]
fn the_other_parameters_are_read() {
    let got = list(
        &model(),
        "q=ann&sort=-created_at,name&limit=7&count=true&fields=id,name&expand=city,city.region",
    )
    .unwrap();
    assert_eq!(got.select.search.as_deref(), Some("ann"));
    assert_eq!(
        got.select.sort,
        [(name("created_at"), Direction::Descending), (name("name"), Direction::Ascending)].map(SortBy::from)
    );
    assert_eq!((got.select.limit, got.count), (7, true));
    assert_eq!(got.select.fields, vec![name("id"), name("name")]);
    assert_eq!(got.expand, ["city", "city.region"]);
}

#[test]
fn what_is_not_allowed_is_refused_and_named() {
    for (query, says) in [
        ("company_id=2", "there are: id, name, status"),
        ("tenant=2", "other parameters: q, sort"),
        ("age__between=1", "there are: eq, ne"),
        ("status=lost", "one of: active, gone"),
        ("age=old", "whole number"),
        ("notes=1", "__isnull"),
        ("limit=0", "1 to 1000"),
        ("limit=1001", "1 to 1000"),
        ("sort=notes", "cannot sort"),
        ("expand=name", "one of: city"),
        ("name=%zz", "hex"),
        ("name=%00", "NUL"),
        ("after=abc", "not a cursor"),
        ("name.age=1", "is no reference of patients; one of: city"),
        ("city.nothing=1", "no field"),
        ("city.age__gte=x", "whole number"),
        ("city.city.city.city.age=1", "at most 3 references deep"),
        ("city.=1", "no field"),
        (".age=1", "is no reference"),
        ("secret.age=1", "you may not read"),
        ("sort=secret.age", "you may not read"),
        ("sort=city.notes", "cannot sort"),
    ] {
        let body = wrong(query);
        assert!(body.contains(says), "{query}: {body}");
    }
    let both = wrong("limit=0&age=x");
    assert!(both.contains("limit") && both.contains("age"), "all at once: {both}");
}

#[test]
fn cursors_return_and_are_bound_to_model_and_sort() {
    let list_by = |sort: &str| list(&model(), sort).unwrap().select.sort;
    let sort = list_by("sort=balance,-born,name");
    let values = vec![Value::Decimal("12.50".parse().unwrap()), Value::Null, "ä\"".into(), 9.into()];
    let cursor = seal(&model(), &sort, &values);
    assert_eq!(cursor::open(&model(), &sort, &cursor), Some(values));
    assert_eq!(cursor::open(&model(), &list_by("sort=balance,born,name"), &cursor), None);
    let mut other = model();
    other.name = tenantry::name::ModelName::parse("doctors").unwrap();
    assert_eq!(cursor::open(&other, &sort, &cursor), None);
}

#[test]
fn ids_that_cannot_be_are_absent() {
    for bad in ["0", "-1", "1.0", "1e3", "x", "", "9223372036854775808", "0x1"] {
        assert_eq!(record_id(IdKind::Integer, bad), None, "{bad}");
    }
    assert_eq!(record_id(IdKind::Uuid, "0"), None);
    assert_eq!(record_id(IdKind::Integer, "7"), Some(RecordId::Integer(7)));
}

/// T4: no query string panics, and none produces a condition on a column that the model lacks.
#[test]
fn any_query_string_is_answered() {
    property(256, "[a-z_]{0,12}(=[ -~]{0,20})?(&[a-z_]{1,9}=[ -~é]{0,20}){0,3}", |query| {
        let _ = list(&model(), &query);
    });
}

/// T4: no cursor panics.
#[test]
fn any_cursor_is_answered() {
    property(256, "[A-Za-z0-9_=-]{0,80}", |cursor| {
        let _ = list(&model(), &format!("after={cursor}"));
    });
}

/// T4: valid queries with random mistakes. Each is accepted or refused with a message; none selects a column that does
/// not exist, and a cursor with a mistake is not accepted.
#[test]
fn a_query_with_a_slip_in_it_is_read_or_refused() {
    let good = [
        "status=active&age__gte=18&name__contains=a%20b&id__in=1,2&born__isnull=true",
        "q=ann&sort=-created_at,name&limit=7&count=true&fields=id,name&expand=city",
        "balance__lt=12.50&born__gt=1990-01-01&city=3&sort=balance",
        "any=(status=active,all(age__gte=65,name=%22a,b%22))&city.name__contains=x&sort=-city.city.age",
    ];
    let model = model();
    let sort = list(&model, "sort=balance,-born,name").unwrap().select.sort;
    let cursor =
        seal(&model, &sort, &[Value::Decimal("12.50".parse().unwrap()), Value::Null, "x".into(), 9.into()]);
    let mut random = Random::new(21, 0);
    let tries = dose(150_000, 10_000_000);
    for _ in 0..tries {
        let from = *random.pick(&good);
        let query = random.spoil(from);
        if let Err(problem) = list(&model, &query) {
            assert!(problem.status().is_client_error(), "{query}");
        }
        let spoilt = random.spoil(&cursor);
        let _ = cursor::open(&model, &sort, &spoilt);
    }
    tried("T4 queries and cursors", tries * 2, "texts");
}
