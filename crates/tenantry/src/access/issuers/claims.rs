//! The claims of a token, as one JSON object without duplicate names.
//!
//! `jwt` uses it. Most parsers take the last of two equal names, some the first. A token that its issuer and this
//! platform parse differently would have two meanings.

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};
use std::fmt;

/// All claims of a token.
pub(in crate::access) struct UniqueClaims(pub(in crate::access) Map<String, Value>);

impl<'de> Deserialize<'de> for UniqueClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Unique).map(Self)
    }
}

struct Unique;

impl<'de> de::Visitor<'de> for Unique {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object in which no claim stands twice")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut claims = Map::new();
        while let Some((name, value)) = entries.next_entry::<String, Value>()? {
            if claims.insert(name, value).is_some() {
                return Err(de::Error::custom("a claim stands twice"));
            }
        }
        Ok(claims)
    }
}
