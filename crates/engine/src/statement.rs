//! A tenant's or an operator's own statement: its limits, and its result.

use std::time::Duration;

/// Resource limits of one statement.
#[derive(Debug, Clone, Copy)]
pub struct SqlLimits {
    /// Maximum number of rows in the result. Further rows are cut off.
    pub rows: usize,
    /// Maximum bytes of values in the result. Further rows are cut off.
    pub bytes: usize,
    /// Maximum run time.
    pub deadline: Duration,
    /// Maximum memory in bytes.
    pub memory_bytes: u64,
    /// Maximum bytes written to temporary files. A statement needs such files to sort or materialise more than a few
    /// megabytes.
    pub scratch_bytes: u64,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self {
            rows: 1000,
            bytes: 1 << 20,
            deadline: Duration::from_secs(5),
            memory_bytes: 32 << 20,
            scratch_bytes: 256 << 20,
        }
    }
}

/// The result of a tenant's own SQL.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlRows {
    /// Column names as the statement defines them.
    pub columns: Vec<String>,
    /// Values row by row. Blobs are base64.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// Whether rows were cut off because of a limit.
    pub truncated: bool,
}

/// Returns true if an operator's statement is a `REINDEX`, which rebuilds what a database derives from its rows.
pub(crate) fn is_reindex(text: &str) -> bool {
    text.trim().trim_end_matches(';').trim_end().eq_ignore_ascii_case("REINDEX")
}
