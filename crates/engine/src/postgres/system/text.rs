//! The texts of statements, with PostgreSQL's parameter names and without the hints for SQLite's planner.

use quick_cache::sync::Cache;
use std::{fmt::Write, sync::Arc};

/// Beginning of a hint. The name of an index follows.
const HINT: &str = " INDEXED BY ";

/// Maximum number of cached texts. The platform has about 300.
const REMEMBERED: usize = 1024;

/// Cache of translated texts.
#[derive(Debug)]
pub(super) struct Texts(Cache<Box<str>, Arc<str>>);

impl Default for Texts {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Texts {
    /// Returns the statement with `$1` in place of `?1`, and with the next number in place of each `?`.
    pub(super) fn of(&self, sql: &str) -> Arc<str> {
        if let Some(text) = self.0.get(sql) {
            return text;
        }
        let text: Arc<str> = numbered(&without_hints(sql)).into();
        self.0.insert(sql.into(), text.clone());
        text
    }
}

/// Removes the hints that name an index for SQLite. SQLite chooses badly without statistics, but PostgreSQL has
/// statistics.
fn without_hints(sql: &str) -> String {
    let mut parts = sql.split(HINT);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'));
    }
    out
}

/// Numbers the parameters. Text and names in quotes do not change.
fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 16);
    let (mut rest, mut last) = (sql, 0u32);
    while let Some(at) = rest.find(['?', '\'', '"']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (mark, after) = from.split_at(1);
        if mark != "?" {
            // A doubled quote inside a quoted part ends it and begins the next one.
            let end = after.find(mark).map_or(from.len(), |end| end + 2);
            out.push_str(&from[..end]);
            rest = &from[end..];
            continue;
        }
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = after[..digits].parse().unwrap_or(last + 1);
        last = last.max(number);
        // Writing to a string never fails.
        let _ = write!(out, "${number}");
        rest = &after[digits..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_as_sqlite_numbers_them() {
        for (sql, wanted) in [
            ("SELECT 1", "SELECT 1"),
            ("a = ? AND b = ?", "a = $1 AND b = $2"),
            ("a = ?2 AND b = ?1 AND c = ?", "a = $2 AND b = $1 AND c = $3"),
            ("a = ?10 AND b = ?", "a = $10 AND b = $11"),
            ("a = '?' AND b = ?", "a = '?' AND b = $1"),
            ("a = 'it''s ?' AND \"b?\" = ?1", "a = 'it''s ?' AND \"b?\" = $1"),
            ("a = 'open ?", "a = 'open ?"),
            ("ü = ? -- ü", "ü = $1 -- ü"),
            ("SELECT id FROM t INDEXED BY t_a1 WHERE a = ?", "SELECT id FROM t WHERE a = $1"),
        ] {
            let texts = Texts::default();
            assert_eq!((&*texts.of(sql), &*texts.of(sql)), (wanted, wanted));
        }
    }
}
