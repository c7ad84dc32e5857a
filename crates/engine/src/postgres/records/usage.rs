//! A tenant's usage of its place, and the lock that every write takes first. The statement of the lock checks the
//! identity, the fence and the schema (`known-schema`), and returns the values that the limits count.

use super::SCHEMA;
use crate::{
    error::{Error, Kind, Result},
    write::Usage,
};
use tokio_postgres::Row;

/// Returns the query of a place's row, for the tenant `$1` and the generation `$2`.
fn row_of_place(store: &str, columns: &str) -> String {
    format!(
        "SELECT {columns} FROM {SCHEMA}._tenantry_place AS p \
         WHERE p.tenant = $1 AND p.store = '{store}' AND p.generation = $2 AND p.state = 'open'"
    )
}

/// Returns the statement that reads the usage.
pub(crate) fn statement(store: &str) -> String {
    row_of_place(store, "p.rows, p.bytes")
}

/// Returns the statement that locks the place until the transaction ends, so that its writes are committed in the order
/// of their numbers. It also returns the transaction's number.
pub(super) fn lock(store: &str) -> String {
    row_of_place(store, "p.recorder IS NOT NULL, p.rows, p.bytes, pg_current_xact_id()::text") + " FOR UPDATE"
}

/// Returns the statement that locks the place of the tenant in `$1`, whatever its state and generation.
pub(crate) fn lock_whatever_state(store: &str) -> String {
    format!(
        "SELECT 1 FROM {SCHEMA}._tenantry_place AS p WHERE p.tenant = $1 AND p.store = '{store}' FOR UPDATE"
    )
}

/// Returns the statement that reads whether the condition `is_sealed` holds, and the last number of each model in `$2`. It
/// must run after [`lock`], because it sees only commits from before it began.
pub(super) fn numbers(is_sealed: &str) -> String {
    format!(
        "SELECT {is_sealed}, s.model, s.last FROM (SELECT) AS one \
         LEFT JOIN {SCHEMA}._tenantry_seq AS s ON s.tenant = $1 AND s.model = ANY($2)"
    )
}

/// Returns the error for a place that is fenced, or not here at this generation.
pub(crate) fn fenced() -> Error {
    Error::new(Kind::Fenced, "the place is fenced or of another generation")
}

/// Contents of a place, by its counters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) records: bool,
    pub(super) rows: i64,
    pub(super) bytes: i64,
    /// Number of the transaction.
    pub(super) xid: Option<u64>,
}

impl Held {
    /// Reads the answer to [`lock`].
    ///
    /// # Errors
    /// Returns [`Kind::Fenced`] if there is no row.
    pub(super) fn read(rows: &[Row]) -> Result<Self> {
        let row = rows.first().ok_or_else(fenced)?;
        Ok(Self {
            records: row.get(0),
            rows: row.get(1),
            bytes: row.get(2),
            xid: row.get::<_, &str>(3).parse().ok(),
        })
    }
}

/// Reads the answer to [`statement`].
///
/// # Errors
/// Returns [`Kind::Fenced`] if there is no row.
pub(crate) fn usage(rows: &[Row]) -> Result<Usage> {
    let row = rows.first().ok_or_else(fenced)?;
    let count = |index| u64::try_from(row.get::<_, i64>(index)).unwrap_or(0);
    Ok(Usage { rows: count(0), bytes: count(1) })
}
