//! Which fields of an input are wrong: each with a code for programs and a reason for people.
//!
//! Made by validation, so that a form is told everything at once. It never holds the value that was sent.

use super::{Error, Result};
use tenantry_engine::Kind;

/// Most wrong fields that one answer names.
const MOST: usize = 100;

/// One field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Which input.
    pub field: String,
    /// The kind of rule, for programs.
    pub rule: Rule,
    /// What is wrong, for people.
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
    /// A value is needed.
    Required,
    /// The record that it refers to is not there.
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

    /// Its stable code; part of the API.
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
    /// A field that breaks this rule.
    pub fn new(field: impl Into<String>, rule: Rule, reason: impl Into<String>) -> Self {
        Self { field: field.into(), rule, reason: reason.into() }
    }

    /// A field without the value it needs.
    pub fn required(field: impl Into<String>) -> Self {
        Self::new(field, Rule::Required, "is required")
    }
}

/// Collects what is wrong with an input.
#[derive(Debug, Default)]
pub struct Wrong(Vec<FieldError>);

impl Wrong {
    /// Adds a field, unless very many are named already.
    pub fn add(&mut self, error: FieldError) {
        if self.0.len() < MOST {
            self.0.push(error);
        }
    }

    /// The value of a check, or none when it was refused for its fields.
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

    /// Whether no more is to be named.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    /// Fails when anything was added.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] with every field.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::InvalidFields(self.0)) }
    }
}

impl Error {
    /// The wrong fields of an error that is about fields only, else the error itself.
    ///
    /// # Errors
    /// The error, when it is about something else.
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

/// The kind of a rule that the engine states in words.
pub(super) fn rule_of(reason: &str) -> Rule {
    if reason == "is required" {
        Rule::Required
    } else if reason.starts_with("there is no record ") {
        Rule::NoSuchRecord
    } else {
        Rule::Value
    }
}

/// All of them in one line.
pub(super) fn text(fields: &[FieldError]) -> String {
    let all: Vec<_> = fields.iter().map(|wrong| format!("{}: {}", wrong.field, wrong.reason)).collect();
    all.join("; ")
}
