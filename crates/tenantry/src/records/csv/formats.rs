//! Formats of dates and decimals in a file: 21.11.2026, 1.234,50. A cell that can be read in two ways is never guessed.

use super::{
    columns::Column,
    import::NO_HEADER,
    lines::{Lines, Next},
    options::ImportOptions,
    source::Source,
};
use crate::{Error, Result, records::Records};
use std::{borrow::Cow, io::Read};
use tenantry_engine::model::FieldKind;

/// Order of the parts of a date. Dates such as 2026-11-21 are accepted with every order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// 21.11.2026, 21/11/2026 or 21-11-2026.
    DayFirst,
    /// 11/21/2026.
    MonthFirst,
}

impl DateOrder {
    /// All orders, with their names in the API.
    pub const ALL: [(Self, &'static str); 2] = [(Self::DayFirst, "dmy"), (Self::MonthFirst, "mdy")];

    /// Returns the order with this name.
    ///
    /// # Errors
    /// Returns an error if there is no such order.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(order, _)| *order).ok_or_else(|| Error::invalid("dates", "one of: dmy, mdy"))
    }
}

/// Mark before the decimals of a number. The other mark, or a space, may separate groups of three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalMark {
    /// Comma: 1.234,50
    Comma,
    /// Point: 1,234.50
    Point,
}

impl DecimalMark {
    /// All marks, with their names in the API.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Comma, "comma"), (Self::Point, "point")];

    /// Returns the mark with this name.
    ///
    /// # Errors
    /// Returns an error if there is no such mark.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(mark, _)| *mark).ok_or_else(|| Error::invalid("decimals", "one of: comma, point"))
    }
}

/// The conclusion from a file's cells about a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess<T> {
    /// No choice is needed: every cell has the API's format, or there are no cells.
    NotNeeded,
    /// Some cells can be read in this format only, and none contradicts it.
    Known(T),
    /// The cells do not decide: all of them can be read in two ways, or they contradict each other.
    Open,
}

/// The conclusions from a file's cells about its formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formats {
    /// Order of dates.
    pub dates: Guess<DateOrder>,
    /// Mark of decimals.
    pub decimals: Guess<DecimalMark>,
}

/// The votes of the cells that were read so far.
#[derive(Default)]
struct Votes {
    first: bool,
    second: bool,
    either: bool,
}

/// The conclusion from one cell.
enum Vote {
    None,
    First,
    Second,
    Either,
}

impl Votes {
    fn add(&mut self, vote: Vote) {
        match vote {
            Vote::None => {}
            Vote::First => self.first = true,
            Vote::Second => self.second = true,
            Vote::Either => self.either = true,
        }
    }

    fn guess<T>(&self, first: T, second: T) -> Guess<T> {
        match (self.first, self.second, self.either) {
            (true, false, _) => Guess::Known(first),
            (false, true, _) => Guess::Known(second),
            (false, false, false) => Guess::NotNeeded,
            _ => Guess::Open,
        }
    }
}

/// Returns the parts of a date that is not written as 2026-11-21, and the character between them.
fn parts(text: &str) -> Option<([u32; 2], u32, char)> {
    let mark = text.chars().find(|c| !c.is_ascii_digit()).filter(|c| matches!(c, '.' | '/' | '-'))?;
    let mut parts = text.split(mark);
    let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
    let is_short = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !is_short(first) || !is_short(second) || year.len() != 4 || parts.next().is_some() {
        return None;
    }
    Some(([first.parse().ok()?, second.parse().ok()?], year.parse().ok()?, mark))
}

/// Splits a date from its time.
fn day_and_time(text: &str) -> (&str, Option<&str>) {
    match text.split_once([' ', 'T']) {
        Some((day, time)) => (day, Some(time.trim())),
        None => (text, None),
    }
}

fn date_vote(text: &str) -> Vote {
    match parts(day_and_time(text).0) {
        None => Vote::None,
        Some(([first, _], ..)) if first > 12 => Vote::First,
        Some(([_, second], ..)) if second > 12 => Vote::Second,
        // Dates with points have the day first in every country.
        Some((.., '.')) => Vote::First,
        Some(_) => Vote::Either,
    }
}

fn decimal_vote(text: &str) -> Vote {
    let (commas, points) = (text.matches(',').count(), text.matches('.').count());
    let after = |mark| text.rsplit(mark).next().map_or(0, str::len);
    match (commas, points) {
        (0, 0) => Vote::None,
        (1, 0) if after(',') == 3 => Vote::Either,
        (0, 1) if after('.') == 3 => Vote::Either,
        (1, 0) => Vote::First,
        (0, 1) => Vote::Second,
        (0, _) => Vote::First,
        (_, 0) => Vote::Second,
        _ if text.rfind(',') > text.rfind('.') => Vote::First,
        _ => Vote::Second,
    }
}

