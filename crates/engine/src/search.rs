//! The words of texts and searches, for databases that lack SQLite's tokenizer `unicode61 remove_diacritics 2`. The
//! rule is the same: a word is a run of letters and digits in lower case, with Latin letters stripped of diacritics.

use crate::{error::Result, list::terms};
use unicode_normalization::char::decompose_canonical;

/// Returns the words of a text, in order.
pub(crate) fn words(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    for character in text.chars() {
        if character.is_alphanumeric() && !is_mark(character) {
            word.push(folded(character));
        } else if !(is_mark(character) && !word.is_empty() || word.is_empty()) {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Returns true for a diacritic that follows its letter. It belongs to the word, but is left out of it.
fn is_mark(character: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&character)
}

/// Returns the letter in lower case. A Latin letter loses its diacritics.
fn folded(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    let lower = lower(character);
    let mut base = None;
    decompose_canonical(lower, |part| {
        base.get_or_insert(part);
    });
    base.filter(char::is_ascii).unwrap_or(lower)
}

/// Returns the letter in lower case. All forms of a letter give the same result: a final sigma is a sigma. The dotless
/// i, whose upper case is that of i, is a different letter.
fn lower(character: char) -> char {
    let mut upper = character.to_uppercase();
    let form = match (upper.next(), upper.next()) {
        (Some(upper), None) if character != 'ı' => upper,
        _ => character,
    };
    form.to_lowercase().next().unwrap_or(form)
}

/// A user's search: phrases that must all occur, the last one as a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    /// Words of each phrase, which must follow each other in one text. No phrase is empty.
    phrases: Vec<Vec<String>>,
}

impl Search {
    /// Parses the text of a search; `None` if it contains no word.
    ///
    /// # Errors
    /// Returns `Invalid` for too many characters or terms.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>> {
        let phrases: Vec<_> = terms(text)?.into_iter().map(words).filter(|words| !words.is_empty()).collect();
        Ok((!phrases.is_empty()).then_some(Self { phrases }))
    }

    /// Returns the words of each phrase. The last word of the last phrase is a prefix.
    pub(crate) fn phrases(&self) -> &[Vec<String>] {
        &self.phrases
    }

    /// Returns true if all phrases occur in the texts.
    pub(crate) fn is_in(&self, texts: &[Option<&str>]) -> bool {
        let texts: Vec<_> = texts.iter().flatten().map(|text| words(text)).collect();
        let last = self.phrases.len() - 1;
        self.phrases.iter().enumerate().all(|(at, phrase)| {
            texts.iter().any(|words| words.windows(phrase.len()).any(|run| follows(run, phrase, at == last)))
        })
    }
}

fn follows(run: &[String], phrase: &[String], prefix: bool) -> bool {
    match (run, phrase) {
        ([run @ .., word], [phrase @ .., start]) if prefix => run == phrase && word.starts_with(start),
        _ => run == phrase,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    /// Returns the words that SQLite finds in the text.
    fn theirs(conn: &Connection, text: &str) -> Vec<String> {
        conn.execute_batch("DELETE FROM s").unwrap();
        conn.execute("INSERT INTO s VALUES (?1)", [text]).unwrap();
        let mut statement = conn.prepare_cached("SELECT term FROM v ORDER BY offset").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn words_are_those_of_sqlite() {
        let conn = Connection::open_in_memory().unwrap();
        let tables = "CREATE VIRTUAL TABLE s USING fts5(t, tokenize='unicode61 remove_diacritics 2'); \
             CREATE VIRTUAL TABLE v USING fts5vocab(s, 'instance')";
        conn.execute_batch(tables).unwrap();
        for text in [
            "José GARCÍA-Lorca",
            "O'Neil  x",
            "Ångström",
            "Łódź ø ß ẞ",
            "ΣΊΣΥΦΟΣ ς",
            "ıİ",
            "e\u{301}te\u{301}",
            "中文 テスト",
            "Ёлка Й",
            "a1 2b ½ ²",
            "heart_lung",
            "\u{301}lone",
            "ǅungla ſ K Å",
            "Việt Nam ệ",
            "👍 ok",
            "",
        ] {
            assert_eq!(words(text), theirs(&conn, text), "{text}");
        }
        // Letters that both know, in the middle of a word. Later versions of Unicode have more letters. SQLite's table
        // lacks U+01E0 and U+01E1, and it treats three numbers without a character as letters.
        for code in (0x20..0x1e0).chain(0x1e2..0x250).chain(0x386..0x482).chain(0x1e00..0x1f00) {
            let Some(letter) =
                char::from_u32(code).filter(|c| !matches!(c, '\u{38b}' | '\u{38d}' | '\u{3a2}'))
            else {
                continue;
            };
            let text = format!("x{letter}y");
            assert_eq!(words(&text), theirs(&conn, &text), "U+{code:04X}");
        }
    }

    #[test]
    fn a_search_finds_phrases_in_one_text_and_the_last_word_by_its_start() {
        let texts = [Some("Crédit house"), None, Some("heart-lung surgeon")];
        for (typed, expect) in [
            ("credit", true),
            ("hou", true),
            ("hou credit", false),
            ("heart-lung", true),
            ("lung-heart", false),
            ("house-heart", false),
            ("surg", true),
            ("heart-lu", true),
            ("lung CREDIT surgeon", true),
            ("x", false),
        ] {
            assert_eq!(Search::parse(typed).unwrap().unwrap().is_in(&texts), expect, "{typed}");
        }
        assert_eq!(Search::parse(" -- ").unwrap(), None);
    }
}
