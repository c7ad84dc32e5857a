//! The texts of letters in each language, in the syntax of Fluent: text with arguments, and nothing else of it.
//!
//! Only [`super::letter`] calls it. A language without texts has the English ones.

use fluent_syntax::{
    ast::{Entry, Expression, InlineExpression, Pattern, PatternElement},
    parser,
};
use std::{collections::HashMap, sync::LazyLock};

/// A part of a text.
enum Piece {
    Text(String),
    /// Name of an argument.
    Argument(String),
}

/// The texts of one language.
pub(super) struct Texts {
    code: &'static str,
    texts: HashMap<String, Vec<Piece>>,
}

/// All languages, English first.
static ALL: LazyLock<Vec<Texts>> = LazyLock::new(|| {
    let files = [("en", include_str!("letters/en.ftl")), ("az", include_str!("letters/az.ftl"))];
    files.into_iter().map(|(code, text)| Texts::parse(code, text)).collect()
});

impl Texts {
    /// Returns the texts of a language, or the English ones.
    pub(super) fn of(language: Option<&str>) -> &'static Self {
        ALL.iter().find(|texts| Some(texts.code) == language).unwrap_or(&ALL[0])
    }

    /// Returns a text with its arguments.
    pub(super) fn text(&self, id: &str, arguments: &[(&str, &str)]) -> String {
        let argument =
            |name: &str| arguments.iter().find(|(known, _)| *known == name).map_or("", |found| found.1);
        let pieces = self.texts.get(id).into_iter().flatten();
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Argument(name) => argument(name).to_owned(),
        };
        pieces.map(piece).collect()
    }

    /// Parses a file. What cannot be parsed is left out; a test finds it.
    fn parse(code: &'static str, text: &str) -> Self {
        let parsed = parser::parse(text).unwrap_or_else(|(parsed, _)| parsed);
        let read = |entry: Entry<&str>| match entry {
            Entry::Message(message) => Some((message.id.name.to_owned(), pieces(&message.value?)?)),
            _ => None,
        };
        Self { code, texts: parsed.body.into_iter().filter_map(read).collect() }
    }
}

fn pieces(pattern: &Pattern<&str>) -> Option<Vec<Piece>> {
    let piece = |element: &PatternElement<&str>| match element {
        PatternElement::TextElement { value } => Some(Piece::Text((*value).to_owned())),
        PatternElement::Placeable {
            expression: Expression::Inline(InlineExpression::VariableReference { id }),
        } => Some(Piece::Argument(id.name.to_owned())),
        PatternElement::Placeable { .. } => None,
    };
    pattern.elements.iter().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_language_has_every_text_with_the_same_arguments() {
        let arguments = |pieces: &[Piece]| {
            let names = pieces.iter().filter_map(|piece| match piece {
                Piece::Argument(name) => Some(name.clone()),
                Piece::Text(_) => None,
            });
            names.collect::<BTreeSet<_>>()
        };
        let of = |texts: &Texts| {
            texts.texts.iter().map(|(id, pieces)| (id.clone(), arguments(pieces))).collect::<BTreeSet<_>>()
        };
        assert_eq!(of(&ALL[0]).len(), 10);
        for texts in ALL.iter() {
            assert_eq!(of(texts), of(&ALL[0]), "{}", texts.code);
        }
    }
}