/// Converts a date or an instant in this order to the API's format. Returns `None` for other texts, which the field
/// refuses later with its own message.
fn date(text: &str, order: DateOrder, has_time: bool) -> Option<String> {
    let (day, time) = day_and_time(text);
    let iso = match (parts(day), order) {
        (Some(([day, month], year, _)), DateOrder::DayFirst) => format!("{year:04}-{month:02}-{day:02}"),
        (Some(([month, day], year, _)), DateOrder::MonthFirst) => format!("{year:04}-{month:02}-{day:02}"),
        (None, _) => return None,
    };
    match (has_time, time) {
        (false, None) => Some(iso),
        (true, None) => Some(format!("{iso}T00:00:00Z")),
        (true, Some(time)) if time.len() == 5 => Some(format!("{iso}T{time}:00Z")),
        (true, Some(time)) => Some(format!("{iso}T{time}Z")),
        (false, Some(_)) => None,
    }
}

/// Converts a decimal with this mark to the API's format.
fn decimal(text: &str, mark: DecimalMark) -> Option<String> {
    let (mark, group) = match mark {
        DecimalMark::Comma => (',', '.'),
        DecimalMark::Point => ('.', ','),
    };
    let (whole, rest) = text.split_once(mark).map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let (sign, digits) = match whole.strip_prefix(['-', '+']) {
        Some(digits) => (if whole.starts_with('-') { "-" } else { "" }, digits),
        None => ("", whole),
    };
    let is_space = |c: char| matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'');
    let mut groups = digits.split(|c: char| c == group || is_space(c));
    let first = groups.next()?;
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let rest_of: Vec<_> = groups.collect();
    let grouped = rest_of.iter().all(|part| part.len() == 3 && is_digits(part));
    if !is_digits(first) || !grouped || (!rest_of.is_empty() && first.len() > 3) {
        return None;
    }
    let whole = format!("{sign}{first}{}", rest_of.concat());
    match rest {
        None => Some(whole),
        Some(rest) if is_digits(rest) => Some(format!("{whole}.{rest}")),
        Some(_) => None,
    }
}

/// Converts the cell of a field to the API's format. Refuses a decimal that this format does not allow, because
/// unchanged it could mean another number.
pub(super) fn plain<'c>(
    kind: &FieldKind,
    cell: &'c str,
    options: &ImportOptions,
) -> Result<Cow<'c, str>, &'static str> {
    let text = cell.trim();
    let has_time = match kind {
        FieldKind::Date => false,
        FieldKind::Datetime => true,
        FieldKind::Decimal { .. } => {
            let Some(mark) = options.decimals else { return Ok(text.into()) };
            let reason = match mark {
                DecimalMark::Comma => "must be a number with a comma before its decimals, as 1.234,50",
                DecimalMark::Point => "must be a number with a point before its decimals, as 1,234.50",
            };
            return decimal(text, mark).map(Cow::Owned).ok_or(reason);
        }
        _ => return Ok(text.into()),
    };
    let read = options.dates.and_then(|order| date(text, order, has_time));
    Ok(read.map_or(Cow::Borrowed(text), Cow::Owned))
}

