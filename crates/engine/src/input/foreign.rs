//! Documents of a database that the platform did not make: values without a schema, as the other program stored them.
//!
//! The platform converts them to values of its models. The engine only reads such databases and never writes to them.

use uuid::Uuid;

/// A value of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Foreign {
    /// Null.
    Null,
    /// True or false.
    Boolean(bool),
    /// Whole number of 32 or 64 bits.
    Integer(i64),
    /// Floating-point number, which may be infinite or not a number.
    Double(f64),
    /// Decimal number as text; may have an exponent, be infinite or not a number.
    Decimal(String),
    /// Instant in milliseconds since 1970, UTC.
    Instant(i64),
    /// Text.
    Text(String),
    /// Id that MongoDB's drivers assign, in lower-case hex.
    ObjectId(String),
    /// UUID.
    Uuid(Uuid),
    /// List of values.
    List(Vec<Foreign>),
    /// Nested document.
    Object(ForeignDocument),
    /// Value that no model can hold. Contains the name of its type.
    Other(&'static str),
}

/// A document: names and values in their order.
pub type ForeignDocument = Vec<(String, Foreign)>;

impl Foreign {
    /// Returns the value as the text of a key. Values that people take for the same key have the same text: an object id and
    /// its hex, a number and its digits. Returns `None` for a value that is no key.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Integer(number) => Some(number.to_string()),
            #[allow(clippy::cast_possible_truncation, reason = "whole and small")]
            Self::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Some((*number as i64).to_string())
            }
            Self::Text(text) if !text.is_empty() => Some(text.clone()),
            Self::ObjectId(hex) => Some(hex.clone()),
            Self::Uuid(uuid) => Some(uuid.to_string()),
            _ => None,
        }
    }

    /// Returns the values that have this key.
    pub fn of_key(key: &str) -> Vec<Self> {
        let mut found = vec![Self::Text(key.to_owned())];
        if key.len() == 24 && key.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            found.push(Self::ObjectId(key.to_owned()));
        }
        if let Ok(number) = key.parse::<i64>()
            && number.to_string() == key
        {
            found.push(Self::Integer(number));
        }
        if let Ok(uuid) = key.parse::<Uuid>()
            && uuid.to_string() == key
        {
            found.push(Self::Uuid(uuid));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_among_those_of_its_key() {
        let hex = "65f0a1b2c3d4e5f601234567";
        for value in [
            Foreign::Text("demo_org_001".into()),
            Foreign::ObjectId(hex.into()),
            Foreign::Integer(-7),
            Foreign::Uuid(Uuid::from_u128(7)),
        ] {
            let key = value.key().unwrap();
            assert!(Foreign::of_key(&key).contains(&value), "{key}");
        }
        assert_eq!(Foreign::Double(7.0).key(), Foreign::Integer(7).key());
        assert_eq!(Foreign::Text(hex.into()).key(), Foreign::ObjectId(hex.into()).key());
        for none in
            [Foreign::Null, Foreign::Double(0.5), Foreign::Text(String::new()), Foreign::Boolean(true)]
        {
            assert_eq!(none.key(), None, "{none:?}");
        }
    }
}
