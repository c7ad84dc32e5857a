//! `[operations]`: how long writers wait for a move, and how long finished operations and former databases are
//! retained.
//!
//! The module `read` reads the section; records and operations use it.

use super::reader::Section;
use std::time::Duration;

/// The section `[operations]`: settings of operations on tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationsConfig {
    /// Longest time that a write waits while its place is moved or restored. After that, it is refused with 503.
    pub write_wait: Duration,
    /// Time for which the old place is retained after a move, promotion or demotion.
    pub keep_moved: Duration,
    /// Number of days for which finished operations stay in the list.
    pub keep_days: u32,
    /// Number of days after which an orphaned database is removed if its placement or tenant is gone, and a crash or a
    /// restored catalog left it behind; 0 to only report it.
    pub orphan_days: u32,
}

impl OperationsConfig {
    /// Returns `keep_moved` in microseconds.
    pub fn keep_moved_us(&self) -> i64 {
        i64::try_from(self.keep_moved.as_micros()).unwrap_or(i64::MAX)
    }
}

impl Default for OperationsConfig {
    fn default() -> Self {
        Self {
            write_wait: Duration::from_secs(5),
            keep_moved: Duration::from_secs(7 * 86_400),
            keep_days: 90,
            orphan_days: 0,
        }
    }
}

pub(super) fn read(section: Section<'_>) -> OperationsConfig {
    let default = OperationsConfig::default();
    let days = |key, range, default: u32| section.number(key, range).map_or(default, |days| days as u32);
    let operations = OperationsConfig {
        write_wait: section.duration("write_wait").unwrap_or(default.write_wait),
        keep_moved: section.duration("keep_moved").unwrap_or(default.keep_moved),
        keep_days: days("keep_days", 1..=36_500, default.keep_days),
        orphan_days: days("orphan_days", 0..=36_500, default.orphan_days),
    };
    section.finish();
    operations
}
