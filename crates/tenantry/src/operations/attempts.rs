//! Attempts of workers at an operation: how long it rests after one has failed, and when it needs an operator.

use crate::clock::SECOND_US;

/// Number of workers after which an operation goes back instead of forward.
pub(super) const MOST_ATTEMPTS: i64 = 5;

/// Time for which an operation rests after `attempts` workers failed: longer with each attempt.
pub(super) fn pause_us(attempts: i64) -> i64 {
    SECOND_US << attempts.clamp(0, 8)
}

/// SQL condition: the operation is open and has failed so often that it needs an operator.
pub(super) fn stuck_sql() -> String {
    format!(
        "(o.state IN ('running', 'unwinding') AND (o.attempts >= {MOST_ATTEMPTS} \
         OR (o.state = 'unwinding' AND (o.lease_owner IS NULL OR o.attempts >= 3))))"
    )
}
