//! T4: values from JSON and from CSV cells. An accepted value is stored and comes back unchanged; a refusal names field
//! and rule; nothing panics.

use crate::records_kit::*;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tenantry_engine::{
    Kind, Result,
    input::{from_json, from_text},
    model::{Field, FieldKind, OnDelete},
    name::ModelName,
    value::Value,
};
use tenantry_testkit::{Random, dose, property, tried};

fn of(kind: FieldKind) -> Field {
    field("f", kind)
}

fn reference() -> Field {
    of(FieldKind::Ref { to: ModelName::parse("others").unwrap(), on_delete: OnDelete::Protect })
}

fn rule(result: Result<Value>) -> String {
    match result.expect_err("must be refused").kind() {
        Kind::Invalid(field, rule) if field == "f" => rule.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn json_is_taken_as_it_is_typed() {
    let money = of(FieldKind::Decimal { scale: 2 });
    let same =
        |json: Json, text: &str| assert_eq!(from_json(&money, &json).unwrap(), decimal(text), "{json}");
    same(json!("12.50"), "12.5");
    same(json!(12.5), "12.5");
    same(json!(0.1), "0.1");
    same(json!(-7), "-7");
    same(json!("1.500"), "1.5");
    for bad in [
        json!("1e3"),
        json!(1e300),
        json!(""),
        json!("+1"),
        json!("1,5"),
        json!("."),
        json!("1."),
        json!("0x1"),
        json!(true),
    ] {
        assert!(from_json(&money, &bad).is_err(), "{bad}");
    }
    assert_eq!(rule(from_json(&money, &json!("0.001"))), "must have at most 2 decimals");
    assert_eq!(rule(from_json(&money, &json!("9".repeat(60)))), "must be a decimal number such as 12.50");
    let whole = of(FieldKind::Integer { min: None, max: None });
    assert_eq!(from_json(&whole, &json!(i64::MIN)).unwrap(), i64::MIN.into());
    for bad in [json!(1.5), json!(1.0), json!("1"), json!(u64::MAX), json!([1])] {
        assert!(from_json(&whole, &bad).is_err(), "{bad}");
    }
    assert_eq!(from_json(&whole, &Json::Null).unwrap(), Value::Null);
    assert_eq!(rule(from_json(&Field { required: true, ..whole }, &Json::Null)), "is required");
    assert!(from_json(&of(FieldKind::Text { max_length: None }), &json!(1)).is_err());
    let id = uuid::Uuid::now_v7();
    assert_eq!(from_json(&reference(), &json!(id.to_string())).unwrap(), Value::Uuid(id));
    assert_eq!(from_json(&reference(), &json!(3)).unwrap(), 3.into());
    assert!(from_json(&reference(), &json!("3")).is_err());
}

#[test]
fn dates_and_instants_are_whole_and_in_range() {
    let (date, instant) = (of(FieldKind::Date), of(FieldKind::Datetime));
    assert!(from_json(&date, &json!("2024-02-29")).is_ok());
    for bad in ["2023-02-29", "2024-2-9", "2024-02-29T00:00:00", "-00100-01-01", "20240229xx", ""] {
        assert!(from_json(&date, &json!(bad)).is_err(), "{bad}");
    }
    let early = from_json(&instant, &json!("2024-01-01T01:00:00+02:00")).unwrap();
    assert_eq!(early, Value::DateTime("2023-12-31T23:00:00Z".parse().unwrap()));
    for bad in ["2024-01-01T01:00:00", "2024-01-01", "-000001-01-01T00:00:00Z", "now", "1704067200"] {
        assert!(from_json(&instant, &json!(bad)).is_err(), "{bad}");
    }
}

#[test]
fn cells_are_text_and_empty_is_null() {
    let text = of(FieldKind::Text { max_length: Some(3) });
    assert_eq!(from_text(&text, "").unwrap(), Value::Null);
    assert_eq!(from_text(&text, "äöü").unwrap(), "äöü".into());
    assert_eq!(rule(from_text(&text, "äöüß")), "must have at most 3 characters");
    assert_eq!(rule(from_text(&Field { required: true, ..text }, "")), "is required");
    let boolean = of(FieldKind::Boolean);
    for (cell, expect) in [("true", true), ("YES", true), ("0", false), ("no", false)] {
        assert_eq!(from_text(&boolean, cell).unwrap(), expect.into());
    }
    assert_eq!(rule(from_text(&boolean, "maybe")), "must be true or false");
    assert_eq!(from_text(&of(FieldKind::Decimal { scale: 2 }), "-1.5").unwrap(), decimal("-1.5"));
    assert_eq!(from_text(&of(FieldKind::Json), "{\"a\":1}").unwrap(), Value::Json(json!({"a": 1})));
    assert_eq!(from_text(&reference(), "42").unwrap(), 42.into());
    let id = uuid::Uuid::now_v7();
    assert_eq!(from_text(&reference(), &id.to_string()).unwrap(), Value::Uuid(id));
    assert!(from_text(&of(FieldKind::Integer { min: None, max: None }), "1 ").is_err());
}

fn kinds() -> Vec<Field> {
    let kinds = [
        FieldKind::Text { max_length: Some(5) },
        FieldKind::Integer { min: Some(-5), max: Some(5) },
        FieldKind::Decimal { scale: 9 },
        FieldKind::Boolean,
        FieldKind::Date,
        FieldKind::Datetime,
        FieldKind::Json,
        FieldKind::File { max_bytes: 1 },
        FieldKind::Choice { choices: vec!["a".into()] },
    ];
    kinds.map(of).into_iter().chain([reference()]).collect()
}

/// T4: valid values with small mistakes, as cells and as JSON. The value that a cell is parsed to has a text that
/// parses to the same value. Nothing panics.
#[test]
fn a_value_with_a_slip_in_it_is_read_or_refused() {
    let good = [
        "2024-02-29",
        "2024-01-01T01:00:00.5+02:00",
        "-123456789.987654321",
        "9223372036854775807",
        "true",
        "0190a0aa-0000-7000-8000-000000000000",
        "{\"a\":[1,null,\"\u{e9}\"]}",
        "abc",
    ];
    let (fields, mut random) = (kinds(), Random::new(31, 0));
    let tries = dose(25_000, 1_000_000);
    for _ in 0..tries {
        let from = *random.pick(&good);
        let text = random.spoil(from);
        let json = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
        for field in &fields {
            if let Ok(Value::Text(taken)) = from_text(field, &text) {
                assert_eq!(taken, text);
            }
            let _ = from_json(field, &json);
        }
    }
    tried("T4 values", tries * 2 * fields.len() as u64, "values");
}

#[test]
fn no_text_and_no_json_panics() {
    property(256, (".{0,40}", any::<f64>(), any::<i64>(), 0..19_u32), |(text, number, mantissa, scale)| {
        let exact = rust_decimal::Decimal::from_i128_with_scale(mantissa.into(), scale).to_string();
        for field in kinds() {
            for text in [&text, &exact] {
                let _ = from_text(&field, text);
                let _ = from_json(&field, &json!(text));
            }
            let _ = from_json(&field, &json!(number));
            let _ = from_json(&field, &json!(mantissa));
        }
    });
}

#[test]
fn decimals_come_back_exactly() {
    property(
        256,
        (-999_999_999_999_999_999_i64..=999_999_999_999_999_999, 0..=9_u32),
        |(mantissa, scale)| {
            let value = Value::Decimal(rust_decimal::Decimal::new(mantissa, scale));
            let field = of(FieldKind::Decimal { scale });
            let Value::Decimal(d) = &value else { unreachable!() };
            assert_eq!(from_json(&field, &json!(d.to_string())).unwrap(), value.clone());
            let mut out = vec![];
            tenantry_engine::row::json::write_owned(&mut out, &value);
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{d}\""));
        },
    );
}
