//! The definition of one of a tenant's own fields.

use crate::{
    Error, Result,
    error::{FieldError, Rule, Wrong},
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::HashSet;
use tenantry_engine::{
    input,
    model::{Field, FieldKind},
    name::FieldName,
    row::json::write_owned,
    value::Value,
};

/// Largest number of own fields of one model.
pub const MAX_CUSTOM_FIELDS: usize = 50;
/// Maximum number of characters in a label.
const LABEL_CHARS: usize = 80;
/// Maximum number of characters in a text.
const TEXT_CHARS: u32 = 10_000;
/// Maximum number of characters in a text whose field names none.
const TEXT_USUAL: u32 = 500;
/// Maximum number of choices, and of characters in one.
const CHOICES: usize = 100;
const CHOICE_CHARS: usize = 100;

/// One of a tenant's own fields of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomField {
    /// Name, unique among the tenant's own fields of the model.
    pub name: FieldName,
    /// Label for users.
    pub label: String,
    /// Kind of the values, with its options.
    #[serde(flatten)]
    pub kind: CustomKind,
    /// Whether new records, and records whose own fields change, must have a value.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Whether values are personal data, which the history of records does not show.
    #[serde(default, skip_serializing_if = "is_false")]
    pub personal: bool,
    /// Whether the field is being removed or changed: no record takes a value.
    #[serde(default, skip_serializing_if = "is_false")]
    pub closed: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Kind of the values of an own field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CustomKind {
    /// Text.
    Text {
        /// Maximum number of characters, 1 to 10,000.
        #[serde(default = "usual")]
        max_length: u32,
    },
    /// Whole number of 64 bits.
    Integer {
        /// Smallest value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<i64>,
        /// Largest value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<i64>,
    },
    /// Exact decimal of at most 18 digits.
    Decimal {
        /// Number of decimals, 0 to 9.
        scale: u32,
    },
    /// True or false.
    Boolean,
    /// Calendar date.
    Date,
    /// Instant in UTC.
    Datetime,
    /// One value of a closed list.
    Choice {
        /// Values, 1 to 100.
        choices: Vec<String>,
    },
}

fn usual() -> u32 {
    TEXT_USUAL
}

impl CustomKind {
    /// Returns the kind of a field of a model that takes the same values.
    fn of_model(&self) -> FieldKind {
        match self.clone() {
            Self::Text { max_length } => FieldKind::Text { max_length: Some(max_length) },
            Self::Integer { min, max } => FieldKind::Integer { min, max },
            Self::Decimal { scale } => FieldKind::Decimal { scale },
            Self::Boolean => FieldKind::Boolean,
            Self::Date => FieldKind::Date,
            Self::Datetime => FieldKind::Datetime,
            Self::Choice { choices } => FieldKind::Choice { choices },
        }
    }

    /// Returns true if every value of `before` is a value of this kind too.
    pub(super) fn takes_all_of(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Text { max_length }, Self::Text { max_length: before }) => max_length >= before,
            (Self::Text { max_length }, Self::Choice { choices }) => {
                choices.iter().all(|choice| choice.chars().count() <= *max_length as usize)
            }
            (Self::Integer { min, max }, Self::Integer { min: least, max: most }) => {
                min.is_none_or(|min| least.is_some_and(|least| min <= least))
                    && max.is_none_or(|max| most.is_some_and(|most| max >= most))
            }
            (Self::Choice { choices }, Self::Choice { choices: before }) => {
                before.iter().all(|choice| choices.contains(choice))
            }
            (now, before) => now == before,
        }
    }

    fn check(&self, wrong: &mut Wrong) {
        let mut refuse = |field: &str, reason: String| wrong.add(FieldError::new(field, Rule::Value, reason));
        match self {
            Self::Text { max_length } if !(1..=TEXT_CHARS).contains(max_length) => {
                refuse("max_length", format!("must be from 1 to {TEXT_CHARS}"));
            }
            Self::Integer { min: Some(min), max: Some(max) } if min > max => {
                refuse("min", "must not be above `max`".into());
            }
            Self::Decimal { scale } if *scale > 9 => refuse("scale", "must be from 0 to 9".into()),
            Self::Choice { choices } => {
                let mut seen = HashSet::new();
                let is_sound = |choice: &String| {
                    let length = choice.chars().count();
                    (1..=CHOICE_CHARS).contains(&length)
                        && choice.trim() == choice
                        && !choice.contains(char::is_control)
                };
                if !(1..=CHOICES).contains(&choices.len()) {
                    refuse("choices", format!("must be 1 to {CHOICES} values"));
                } else if !choices.iter().all(is_sound) {
                    let reason =
                        "must each have 1 to 100 characters, without spaces at their ends or line breaks";
                    refuse("choices", reason.into());
                } else if !choices.iter().all(|choice| seen.insert(choice)) {
                    refuse("choices", "must differ from one another".into());
                }
            }
            _ => {}
        }
    }
}

