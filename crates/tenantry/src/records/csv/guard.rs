//! Adds and removes the apostrophe in front of a cell.
//!
//! Spreadsheets execute a cell that looks like a formula; a leading apostrophe makes it text (OWASP). The apostrophe
//! also distinguishes an empty text (`'`) from a missing value (nothing). A text that the import would mistake for a
//! guarded one is guarded as well, so that every text comes back unchanged.

use std::borrow::Cow;

/// First characters that some spreadsheets take for the start of a formula, including full-width ones.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

fn needs_mark(text: &str) -> bool {
    text.is_empty() || text.starts_with(FORMULA) || text.strip_prefix('\'').is_some_and(needs_mark)
}

/// Returns the cell for a text.
pub(super) fn guarded(text: &str) -> Cow<'_, str> {
    if needs_mark(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// Returns the text of a cell without the guard of the export.
pub(crate) fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if needs_mark(text) => text,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_none_is_a_formula() {
        let parts = ["", "'", "=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "x", " "];
        for a in parts {
            for b in parts {
                for c in parts {
                    let text = format!("{a}{b}{c}");
                    let cell = guarded(&text);
                    assert_eq!(unguarded(&cell), text, "{text:?} as {cell:?}");
                    assert!(!cell.is_empty() && !cell.starts_with(FORMULA), "{text:?} as {cell:?}");
                }
            }
        }
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for cell in ["'tis", "o'clock", "''tis", "x=1"] {
            assert_eq!((unguarded(cell), &*guarded(cell)), (cell, cell));
        }
    }
}
