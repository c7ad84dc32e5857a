//! Splits a statement into tokens as PostgreSQL's scanner does, as far as names, texts and comments are concerned.

use crate::error::{Error, Kind, Result};
use std::{iter::Peekable, str::CharIndices};

/// A token of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or keyword, folded to lower case.
    Word(String),
    /// A name in quotes.
    Quoted(String),
    /// A text, number or parameter.
    Value,
    /// Any other character.
    Sign(char),
}

/// Returns the tokens of a statement, each with its byte offset. Comments are not tokens.
///
/// # Errors
/// Returns [`Kind::Statement`] if a text, name or comment does not end, and [`Kind::Denied`] for names and texts with
/// Unicode escapes.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>> {
    let mut scanner = Scanner { text, chars: text.char_indices().peekable() };
    let mut found = vec![];
    while let Some((at, c)) = scanner.chars.next() {
        if let Some(token) = scanner.token(at, c)? {
            found.push((at, token));
        }
    }
    Ok(found)
}

struct Scanner<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
}

impl Scanner<'_> {
    fn token(&mut self, at: usize, c: char) -> Result<Option<Token>> {
        Ok(Some(match c {
            c if c.is_ascii_whitespace() || c == '\u{b}' => return Ok(None),
            '-' if self.next_is('-') => {
                while self.chars.next_if(|(_, c)| !matches!(c, '\n' | '\r')).is_some() {}
                return Ok(None);
            }
            '/' if self.next_is('*') => {
                self.comment()?;
                return Ok(None);
            }
            '\'' => self.quoted('\'', false).map(|_| Token::Value)?,
            '"' => Token::Quoted(self.quoted('"', false)?),
            '$' => self.dollar(at)?,
            c if begins_word(c) => self.word(c)?,
            c if c.is_ascii_digit() => {
                while self
                    .chars
                    .next_if(|(_, c)| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))
                    .is_some()
                {}
                Token::Value
            }
            c => Token::Sign(c),
        }))
    }

    fn next_is(&mut self, wanted: char) -> bool {
        self.chars.peek().is_some_and(|(_, c)| *c == wanted)
    }

    /// Skips a comment. Comments nest.
    fn comment(&mut self) -> Result<()> {
        let (mut depth, mut last) = (0, '/');
        for (_, c) in self.chars.by_ref() {
            match (last, c) {
                ('/', '*') => (depth, last) = (depth + 1, ' '),
                ('*', '/') => (depth, last) = (depth - 1, ' '),
                _ => last = c,
            }
            if depth == 0 {
                return Ok(());
            }
        }
        Err(endless("comment"))
    }

    /// Reads up to the closing quote, after the opening quote was read.
    fn quoted(&mut self, quote: char, escapes: bool) -> Result<String> {
        let mut inner = String::new();
        while let Some((_, c)) = self.chars.next() {
            if c == quote {
                if self.chars.next_if(|(_, next)| *next == quote).is_none() {
                    return Ok(inner);
                }
            } else if c == '\\' && escapes {
                self.chars.next();
                continue;
            }
            inner.push(c);
        }
        Err(endless("text or name"))
    }

    /// Reads a parameter or a text between dollar signs.
    fn dollar(&mut self, at: usize) -> Result<Token> {
        let rest = &self.text[at + 1..];
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            while self.chars.next_if(|(_, c)| c.is_ascii_digit()).is_some() {}
            return Ok(Token::Value);
        }
        let Some(tag) = rest.split_once('$').map(|(tag, _)| tag).filter(|tag| is_tag(tag)) else {
            return Ok(Token::Sign('$'));
        };
        let closing = format!("${tag}$");
        let begin = at + closing.len();
        let end = self.text[begin..].find(&closing).ok_or_else(|| endless("text"))? + begin + closing.len();
        while self.chars.next_if(|(at, _)| *at < end).is_some() {}
        Ok(Token::Value)
    }

    fn word(&mut self, first: char) -> Result<Token> {
        // E'…' has escapes. B'…', X'…' and N'…' are texts as well.
        if matches!(first, 'e' | 'E' | 'b' | 'B' | 'x' | 'X' | 'n' | 'N') && self.next_is('\'') {
            self.chars.next();
            return self.quoted('\'', matches!(first, 'e' | 'E')).map(|_| Token::Value);
        }
        if matches!(first, 'u' | 'U') && self.next_is('&') {
            let mut ahead = self.chars.clone();
            ahead.next();
            if ahead.next().is_some_and(|(_, c)| matches!(c, '"' | '\'')) {
                let what = "names and texts with Unicode escapes";
                return Err(Error::new(Kind::Denied(what.into()), "sql"));
            }
        }
        let mut word = String::from(first);
        while let Some((_, c)) =
            self.chars.next_if(|(_, c)| begins_word(*c) || c.is_ascii_digit() || *c == '$')
        {
            word.push(c);
        }
        Ok(Token::Word(word.to_lowercase()))
    }
}

fn begins_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn is_tag(tag: &str) -> bool {
    tag.is_empty()
        || tag.starts_with(begins_word) && tag.chars().all(|c| begins_word(c) || c.is_ascii_digit())
}

fn endless(what: &str) -> Error {
    Error::new(Kind::Statement(format!("a {what} does not end")), "sql")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let found = tokens(text).unwrap().into_iter().map(|(_, token)| match token {
            Token::Word(word) => word,
            Token::Quoted(name) => format!("\"{name}\""),
            Token::Value => "?".into(),
            Token::Sign(c) => c.into(),
        });
        found.collect()
    }

    #[test]
    fn tokens_are_those_of_postgresql() {
        assert_eq!(
            words("SELECT a,\"B\"\"c\" -- x 'y\nFROM/* /* ' */ */t"),
            ["select", "a", ",", "\"B\"c\"", "from", "t"]
        );
        assert_eq!(words(r"'a''b' E'a\'b' $1 $$ pg_x $$ $t$ $$ ' $t$ 1.5e3 x'00'"), ["?"; 7]);
        assert_eq!(words(r"'\' pg_class"), ["?", "pg_class"]);
        assert_eq!(words("a$1 1$1"), ["a$1", "?", "?"]);
        for endless in ["'a", "\"a", "/* /* */", "$$ a", "$a$ $b$", r"E'\'"] {
            assert!(matches!(tokens(endless).unwrap_err().kind(), Kind::Statement(_)), "{endless}");
        }
        for escaped in [r#"U&"\0070g_class""#, "u&'x'"] {
            assert!(matches!(tokens(escaped).unwrap_err().kind(), Kind::Denied(_)), "{escaped}");
        }
    }
}
