//! Parses groups of conditions: `any=(status=active,all(age__gte=65,city.region=3))`.
//!
//! A group is a list of conditions and nested groups in parentheses. Conditions have the same form as outside of
//! groups. A value with a comma, a parenthesis or a quote is written in double quotes, where `\\` precedes a quote or a
//! backslash.

use super::{filter, path::Models, text};
use std::{iter::Peekable, str::Chars};
use tenantry::query::Filter;

/// Name of the parameter.
pub(in crate::http) const ANY: &str = "any";
/// Maximum depth of nested groups.
const MAX_DEPTH: usize = 4;
/// Maximum length of a group, bytes.
const MAX_LENGTH: usize = 8 * 1024;

/// Characters for which a value is written in quotes.
const SPECIAL: [char; 4] = ['(', ')', ',', '"'];

/// A part of a group, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum Part {
    /// At least one of these parts must hold.
    Any(Vec<Part>),
    /// All of these parts must hold.
    All(Vec<Part>),
    /// A condition: parameter and value.
    Is(String, String),
}

impl Part {
    /// Returns the condition, and counts it.
    fn filter(&self, models: &dyn Models, conditions: &mut usize) -> Result<Filter, String> {
        let mut all = |parts: &[Part]| -> Result<Vec<_>, String> {
            parts.iter().map(|part| part.filter(models, conditions)).collect()
        };
        match self {
            Part::Any(parts) => all(parts).map(Filter::Any),
            Part::All(parts) => all(parts).map(Filter::All),
            Part::Is(name, value) => {
                *conditions += 1;
                let condition = filter::condition(models, name, value, &[ANY, "all"]);
                condition.map_err(|why| format!("{name}: {why}"))
            }
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Part::Any(parts) => write_group(ANY, parts, out),
            Part::All(parts) => write_group("all", parts, out),
            Part::Is(name, value) => {
                out.push_str(name);
                out.push('=');
                write_value(value, out);
            }
        }
    }
}

/// Returns a group as the value of the parameter `any`.
pub(in crate::http) fn written(parts: &[Part]) -> String {
    let mut out = String::new();
    write_group("", parts, &mut out);
    out
}

fn write_group(name: &str, parts: &[Part], out: &mut String) {
    out.push_str(name);
    for (at, part) in parts.iter().enumerate() {
        out.push(if at == 0 { '(' } else { ',' });
        part.write(out);
    }
    out.push(')');
}

fn write_value(value: &str, out: &mut String) {
    if !value.contains(SPECIAL) {
        return out.push_str(value);
    }
    out.push('"');
    for letter in value.chars() {
        if matches!(letter, '"' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
}

/// Returns the condition of a group, of which at least one part must hold, and the number of its conditions.
///
/// # Errors
/// Returns an error if the text is not a group, or if a condition in it is invalid.
pub(super) fn any(models: &dyn Models, text: &str) -> Result<(Filter, usize), String> {
    let mut conditions = 0;
    let filter = Part::Any(parts(text)?).filter(models, &mut conditions)?;
    Ok((filter, conditions))
}

/// Returns the parts of a group.
///
/// # Errors
/// If the text is no group.
pub(in crate::http) fn parts(text: &str) -> Result<Vec<Part>, String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("at most {MAX_LENGTH} bytes"));
    }
    let mut reader = Reader { rest: text.chars().peekable() };
    let parts = reader.group(1)?;
    match reader.rest.next() {
        None => Ok(parts),
        Some(more) => Err(format!("{more:?} after the last parenthesis")),
    }
}

/// Reads one group.
struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    fn group(&mut self, depth: usize) -> Result<Vec<Part>, String> {
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

    fn part(&mut self, depth: usize) -> Result<Part, String> {
        let mut name = String::new();
        while let Some(letter) = self.rest.next_if(|letter| !matches!(letter, '=' | '(' | ')' | ',')) {
            name.push(letter);
        }
        match (self.rest.peek(), name.trim()) {
            (Some('('), ANY) => Ok(Part::Any(self.group(depth + 1)?)),
            (Some('('), "all") => Ok(Part::All(self.group(depth + 1)?)),
            (Some('('), _) => Err(format!("no group {}; there are: any, all", text::quoted(&name))),
            (Some('='), name) => {
                self.rest.next();
                Ok(Part::Is(name.to_owned(), self.value()?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let is = |name: &str, value: &str| Part::Is(name.into(), value.into());
        let group = vec![
            is("name", r#"a,b (c) "d" \e"#),
            Part::All(vec![is("age__gte", "65"), Part::Any(vec![is("city.name", ""), is("name", r"\")])]),
            is("name__contains", "a=b"),
        ];
        assert_eq!(parts(&written(&group)), Ok(group));
        assert_eq!(written(&[is("status", "active"), is("age", "1")]), "(status=active,age=1)");
    }
}
