//! Groups of conditions of which at least one must hold, as a form that the browser sends again for each new row.

use super::Choice;
use std::fmt::Display;

/// Returns the numbers of a group and of a condition in it, in the form in which the names of inputs contain them.
pub fn place_of(group: impl Display, condition: impl Display) -> String {
    format!("{group}_{condition}")
}

/// Groups of conditions that the visitor is making.
#[derive(Debug)]
pub struct Alternatives {
    /// Value of the parameter in the list's address that these groups replace; empty if they replace none.
    pub instead: String,
    /// Groups; the last one may be empty.
    pub groups: Vec<Alternative>,
    /// Fields that a condition can use, grouped by the labels of the references that lead to them. The label is empty
    /// for the model's own fields.
    pub fields: Vec<(String, Vec<Choice>)>,
}

/// A group of conditions that must all hold.
#[derive(Debug)]
pub struct Alternative {
    /// Conditions of the group.
    pub conditions: Vec<Condition>,
    /// True if another condition can be added.
    pub may_add: bool,
}

/// A condition while the visitor enters it.
#[derive(Debug)]
pub struct Condition {
    /// Name of the field, or the path to it.
    pub field: String,
    /// Label of the field.
    pub label: String,
    /// Operators that the field allows.
    pub operators: Vec<Choice>,
    /// Value that the field is compared with.
    pub value: ConditionValue,
    /// Reason why the condition was refused; empty if it was not.
    pub wrong: String,
}

/// The value that a field is compared with.
#[derive(Debug)]
pub enum ConditionValue {
    /// No value: the condition is that the field is empty, or that it is not.
    None,
    /// A typed value.
    Line {
        /// Type of the input element.
        kind: &'static str,
        /// Value.
        value: String,
    },
    /// One of several choices.
    Select {
        /// The first choices.
        options: Vec<Choice>,
        /// Text that is searched for; `None` if all choices are listed.
        find: Option<String>,
    },
}
