//! Groups of conditions of which at least one must hold, as a form that is sent for each further row.

use super::Choice;
use std::fmt::Display;

/// Returns the number of a group and of a condition in it, as the names of inputs have it.
pub fn place_of(group: impl Display, condition: impl Display) -> String {
    format!("{group}_{condition}")
}

/// Groups of conditions that are being made.
#[derive(Debug)]
pub struct Alternatives {
    /// The group of the address that these replace; empty: none.
    pub instead: String,
    /// Groups; the last one may be empty.
    pub groups: Vec<Alternative>,
    /// Fields that a condition can be on, under the labels of the references that lead to them; the model's own have none.
    pub fields: Vec<(String, Vec<Choice>)>,
}

/// Conditions that must hold together.
#[derive(Debug)]
pub struct Alternative {
    /// Conditions.
    pub conditions: Vec<Condition>,
    /// There is room for another condition.
    pub may_add: bool,
}

/// A condition as it is typed.
#[derive(Debug)]
pub struct Condition {
    /// Name of the field, or the path to it.
    pub field: String,
    /// Label of the field.
    pub label: String,
    /// Operators.
    pub operators: Vec<Choice>,
    /// What the field is compared with.
    pub value: ConditionValue,
    /// What is wrong.
    pub wrong: String,
}

/// What a field is compared with.
#[derive(Debug)]
pub enum ConditionValue {
    /// Nothing: the field is empty, or is not.
    None,
    /// What is typed.
    Line {
        /// Type of the input element.
        kind: &'static str,
        /// Value.
        value: String,
    },
    /// One of these.
    Select {
        /// Choices.
        options: Vec<Choice>,
        /// There are more than are listed: what is searched for.
        find: Option<String>,
    },
}
