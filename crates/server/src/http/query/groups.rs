//! Parses groups of conditions: `any=(status=active,all(age__gte=65,city.region=3))`.
//!
//! A group is a list of conditions and nested groups in parentheses. Conditions have the same form as outside of
//! groups. A value with a comma, a parenthesis or a quote is written in double quotes, where `\\` precedes a quote or a
//! backslash.

use super::{filter, path::Models, text};
use std::{iter::Peekable, str::Chars};
use tenantry::query::Filter;

/// Name of the parameter.
pub(super) const ANY: &str = "any";
/// Maximum depth of nested groups.
const MAX_DEPTH: usize = 4;
/// Maximum length of a group, bytes.
const MAX_LENGTH: usize = 8 * 1024;

/// Reads one group.
struct Reader<'a> {
    models: &'a dyn Models,
    rest: Peekable<Chars<'a>>,
    /// Number of conditions that were read.
    conditions: usize,
}

/// Returns the condition of a group, of which at least one part must hold, and the number of its conditions.
///
/// # Errors
/// Returns an error if the text is not a group, or if a condition in it is invalid.
pub(super) fn any(models: &dyn Models, text: &str) -> Result<(Filter, usize), String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("at most {MAX_LENGTH} bytes"));
    }
    let mut reader = Reader { models, rest: text.chars().peekable(), conditions: 0 };
    let parts = reader.group(1)?;
    match reader.rest.next() {
        None => Ok((Filter::Any(parts), reader.conditions)),
        Some(more) => Err(format!("{more:?} after the last parenthesis")),
    }
}

impl Reader<'_> {
    fn group(&mut self, depth: usize) -> Result<Vec<Filter>, String> {
        if depth > MAX_DEPTH {
            return Err(format!("at most {MAX_DEPTH} groups deep"));
        }
        self.expect('(')?;
        let mut parts = vec![];
        loop {
            parts.push(self.part(depth)?);
            match self.rest.next() {
                Some(',') => {}
                Some(')') => return Ok(parts),
                Some(other) => return Err(format!("{other:?} where a comma or a parenthesis is expected")),
                None => return Err("a parenthesis is not closed".into()),
            }
        }
    }

    fn part(&mut self, depth: usize) -> Result<Filter, String> {
        let mut name = String::new();
        while let Some(letter) = self.rest.next_if(|letter| !matches!(letter, '=' | '(' | ')' | ',')) {
            name.push(letter);
        }
        match (self.rest.peek(), name.trim()) {
            (Some('('), ANY) => Ok(Filter::Any(self.group(depth + 1)?)),
            (Some('('), "all") => Ok(Filter::All(self.group(depth + 1)?)),
            (Some('('), _) => Err(format!("no group {}; there are: any, all", text::quoted(&name))),
            (Some('='), name) => {
                self.rest.next();
                let value = self.value()?;
                self.conditions += 1;
                let words = [ANY, "all"];
                let condition = filter::condition(self.models, name, &value, &words);
                condition.map_err(|why| format!("{name}: {why}"))
            }
            _ => Err(format!("{} is no condition: write name=value", text::quoted(&name))),
        }
    }

    fn value(&mut self) -> Result<String, String> {
        let mut value = String::new();
        if self.rest.next_if_eq(&'"').is_none() {
            while let Some(letter) = self.rest.next_if(|letter| !matches!(letter, ',' | ')' | '(')) {
                value.push(letter);
            }
            return Ok(value);
        }
        loop {
            match self.rest.next() {
                Some('"') => return Ok(value),
                Some('\\') => value.extend(self.rest.next()),
                Some(letter) => value.push(letter),
                None => return Err("a quote is not closed".into()),
            }
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        match self.rest.next() {
            Some(found) if found == wanted => Ok(()),
            _ => Err(format!("must begin with {wanted:?}, as (status=active,age__gte=65)")),
        }
    }
}
