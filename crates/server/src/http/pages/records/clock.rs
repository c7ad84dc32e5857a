//! Instants in forms: visitors type local times, and the platform stores UTC.
//!
//! When clocks go back, a local time occurs twice; such a time is refused with the two ways to write it. Called by the
//! values of forms.

use crate::http::pages::words::Words;
use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone},
};

/// Format of an input of local times.
const LOCAL: &str = "%Y-%m-%dT%H:%M";

/// Returns the text of an input for an instant. Text that is not an instant is returned unchanged.
pub(super) fn input(zone: &TimeZone, text: &str) -> String {
    let Ok(at) = text.parse::<Timestamp>() else { return text.to_owned() };
    let local = zone.to_datetime(at);
    let shown = local.strftime(LOCAL).to_string();
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { .. } => shown,
        _ => format!("{shown}{}", written(zone.to_offset(at))),
    }
}

/// Returns true if an input of local times can hold the text: it is empty, or a local time that occurs exactly once.
pub(super) fn is_plain(zone: &TimeZone, text: &str) -> bool {
    let Some(local) = local(text) else { return text.is_empty() };
    matches!(zone.to_ambiguous_timestamp(local).offset(), AmbiguousOffset::Unambiguous { .. })
}

/// Returns the instant of a typed local time, as the platform reads it. Returns `None` if the text is not a local time;
/// the platform then judges the text.
///
/// # Errors
/// Returns a text for the visitor if the local time occurs twice or not at all.
pub(super) fn instant(words: &Words, text: &str) -> Result<Option<String>, String> {
    let Some(local) = local(text) else { return Ok(None) };
    let both = |first: Offset, second: Offset| {
        let written = |offset| format!("{}{}", local.strftime(LOCAL), written(offset));
        (written(first), written(second))
    };
    match words.zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => {
            Ok(offset.to_timestamp(local).ok().map(|at| at.to_string()))
        }
        AmbiguousOffset::Fold { before, after } => {
            let (first, second) = both(before, after);
            let zone = words.zone_name();
            Err(words
                .text("clock-twice")
                .with("zone", zone)
                .with("first", first)
                .with("second", second)
                .into())
        }
        AmbiguousOffset::Gap { before, after } => {
            let (first, second) = both(before, after);
            let zone = words.zone_name();
            Err(words
                .text("clock-never")
                .with("zone", zone)
                .with("first", first)
                .with("second", second)
                .into())
        }
    }
}

fn local(text: &str) -> Option<DateTime> {
    // A text of another length has seconds or an offset.
    (text.len() == LOCAL_CHARS).then(|| text.parse().ok()).flatten()
}

/// Length of a local time: `2026-11-21T09:30`.
const LOCAL_CHARS: usize = 16;

/// Returns an offset as it follows a local time: `+02:00`.
fn written(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(zone: &str) -> Words {
        Words { zone: TimeZone::get(zone).unwrap(), ..Words::default() }
    }

    #[test]
    fn a_local_time_becomes_the_instant_that_the_clock_showed() {
        let baku = words("Asia/Baku");
        assert_eq!(instant(&baku, "2026-11-21T09:30").unwrap().as_deref(), Some("2026-11-21T05:30:00Z"));
        assert_eq!(input(&baku.zone, "2026-11-21T05:30:00Z"), "2026-11-21T09:30");
        assert_eq!(instant(&baku, "2026-11-21T09:30:00Z"), Ok(None));
        assert_eq!(instant(&baku, "yesterday evening"), Ok(None));
        assert!(is_plain(&baku.zone, "2026-11-21T09:30") && is_plain(&baku.zone, ""));
    }

    #[test]
    fn a_time_that_occurs_twice_is_refused_and_both_are_offered() {
        let berlin = words("Europe/Berlin");
        let text = instant(&berlin, "2026-10-25T02:30").unwrap_err();
        for way in ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"] {
            assert!(text.contains(way), "{text}");
            // The platform can read what the refusal offers.
            assert!(way.parse::<Timestamp>().is_ok());
            assert!(!is_plain(&berlin.zone, way));
        }
        assert!(!is_plain(&berlin.zone, "2026-10-25T02:30"));
        // Both instants come back as they were stored.
        assert_eq!(input(&berlin.zone, "2026-10-25T00:30:00Z"), "2026-10-25T02:30+02:00");
        assert_eq!(input(&berlin.zone, "2026-10-25T01:30:00Z"), "2026-10-25T02:30+01:00");
    }

    #[test]
    fn a_time_that_the_clock_skips_is_refused() {
        let text = instant(&words("Europe/Berlin"), "2026-03-29T02:30").unwrap_err();
        assert!(text.contains("2026-03-29T02:30+01:00"), "{text}");
    }
}
