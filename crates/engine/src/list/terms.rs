//! Search terms: the words that a user types. All of them must occur, the last one as a prefix.

use crate::error::{Error, Result};

/// Maximum number of characters and of terms in one search.
const TEXT_MAX: usize = 200;
const TERMS_MAX: usize = 16;

/// Returns the terms of the text: its words with a letter or a digit.
///
/// # Errors
/// Returns `Invalid` for too many characters or terms.
pub(crate) fn terms(text: &str) -> Result<Vec<&str>> {
    if text.chars().nth(TEXT_MAX).is_some() {
        return Err(Error::invalid("search", format!("must have at most {TEXT_MAX} characters")));
    }
    let between = |c: char| c.is_whitespace() || c.is_control();
    let terms: Vec<_> = text.split(between).filter(|term| term.contains(char::is_alphanumeric)).collect();
    if terms.len() > TERMS_MAX {
        return Err(Error::invalid("search", format!("must have at most {TERMS_MAX} words")));
    }
    Ok(terms)
}
