//! Instants for programs: RFC 3339 in UTC with six digits after the second, so that text order is time order.
//!
//! Used by every answer of the HTTP API and by every `--json` of the command line. Output for people uses shorter
//! forms.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// Fields of the platform's types that count microseconds since 1970, in addition to those that end in `at_us`. Other
/// names in `_us` are durations.
const INSTANTS: [&str; 6] = ["good_us", "newest_us", "next_us", "since_us", "slot_us", "until_us"];

/// Formats microseconds since 1970; null outside the years that RFC 3339 can represent.
pub(crate) fn text(us: i64) -> Value {
    tenantry::clock::iso(us).map_or(Value::Null, Value::String)
}

/// Converts a value of the platform to JSON, with instants as text under their names without `_us`.
pub(crate) fn wire(value: impl Serialize) -> Value {
    in_text(json!(value))
}

fn in_text(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(in_text).collect(),
        Value::Object(fields) => Value::Object(fields.into_iter().map(field).collect::<Map<_, _>>()),
        other => other,
    }
}

fn field((name, value): (String, Value)) -> (String, Value) {
    let is_instant = name.ends_with("at_us") || INSTANTS.contains(&name.as_str());
    match (name.strip_suffix("_us"), &value) {
        (Some(short), Value::Number(us)) if is_instant => {
            (short.to_owned(), us.as_i64().map_or(Value::Null, text))
        }
        (Some(short), Value::Null) if is_instant => (short.to_owned(), Value::Null),
        _ => (name, in_text(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_six_digits_and_durations_stay() {
        let shown = wire(json!({
            "at_us": 1_000_000, "slot_us": null, "pause_us": 7,
            "stores": [{"kept_at_us": 1, "until_us": 253_402_207_200_000_000_i64}],
        }));
        let expected = json!({
            "at": "1970-01-01T00:00:01.000000Z", "slot": null, "pause_us": 7,
            "stores": [{"kept_at": "1970-01-01T00:00:00.000001Z", "until": "9999-12-30T22:00:00.000000Z"}],
        });
        assert_eq!(shown, expected);
    }
}
