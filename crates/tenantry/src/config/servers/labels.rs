//! Labels of servers, such as `tier = "premium"`, and the labels that a plan requires of the servers of its tenants.
//!
//! `[servers.NAME]` and `[plans.NAME]` have them, and the catalog has those of plans.

use std::{collections::BTreeMap, fmt, str::FromStr};

/// Largest number of labels of a server or plan.
const MOST: usize = 16;
/// Largest number of characters in the name or value of a label.
const LONGEST: usize = 48;

/// Names and values of labels. At most one value for each name.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ServerLabels(BTreeMap<String, String>);

impl ServerLabels {
    /// Returns these labels without checking them; see [`ServerLabels::check`].
    pub fn unchecked(labels: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(labels.into_iter().collect())
    }

    /// Checks the number of labels, and each name and value.
    ///
    /// # Errors
    /// Returns the rule that they break.
    pub fn check(&self) -> Result<(), String> {
        if self.0.len() > MOST {
            return Err(format!("use at most {MOST} labels"));
        }
        let is_name = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_lowercase())
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
        };
        let is_value = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        };
        for (name, value) in &self.0 {
            if name.len() > LONGEST || !is_name(name) {
                return Err(format!(
                    "label {name:?}: use a name of at most {LONGEST} characters a-z, 0-9, _ and -, starting with a \
                     letter"
                ));
            }
            if value.len() > LONGEST || !is_value(value) {
                return Err(format!(
                    "label {name}: use a value of at most {LONGEST} letters, digits, _, - and ."
                ));
            }
        }
        Ok(())
    }

    /// Returns true if there are no labels.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if a server with these labels has all the `wanted` ones.
    pub fn include(&self, wanted: &Self) -> bool {
        wanted.0.iter().all(|(name, value)| self.0.get(name) == Some(value))
    }

    /// Returns the names and values, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Display for ServerLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}={value}", if at > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// Parses `tier=premium, region=eu`. An empty text has no labels.
impl FromStr for ServerLabels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut labels = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("{part:?}: write NAME=VALUE"))?;
            if labels.insert(name.trim().to_owned(), value.trim().to_owned()).is_some() {
                return Err(format!("label {}: give it one value", name.trim()));
            }
        }
        let labels = Self(labels);
        labels.check()?;
        Ok(labels)
    }
}

#[cfg(test)]
mod tests {
    use super::ServerLabels;

    fn labels(text: &str) -> ServerLabels {
        text.parse().unwrap()
    }

    #[test]
    fn a_server_fits_if_it_has_every_label() {
        let server = labels("tier=premium, region=eu");
        for (wanted, fits) in [
            ("", true),
            ("tier=premium", true),
            ("region=eu,tier=premium", true),
            ("tier=basic", false),
            ("tier=premium,disk=nvme", false),
        ] {
            assert_eq!(server.include(&labels(wanted)), fits, "{wanted}");
        }
        assert!(!ServerLabels::default().include(&labels("tier=premium")));
    }

    #[test]
    fn names_and_values_are_checked() {
        assert_eq!(labels("region=eu, tier=premium").to_string(), "region=eu, tier=premium");
        let long = "x".repeat(49);
        let many = (0..17).map(|n| format!("l{n}=x")).collect::<Vec<_>>().join(",");
        for wrong in [
            "tier",
            "=x",
            "tier=",
            "Tier=x",
            "1=x",
            "tier=a b",
            "tier=x,tier=y",
            "tier=a\"",
            "t=\u{e4}",
            &format!("{long}=x"),
            &format!("x={long}"),
            &many,
        ] {
            assert!(wrong.parse::<ServerLabels>().is_err(), "{wrong}");
        }
    }
}
