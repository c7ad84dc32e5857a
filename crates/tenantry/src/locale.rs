//! The language and the time zone that a user or a tenant has chosen for pages. The API always answers in English and
//! UTC.
//!
//! Called by the verbs on accounts and tenants. This module does not know which languages the pages have: for a
//! language without pages, they are in English.

use crate::{Error, Result};
use serde_json::{Map, Value};

/// Name of the tenant setting that contains a language.
pub(crate) const LANGUAGE: &str = "language";
/// Name of the tenant setting that contains a time zone.
pub(crate) const TIME_ZONE: &str = "time_zone";
/// Longest code of a language, bytes.
const CODE_BYTES: usize = 16;

/// The language and the time zone that a user or a tenant has chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Locale {
    /// Code of a language, such as `az`; `None` if none is chosen.
    pub language: Option<String>,
    /// IANA name of a time zone, such as `Asia/Baku`; `None` if none is chosen.
    pub time_zone: Option<String>,
}

/// A change of name, language and time zone. `None` leaves a value unchanged; an empty language or time zone removes
/// it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProfileChange<'a> {
    /// Display name.
    pub name: Option<&'a str>,
    /// Code of a language.
    pub language: Option<&'a str>,
    /// IANA name of a time zone.
    pub time_zone: Option<&'a str>,
}

impl Locale {
    /// Reads language and time zone from the settings of a tenant.
    pub(crate) fn of_settings(settings: &Value) -> Self {
        let text = |name| settings.get(name).and_then(Value::as_str).map(str::to_owned);
        Self { language: text(LANGUAGE), time_zone: text(TIME_ZONE) }
    }
}

impl ProfileChange<'_> {
    /// Refuses invalid values.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for a text that is not the code of a language, and for an unknown time zone.
    pub(crate) fn check(&self) -> Result<()> {
        self.language.filter(|code| !code.is_empty()).map_or(Ok(()), check_language)?;
        self.time_zone.filter(|name| !name.is_empty()).map_or(Ok(()), check_time_zone)
    }

    /// Returns true if the language or the time zone changes.
    pub(crate) fn has_locale(&self) -> bool {
        self.language.is_some() || self.time_zone.is_some()
    }

    /// Returns the change of language and time zone as a patch of settings.
    pub(crate) fn patch(&self) -> Map<String, Value> {
        let value = |text: &str| if text.is_empty() { Value::Null } else { Value::from(text) };
        let pairs = [(LANGUAGE, self.language), (TIME_ZONE, self.time_zone)];
        pairs.into_iter().filter_map(|(name, text)| Some((name.to_owned(), value(text?)))).collect()
    }
}

/// Refuses changes of settings with an invalid language or time zone.
///
/// # Errors
/// Returns [`Error::Invalid`] for the first of them.
pub(crate) fn check_settings(changes: &Map<String, Value>) -> Result<()> {
    for (name, check) in [(LANGUAGE, check_language as fn(&str) -> Result<()>), (TIME_ZONE, check_time_zone)]
    {
        match changes.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => check(text)?,
            Some(_) => return Err(Error::invalid(name, "must be text")),
        }
    }
    Ok(())
}

fn check_language(code: &str) -> Result<()> {
    let parts_fit = code
        .split('-')
        .all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    match parts_fit && code.len() <= CODE_BYTES {
        true => Ok(()),
        false => Err(Error::invalid(LANGUAGE, "must be the code of a language such as az")),
    }
}

fn check_time_zone(name: &str) -> Result<()> {
    match jiff::tz::TimeZone::get(name) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::invalid(TIME_ZONE, "must be the name of a time zone such as Asia/Baku")),
    }
}

/// Returns the names of all time zones, ordered.
pub fn time_zones() -> Vec<String> {
    let mut names: Vec<_> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    // Names without a region exist only for compatibility.
    names.retain(|name| name.contains('/') && !name.starts_with("Etc/") || name == "UTC");
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn languages_and_time_zones_are_checked() {
        let settings = |json: Value| check_settings(json.as_object().unwrap());
        assert!(settings(json!({"language": "az", "time_zone": "Asia/Baku"})).is_ok());
        assert!(settings(json!({"language": null, "time_zone": null, "other": 1})).is_ok());
        for wrong in [
            json!({"language": "a"}),
            json!({"language": "az az"}),
            json!({"language": 1}),
            json!({"language": "az-aaaaaaaa-aaaaaaaa"}),
            json!({"time_zone": "Baku"}),
            json!({"time_zone": "../../etc/passwd"}),
            json!({"time_zone": ["UTC"]}),
        ] {
            assert!(settings(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(time_zones().iter().any(|name| name == "Asia/Baku"));
    }
}
