//! Days that conditions name by a word: `today`, `this_week`. They are days of the query's time zone, and begin anew with each
//! request.

use jiff::{ToSpan, civil::Date};

/// Words for days. A week begins on Monday.
pub(in crate::http) const DAYS: [&str; 8] =
    ["today", "yesterday", "tomorrow", "this_week", "last_week", "this_month", "last_month", "this_year"];

/// Returns the first of the days that a word names, and the day after the last one; `None` for other words and for days beyond
/// the calendar.
pub(super) fn named(word: &str, today: Date) -> Option<(Date, Date)> {
    let monday = || today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok();
    let (first, span) = match word {
        "today" => (today, 1.day()),
        "yesterday" => (today.yesterday().ok()?, 1.day()),
        "tomorrow" => (today.tomorrow().ok()?, 1.day()),
        "this_week" => (monday()?, 1.week()),
        "last_week" => (monday()?.checked_sub(1.week()).ok()?, 1.week()),
        "this_month" => (today.first_of_month(), 1.month()),
        "last_month" => (today.first_of_month().checked_sub(1.month()).ok()?, 1.month()),
        "this_year" => (today.first_of_year(), 1.year()),
        _ => return None,
    };
    Some((first, first.checked_add(span).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn words_name_whole_days_weeks_months_and_years() {
        let on = |word, today| named(word, today).unwrap();
        let new_year = date(2027, 1, 1);
        for (word, first, after) in [
            ("today", new_year, date(2027, 1, 2)),
            ("yesterday", date(2026, 12, 31), new_year),
            ("tomorrow", date(2027, 1, 2), date(2027, 1, 3)),
            ("this_week", date(2026, 12, 28), date(2027, 1, 4)),
            ("last_week", date(2026, 12, 21), date(2026, 12, 28)),
            ("this_month", new_year, date(2027, 2, 1)),
            ("last_month", date(2026, 12, 1), new_year),
            ("this_year", new_year, date(2028, 1, 1)),
        ] {
            assert_eq!(on(word, new_year), (first, after), "{word}");
        }
        assert_eq!(on("this_week", date(2026, 11, 30)).0, date(2026, 11, 30), "a Monday");
        assert_eq!(on("this_week", date(2026, 11, 29)).0, date(2026, 11, 23), "a Sunday");
        assert_eq!(on("this_month", date(2028, 2, 29)), (date(2028, 2, 1), date(2028, 3, 1)));
        for word in DAYS {
            assert!(named(word, new_year).is_some(), "{word}");
        }
        assert_eq!(named("Today", new_year), None);
    }
}
