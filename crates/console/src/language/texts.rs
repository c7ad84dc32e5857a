//! The parsed texts of one language. Called by [`super::Language`] and by texts with arguments.

use super::{Digits, files::Files};
use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use fluent_syntax::ast;
use std::collections::HashMap;
use unic_langid::LanguageIdentifier;

/// The texts of one language.
pub(super) struct Texts {
    pub(super) code: &'static str,
    pub(super) digits: Digits,
    pub(super) is_pseudo: bool,
    /// Texts without arguments. Most texts have none, and need no evaluation.
    plain: HashMap<String, String>,
    bundle: FluentBundle<FluentResource>,
}

impl Texts {
    /// Parses the files of a language. Leaves out entries that cannot be parsed; a test finds them.
    pub(super) fn parse(files: &Files) -> Self {
        let language: LanguageIdentifier = files.code.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![language]);
        // Isolation marks around arguments would break searches in pages. All languages are written from left to right.
        bundle.set_use_isolating(false);
        let mut ids = Vec::new();
        for source in files.sources {
            let resource = FluentResource::try_new((*source).to_owned()).unwrap_or_else(|(parsed, _)| parsed);
            ids.extend(resource.entries().filter_map(|entry| match entry {
                ast::Entry::Message(message) => Some(message.id.name.to_owned()),
                _ => None,
            }));
            bundle.add_resource_overriding(resource);
        }
        let mut texts = Self {
            code: files.code,
            digits: Digits::default(),
            is_pseudo: files.is_pseudo,
            plain: HashMap::new(),
            bundle,
        };
        let plain = ids.into_iter().filter_map(|id| Some((texts.format(&id, None)?, id)));
        texts.plain = plain.map(|(text, id)| (id, text)).collect();
        texts.digits = texts.plain("number-style").map_or_else(Digits::default, Digits::parse);
        texts.bundle.set_formatter(Some(texts.digits.formatter()));
        if texts.is_pseudo {
            texts.plain = std::mem::take(&mut texts.plain).into_iter().map(wrap).collect();
        }
        texts
    }

    /// Returns a text without arguments.
    pub(super) fn plain(&self, id: &str) -> Option<&str> {
        self.plain.get(id).map(String::as_str)
    }

    /// Returns a text with arguments; `None` if there is no such text, or if it names an argument that is not given.
    pub(super) fn format(&self, id: &str, args: Option<&FluentArgs<'_>>) -> Option<String> {
        let pattern = self.bundle.get_message(id)?.value()?;
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, args, &mut errors).into_owned();
        errors.is_empty().then_some(text)
    }
}

/// Texts that are data for programs.
const PATTERNS: [&str; 5] = ["number-style", "date-pattern", "datetime-pattern", "month-pattern", "months"];

/// Marks a text of the pseudo-language and makes it longer.
fn wrap((id, text): (String, String)) -> (String, String) {
    let text = if PATTERNS.contains(&id.as_str()) { text } else { pseudo(&text) };
    (id, text)
}

/// Marks a text and makes it 40 % longer. Translations often need that much more room.
pub(super) fn pseudo(text: &str) -> String {
    let longer = "·".repeat((text.chars().count() * 2).div_ceil(5));
    format!("⟦{text}{longer}⟧")
}
