//! SQL functions whose cost grows with the length of their arguments. They replace SQLite's own functions, whose cost
//! grows with the product of two lengths.
//!
//! SQLite checks its deadline between two instructions, and a function call is one instruction, so each call must be
//! short. Every connection has `contains`, for list filters. The other functions replace SQLite's in tenants'
//! statements and give the same results.

use jiff::{Timestamp, tz::TimeZone};
use memchr::memmem;
use rusqlite::{
    Connection, Error, Result, ToSql, ffi,
    functions::{Context, FunctionFlags},
    types::{ToSqlOutput, ValueRef},
};
use std::{borrow::Cow, collections::HashMap, sync::Arc};

/// Name of [`contains`] in SQL.
pub(super) const CONTAINS: &str = "tenantry_contains";
/// Name of [`local_day`] in SQL.
pub(super) const LOCAL_DAY: &str = "tenantry_local_day";
/// Longest UTF-8 character, in bytes.
const CHARACTER_BYTES: usize = 4;

fn flags() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS
}

/// Adds the functions that lists and groups use. Every connection of this crate has it.
///
/// # Errors
/// Returns SQLite's error if a statement is running on the connection.
pub(super) fn add_own(conn: &Connection) -> Result<()> {
    let own = flags() | FunctionFlags::SQLITE_DIRECTONLY;
    conn.create_scalar_function(CONTAINS, 2, own, contains)?;
    conn.create_scalar_function(LOCAL_DAY, 2, own, local_day)
}

/// Replaces SQLite's functions of quadratic cost. `longest` is the maximum length of the result of `replace`, in bytes.
pub(super) fn replace_quadratic(conn: &Connection, longest: usize) -> Result<()> {
    conn.create_scalar_function("instr", 2, flags(), instr)?;
    conn.create_scalar_function("replace", 3, flags(), move |context| replace(context, longest))?;
    for (name, left, right) in [("trim", true, true), ("ltrim", true, false), ("rtrim", false, true)] {
        for arguments in [1, 2] {
            conn.create_scalar_function(name, arguments, flags(), move |context| trim(context, left, right))?;
        }
    }
    // SQLite searches the second argument, a set of characters, once for each character of the first.
    conn.create_scalar_function("unhex", 2, flags(), |_| -> Result<Option<i64>> {
        Err(Error::UserFunctionError("unhex takes one argument here".into()))
    })
}

/// Text that may be invalid UTF-8: SQLite's functions work on bytes.
struct Text(Vec<u8>);

impl ToSql for Text {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}

/// Returns the text of an argument as SQLite converts it; `None` for null.
fn text<'a>(context: &'a Context<'_>, index: usize) -> Result<Option<Cow<'a, [u8]>>> {
    Ok(Some(match context.get_raw(index) {
        ValueRef::Null => return Ok(None),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cow::Borrowed(bytes),
        ValueRef::Integer(number) => Cow::Owned(number.to_string().into_bytes()),
        ValueRef::Real(number) => Cow::Owned(real(number)?.into_bytes()),
    }))
}

/// Returns the text of a real number. Only SQLite knows its rounding, so a query converts the number; such arguments
/// are rare.
fn real(number: f64) -> Result<String> {
    Connection::open_in_memory()?.query_row("SELECT CAST(?1 AS TEXT)", [number], |row| row.get(0))
}

fn is_blob(value: ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Blob(_))
}

fn continues(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// Returns true if the first text contains the second. Ignores the case of ASCII letters, as `LIKE` does.
fn contains(context: &Context<'_>) -> Result<Option<bool>> {
    let (ValueRef::Text(text), ValueRef::Text(_)) = (context.get_raw(0), context.get_raw(1)) else {
        return Ok(None);
    };
    // Built once per statement.
    let finder: Arc<memmem::Finder<'static>> = context.get_or_create_aux(1, |needle| {
        let needle = needle.as_bytes().unwrap_or_default().to_ascii_lowercase();
        Ok::<_, std::convert::Infallible>(memmem::Finder::new(&needle).into_owned())
    })?;
    Ok(Some(finder.find(&text.to_ascii_lowercase()).is_some()))
}

/// Returns the day of an instant in a time zone, as YYYY-MM-DD; `None` if the value is not an instant.
fn local_day(context: &Context<'_>) -> Result<Option<String>> {
    let ValueRef::Text(text) = context.get_raw(0) else { return Ok(None) };
    let zone: Arc<TimeZone> = context.get_or_create_aux(1, |name| {
        let name = str::from_utf8(name.as_bytes().unwrap_or_default()).unwrap_or_default();
        Ok::<_, std::convert::Infallible>(TimeZone::get(name).unwrap_or(TimeZone::UTC))
    })?;
    let at: Option<Timestamp> = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    Ok(at.map(|at| zone.to_datetime(at).date().to_string()))
}

