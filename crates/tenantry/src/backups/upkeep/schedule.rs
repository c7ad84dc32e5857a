//! Schedules of backups: cron expressions, and which slots are due or overdue.
//!
//! These are pure functions of times; the background pass calls them. The catalog records served slots, so a restart
//! neither loses nor repeats one.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use std::fmt;

/// A cron expression in UTC: minute, hour, day, month, weekday.
#[derive(Clone)]
pub struct Cron {
    text: String,
    parsed: croner::Cron,
}

impl Cron {
    /// Parses the five fields of an expression.
    ///
    /// # Errors
    /// Returns a text that says what is wrong with them.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.split_whitespace().count() != 5 {
            return Err(format!("cron {text:?}: give five fields: minute hour day month weekday"));
        }
        let parsed = text.parse::<croner::Cron>().map_err(|e| format!("cron {text:?}: {e}"))?;
        let cron = Self { text: text.to_owned(), parsed };
        match cron.next_after(0) {
            Some(_) => Ok(cron),
            None => Err(format!("cron {text:?}: never comes")),
        }
    }

    /// Returns the first slot after this time, in microseconds, or `None` if there is none.
    pub fn next_after(&self, us: i64) -> Option<i64> {
        to_us(self.parsed.find_next_occurrence(&civil(us)?, false).ok()?)
    }

    /// Returns the last slot at or before this time, in microseconds, or `None` if there was none.
    pub fn last_until(&self, us: i64) -> Option<i64> {
        to_us(self.parsed.find_previous_occurrence(&civil(us)?, true).ok()?)
    }
}

fn civil(us: i64) -> Option<DateTime> {
    Some(Timestamp::from_microsecond(us).ok()?.to_zoned(TimeZone::UTC).datetime())
}

fn to_us(at: DateTime) -> Option<i64> {
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({})", self.text)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns the slot to serve now, or `None` if nothing is due. `since_us` is the time when the schedule was first seen;
/// earlier slots are not served. `served_us` is the latest served slot. Of several slots missed while no server ran,
/// only the last one is served.
pub fn due(cron: &Cron, since_us: i64, served_us: Option<i64>, now_us: i64) -> Option<i64> {
    let slot = cron.last_until(now_us)?;
    (slot > since_us && served_us.is_none_or(|served| served < slot)).then_some(slot)
}

/// Returns true if the last slot that should be finished by now is not finished. A run may take until the next slot,
/// and at least an hour.
pub fn overdue(cron: &Cron, since_us: i64, good_us: Option<i64>, now_us: i64) -> bool {
    const PATIENCE_US: i64 = 3_600 * crate::control::clock::SECOND_US;
    match cron.last_until(now_us - PATIENCE_US) {
        Some(slot) => slot > since_us && good_us.is_none_or(|good| good < slot),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn a_slot_is_served_once_and_a_missed_one_is_not_lost() {
        let nightly = Cron::parse("30 2 * * *").unwrap();
        let since = us("2026-03-01T12:00:00Z");
        let at = |text| us(text);
        let due = |served, now| due(&nightly, since, served, now);
        assert_eq!(due(None, at("2026-03-01T23:00:00Z")), None, "the slot before it was seen is nobody's");
        let first = at("2026-03-02T02:30:00Z");
        assert_eq!(due(None, first), Some(first));
        assert_eq!(due(Some(first), at("2026-03-02T02:30:05Z")), None, "not twice");
        // No server ran for three nights: one run serves the last of them.
        assert_eq!(due(Some(first), at("2026-03-05T09:00:00Z")), Some(at("2026-03-05T02:30:00Z")));
    }

    #[test]
    fn overdue_is_said_after_an_hour() {
        let nightly = Cron::parse("30 2 * * *").unwrap();
        let since = us("2026-03-01T12:00:00Z");
        let late = |good, now: &str| overdue(&nightly, since, good, us(now));
        assert!(!late(None, "2026-03-02T03:00:00Z"));
        assert!(late(None, "2026-03-02T03:31:00Z"));
        assert!(!late(Some(us("2026-03-02T02:30:00Z")), "2026-03-02T03:31:00Z"));
        assert!(late(Some(us("2026-03-02T02:30:00Z")), "2026-03-03T04:00:00Z"));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for bad in ["", "* * * *", "61 * * * *", "* * * * * *", "0 0 30 2 *", "nightly"] {
            assert!(Cron::parse(bad).is_err(), "{bad:?}");
        }
    }
}
