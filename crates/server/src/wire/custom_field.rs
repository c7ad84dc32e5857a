//! Bodies and answers of the fields that a tenant adds to a model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::records::{self, CustomKind};

/// Kind of the values of an own field.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Type {
    Text,
    Integer,
    Decimal,
    Boolean,
    Date,
    Datetime,
    Choice,
}

requests! {
    /// A field to add.
    struct NewCustomField {
        /// Name in the member `custom` of records: a-z, 0-9 and _, starting with a letter, 1 to 48 characters.
        name: String,
        /// Label for people; 1 to 80 characters.
        label: String,
        r#type: Type,
        /// New records, and records whose own fields change, must have a value.
        #[serde(default)]
        required: bool,
        /// Values are personal data: the history of records does not show them.
        #[serde(default)]
        personal: bool,
        /// For `text`: characters at most, 1 to 10,000; 500 if absent.
        max_length: Option<u32>,
        /// For `integer`: the smallest value.
        min: Option<i64>,
        /// For `integer`: the largest value.
        max: Option<i64>,
        /// For `decimal`: the number of decimals, 0 to 9; 2 if absent.
        scale: Option<u32>,
        /// For `choice`: the values, 1 to 100.
        choices: Option<Vec<String>>,
    }
}

requests! {
    /// Changes of a field. What is absent stays as it is. A type that does not take all values of the former one is
    /// refused while records have values.
    struct ChangeCustomField {
        label: Option<String>,
        r#type: Option<Type>,
        required: Option<bool>,
        personal: Option<bool>,
        max_length: Option<u32>,
        min: Option<i64>,
        max: Option<i64>,
        scale: Option<u32>,
        choices: Option<Vec<String>>,
    }
}

/// The options of a kind, of which each type takes some.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) max_length: Option<u32>,
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
    pub(crate) scale: Option<u32>,
    pub(crate) choices: Option<Vec<String>>,
}

impl Parts {
    /// Returns the parts of a kind.
    pub(crate) fn of(kind: &CustomKind) -> (Type, Self) {
        let none = Self::default();
        match kind.clone() {
            CustomKind::Text { max_length } => (Type::Text, Self { max_length: Some(max_length), ..none }),
            CustomKind::Integer { min, max } => (Type::Integer, Self { min, max, ..none }),
            CustomKind::Decimal { scale } => (Type::Decimal, Self { scale: Some(scale), ..none }),
            CustomKind::Boolean => (Type::Boolean, none),
            CustomKind::Date => (Type::Date, none),
            CustomKind::Datetime => (Type::Datetime, none),
            CustomKind::Choice { choices } => (Type::Choice, Self { choices: Some(choices), ..none }),
        }
    }

    /// Returns the kind, or the name of an option that the type does not take.
    pub(crate) fn kind(self, of: Type) -> Result<CustomKind, &'static str> {
        let given = [
            ("max_length", self.max_length.is_some(), matches!(of, Type::Text)),
            ("min", self.min.is_some(), matches!(of, Type::Integer)),
            ("max", self.max.is_some(), matches!(of, Type::Integer)),
            ("scale", self.scale.is_some(), matches!(of, Type::Decimal)),
            ("choices", self.choices.is_some(), matches!(of, Type::Choice)),
        ];
        if let Some((name, ..)) = given.into_iter().find(|(_, is_given, is_taken)| *is_given && !is_taken) {
            return Err(name);
        }
        Ok(match of {
            Type::Text => CustomKind::Text { max_length: self.max_length.unwrap_or(500) },
            Type::Integer => CustomKind::Integer { min: self.min, max: self.max },
            Type::Decimal => CustomKind::Decimal { scale: self.scale.unwrap_or(2) },
            Type::Boolean => CustomKind::Boolean,
            Type::Date => CustomKind::Date,
            Type::Datetime => CustomKind::Datetime,
            Type::Choice => CustomKind::Choice { choices: self.choices.unwrap_or_default() },
        })
    }
}

answers! {
    /// A field that the tenant has added to a model.
    struct CustomField from found: records::CustomField {
        name: String = found.name.to_string(),
        label: String = found.label,
        r#type: Type = Parts::of(&found.kind).0,
        required: bool = found.required,
        personal: bool = found.personal,
        /// The field is being removed: records take no value of it. Repeat the removal.
        closed: bool = found.closed,
        max_length: Option<u32> = Parts::of(&found.kind).1.max_length,
        min: Option<i64> = Parts::of(&found.kind).1.min,
        max: Option<i64> = Parts::of(&found.kind).1.max,
        scale: Option<u32> = Parts::of(&found.kind).1.scale,
        choices: Option<Vec<String>> = Parts::of(&found.kind).1.choices,
    }

    /// What the removal of a field has done.
    struct RemovedCustomField from removed: records::Removed {
        /// Number of records whose value was removed.
        cleared: u64 = removed.cleared,
        /// The field is gone. Otherwise more records have values: send the request again.
        done: bool = removed.is_done,
    }
}
