//! Translation of the platform's texts, which are English. Called by [`Language::translated`].
//!
//! The English texts of `api-…` in `problem.ftl` are patterns: a text of the platform that fits a pattern is replaced
//! by the text with the same id in the other language, with the same arguments.

use super::{Language, files::FILES};
use fluent_bundle::FluentResource;
use fluent_syntax::ast::{Entry, Expression, InlineExpression, PatternElement};
use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

/// Prefix of the ids of the platform's texts.
const PREFIX: &str = "api-";

/// A part of a pattern.
enum Part {
    Words(String),
    Argument(&'static str),
}

/// A text of the platform with arguments.
struct Pattern {
    id: &'static str,
    parts: Vec<Part>,
    /// Total length of its words. If two patterns fit, the one with the longer words applies.
    words: usize,
}

/// The known texts of the platform.
struct Known {
    exact: HashMap<String, &'static str>,
    patterns: Vec<Pattern>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let (mut exact, mut patterns) = (HashMap::new(), Vec::new());
    for source in FILES[0].sources {
        let resource = FluentResource::try_new((*source).to_owned()).unwrap_or_else(|(parsed, _)| parsed);
        for entry in resource.entries() {
            let Entry::Message(message) = entry else { continue };
            let Some(value) = message.value.as_ref().filter(|_| message.id.name.starts_with(PREFIX)) else {
                continue;
            };
            let id = &*Box::leak(message.id.name.to_owned().into_boxed_str());
            let parts: Vec<_> = value.elements.iter().map(part).collect();
            match parts.as_slice() {
                [Part::Words(text)] => drop(exact.insert(text.clone(), id)),
                _ => {
                    let words =
                        parts.iter().map(|part| if let Part::Words(text) = part { text.len() } else { 0 });
                    patterns.push(Pattern { id, words: words.sum(), parts });
                }
            }
        }
    }
    patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.words));
    Known { exact, patterns }
});

fn part(element: &PatternElement<&str>) -> Part {
    match element {
        PatternElement::Placeable {
            expression: Expression::Inline(InlineExpression::VariableReference { id }),
        } => Part::Argument(Box::leak(id.name.to_owned().into_boxed_str())),
        PatternElement::TextElement { value } => Part::Words((*value).to_owned()),
        // A test refuses other parts in the platform's texts.
        PatternElement::Placeable { .. } => Part::Words(String::new()),
    }
}

impl Pattern {
    /// Returns the arguments of a text that fits the pattern, and `None` for other texts.
    fn arguments<'t>(&self, mut text: &'t str) -> Option<Vec<(&'static str, &'t str)>> {
        let mut found = Vec::new();
        let mut parts = self.parts.as_slice();
        while let [part, rest @ ..] = parts {
            match part {
                Part::Words(words) => text = text.strip_prefix(words.as_str())?,
                Part::Argument(name) => {
                    let end = match rest {
                        // The last words of a pattern must be at the end of the text.
                        [Part::Words(words)] => text.len() - words.len().min(text.len()),
                        [Part::Words(words), ..] => text.find(words.as_str())?,
                        _ => text.len(),
                    };
                    found.push((*name, text.get(..end)?));
                    text = &text[end..];
                }
            }
            parts = rest;
        }
        text.is_empty().then_some(found)
    }
}

impl Language {
    /// Translates a text of the platform into this language. Unknown texts stay English.
    pub fn translated(self, text: &str) -> Cow<'_, str> {
        if self == Self::english() || text.is_empty() {
            return Cow::Borrowed(text);
        }
        if let Some(id) = KNOWN.exact.get(text) {
            return Cow::Borrowed(self.say(id));
        }
        for pattern in &KNOWN.patterns {
            if let Some(arguments) = pattern.arguments(text) {
                let text = self.text(pattern.id);
                let text = arguments.into_iter().fold(text, |text, (name, value)| text.with(name, value));
                return Cow::Owned(text.into());
            }
        }
        Cow::Borrowed(text)
    }
}
