//! `[analytics]`: the limits of questions about the rows of all tenants.
//!
//! The module `read` reads the section; the verb that answers such questions uses it.

use super::reader::Section;
use std::time::Duration;

/// The section `[analytics]`: bounds of questions about the rows of all tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyticsConfig {
    /// Smallest number of rows of a group that is shown.
    pub smallest_group: u32,
    /// Number of tenants that are asked at a time.
    pub at_once: u32,
    /// Time after which tenants that have not answered are left out.
    pub deadline: Duration,
}

impl Default for AnalyticsConfig {
    fn default() -> Self {
        Self { smallest_group: 5, at_once: 8, deadline: Duration::from_secs(20) }
    }
}

pub(super) fn read(section: Section<'_>) -> AnalyticsConfig {
    let default = AnalyticsConfig::default();
    let number =
        |key, range, default: u32| section.number(key, range).map_or(default, |number| number as u32);
    let analytics = AnalyticsConfig {
        smallest_group: number("smallest_group", 2..=1_000_000, default.smallest_group),
        at_once: number("at_once", 1..=64, default.at_once),
        deadline: section.duration("deadline").unwrap_or(default.deadline),
    };
    section.finish();
    analytics
}
