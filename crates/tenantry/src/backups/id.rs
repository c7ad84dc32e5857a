//! Id of a backup: the time at which it was made, and a random part.

use crate::control::clock::DAY_US;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Id of a backup, such as `20261121-102345-6f2a9c01d3`: date and time to the second, the microsecond within it as five
/// hexadecimal digits, and five random digits. Ids sort by time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackupId(String);

impl BackupId {
    /// Returns a new id for this time, in microseconds since 1970, UTC.
    pub fn new(at_us: i64) -> Self {
        let at = jiff::Timestamp::from_microsecond(at_us).unwrap_or_default();
        let micros = at_us.rem_euclid(1_000_000);
        let random = rand::random::<u32>() & 0xf_ffff;
        Self(format!("{}-{micros:05x}{random:05x}", at.strftime("%Y%m%d-%H%M%S")))
    }

    /// Returns the time at which the backup was made, in microseconds since 1970, UTC, precise to the second.
    pub fn at_us(&self) -> i64 {
        let time = self.0.rsplit_once('-').map_or("", |(time, _)| time);
        let at = jiff::civil::DateTime::strptime("%Y%m%d-%H%M%S", time);
        let at = at.and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC));
        at.map_or(0, |at| at.timestamp().as_microsecond())
    }

    /// Returns true if the date in the id is later than `now_us` by more than correct clocks can differ: the backup was
    /// made under a wrong clock.
    pub(super) fn is_ahead_of(&self, now_us: i64) -> bool {
        self.at_us() > now_us.saturating_add(DAY_US)
    }

    /// Returns the text of the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns ten random hexadecimal digits.
pub(super) fn nonce() -> String {
    format!("{:010x}", rand::random::<u64>() & 0xff_ffff_ffff)
}

impl FromStr for BackupId {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, crate::Error> {
        let parts: Vec<&str> = text.split('-').collect();
        let digits = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
        let hex =
            |part: &str| part.len() == 10 && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match parts[..] {
            [date, time, rest] if digits(date, 8) && digits(time, 6) && hex(rest) => Ok(Self(text.into())),
            // A text that is not an id names no backup.
            _ => Err(crate::Error::NotFound("backup")),
        }
    }
}

impl TryFrom<String> for BackupId {
    type Error = crate::Error;

    fn try_from(text: String) -> Result<Self, crate::Error> {
        text.parse()
    }
}

impl From<BackupId> for String {
    fn from(id: BackupId) -> Self {
        id.0
    }
}

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_when_it_was_made() {
        let at_us = 1_795_268_564_367_302;
        assert_eq!(BackupId::new(at_us).at_us(), at_us / 1_000_000 * 1_000_000);
    }

    #[test]
    fn ids_of_one_second_sort_by_time() {
        let ids: Vec<_> = [0, 1, 9, 10, 16, 255, 65_536, 999_999]
            .map(|micros| BackupId::new(1_780_000_000_000_000 + micros))
            .into();
        assert!(ids.is_sorted(), "{ids:?}");
    }

    #[test]
    fn a_new_id_is_read_back_and_what_could_be_a_path_is_refused() {
        let id = BackupId::new(1_780_000_000_000_000);
        assert_eq!(id.as_str().parse::<BackupId>().unwrap(), id);
        assert!(id.as_str().starts_with("20260528-"), "{id}");
        for bad in [
            "",
            "..",
            "20261121-102345-../../etc",
            "20261121-102345-6F2A9C01D3",
            "20261121-102345-6f2a9c01d3/x",
        ] {
            assert!(bad.parse::<BackupId>().is_err(), "{bad:?}");
        }
    }
}
