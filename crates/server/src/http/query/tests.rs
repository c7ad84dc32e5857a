//! Tests of accepted and refused list URLs (T4).

use super::*;
use tenantry::query::Operator;
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
        ],
    }))
    .unwrap()
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
fn the_other_parameters_are_read() {
    let got = list(
        &model(),
        "q=ann&sort=-created_at,name&limit=7&count=true&fields=id,name&expand=city,city.region",
    )
    .unwrap();
    assert_eq!(got.select.search.as_deref(), Some("ann"));
    assert_eq!(
        got.select.sort,
        vec![(name("created_at"), Direction::Descending), (name("name"), Direction::Ascending)]
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
