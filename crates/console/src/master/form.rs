//! The page of every form that acts on something: explanation, warnings, facts, fields, button.

use crate::{
    frame::Frame,
    master::{Body, Section, Tone},
};
use askama::Template;

/// A page with one form.
#[derive(Template)]
#[template(path = "master/form.html")]
pub struct Form<'a> {
    /// Frame. Its title is the heading.
    pub frame: &'a Frame,
    /// Page to return to: address and name.
    pub back: (&'a str, &'a str),
    /// Text that says what the form does.
    pub lead: &'a str,
    /// Explanations and warnings above the form.
    pub notes: &'a [Note],
    /// Facts about the object of the form: name and value.
    pub facts: &'a [(String, String)],
    /// Results of a dry run; empty if there was none.
    pub sections: &'a [Section],
    /// Fields of the form.
    pub fields: &'a [Field],
    /// Text of the button that starts a dry run; empty if the form has no such button.
    pub check: &'a str,
    /// Text of the button; empty if the form has no button, because nothing can be done.
    pub button: &'a str,
    /// True if the act removes something or cannot be undone.
    pub danger: bool,
}

/// An explanation or a warning above a form.
#[derive(Debug, Clone)]
pub struct Note {
    /// True for a warning, and false for an explanation.
    pub warns: bool,
    /// Text of the note.
    pub text: String,
}

/// A field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    /// Name of the field; also the id of its element.
    pub name: &'static str,
    /// Label of the field.
    pub label: &'static str,
    /// Text that says what to enter.
    pub help: String,
    /// Kind of input.
    pub kind: Kind,
    /// Value of the field.
    pub value: String,
    /// True if the field may be empty.
    pub optional: bool,
    /// Reason why the value was refused; empty if it was not.
    pub wrong: String,
}

/// The kind of input of a field.
#[derive(Debug, Clone)]
pub enum Kind {
    /// One line of text.
    Text,
    /// Several lines of text.
    Area,
    /// The current password of the operator who fills in the form.
    Password,
    /// A new password for another user.
    NewPassword,
    /// An e-mail address.
    Email,
    /// A number.
    Number,
    /// A day.
    Date,
    /// A checkbox.
    Check,
    /// One of these choices.
    Select(Vec<Choice>),
    /// A file.
    File,
    /// A value that is sent without being shown.
    Hidden,
}

/// A choice of a field.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Value that is sent.
    pub value: String,
    /// Text that is shown.
    pub label: String,
}

impl Form<'_> {
    fn has_file(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.kind, Kind::File))
    }
}

impl Field {
    /// Creates a field that must have a value.
    pub fn new(name: &'static str, label: &'static str, kind: Kind) -> Self {
        Self {
            name,
            label,
            help: String::new(),
            kind,
            value: String::new(),
            optional: false,
            wrong: String::new(),
        }
    }

    /// Sets the text that says what to enter.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: help.into(), ..self }
    }

    /// Sets the value.
    #[must_use]
    pub fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// Allows the field to be empty.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Returns the attributes of a one-line input.
    pub(crate) fn attributes(&self) -> crate::assets::Attributes {
        crate::assets::Attributes(match self.kind {
            Kind::Password => "type=\"password\" autocomplete=\"current-password\"",
            Kind::NewPassword => "type=\"password\" autocomplete=\"new-password\"",
            Kind::Email => "type=\"email\" autocomplete=\"off\"",
            Kind::Number => "type=\"number\" min=\"0\" step=\"1\"",
            Kind::Date => "type=\"date\"",
            Kind::File => "type=\"file\"",
            _ => "autocomplete=\"off\" spellcheck=\"false\"",
        })
    }

    /// Returns the ids of the elements that describe the input.
    fn describes(&self) -> String {
        let help = if self.help.is_empty() { String::new() } else { format!("{}-help", self.name) };
        let wrong = if self.wrong.is_empty() { String::new() } else { format!("{}-wrong", self.name) };
        [help, wrong].join(" ").trim().to_owned()
    }
}

impl Choice {
    /// Creates a choice.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

impl Note {
    /// Creates an explanation.
    pub fn says(text: impl Into<String>) -> Self {
        Self { warns: false, text: text.into() }
    }

    /// Creates a warning.
    pub fn warns(text: impl Into<String>) -> Self {
        Self { warns: true, text: text.into() }
    }
}
