//! Formats of numbers and dates in a language. Called by [`super::Language`].

use fluent_bundle::FluentValue;
use fluent_bundle::memoizer::MemoizerKind;

/// Separators of groups of digits and of the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digits {
    /// English style: `1,234.5`
    #[default]
    Comma,
    /// Continental style: `1.234,5`
    Point,
    /// Style with no-break spaces: `1 234,5`
    Space,
}

impl Digits {
    /// Returns the style that the example has.
    pub(super) fn parse(example: &str) -> Self {
        match example {
            "1.234,5" => Self::Point,
            "1 234,5" => Self::Space,
            _ => Self::Comma,
        }
    }

    fn marks(self) -> (char, char) {
        match self {
            Self::Comma => (',', '.'),
            Self::Point => ('.', ','),
            Self::Space => ('\u{a0}', ','),
        }
    }

    /// Converts a decimal number with a point to this style, without groups of digits.
    pub fn ungrouped(self, text: &str) -> String {
        text.replacen('.', self.marks().1.encode_utf8(&mut [0; 4]), 1)
    }

    /// Converts a number with a point to this style, with its digits in groups. Text that is not a number is returned
    /// unchanged.
    pub(super) fn number(self, text: &str) -> String {
        let (group, point) = self.marks();
        let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
        let (whole, part) = rest.split_once('.').map_or((rest, None), |(whole, part)| (whole, Some(part)));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !part.is_none_or(is_number) {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len() + whole.len() / 3);
        out.push_str(sign);
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                out.push(group);
            }
            out.push(digit);
        }
        if let Some(part) = part {
            out.push(point);
            out.push_str(part);
        }
        out
    }

    /// Returns the function that formats the numbers inside texts.
    pub(super) fn formatter<M: MemoizerKind>(self) -> fn(&FluentValue<'_>, &M) -> Option<String> {
        match self {
            Self::Comma => |value, _| of_value(value, Self::Comma),
            Self::Point => |value, _| of_value(value, Self::Point),
            Self::Space => |value, _| of_value(value, Self::Space),
        }
    }
}

fn of_value(value: &FluentValue<'_>, digits: Digits) -> Option<String> {
    match value {
        FluentValue::Number(number) => Some(digits.number(&number.as_string())),
        _ => None,
    }
}

/// Local date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Year of the date.
    pub year: i16,
    /// Month, from 1.
    pub month: i8,
    /// Day, from 1.
    pub day: i8,
    /// Hour, from 0 to 23.
    pub hour: i8,
    /// Minute, from 0 to 59.
    pub minute: i8,
}

/// Fills a pattern with a moment. The pattern may contain `%d` (day with two digits), `%e` (day with one or two), `%m`,
/// `%b` (name of the month), `%Y`, `%H` and `%M`.
pub(super) fn filled(pattern: &str, at: Moment, months: &str) -> String {
    let mut out = String::with_capacity(24);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('d') => out.push_str(&format!("{:02}", at.day)),
            Some('e') => out.push_str(&at.day.to_string()),
            Some('m') => out.push_str(&format!("{:02}", at.month)),
            Some('b') => {
                let index = usize::try_from(at.month - 1).unwrap_or_default();
                out.push_str(months.split(' ').nth(index).unwrap_or_default());
            }
            Some('Y') => out.push_str(&at.year.to_string()),
            Some('H') => out.push_str(&format!("{:02}", at.hour)),
            Some('M') => out.push_str(&format!("{:02}", at.minute)),
            _ => {}
        }
    }
    out
}
