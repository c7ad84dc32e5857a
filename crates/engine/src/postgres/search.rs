//! The column `_search` of models with search fields: the words of a row as a `tsvector`, with their positions. Each
//! write of a search field sets it from the words of [`crate::search`]. PostgreSQL's own parsers and dictionaries are
//! not involved.

use crate::search::{Search, words};
use std::{collections::BTreeMap, fmt::Write};

/// Name of the column with the words of a row.
pub(crate) const COLUMN: &str = "_search";

/// Longest word that PostgreSQL accepts, in bytes, with a margin. A longer word is cut, both in rows and in searches.
const WORD_BYTES: usize = 2000;
/// Maximum bytes of all words with their positions; PostgreSQL accepts 1 MiB. Later words of a longer text are not
/// found.
const VECTOR_BYTES: usize = 900_000;
/// Maximum number of positions of a word that PostgreSQL accepts.
const POSITIONS: usize = 255;
/// Last position that PostgreSQL accepts. Phrases beyond it are not found, single words are.
const LAST: u32 = 16_383;

/// Returns the text of the `tsvector` of a row with these texts in its search fields. Bind it as text and cast it.
pub(crate) fn vector<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) -> String {
    let (mut found, mut position, mut bytes) = (BTreeMap::<String, Vec<u32>>::new(), 0_u32, 0);
    for text in texts.into_iter().flatten() {
        // A gap, so that no phrase extends from one text into the next.
        position = position.saturating_add(1);
        for word in words(text) {
            position = position.saturating_add(1);
            let word = cut(word);
            let length = word.len() + 8;
            let positions = found.entry(word).or_default();
            if positions.is_empty() {
                bytes += length;
            }
            if positions.len() < POSITIONS && positions.last() != Some(&LAST) {
                positions.push(position.min(LAST));
                bytes += 2;
            }
            if bytes > VECTOR_BYTES {
                return text_of(&found);
            }
        }
    }
    text_of(&found)
}

fn text_of(found: &BTreeMap<String, Vec<u32>>) -> String {
    let mut out = String::with_capacity(found.len() * 16);
    for (word, positions) in found {
        out.push_str(if out.is_empty() { "" } else { " " });
        quote(&mut out, word);
        for (at, position) in positions.iter().enumerate() {
            let _ = write!(out, "{}{position}", if at == 0 { ':' } else { ',' });
        }
    }
    out
}

/// Returns the text of the `tsquery` that matches such rows. Bind it as text and cast it.
pub(crate) fn query(search: &Search) -> String {
    let mut out = String::new();
    for (at, phrase) in search.phrases().iter().enumerate() {
        out.push_str(if at == 0 { "(" } else { " & (" });
        for (at, word) in phrase.iter().enumerate() {
            out.push_str(if at == 0 { "" } else { " <-> " });
            quote(&mut out, &cut(word.clone()));
        }
        if at + 1 == search.phrases().len() {
            out.push_str(":*");
        }
        out.push(')');
    }
    out
}

fn quote(out: &mut String, word: &str) {
    out.push('\'');
    // A word contains neither quotes nor backslashes.
    out.push_str(word);
    out.push('\'');
}

fn cut(mut word: String) -> String {
    if word.len() > WORD_BYTES {
        word.truncate((0..=WORD_BYTES).rev().find(|at| word.is_char_boundary(*at)).unwrap_or(0));
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_positions_and_texts_are_apart() {
        assert_eq!(vector([Some("Ann O'Neil"), None, Some("ann")]), "'ann':2,6 'neil':4 'o':3");
        assert_eq!(vector([None, Some(" -- ")]), "");
        let search = |text| query(&Search::parse(text).unwrap().unwrap());
        assert_eq!(search("o'neil Ann"), "('o' <-> 'neil') & ('ann':*)");
        assert_eq!(search("heart-lu"), "('heart' <-> 'lu':*)");
    }

    #[test]
    fn a_vector_stays_within_what_the_server_takes() {
        let long = "x".repeat(5000);
        assert_eq!(vector([Some(&*long)]).len(), WORD_BYTES + 4);
        let many: String = (0..200_000).map(|n| format!("w{n} ")).collect();
        assert!(vector([Some(&*many)]).matches('w').count() < 100_000);
        let same = "a ".repeat(20_000);
        assert_eq!(vector([Some(&*same)]).matches(',').count(), POSITIONS - 1);
    }
}
