//! Names and ids, validated once when they are parsed (`checked-names`). Each kind of name has its own type, so that
//! one kind cannot be used in place of another.

use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// Error for a text that is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?}: {reason}")]
pub struct NameError {
    /// The kind of name that was expected.
    pub kind: &'static str,
    /// The text that was given, cut at 80 characters.
    pub value: String,
    /// The rule that the text breaks.
    pub reason: &'static str,
}

fn check_ident(value: &str) -> Result<(), &'static str> {
    const RULE: &str =
        "use a-z, 0-9 and _, starting with a letter, not ending with _, without __, 1 to 48 characters";
    let bytes = value.as_bytes();
    let ok = (1..=48).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && !value.ends_with('_')
        && !value.contains("__")
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_');
    if ok { Ok(()) } else { Err(RULE) }
}

fn check_slug(value: &str) -> Result<(), &'static str> {
    const RULE: &str = "use a-z, 0-9, - and _, starting and ending with a letter or digit, without -- or __, 3 to 40 characters";
    const RESERVED: &str = "this name is reserved";
    let bytes = value.as_bytes();
    let is_mark = |byte: u8| matches!(byte, b'-' | b'_');
    let ok = (3..=40).contains(&bytes.len())
        && !bytes.first().copied().is_some_and(is_mark)
        && !bytes.last().copied().is_some_and(is_mark)
        && !value.contains("--")
        && !value.contains("__")
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || is_mark(*b));
    if !ok {
        return Err(RULE);
    }
    let reserved = ["www", "api", "admin", "static", "assets", "localhost", "health", "metrics"];
    if reserved.contains(&value) { Err(RESERVED) } else { Ok(()) }
}

fn check_physical(value: &str) -> Result<(), &'static str> {
    const RULE: &str = "use a-z, 0-9, _ and -, starting with a letter or digit, 1 to 63 bytes";
    let bytes = value.as_bytes();
    let ok = (1..=63).contains(&bytes.len())
        && bytes[0].is_ascii_alphanumeric()
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
    if ok { Ok(()) } else { Err(RULE) }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses and checks the text. The error names the broken rule.
            pub fn parse(value: &str) -> Result<Self, NameError> {
                match $check(value) {
                    Ok(()) => Ok(Self(value.into())),
                    Err(reason) => Err(NameError { kind: $kind, value: value.chars().take(80).collect(), reason }),
                }
            }

            /// Returns the checked text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(value: String) -> Result<Self, NameError> {
                Self::parse(&value)
            }
        }
        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(value: &str) -> Result<Self, NameError> {
                Self::parse(value)
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0.to_string()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type!(/// Name of an app, which is a folder under `apps/`.
    AppName, "app name", check_ident);
name_type!(/// Name of a model: unique over all apps of a platform, and the URL segment of its records.
    ModelName, "model name", check_ident);
name_type!(/// Name of a field of a model.
    FieldName, "field name", check_ident);
name_type!(/// Name of a store, which is a logical database of the configuration.
    StoreName, "store name", check_ident);
name_type!(/// Name of a server, which holds databases.
    ServerName, "server name", check_ident);
name_type!(/// Name of a role of a membership or API key.
    RoleName, "role name", check_ident);
name_type!(/// Name of a plan that tenants subscribe to.
    PlanName, "plan name", check_ident);
name_type!(/// Short name of a tenant in URLs and hosts. ASCII only: other text is refused, never mapped.
    Slug, "slug", check_slug);
name_type!(/// Name of a database on its server. Only the engine interprets it.
    PhysicalName, "physical name", check_physical);

impl FieldName {
    /// Returns the name of a tenant's own field in filters and orders: `custom.NAME`. It is no name of a column.
    #[must_use]
    pub fn custom(&self) -> Self {
        Self(format!("{CUSTOM}{}", self.0).into())
    }

    /// Returns the name of the tenant's own field, if this is one in a filter or an order.
    pub fn of_custom(&self) -> Option<&str> {
        self.0.strip_prefix(CUSTOM)
    }
}

/// Beginning of the names of tenants' own fields. No declared field has a point in its name.
const CUSTOM: &str = "custom.";

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Wraps the number that the catalog stores.
            pub const fn from_raw(raw: i64) -> Self {
                Self(raw)
            }
            /// Returns the number that the catalog stores.
            pub const fn get(self) -> i64 {
                self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id_type!(/// Id of a tenant. It is never reused.
    TenantId);
id_type!(/// Id of a user of the platform.
    UserId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_that_could_leave_their_place_are_refused() {
        for bad in [
            "",
            "ab",
            "a--b",
            "-abc",
            "abc-",
            "Abc",
            "a/b",
            "..",
            "%2e%2e",
            "a?b",
            "a\0b",
            "ааа",
            "www",
            &"a".repeat(41),
        ] {
            assert!(Slug::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Slug::parse("city-hospital").is_ok());
    }
}
