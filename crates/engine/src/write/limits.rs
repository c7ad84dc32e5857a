//! A tenant's usage of a database, and its limits.

use super::WriteOptions;
use crate::error::{Error, Kind, Result};

/// Rows and bytes of one tenant in one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Rows of declared models.
    pub rows: u64,
    /// Bytes of stored values, whatever the database and the isolation. Limits count the same bytes.
    pub bytes: u64,
}

impl WriteOptions {
    /// Refuses a write that exceeds a limit. Takes, for rows and for bytes, the change by the write and the total after
    /// it. A tenant above a limit may shrink but not grow.
    pub(crate) fn refuse_over_limit(&self, rows: (i64, i64), bytes: (i64, i64)) -> Result<()> {
        let over = |(delta, held): (i64, i64), max: Option<u64>| {
            delta > 0 && max.is_some_and(|max| u64::try_from(held).unwrap_or(0) > max)
        };
        if over(rows, self.max_rows) {
            return Err(Error::new(Kind::Limit("rows"), format!("{} rows", rows.1)));
        }
        if over(bytes, self.max_bytes) {
            return Err(Error::new(Kind::Limit("bytes"), format!("{} bytes", bytes.1)));
        }
        Ok(())
    }
}
