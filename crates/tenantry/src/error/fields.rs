//! Errors in the fields of an input. Each has a code for programs and a reason for users.
//!
//! Validation collects them, so that a form reports all errors at once. They never contain the value that was sent.

use super::{Error, Result};
use tenantry_engine::{Kind, name::NameError};

/// Largest number of field errors in one answer.
const MOST: usize = 100;

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the input.
    pub field: String,
    /// Kind of the broken rule, for programs.
    pub rule: Rule,
    /// Description of the error, for users.
    pub reason: String,
}

/// Kinds of rules that a field can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The field does not exist.
    Unknown,
    /// The platform sets this field.
    ReadOnly,
    /// A value is required.
    Required,
    /// The record to which the field refers does not exist.
    NoSuchRecord,
    /// The value disagrees with another field of the record.
    Inconsistent,
    /// Another record has the same value.
    Taken,
    /// Any other rule: type, length, range, choice.
    Value,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 7] = [
        Self::Unknown,
        Self::ReadOnly,
        Self::Required,
        Self::NoSuchRecord,
        Self::Inconsistent,
        Self::Taken,
        Self::Value,
    ];

    /// Returns the stable code of the rule, which is part of the API.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown_field",
            Self::ReadOnly => "read_only",
            Self::Required => "required",
            Self::NoSuchRecord => "no_such_record",
            Self::Inconsistent => "inconsistent",
            Self::Taken => "not_unique",
            Self::Value => "invalid",
        }
    }
}

impl FieldError {
    /// Returns the error of a field that breaks this rule.
    pub fn new(field: impl Into<String>, rule: Rule, reason: impl Into<String>) -> Self {
        Self { field: field.into(), rule, reason: reason.into() }
    }

    /// Returns the error of a field without its required value.
    pub fn required(field: impl Into<String>) -> Self {
        Self::new(field, Rule::Required, "is required")
    }
}

/// Collector of the errors of an input.
#[derive(Debug, Default)]
pub struct Wrong(Vec<FieldError>);

impl Wrong {
    /// Adds an error, unless the collector is full.
    pub fn add(&mut self, error: FieldError) {
        if self.0.len() < MOST {
            self.0.push(error);
        }
    }

    /// Returns the value of a check. If the check failed because of fields, adds their errors and returns `None`.
    ///
    /// # Errors
    /// Returns every error that is not about fields.
    pub fn take<T>(&mut self, checked: Result<T>) -> Result<Option<T>> {
        match checked {
            Ok(value) => Ok(Some(value)),
            Err(error) => match error.into_fields() {
                Ok(fields) => {
                    fields.into_iter().for_each(|field| self.add(field));
                    Ok(None)
                }
                Err(other) => Err(other),
            },
        }
    }

    /// Returns true if the collector takes no more errors.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    /// Returns the value that [`Wrong::take`] returned, if no error was added.
    ///
    /// # Errors
    /// Returns [`Error::InvalidFields`] with all collected errors.
    pub fn finish_with<T>(self, taken: Option<T>) -> Result<T> {
        self.finish()?;
        taken.ok_or_else(|| Error::Internal("a field was refused and is not named".into()))
    }

    /// Fails if any error was added.
    ///
    /// # Errors
    /// Returns [`Error::InvalidFields`] with all collected errors.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::InvalidFields(self.0)) }
    }
}

impl Error {
    /// Returns the wrong fields of an error that is about fields only.
    ///
    /// # Errors
    /// Returns the error itself if it is about anything else.
    pub fn into_fields(self) -> Result<Vec<FieldError>> {
        match self {
            Self::InvalidFields(fields) => Ok(fields),
            Self::Invalid { field, reason } => Ok(vec![FieldError::new(field, Rule::Value, reason)]),
            Self::Engine(error) => match error.kind() {
                Kind::Invalid(field, reason) => Ok(vec![FieldError::new(field, rule_of(reason), reason)]),
                _ => Err(Self::Engine(error)),
            },
            other => Err(other),
        }
    }
}

/// Determines the broken rule from the engine's text.
pub(super) fn rule_of(reason: &str) -> Rule {
    if reason == "is required" {
        Rule::Required
    } else if reason.starts_with("there is no record ") {
        Rule::NoSuchRecord
    } else {
        Rule::Value
    }
}

/// Joins all errors in one line.
pub(super) fn text(fields: &[FieldError]) -> String {
    // Some reasons are sentences, which end with a full stop.
    let told = |wrong: &FieldError| format!("{}: {}", wrong.field, wrong.reason.trim_end_matches('.'));
    let all: Vec<_> = fields.iter().map(told).collect();
    all.join("; ")
}

impl From<NameError> for Error {
    fn from(e: NameError) -> Self {
        Self::invalid(e.kind, e.reason)
    }
}
