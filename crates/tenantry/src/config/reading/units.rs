//! Numbers with a unit, as the configuration writes them. [`crate::config::reader`] calls it.

use std::time::Duration;

/// Parses a duration such as `"5 s"`.
pub(in crate::config) fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let unit_ms = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "day" | "days" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms).map(Duration::from_millis)
}

/// Parses a number of bytes such as `"256 MiB"`.
pub(in crate::config) fn bytes(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let shift = match unit.trim() {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_whole_number_with_a_known_unit() {
        assert_eq!(duration("250 ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        assert_eq!(duration("7 days"), Some(Duration::from_secs(7 * 86_400)));
        for wrong in
            ["5", "s", "-1 s", "1.5 s", "5 weeks", "99999999999999999999 s", "18446744073709551615 days"]
        {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
