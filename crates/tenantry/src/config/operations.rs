//! `[operations]`: how long writers wait for a move, and how long what was moved away from is kept.
//!
//! Read by [`super::read`]; used by records and operations.

use super::reader::Section;
use std::time::Duration;

/// Of operations on tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationsConfig {
    /// How long a write waits for its place to be moved or restored before it is refused with 503.
    pub write_wait: Duration,
    /// How long the old place is kept after a move, promote or demote.
    pub keep_moved: Duration,
}

impl Default for OperationsConfig {
    fn default() -> Self {
        Self { write_wait: Duration::from_secs(5), keep_moved: Duration::from_secs(7 * 86_400) }
    }
}

pub(super) fn read(section: Section<'_>) -> OperationsConfig {
    let default = OperationsConfig::default();
    let operations = OperationsConfig {
        write_wait: section.duration("write_wait").unwrap_or(default.write_wait),
        keep_moved: section.duration("keep_moved").unwrap_or(default.keep_moved),
    };
    section.finish();
    operations
}
