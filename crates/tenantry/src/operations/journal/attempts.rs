//! Attempts of workers at an operation: how long it rests after a failed attempt, and when it needs an operator.

use crate::control::clock::SECOND_US;

/// Number of failed workers after which an operation goes back instead of forward.
pub(in crate::operations) const MOST_ATTEMPTS: i64 = 5;

/// Returns the time in microseconds for which an operation rests after `attempts` workers failed. It grows with each
/// attempt.
pub(in crate::operations) fn pause_us(attempts: i64) -> i64 {
    SECOND_US << attempts.clamp(0, 8)
}

/// Returns the SQL condition that an operation is open and has failed so often that it needs an operator.
pub(in crate::operations) fn stuck_sql() -> String {
    format!(
        "(o.state IN ('running', 'unwinding') AND (o.attempts >= {MOST_ATTEMPTS} \
         OR (o.state = 'unwinding' AND (o.lease_owner IS NULL OR o.attempts >= 3))))"
    )
}
