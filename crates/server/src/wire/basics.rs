//! Values that many bodies and answers contain: times, ids, names, addresses.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{borrow::Cow, ops::Deref};
use tenantry::access::passwords;

/// Implements [`JsonSchema`] with a schema that is inlined and has no name of its own.
macro_rules! inline_schema {
    ($type:ident $(<$of:ident>)?: $schema:tt) => {
        impl$(<$of>)? JsonSchema for $type$(<$of>)? {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

/// A time in microseconds since 1970, UTC. Its JSON form is RFC 3339 in UTC with six digits after the second, so text
/// order is time order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) i64);

inline_schema!(Instant: {"type": "string", "format": "date-time"});

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        // Fall back to the nearest time that RFC 3339 can represent.
        let end = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        let at = jiff::Timestamp::from_microsecond(self.0).unwrap_or(end);
        into.collect_str(&format_args!("{at:.6}"))
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        jiff::Timestamp::deserialize(from).map(|at| Self(at.as_microsecond()))
    }
}

/// Id of a row of the platform.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(crate) struct Id(pub(crate) i64);

inline_schema!(Id: {"type": "integer", "format": "int64", "minimum": 1});

/// Largest number of entries of a page, from 1 to 1000; 100 by default.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(from = "u32")]
pub(crate) struct Limit(pub(crate) u32);

inline_schema!(Limit: {
    "type": "integer", "minimum": 1, "maximum": 1000, "default": 100, "description": "Largest number of entries."
});

impl From<u32> for Limit {
    fn from(wanted: u32) -> Self {
        Self(wanted.clamp(1, 1000))
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

/// A value of the platform that is text in JSON: a name, a slug, or a word of a closed set.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct AsText<T>(pub(crate) T);

inline_schema!(AsText<T>: {"type": "string"});

/// Defines types for text that the document describes more closely than as a string. The platform checks the text.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident $schema:tt)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Serialize, Deserialize)]
            #[serde(transparent)]
            pub(crate) struct $name(pub(crate) String);

            inline_schema!($name: $schema);

            impl Deref for $name {
                type Target = str;

                fn deref(&self) -> &str {
                    &self.0
                }
            }

            impl From<$name> for String {
                fn from(text: $name) -> Self {
                    text.0
                }
            }
        )*
    };
}

texts! {
    /// An e-mail address.
    Email {"type": "string", "format": "email", "maxLength": 254}
    /// The slug of a tenant. Some slugs are reserved, and others may be taken.
    Slug {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "minLength": 3, "maxLength": 40}
    /// The name of a role, plan, store or server.
    Name {"type": "string", "pattern": "^[a-z][a-z0-9]*(_[a-z0-9]+)*$", "maxLength": 48}
}

/// A password, which is never shown.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Password(pub(crate) passwords::Password);

inline_schema!(Password: {"type": "string", "format": "password", "maxLength": 1024});

/// Deserializes a member that may be absent but must not be null.
pub(crate) fn absent_or<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_six_digits_in_every_year() {
        let shown = |us| serde_json::to_value(Instant(us)).unwrap();
        assert_eq!(shown(1_000_000), "1970-01-01T00:00:01.000000Z");
        assert_eq!(shown(1), "1970-01-01T00:00:00.000001Z");
        assert_eq!(shown(253_402_207_200_000_000), "9999-12-30T22:00:00.000000Z");
        assert!(shown(i64::MAX).as_str().unwrap().starts_with("9999-12-30T"), "{}", shown(i64::MAX));
        assert!(shown(i64::MIN).is_string());
    }
}
