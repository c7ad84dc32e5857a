//! Decides which backups of one tenant are retained: a pure function of their times.
//!
//! `expire` calls it. The newest backup of each of the last days, weeks and months that have one is retained. The
//! newest good backup is always retained, whatever the rule says. Only good backups are judged.

use crate::config::Keep;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::collections::BTreeSet;

/// Returns the retained ones of `instants`. These are the times, in microseconds and in any order, of good backups of
/// one tenant under one rule.
pub fn retained(instants: &[i64], keep: Keep) -> BTreeSet<i64> {
    let mut newest_first = instants.to_vec();
    newest_first.sort_unstable_by(|a, b| b.cmp(a));
    let mut retained: BTreeSet<i64> = newest_first.first().copied().into_iter().collect();
    let day = |date: Date| Some(date);
    let week = |date: Date| {
        let from_monday = i64::from(date.weekday().to_monday_zero_offset());
        date.checked_sub(jiff::Span::new().days(from_monday)).ok()
    };
    let month = |date: Date| Some(date.first_of_month());
    retained.extend(newest_of_each(&newest_first, keep.daily, day));
    retained.extend(newest_of_each(&newest_first, keep.weekly, week));
    retained.extend(newest_of_each(&newest_first, keep.monthly, month));
    retained
}

/// Returns the newest time of each of the first `most` periods that have one.
fn newest_of_each(newest_first: &[i64], most: u32, period: impl Fn(Date) -> Option<Date>) -> Vec<i64> {
    let mut last = None;
    let mut newest = Vec::new();
    for us in newest_first {
        let Some(this) = date(*us).and_then(&period) else { continue };
        if last != Some(this) {
            if newest.len() >= most as usize {
                break;
            }
            last = Some(this);
            newest.push(*us);
        }
    }
    newest
}

fn date(us: i64) -> Option<Date> {
    Some(Timestamp::from_microsecond(us).ok()?.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::clock::DAY_US;
    use tenantry_testkit::property;

    fn us(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn two_years_of_nights_come_to_days_weeks_and_months() {
        let first = us("2024-01-01T02:30:00Z");
        let nights: Vec<i64> = (0..731).map(|n| first + n * DAY_US).collect();
        let retained = retained(&nights, Keep { daily: 7, weekly: 4, monthly: 12 });
        let dates: Vec<_> = retained.iter().map(|us| date(*us).unwrap().to_string()).collect();
        let expected = [
            // Ends of months; ends of weeks (Sundays); other days.
            "2025-01-31",
            "2025-02-28",
            "2025-03-31",
            "2025-04-30",
            "2025-05-31",
            "2025-06-30",
            "2025-07-31",
            "2025-08-31",
            "2025-09-30",
            "2025-10-31",
            "2025-11-30",
            "2025-12-14",
            "2025-12-21",
            "2025-12-25",
            "2025-12-26",
            "2025-12-27",
            "2025-12-28",
            "2025-12-29",
            "2025-12-30",
            "2025-12-31",
        ];
        assert_eq!(dates, expected);
    }

    #[test]
    fn of_one_day_the_last_is_kept_and_days_without_any_do_not_count() {
        let all = [us("2026-05-01T01:00:00Z"), us("2026-05-01T23:00:00Z"), us("2026-05-20T01:00:00Z")];
        let retained = retained(&all, Keep { daily: 2, weekly: 0, monthly: 0 });
        assert_eq!(retained.into_iter().collect::<Vec<_>>(), all[1..]);
    }

    #[test]
    fn the_newest_stays_and_no_rule_keeps_more_than_it_says() {
        property(
            256,
            (proptest::collection::vec(0i64..800 * DAY_US, 0..60), 0u32..9, 0u32..6, 0u32..14),
            |(offsets, daily, weekly, monthly)| {
                let base = us("2024-02-01T00:00:00Z");
                let all: Vec<i64> = offsets.iter().map(|o| base + o).collect();
                let retained = retained(&all, Keep { daily, weekly, monthly });
                assert!(all.is_empty() || retained.contains(all.iter().max().unwrap()));
                assert!(retained.len() <= (daily + weekly + monthly).max(1) as usize);
                assert!(retained.iter().all(|us| all.contains(us)));
                // Retained backups stay retained: pruning twice has the same effect as pruning once.
                let again = super::retained(
                    &retained.iter().copied().collect::<Vec<_>>(),
                    Keep { daily, weekly, monthly },
                );
                assert_eq!(&again, &retained);
            },
        );
    }
}
