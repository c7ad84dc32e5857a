//! Shared rows with a tenant's overrides: search, ids of both kinds, refusals. `records_naive` compares filter, sort
//! and page with a model in memory.

use crate::records_kit::*;
use tenantry_engine::{
    overrides::{self, CollectOverrides, OverrideRow, Stamps},
    query::{RecordId, Select},
    row::{Row, Visit},
    value::{Value, ValueRef},
};

fn searching(text: &str) -> Select {
    Select { search: Some(text.into()), limit: 1, ..Select::default() }
}

#[test]
fn search_sees_what_the_tenant_sees() {
    for case in cases() {
        let kit = Kit::new(case);
        for (text, notes) in [("alpha bank", "old notes"), ("beta bank", "quiet"), ("gamma house", "x")] {
            kit.one(insert("doctors", &[("name", text.into()), ("notes", notes.into())]));
        }
        let over = |id, changes: &str| OverrideRow::of_shared(RecordId::Integer(id), changes);
        let rows = [
            over(1, r#"{"name":"Crédit house"}"#),
            over(2, r#"{"age":7}"#),
            over(3, r#"{"notes":null}"#),
            over(9, r#"{"name":"bank of nowhere"}"#),
        ];
        let found = |text: &str| kit.names(&searching(text), Some(&rows));
        assert_eq!(found("bank"), ["beta bank"], "the overridden name no longer matches");
        assert_eq!(found("hous"), ["Crédit house", "gamma house"]);
        assert_eq!(found("credit old"), ["Crédit house"], "shared and overridden texts of one row together");
        assert_eq!(found("x"), [""; 0], "overridden by null");
        assert_eq!(
            kit.names(&searching("bank"), None),
            ["alpha bank", "beta bank"],
            "others see it as it is"
        );
        assert_eq!(kit.names(&searching("bank"), Some(&[])), ["alpha bank", "beta bank"]);
        assert_eq!(kit.count(&Select::default().filter, Some("hous"), Some(&rows)).unwrap(), 2);
        let now = jiff::Timestamp::now();
        let own = OverrideRow {
            added: Some(Stamps { created_at: now, updated_at: now, version: 1 }),
            ..over(-1, r#"{"name":"own bank","notes":null}"#)
        };
        let with_own = [rows.to_vec(), vec![own]].concat();
        let found = |text: &str| kit.names(&searching(text), Some(&with_own));
        assert_eq!(found("bank"), ["own bank", "beta bank"], "an entry of the tenant's own is found too");
        assert_eq!(found("own b"), ["own bank"]);
    }
}

#[test]
fn changes_keep_stored_forms_and_refuse_what_may_not_change() {
    let schema = schema();
    let plan = schema.model("doctors").unwrap();
    let list = values(&[
        ("fee", decimal("3.50")),
        ("active", false.into()),
        ("age", Value::Null),
        ("extra", Value::Json(serde_json::json!({"a": 1}))),
    ]);
    let json = overrides::changes(plan, &list).unwrap();
    assert_eq!(json, serde_json::json!({"fee": 350, "active": 0, "age": null, "extra": "{\"a\":1}"}));
    let back = overrides::values(plan, &json);
    assert!(back.len() == list.len() && list.iter().all(|pair| back.contains(pair)), "{back:?}");
    for (field, value) in
        [("email", Value::from("x")), ("id", 1.into()), ("age", 200.into()), ("name", Value::Null)]
    {
        assert!(overrides::changes(plan, &values(&[(field, value)])).is_err(), "{field}");
    }
    for case in cases() {
        let kit = Kit::new(case);
        kit.one(insert("doctors", &[("name", "a".into())]));
        let rows =
            [OverrideRow::of_shared(RecordId::Integer(1), r#"{"email":"taken over","id":5,"fee":350}"#)];
        let row = kit.pages("doctors", &Select::default(), Some(&rows)).unwrap().remove(0);
        assert_eq!(
            (&row[0], kit.column("doctors", &row, "email")),
            (&1.into(), Value::Null),
            "not overridable, not merged"
        );
        assert_eq!(kit.column("doctors", &row, "fee"), decimal("3.50"));
    }
}

#[test]
fn override_rows_are_collected_from_a_read() {
    struct Pair<'a>(ValueRef<'a>, ValueRef<'a>);
    impl Row for Pair<'_> {
        fn len(&self) -> usize {
            2
        }
        fn get(&self, index: usize) -> ValueRef<'_> {
            if index == 0 { self.0 } else { self.1 }
        }
    }
    let mut rows = CollectOverrides::default();
    let id = uuid::Uuid::now_v7();
    rows.row(&Pair(ValueRef::Integer(4), ValueRef::Json("{}")));
    rows.row(&Pair(ValueRef::Text(&id.to_string()), ValueRef::Json("{}")));
    let ids: Vec<_> = rows.rows.into_iter().map(|row| row.id).collect();
    assert_eq!(ids, [RecordId::Integer(4), RecordId::Uuid(id)]);
    assert!(!overrides::is_added(&RecordId::Uuid(id)));
    assert!(overrides::is_added(&RecordId::Uuid(overrides::new_added_uuid())));
}
