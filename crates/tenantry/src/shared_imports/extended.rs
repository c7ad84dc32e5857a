//! MongoDB Extended JSON, relaxed and canonical, as `mongoexport` writes it.

use serde_json::{Map, Value as Json};
use tenantry_engine::input::foreign::{Foreign, ForeignDocument};

/// Reads a document.
///
/// # Errors
/// Returns what is wrong with the text.
pub(super) fn document(text: &str) -> Result<ForeignDocument, String> {
    match serde_json::from_str(text) {
        Ok(Json::Object(fields)) => object(fields),
        Ok(_) => Err("is no document".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn object(fields: Map<String, Json>) -> Result<ForeignDocument, String> {
    fields.into_iter().map(|(name, value)| Ok((name, foreign(value)?))).collect()
}

fn foreign(value: Json) -> Result<Foreign, String> {
    Ok(match value {
        Json::Null => Foreign::Null,
        Json::Bool(value) => Foreign::Boolean(value),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Foreign::Integer(whole),
            None => Foreign::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Foreign::Text(text),
        Json::Array(values) => Foreign::List(values.into_iter().map(foreign).collect::<Result<_, _>>()?),
        Json::Object(fields) => match fields.keys().next() {
            Some(name) if name.starts_with('$') => extended(&fields)?,
            _ => Foreign::Object(object(fields)?),
        },
    })
}

/// Reads an object whose only key says the type of its value.
fn extended(fields: &Map<String, Json>) -> Result<Foreign, String> {
    let (Some((name, value)), 1) = (fields.iter().next(), fields.len()) else {
        return Ok(Foreign::Other("value of a type that is not known"));
    };
    let wrong = || format!("{name} has a value that cannot be read");
    let text = || value.as_str().ok_or_else(wrong);
    Ok(match name.as_str() {
        "$oid" => Foreign::ObjectId(text()?.to_ascii_lowercase()),
        "$numberInt" | "$numberLong" => Foreign::Integer(text()?.parse().map_err(|_| wrong())?),
        "$numberDouble" => match text()? {
            "Infinity" => Foreign::Double(f64::INFINITY),
            "-Infinity" => Foreign::Double(f64::NEG_INFINITY),
            "NaN" => Foreign::Double(f64::NAN),
            number => Foreign::Double(number.parse().map_err(|_| wrong())?),
        },
        "$numberDecimal" => Foreign::Decimal(text()?.to_owned()),
        "$uuid" => Foreign::Uuid(text()?.parse().map_err(|_| wrong())?),
        "$date" => Foreign::Instant(match value {
            Json::String(text) => text.parse::<jiff::Timestamp>().map_err(|_| wrong())?.as_millisecond(),
            Json::Number(number) => number.as_i64().ok_or_else(wrong)?,
            Json::Object(long) => {
                let long = long.get("$numberLong").and_then(Json::as_str);
                long.and_then(|text| text.parse().ok()).ok_or_else(wrong)?
            }
            _ => return Err(wrong()),
        }),
        "$undefined" => Foreign::Null,
        _ => Foreign::Other("value of a type that no model has"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_value_are_read() {
        let pairs = [
            (r#"{"$numberLong": "9007199254740993"}"#, "9007199254740993"),
            (r#"{"$date": {"$numberLong": "1700000000123"}}"#, r#"{"$date": "2023-11-14T22:13:20.123Z"}"#),
            (r#"{"$numberInt": "7"}"#, "7"),
            (r#"{"$numberDouble": "0.5"}"#, "0.5"),
        ];
        for (canonical, relaxed) in pairs {
            let read = |value: &str| document(&format!(r#"{{"a": {value}}}"#)).unwrap();
            assert_eq!(read(canonical), read(relaxed), "{canonical}");
        }
        let other = document(r#"{"a": {"$regularExpression": {"pattern": "x"}}}"#).unwrap();
        assert!(matches!(other[0].1, Foreign::Other(_)));
        assert!(document(r#"{"a": {"$numberLong": "x"}}"#).is_err());
        assert!(document("[1]").is_err());
    }
}
