//! The apostrophe in front of a cell, and its removal.
//!
//! Spreadsheets run a cell that begins like a formula; a leading apostrophe makes it text (OWASP). The same mark tells
//! an empty text (`'`) from no value (nothing). Whatever an import would take for a mark is marked too, so that every
//! text comes back as it was.

use std::borrow::Cow;

/// Beginnings that some spreadsheet takes for a formula, those of full width included.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

fn needs_mark(text: &str) -> bool {
    text.is_empty() || text.starts_with(FORMULA) || text.strip_prefix('\'').is_some_and(needs_mark)
}

/// The cell of a text.
pub(super) fn guarded(text: &str) -> Cow<'_, str> {
    if needs_mark(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text of a cell, as it was before the export marked it.
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