/// Returns the 1-based position of the first occurrence, in characters or, for two blobs, in bytes; 0 if there is no
/// occurrence.
fn instr(context: &Context<'_>) -> Result<Option<i64>> {
    let (Some(text), Some(needle)) = (text(context, 0)?, text(context, 1)?) else { return Ok(None) };
    let by_bytes = is_blob(context.get_raw(0)) && is_blob(context.get_raw(1));
    let at = match needle.first() {
        // This needle is not valid text. SQLite compares it only at the start of a character, so it can match only at
        // the start of the text.
        Some(first) if !by_bytes && continues(*first) => text.starts_with(&needle).then_some(0),
        _ => memmem::find(&text, &needle),
    };
    let Some(at) = at else { return Ok(Some(0)) };
    let passed = match by_bytes {
        true => at,
        false => text.get(1..=at).unwrap_or_default().iter().filter(|byte| !continues(**byte)).count(),
    };
    Ok(Some(1 + i64::try_from(passed).unwrap_or(i64::MAX)))
}

/// Returns the first text with every occurrence of the second replaced by the third.
fn replace(context: &Context<'_>, longest: usize) -> Result<Option<Text>> {
    let (Some(text), Some(pattern)) = (text(context, 0)?, text(context, 1)?) else { return Ok(None) };
    if pattern.first().is_none_or(|first| *first == 0) {
        return Ok(Some(Text(text.into_owned())));
    }
    let Some(by) = self::text(context, 2)? else { return Ok(None) };
    let (mut out, mut from) = (Vec::with_capacity(text.len()), 0);
    for at in memmem::find_iter(&text, &pattern) {
        out.extend_from_slice(&text[from..at]);
        out.extend_from_slice(&by);
        from = at + pattern.len();
        if out.len() > longest {
            return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_TOOBIG), None));
        }
    }
    out.extend_from_slice(&text[from..]);
    Ok(Some(Text(out)))
}

/// Returns the first text without the characters of the second (by default, spaces) at its ends.
fn trim(context: &Context<'_>, left: bool, right: bool) -> Result<Option<Text>> {
    let Some(text) = text(context, 0)? else { return Ok(None) };
    let set = match context.len() {
        1 => Cow::Borrowed(&b" "[..]),
        _ => match self::text(context, 1)? {
            Some(set) => set,
            None => return Ok(None),
        },
    };
    let set = Characters::of(&set)?;
    let mut rest = &*text;
    while left && let Some(length) = set.at(rest, |length| &rest[..length]) {
        rest = &rest[length..];
    }
    while right && let Some(length) = set.at(rest, |length| &rest[rest.len() - length..]) {
        rest = &rest[..rest.len() - length];
    }
    Ok(Some(Text(rest.to_vec())))
}

/// The characters to trim, numbered in the order in which the argument lists them.
struct Characters<'a> {
    single: [Option<usize>; 256],
    longer: HashMap<&'a [u8], usize>,
}

impl<'a> Characters<'a> {
    /// Splits a text into characters, as SQLite does, up to a NUL.
    fn of(text: &'a [u8]) -> Result<Self> {
        let mut set = Self { single: [None; 256], longer: HashMap::new() };
        let (mut at, mut number) = (0, 0);
        while at < text.len() && text[at] != 0 {
            let begin = at;
            at += 1;
            while text[begin] >= 0xc0 && at < text.len() && continues(text[at]) {
                at += 1;
            }
            match at - begin {
                1 => set.single[usize::from(text[begin])].get_or_insert(number),
                2..=CHARACTER_BYTES => set.longer.entry(&text[begin..at]).or_insert(number),
                _ => return Err(Error::UserFunctionError("the characters to trim are not UTF-8".into())),
            };
            number += 1;
        }
        Ok(set)
    }

    /// Returns the length of the character of this set at one end of `rest`; `end` returns the given number of bytes at
    /// that end. If the text is not UTF-8, several may match; then the one given first counts.
    fn at<'t>(&self, rest: &[u8], end: impl Fn(usize) -> &'t [u8]) -> Option<usize> {
        if rest.is_empty() {
            return None;
        }
        let mut found = self.single[usize::from(end(1)[0])].map(|number| (number, 1));
        if !self.longer.is_empty() {
            for length in 2..=CHARACTER_BYTES.min(rest.len()) {
                let other = self.longer.get(end(length)).map(|number| (*number, length));
                found = [found, other].into_iter().flatten().min();
            }
        }
        found.map(|(_, length)| length)
    }
}

#[cfg(test)]
mod tests;
