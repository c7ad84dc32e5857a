//! Takes over operations that another worker left: after a crash, for a waiting request, or at an operator's command.
//!
//! Called at start-up, by the lease reconciler, by requests that find a place fenced, and by staff. It never takes an
//! operation from a worker that may be alive.

pub(super) mod abandon;
pub(super) mod recover;
mod rescue;
pub(super) mod takeover;
