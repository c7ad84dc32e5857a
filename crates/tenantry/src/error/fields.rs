//! Errors in the fields of an input: each has a code for programs and a reason for users.
//!
//! Collected by validation, so that a form reports all errors at once. Never contains the value that was sent.

use super::{Error, Result};
use tenantry_engine::Kind;

/// Largest number of wrong fields in one answer.
const MOST: usize = 100;

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The input.
    pub field: String,
    /// Kind of rule, for programs.
    pub rule: Rule,
    /// What is wrong, for users.
    pub reason: String,
}

/// Kinds of rules that a field can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// There is no such field.
    Unknown,
    /// The platform sets this field.
    ReadOnly,
    /// A value is required.
    Required,
    /// The record that it refers to does not exist.
    NoSuchRecord,
    /// It disagrees with another field of the record.
    Inconsistent,
    /// Another record has the same value.
    Taken,
    /// Any other rule: type, length, range, choice.
    Value,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 7] = [
        Self::Unknown,
        Self::ReadOnly,
        Self::Required,
        Self::NoSuchRecord,
        Self::Inconsistent,
        Self::Taken,
        Self::Value,
    ];

    /// Stable code; part of the API.
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

/// Collects the errors of an input.
#[derive(Debug, Default)]
pub struct Wrong(Vec<FieldError>);

impl Wrong {
    /// Adds an error, unless the largest number of errors is reached.
    pub fn add(&mut self, error: FieldError) {
        if self.0.len() < MOST {
            self.0.push(error);
        }
    }

    /// Returns the value of a check. `None`: it was refused because of fields, whose errors were added.
    ///
    /// # Errors
    /// Every error that is not about fields.
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

    /// Returns true if no more errors are collected.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    /// Returns the value that [`Wrong::take`] returned, if no error was added.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] with every field.
    pub fn finish_with<T>(self, taken: Option<T>) -> Result<T> {
        self.finish()?;
        taken.ok_or_else(|| Error::Internal("a field was refused and is not named".into()))
    }

    /// Fails if any error was added.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] with every field.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::InvalidFields(self.0)) }
    }
}

impl Error {
    /// Returns the wrong fields of an error that is about fields only.
    ///
    /// # Errors
    /// The error itself, if it is about anything else.
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

/// Determines the kind of a rule from the engine's text.
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
    // Some reasons are sentences.
    let told = |wrong: &FieldError| format!("{}: {}", wrong.field, wrong.reason.trim_end_matches('.'));
    let all: Vec<_> = fields.iter().map(told).collect();
    all.join("; ")
}
