//! Texts with arguments, for templates and handlers. Called through [`Language`].

use super::{Language, texts};
use askama::filters::HtmlSafe;
use fluent_bundle::{FluentArgs, FluentValue};
use std::{borrow::Cow, fmt};

/// The value of a text's argument: words, or a number, which also selects singular or plural.
pub trait Argument {
    /// Returns the value in the form that Fluent accepts.
    fn value(&self) -> FluentValue<'static>;
}

impl Argument for str {
    fn value(&self) -> FluentValue<'static> {
        FluentValue::String(Cow::Owned(self.to_owned()))
    }
}

impl Argument for String {
    fn value(&self) -> FluentValue<'static> {
        self.as_str().value()
    }
}

impl Argument for Cow<'_, str> {
    fn value(&self) -> FluentValue<'static> {
        (**self).value()
    }
}

impl Argument for Text {
    fn value(&self) -> FluentValue<'static> {
        self.format().value()
    }
}

impl<T: Argument + ?Sized> Argument for &T {
    fn value(&self) -> FluentValue<'static> {
        (**self).value()
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Argument for $number {
            fn value(&self) -> FluentValue<'static> {
                FluentValue::from(*self)
            }
        }
    )*};
}

numbers!(u8 u16 u32 u64 usize i32 i64);

/// A text with arguments.
pub struct Text {
    language: Language,
    id: &'static str,
    args: FluentArgs<'static>,
}

impl Text {
    pub(super) fn new(language: Language, id: &'static str) -> Self {
        Self { language, id, args: FluentArgs::new() }
    }

    /// Sets an argument.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Argument) -> Self {
        self.args.set(name, value.value());
        self
    }

    fn format(&self) -> String {
        let in_language = self.language.0.format(self.id, Some(&self.args));
        let text = in_language.or_else(|| Language::english().0.format(self.id, Some(&self.args)));
        let text = text.unwrap_or_else(|| self.id.to_owned());
        if self.language.0.is_pseudo { texts::pseudo(&text) } else { text }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.format()
    }
}

/// A text that contains markup, such as `<b>`. The markup comes from the language's file; arguments are escaped.
#[derive(Debug)]
pub struct Rich(Text);

impl Rich {
    pub(super) fn new(language: Language, id: &'static str) -> Self {
        Self(Text::new(language, id))
    }

    /// Sets an argument, and escapes it.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Argument) -> Self {
        let value = match value.value() {
            FluentValue::String(text) => FluentValue::String(Cow::Owned(escaped(&text))),
            number => number,
        };
        self.0.args.set(name, value);
        self
    }
}

impl fmt::Display for Rich {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Safe, because the language's file is part of the program and arguments are escaped when they are set.
impl HtmlSafe for Rich {}

/// Escapes the characters that have a meaning in HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&#38;"),
            '<' => out.push_str("&#60;"),
            '>' => out.push_str("&#62;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
