//! The mapping: which collection of the source becomes which model, as a TOML file says it.
//!
//! [`super::plan`] checks it against the models.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest text of a mapping, in bytes.
const LONGEST: usize = 256 << 10;

/// What becomes of the collections of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Field of a document that holds the id of its organisation.
    #[serde(default = "tenant_field")]
    pub tenant_field: String,
    /// IANA name of the time zone at whose midnight instants are dates; UTC by default.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Slugs of organisations whose id is not the slug of their tenant.
    #[serde(default)]
    pub tenants: BTreeMap<String, String>,
    /// Collections by name.
    pub collections: BTreeMap<String, Rules>,
}

fn tenant_field() -> String {
    "organization_id".into()
}

/// What becomes of the documents of one collection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Model whose rows they become. Default: the model with the name of the collection.
    pub model: Option<String>,
    /// Shared model of which the documents are the organisations' own values, instead of a model.
    pub own_values_of: Option<String>,
    /// With `own_values_of`: field of the source that names the shared record. `refer_by.record` is then the field of the
    /// other collection that it holds; without it, the id.
    pub record: Option<String>,
    /// Field that holds the id of the organisation, instead of that of the mapping.
    pub tenant_field: Option<String>,
    /// Fields of the model by the fields of the source that have another name.
    pub rename: BTreeMap<String, String>,
    /// Fields of the source that are left behind.
    pub ignore: Vec<String>,
    /// JSON field, or field of the tenants' own fields, that takes the fields that the model does not have.
    pub keep_in: Option<String>,
    /// For references that do not name the id of a document: the field of the other collection that they name.
    pub refer_by: BTreeMap<String, String>,
    /// Values of the model by values of the source, by field of the model.
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// Reason why the collection is left behind. The other rules then mean nothing.
    pub skip: Option<String>,
}

impl Mapping {
    /// Parses a mapping.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] with the line of a mistake.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > LONGEST {
            return Err(wrong(format!("is longer than {LONGEST} bytes")));
        }
        let mapping: Self = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        match mapping.collections.is_empty() {
            true => Err(wrong("names no collection".into())),
            false => Ok(mapping),
        }
    }

    /// Returns the field that holds the id of the organisation in documents of a collection.
    pub(super) fn tenant_field<'m>(&'m self, rules: &'m Rules) -> &'m str {
        rules.tenant_field.as_deref().unwrap_or(&self.tenant_field)
    }
}

/// Returns the error for a mapping that cannot be used.
pub(super) fn wrong(reason: String) -> Error {
    Error::invalid("mapping", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_with_an_unknown_rule_is_refused_with_its_line() {
        let error = Mapping::parse("[collections.banks]\nrenam = {}\n").unwrap_err();
        assert!(error.to_string().contains("renam") && error.to_string().contains('2'), "{error}");
        assert!(Mapping::parse("tenant_field = \"org\"\n[collections]").is_err());
        let mapping = Mapping::parse("[collections.banks]\nmodel = \"banks\"\n").unwrap();
        assert_eq!(mapping.tenant_field(&mapping.collections["banks"]), "organization_id");
    }
}