impl Records<'_> {
    /// Reads a whole file and determines the formats of the dates and decimals in the columns that `options` choose.
    /// Ignores columns that do not fit the model.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the file has no first line.
    pub fn csv_formats(&self, source: impl Read, options: &ImportOptions) -> Result<Formats> {
        let no_header = |_| Error::invalid("file", NO_HEADER);
        let most = usize::try_from(self.inner.config.limits.import_record_bytes).unwrap_or(usize::MAX);
        let source = Source::new(source, self.inner.config.limits.import_csv_bytes).encoded(options.encoding);
        let is_column = |name: &str| self.column(name).is_ok();
        let mut lines = Lines::new(source, most, options.separator, is_column).map_err(no_header)?;
        if lines.next().map_err(no_header)? != Next::Line {
            return Err(Error::invalid("file", NO_HEADER));
        }
        let names: Vec<String> =
            lines.cells().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
        let names = options.columns.as_ref().unwrap_or(&names);
        let kinds: Vec<_> = names
            .iter()
            .map(|name| match self.column(name) {
                Ok(Column::Field(field)) => Some(&field.kind),
                _ => None,
            })
            .collect();
        let (mut dates, mut decimals) = (Votes::default(), Votes::default());
        while let Ok(next) = lines.next() {
            match next {
                Next::End => break,
                Next::TooLong => continue,
                Next::Line => {}
            }
            for (kind, cell) in kinds.iter().zip(lines.cells()) {
                let text = str::from_utf8(cell).unwrap_or_default().trim();
                match kind {
                    Some(FieldKind::Date | FieldKind::Datetime) => dates.add(date_vote(text)),
                    Some(FieldKind::Decimal { .. }) => decimals.add(decimal_vote(text)),
                    _ => {}
                }
            }
        }
        let decimals = match decimals.guess(DecimalMark::Comma, DecimalMark::Point) {
            // All decimals have the API's format.
            Guess::Known(DecimalMark::Point) if !decimals.either => Guess::NotNeeded,
            guess => guess,
        };
        Ok(Formats { dates: dates.guess(DateOrder::DayFirst, DateOrder::MonthFirst), decimals })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(cells: &[&str]) -> Guess<DateOrder> {
        let mut votes = Votes::default();
        cells.iter().for_each(|cell| votes.add(date_vote(cell)));
        votes.guess(DateOrder::DayFirst, DateOrder::MonthFirst)
    }

    fn decimals(cells: &[&str]) -> Guess<DecimalMark> {
        let mut votes = Votes::default();
        cells.iter().for_each(|cell| votes.add(decimal_vote(cell)));
        votes.guess(DecimalMark::Comma, DecimalMark::Point)
    }

    #[test]
    fn an_order_is_guessed_only_from_dates_with_one_meaning() {
        use DateOrder::{DayFirst, MonthFirst};
        assert_eq!(dates(&["2026-11-21", ""]), Guess::NotNeeded);
        assert_eq!(dates(&["03/04/2026", "01/02/2026"]), Guess::Open);
        assert_eq!(dates(&["03/04/2026", "21/11/2026"]), Guess::Known(DayFirst));
        assert_eq!(dates(&["03/04/2026", "11/21/2026 14:30"]), Guess::Known(MonthFirst));
        assert_eq!(dates(&["03.04.2026"]), Guess::Known(DayFirst));
        assert_eq!(dates(&["21/11/2026", "11/21/2026"]), Guess::Open);
        assert_eq!(dates(&["03/04/26", "someday"]), Guess::NotNeeded);
    }

    #[test]
    fn a_mark_is_guessed_only_from_numbers_with_one_meaning() {
        use DecimalMark::{Comma, Point};
        assert_eq!(decimals(&["12", "-3"]), Guess::NotNeeded);
        assert_eq!(decimals(&["12,50"]), Guess::Known(Comma));
        assert_eq!(decimals(&["1.234,50", "1.234"]), Guess::Known(Comma));
        assert_eq!(decimals(&["1.234.567"]), Guess::Known(Comma));
        assert_eq!(decimals(&["1,234.50"]), Guess::Known(Point));
        assert_eq!(decimals(&["12.50", "1,234"]), Guess::Known(Point));
        assert_eq!(decimals(&["1,234"]), Guess::Open);
        assert_eq!(decimals(&["1.234"]), Guess::Open);
        assert_eq!(decimals(&["12,50", "12.50"]), Guess::Open);
    }

    #[test]
    fn cells_are_read_as_they_are_written() {
        let day = |text, order| date(text, order, false);
        assert_eq!(day("1.2.2026", DateOrder::DayFirst).as_deref(), Some("2026-02-01"));
        assert_eq!(day("11/21/2026", DateOrder::MonthFirst).as_deref(), Some("2026-11-21"));
        assert_eq!(day("21.11.2026 10:00", DateOrder::DayFirst), None, "a time is no part of a date");
        let instant = |text| date(text, DateOrder::DayFirst, true);
        assert_eq!(instant("21.11.2026 08:05").as_deref(), Some("2026-11-21T08:05:00Z"));
        assert_eq!(instant("21.11.2026").as_deref(), Some("2026-11-21T00:00:00Z"));
        assert_eq!(instant("2026-11-21T08:00:00Z"), None, "is read as it is");
        let comma = |text| decimal(text, DecimalMark::Comma);
        for (text, plain) in [
            ("12,50", "12.50"),
            ("-1.234,5", "-1234.5"),
            ("1\u{a0}234,50", "1234.50"),
            ("1.234.567", "1234567"),
            ("+7", "7"),
            ("12345,6", "12345.6"),
        ] {
            assert_eq!(comma(text).as_deref(), Some(plain), "{text}");
        }
        for text in ["12.50", "1.23,4", "1234.567,8", ",5", "1,", "1,2,3", "a", "", "--1"] {
            assert_eq!(comma(text), None, "{text}");
        }
        assert_eq!(decimal("1,234.50", DecimalMark::Point).as_deref(), Some("1234.50"));
    }
}
