//! Values in words for people.

use jiff::{ToSpan, civil::Date};
use tenantry::{access::sessions::SessionInfo, query::Period};

/// Returns an instant as people read it, UTC.
pub(super) fn instant(us: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(us).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%-d %b %Y, %H:%M").to_string()
}

/// Returns the time of an instant, UTC.
pub(super) fn clock(us: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(us).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%H:%M UTC").to_string()
}

/// Returns an instant as programs read it.
pub(super) fn iso(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// Returns an instant as people read it, and for programs.
pub(super) fn moment(us: i64) -> (String, String) {
    (instant(us), iso(us))
}

/// Returns browser and system of a session, from its user agent.
pub(super) fn agent(session: &SessionInfo) -> String {
    let Some(agent) = session.agent.as_deref() else { return "A program".into() };
    let named = |list: &[(&str, &'static str)]| {
        list.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    // Most browsers also name those that they descend from, so the order matters.
    let browser = named(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = named(&[
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.into(),
        _ => agent.chars().take(60).collect(),
    }
}

/// Returns a day as people read it. Text that is none stays.
pub(super) fn date(text: &str) -> String {
    let date = text.parse::<jiff::civil::Date>();
    date.map_or_else(|_| text.to_owned(), |date| date.strftime("%-d %b %Y").to_string())
}

/// Returns an instant as people read it, UTC. Text that is none stays.
pub(super) fn datetime(text: &str) -> String {
    let at = text.parse::<jiff::Timestamp>();
    at.map_or_else(|_| text.to_owned(), |at| instant(at.as_microsecond()))
}

/// Returns a name of a closed list as words: `on_hold` → `On hold`.
pub(super) fn human(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

/// Returns a number with what is counted: one thing, or many.
pub(super) fn many(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// Returns a number with its digits in groups.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns a size in words.
pub(super) fn bytes(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= 1024.0 && unit + 1 < units.len() {
        (size, unit) = (size / 1024.0, unit + 1);
    }
    let digits = format!("{size:.1}");
    format!("{} {}", digits.trim_end_matches(".0"), units[unit])
}

/// Returns a decimal number with the digits before its point in groups.
pub(super) fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, part) = rest.split_once('.').map_or((rest, None), |(whole, part)| (whole, Some(part)));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), number);
    let part = part.map(|part| format!(".{part}")).unwrap_or_default();
    format!("{sign}{whole}{part}")
}

/// Returns the first day of a period, of a date or an instant.
fn first_day(text: &str) -> Option<Date> {
    text.get(..10)?.parse().ok()
}

/// Returns a period of the calendar as people read it, from its first day. Text that is no day stays.
pub(super) fn period(text: &str, period: Period) -> String {
    let Some(day) = first_day(text) else { return text.to_owned() };
    match period {
        Period::Year => day.year().to_string(),
        Period::Quarter => format!("Q{} {}", (day.month() - 1) / 3 + 1, day.year()),
        Period::Month => day.strftime("%b %Y").to_string(),
        Period::Day => day.strftime("%-d %b %Y").to_string(),
    }
}

/// Returns the first day or instant of the next period, written as the given one; `None` beyond the calendar.
pub(super) fn next_period(text: &str, period: Period) -> Option<String> {
    let day = first_day(text)?;
    let span = match period {
        Period::Year => 1.year(),
        Period::Quarter => 3.months(),
        Period::Month => 1.month(),
        Period::Day => 1.day(),
    };
    Some(format!("{}{}", day.checked_add(span).ok()?, &text[10..]))
}

/// Returns the number of the period, so that neighbours differ by one.
pub(super) fn index_of_period(text: &str, period: Period) -> i64 {
    let Some(day) = first_day(text) else { return 0 };
    let (year, month) = (i64::from(day.year()), i64::from(day.month()) - 1);
    match period {
        Period::Year => year,
        Period::Quarter => year * 4 + month / 3,
        Period::Month => year * 12 + month,
        Period::Day => i64::from((day - jiff::civil::date(1970, 1, 1)).get_days()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_before_the_point_only() {
        assert_eq!(grouped("1234567.8901"), "1,234,567.8901");
        assert_eq!(grouped("-1000"), "-1,000");
        assert_eq!(grouped("12"), "12");
    }

    #[test]
    fn periods_follow_each_other() {
        assert_eq!(next_period("2026-12-01", Period::Month).as_deref(), Some("2027-01-01"));
        assert_eq!(
            next_period("2026-10-01T00:00:00Z", Period::Quarter).as_deref(),
            Some("2027-01-01T00:00:00Z")
        );
        assert_eq!(next_period("9999-12-31", Period::Day), None);
        assert_eq!(period("2026-10-01", Period::Quarter), "Q4 2026");
        for kind in [Period::Year, Period::Quarter, Period::Month, Period::Day] {
            let next = next_period("2024-01-01", kind).unwrap();
            assert_eq!(index_of_period(&next, kind) - index_of_period("2024-01-01", kind), 1, "{kind:?}");
        }
    }
}
