//! Names of the periods in which uses are counted. All are in UTC.

use crate::{
    Error,
    control::clock::SECOND_US,
    licences::{Period, Quota},
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

/// Name of the period that never ends. It sorts after all days and months.
const TOTAL: &str = "total";

/// The periods at one time.
pub(super) struct Periods {
    /// Names of the day, the month and the whole life, in the order in which counts are stored.
    pub(super) names: [String; 3],
    date: Date,
    at_us: i64,
}

impl Periods {
    /// Returns the periods at `at_us`, in microseconds since 1970, UTC.
    pub(super) fn at(at_us: i64) -> Self {
        let at = Timestamp::from_microsecond(at_us).unwrap_or(Timestamp::UNIX_EPOCH);
        let date = at.to_zoned(TimeZone::UTC).date();
        let month = format!("{:04}-{:02}", date.year(), date.month());
        Self { names: [date.to_string(), month, TOTAL.into()], date, at_us }
    }

    /// Returns the time at which the period ends, in microseconds since 1970, UTC; `None` if it never does.
    pub(super) fn end_us(&self, period: Period) -> Option<i64> {
        let next = match period {
            Period::Day => self.date.checked_add(1.day()),
            Period::Month => self.date.first_of_month().checked_add(1.month()),
            Period::Total => return None,
        };
        Some(next.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
    }
}

impl Periods {
    /// Returns the error of a quota that is used up.
    pub(super) fn reached(&self, feature: &str, quota: &Quota) -> Error {
        let left_s = |end: i64| u64::try_from((end - self.at_us) / SECOND_US).unwrap_or(0) + 1;
        Error::QuotaReached {
            feature: feature.to_owned(),
            limit: quota.limit,
            period: quota.period.as_str(),
            resets_in_s: self.end_us(quota.period).map(left_s),
        }
    }
}

/// Returns the index of a period in [`Periods::names`].
pub(super) fn index(period: Period) -> usize {
    match period {
        Period::Day => 0,
        Period::Month => 1,
        Period::Total => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_end_at_midnight_utc() {
        let at: Timestamp = "2026-12-31T23:59:59Z".parse().unwrap();
        let periods = Periods::at(at.as_microsecond());
        assert_eq!(periods.names, ["2026-12-31", "2026-12", "total"]);
        let end = at.as_microsecond() + 1_000_000;
        assert_eq!(periods.end_us(Period::Day), Some(end));
        assert_eq!(periods.end_us(Period::Month), Some(end));
        assert_eq!(periods.end_us(Period::Total), None);
        assert_eq!(Periods::at(end).names, ["2027-01-01", "2027-01", "total"]);
    }
}
