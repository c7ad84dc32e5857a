//! Numbers and dates as a language writes them. Called by [`super::Language`].

use fluent_bundle::FluentValue;
use fluent_bundle::memoizer::MemoizerKind;

/// How digits are grouped, and what stands before the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digits {
    /// `1,234.5`
    #[default]
    Comma,
    /// `1.234,5`
    Point,
    /// `1 234,5`, with a space that no line ends at.
    Space,
}

impl Digits {
    /// Returns the style of an example.
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

    /// Returns a decimal number, written with a point, without groups.
    pub fn ungrouped(self, text: &str) -> String {
        text.replacen('.', self.marks().1.encode_utf8(&mut [0; 4]), 1)
    }

    /// Returns a number, written with a point, with its digits in groups. Text that is no number stays.
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

    /// Returns what writes numbers inside texts.
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

/// A day and a time as a clock on a wall shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Year.
    pub year: i16,
    /// Month, from 1.
    pub month: i8,
    /// Day, from 1.
    pub day: i8,
    /// Hour.
    pub hour: i8,
    /// Minute.
    pub minute: i8,
}

/// Returns a moment in a pattern of `%d` (two digits), `%e` (one or two), `%m`, `%b` (name of the month), `%Y`, `%H`, `%M`.
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