impl CustomField {
    /// Checks the parts of the definition.
    ///
    /// # Errors
    /// Returns [`Error::InvalidFields`] with every part that breaks a rule.
    pub(super) fn check(&self) -> Result<()> {
        let mut wrong = Wrong::default();
        let length = self.label.chars().count();
        if !(1..=LABEL_CHARS).contains(&length) || self.label.contains(char::is_control) {
            let reason = format!("must have 1 to {LABEL_CHARS} characters without line breaks");
            wrong.add(FieldError::new("label", Rule::Value, reason));
        }
        self.kind.check(&mut wrong);
        wrong.finish()
    }

    /// Returns the field as one of a model. Its name is that of conditions and columns of CSV: `custom.NAME`.
    pub fn as_field(&self) -> Field {
        Field { name: self.name.custom(), ..self.plain() }
    }

    /// Returns the field as one of a model, with its own name.
    pub(super) fn plain(&self) -> Field {
        Field {
            name: self.name.clone(),
            kind: self.kind.of_model(),
            label: self.label.clone(),
            required: self.required,
            unique: false,
            index: false,
            search: false,
            personal: self.personal,
            default: None,
            consistent: true,
        }
    }

    /// Checks a value and returns it in the form in which records hold it: a decimal with all its decimals, an instant
    /// in UTC. So equal values have equal forms.
    ///
    /// # Errors
    /// Returns `Invalid` for a value that the field does not allow.
    pub(super) fn value(&self, given: &Json) -> Result<Json, tenantry_engine::Error> {
        let mut value = input::from_json(&self.as_field(), given)?;
        if let (Value::Decimal(number), CustomKind::Decimal { scale }) = (&mut value, &self.kind) {
            number.rescale(*scale);
        }
        Ok(stored(&value))
    }
}

/// Returns a checked value as the JSON that records hold.
pub(in crate::records) fn stored(value: &Value) -> Json {
    let mut text = Vec::with_capacity(32);
    write_owned(&mut text, value);
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Parses the name of a new own field.
pub(super) fn name(text: &str) -> Result<FieldName> {
    FieldName::parse(text).map_err(|error| Error::invalid("name", error.reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field(kind: Json) -> CustomField {
        let mut whole = json!({ "name": "floor", "label": "Floor" });
        whole.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn equal_values_have_equal_forms() {
        let price = field(json!({ "type": "decimal", "scale": 2 }));
        for same in [json!("12.5"), json!("12.50"), json!(12.5), json!("12.500")] {
            assert_eq!(price.value(&same).unwrap(), json!("12.50"), "{same}");
        }
        let at = field(json!({ "type": "datetime" }));
        for same in ["2026-01-31T09:30:00Z", "2026-01-31T13:30:00+04:00"] {
            assert_eq!(at.value(&json!(same)).unwrap(), json!("2026-01-31T09:30:00.000000Z"));
        }
        assert!(price.value(&json!("12.505")).is_err() && at.value(&json!("2026-01-31")).is_err());
    }

    #[test]
    fn a_kind_that_takes_all_former_values_may_replace_another() {
        let check = |now: Json, before: Json, expect: bool| {
            assert_eq!(
                field(now.clone()).kind.takes_all_of(&field(before.clone()).kind),
                expect,
                "{now} {before}"
            );
        };
        let choice = |choices: &[&str]| json!({ "type": "choice", "choices": choices });
        let text = |length: u32| json!({ "type": "text", "max_length": length });
        let integer = |min: Option<i64>| json!({ "type": "integer", "min": min });
        check(choice(&["a", "b"]), choice(&["a"]), true);
        check(choice(&["a"]), choice(&["a", "b"]), false);
        check(text(20), text(10), true);
        check(text(9), text(10), false);
        check(text(3), choice(&["abc"]), true);
        check(text(2), choice(&["abc"]), false);
        check(integer(None), integer(Some(1)), true);
        check(integer(Some(0)), integer(Some(1)), true);
        check(integer(Some(1)), integer(None), false);
        check(json!({ "type": "decimal", "scale": 3 }), json!({ "type": "decimal", "scale": 2 }), false);
    }

    #[test]
    fn wrong_parts_of_a_definition_are_named() {
        let check = |kind: Json, expect: &str| {
            let Err(Error::InvalidFields(wrong)) = field(kind).check() else {
                panic!("{expect} was accepted")
            };
            assert_eq!(wrong[0].field, expect);
        };
        check(json!({ "type": "text", "max_length": 0 }), "max_length");
        check(json!({ "type": "integer", "min": 2, "max": 1 }), "min");
        check(json!({ "type": "decimal", "scale": 10 }), "scale");
        check(json!({ "type": "choice", "choices": [] }), "choices");
        check(json!({ "type": "choice", "choices": ["a", "a"] }), "choices");
        check(json!({ "type": "choice", "choices": [" a"] }), "choices");
        check(json!({ "type": "date", "label": "" }), "label");
    }
}
