//! A form that acts on something: what it is about, what it means, its fields, its button. All such forms are this page.

use crate::frame::Frame;
use askama::Template;

/// A page with one form.
#[derive(Template)]
#[template(path = "master/form.html")]
pub struct Form<'a> {
    /// Frame. Its title is the heading.
    pub frame: &'a Frame,
    /// The page that the form belongs to: address and name.
    pub back: (&'a str, &'a str),
    /// What the form does.
    pub lead: &'a str,
    /// What must be known before.
    pub notes: &'a [Note],
    /// Facts: name and value.
    pub facts: &'a [(String, String)],
    /// Fields.
    pub fields: &'a [Field],
    /// Text of the button. Empty: nothing can be done.
    pub button: &'a str,
    /// The act removes something, or cannot be undone.
    pub danger: bool,
}

/// Something that must be known before a form is sent.
#[derive(Debug, Clone)]
pub struct Note {
    /// It is a warning, and not an explanation.
    pub warns: bool,
    /// Text.
    pub text: String,
}

/// A field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    /// Name, also its id.
    pub name: &'static str,
    /// Label.
    pub label: &'static str,
    /// What to write.
    pub help: String,
    /// Input.
    pub kind: Kind,
    /// Value.
    pub value: String,
    /// It may be empty.
    pub optional: bool,
    /// What is wrong with the value.
    pub wrong: String,
}

/// The input of a field.
#[derive(Debug, Clone)]
pub enum Kind {
    /// One line.
    Text,
    /// Several lines.
    Area,
    /// The current password of the operator who fills in the form.
    Password,
    /// A new password of another person.
    NewPassword,
    /// An e-mail address.
    Email,
    /// A number.
    Number,
    /// A day.
    Date,
    /// Yes or no.
    Check,
    /// One of these.
    Select(Vec<Choice>),
    /// Sent as it is.
    Hidden,
}

/// A choice of a field.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Value.
    pub value: String,
    /// Text.
    pub label: String,
}

impl Field {
    /// Returns a field that must be filled.
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

    /// Sets what to write.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: help.into(), ..self }
    }

    /// Sets the value.
    #[must_use]
    pub fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// Lets the field be empty.
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
            _ => "autocomplete=\"off\" spellcheck=\"false\"",
        })
    }

    /// Returns the ids of the texts that describe the input.
    fn describes(&self) -> String {
        let help = if self.help.is_empty() { String::new() } else { format!("{}-help", self.name) };
        let wrong = if self.wrong.is_empty() { String::new() } else { format!("{}-wrong", self.name) };
        [help, wrong].join(" ").trim().to_owned()
    }
}

impl Choice {
    /// Returns a choice.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

impl Note {
    /// Returns an explanation.
    pub fn says(text: impl Into<String>) -> Self {
        Self { warns: false, text: text.into() }
    }

    /// Returns a warning.
    pub fn warns(text: impl Into<String>) -> Self {
        Self { warns: true, text: text.into() }
    }
}
