//! Lists: bounds, refusals, search; the same cases on every database and in every isolation.

use crate::records_kit::*;
use tenantry_engine::{
    Kind,
    list::Cost,
    query::{Direction, Filter, Operator, Select},
    row::json::JsonRows,
    value::Value,
};

fn compare(field: &str, operator: Operator, value: impl Into<Value>) -> Filter {
    Filter::Compare(name(field), operator, value.into())
}

fn searching(text: &str) -> Select {
    Select { search: Some(text.into()), ..Select::default() }
}

fn refused(kit: &Kit, select: &Select) -> String {
    match kit.pages("doctors", select, None).expect_err("must be refused").kind() {
        Kind::Invalid(field, _) => field.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn json_of_a_row_is_exact() {
    for case in cases() {
        let kit = Kit::new(case);
        let given =
            [("name", "A \"q\"\n".into()), ("extra", Value::Json(serde_json::json!({"k": [1, "é"]})))];
        let id = kit.one(insert("doctors", &given)).id;
        let fields = ["id", "name", "fee", "active", "age", "extra", "version"].map(name);
        let keys = kit.schema.model("doctors").unwrap().keys(&fields).unwrap();
        let json = kit.visit("doctors", &id, &fields, JsonRows::new(keys, vec![])).unwrap();
        let expected = r#"{"id":1,"name":"A \"q\"\n","fee":"10.00","active":true,"age":null,"extra":{"k":[1,"é"]},"version":1}"#;
        assert_eq!(String::from_utf8(json.out).unwrap(), expected);
        let plan = kit.schema.model("doctors").unwrap();
        let all = kit.visit("doctors", &id, &[], JsonRows::new(plan.keys(&[]).unwrap(), vec![])).unwrap();
        let mut owned = vec![];
        let row = kit.get("doctors", &id).unwrap();
        tenantry_engine::row::json::write_values(&mut owned, &plan.keys(&[]).unwrap(), &row);
        assert_eq!(
            String::from_utf8(all.out).unwrap(),
            String::from_utf8(owned).unwrap(),
            "two writers, one text"
        );
    }
}

#[test]
fn wrong_types_fields_and_bounds_are_refused() {
    for case in cases() {
        let kit = Kit::new(case);
        let filters = [
            ("age", compare("age", Operator::Eq, "1")),
            ("name", compare("name", Operator::Eq, 1)),
            ("extra", compare("extra", Operator::Eq, "x")),
            ("active", compare("active", Operator::Lt, true)),
            ("born", compare("born", Operator::Gt, "2000-01-01")),
            ("age", compare("age", Operator::Contains, "1")),
            ("age", compare("age", Operator::Lt, Value::Null)),
            ("company_id", compare("company_id", Operator::Eq, 8)),
            ("_row", Filter::In(name("age"), vec!["x".into()])),
            ("age", Filter::In(name("age"), vec![1.into(); 1001])),
            ("filter", Filter::All(vec![Filter::Null(name("age"), true); 201])),
            ("filter", (0..20).fold(Filter::Null(name("age"), true), |f, _| Filter::Not(Box::new(f)))),
            ("nothing", Filter::Null(name("nothing"), true)),
        ];
        for (field, filter) in filters {
            let field = if field == "_row" { "age" } else { field };
            assert_eq!(refused(&kit, &Select { filter: filter.clone(), ..Select::default() }), field);
            assert!(kit.count(&filter, None, None).is_err());
        }
        for limit in [0, 1001] {
            assert_eq!(refused(&kit, &Select { limit, ..Select::default() }), "limit");
        }
        let up = Direction::Ascending;
        assert_eq!(
            refused(&kit, &Select { sort: vec![(name("extra"), up).into()], ..Select::default() }),
            "extra"
        );
        assert_eq!(
            refused(&kit, &Select { fields: vec![name("company_id")], ..Select::default() }),
            "company_id"
        );
        for after in [vec![], vec!["x".into()], vec![1.into(), 2.into()]] {
            assert_eq!(refused(&kit, &Select { after: Some(after), ..Select::default() }), "after");
        }
        let error = kit.count_of("order", &Filter::All(vec![]), Some("x"), None);
        assert!(matches!(error.unwrap_err().kind(), Kind::Invalid(field, _) if field == "search"));
    }
}

#[test]
fn search_takes_any_text_and_finds_words_by_prefix() {
    for case in cases() {
        let kit = Kit::new(case);
        for (text, notes) in
            [("José García", "heart surgeon"), ("Ann O'Neil", "skin"), ("Bob", "heart-lung \"best\"")]
        {
            kit.one(insert("doctors", &[("name", text.into()), ("notes", notes.into())]));
        }
        let all = ["José García", "Ann O'Neil", "Bob"];
        let cases: &[(&str, &[&str])] = &[
            ("jose", &all[..1]),
            ("GARCIA jos", &all[..1]),
            ("heart", &["José García", "Bob"]),
            ("hea", &["José García", "Bob"]),
            ("hea surgeon", &[]),
            ("heart-lung", &["Bob"]),
            ("o'neil", &["Ann O'Neil"]),
            ("\"best\"", &["Bob"]),
            ("heart OR skin", &[]),
            ("NOT heart", &[]),
            ("name:bob", &[]),
            ("*", &[]),
            ("\"", &[]),
            (")(", &[]),
            ("", &all),
            ("  ", &all),
            ("zzz", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(kit.names(&searching(text), None), *expected, "{text:?} {case:?}");
            let count = kit.count(&Filter::All(vec![]), Some(text), None).unwrap();
            assert_eq!(count, expected.len() as u64);
        }
        let both = Select { filter: compare("notes", Operator::Contains, "LUNG"), ..searching("heart") };
        assert_eq!(kit.names(&both, None), ["Bob"]);
        assert_eq!(refused(&kit, &searching(&"x".repeat(201))), "search");
    }
}

#[test]
fn search_follows_updates_and_deletes() {
    for case in cases() {
        let kit = Kit::new(case);
        let id = kit.one(insert("doctors", &[("name", "before".into()), ("notes", "other words".into())])).id;
        kit.one(update("doctors", &id, None, &[("name", "after".into())]));
        assert_eq!(kit.names(&searching("words"), None), ["after"], "the other field has its words");
        assert_eq!(kit.names(&searching("before"), None), [""; 0]);
        assert_eq!(kit.names(&searching("after"), None), ["after"]);
        kit.one(delete("doctors", &id, None));
        assert_eq!(kit.names(&searching("after"), None), [""; 0]);
    }
}

#[test]
fn costs_tell_pages_from_scans() {
    let schema = schema();
    let cost = |select: Select| tenantry_engine::list::cost(&schema, "doctors", &select);
    let sort =
        |field: &str| Select { sort: vec![(name(field), Direction::Descending).into()], ..Select::default() };
    assert_eq!(cost(Select::default()), Cost::Short);
    assert_eq!(cost(sort("age")), Cost::Short);
    assert_eq!(cost(sort("name")), Cost::Long, "has no index of its own");
    assert_eq!(cost(Select { limit: 201, ..Select::default() }), Cost::Long);
    assert_eq!(cost(searching("x")), Cost::Long);
    let filtered = |filter| Select { filter, ..Select::default() };
    assert_eq!(cost(filtered(compare("email", Operator::Eq, "x"))), Cost::Short);
    assert_eq!(cost(filtered(compare("age", Operator::Eq, 1))), Cost::Short);
    assert_eq!(cost(filtered(compare("age", Operator::Gt, 1))), Cost::Long);
    assert_eq!(cost(filtered(compare("name", Operator::Eq, "x"))), Cost::Long);
}
