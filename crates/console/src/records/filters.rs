//! Inputs that set conditions of a list, by the type of the field.

use super::Choice;

/// A condition that the visitor can set.
#[derive(Debug)]
pub struct FilterField {
    /// Id of the condition's element.
    pub id: String,
    /// Label of the field.
    pub label: String,
    /// Input of the condition.
    pub input: FilterInput,
}

/// The input of a condition.
#[derive(Debug)]
pub enum FilterInput {
    /// One of the choices.
    Select {
        /// Name of the parameter.
        name: String,
        /// All choices.
        options: Vec<Choice>,
    },
    /// A record that a reference can name.
    Reference {
        /// Name of the parameter.
        name: String,
        /// First choices.
        options: Vec<Choice>,
        /// Text that is searched for; `None` if all choices are listed.
        find: Option<String>,
    },
    /// A range of values.
    Range {
        /// Type of the two input elements.
        kind: &'static str,
        /// Parameter and value of the lower end.
        from: (String, String),
        /// Parameter and value of the upper end.
        to: (String, String),
        /// Parameter and choices of days by a word; `None` for numbers.
        within: Option<(String, Vec<Choice>)>,
    },
    /// A part of a text.
    Part {
        /// Name of the parameter.
        name: String,
        /// Value of the parameter.
        value: String,
    },
}
