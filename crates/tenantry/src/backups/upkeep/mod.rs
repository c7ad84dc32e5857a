//! Recurring work on backups: schedules, runs over many tenants, retention, and the age of the newest backups.

pub(in crate::backups) mod expire;
pub mod retention;
pub mod runs;
pub mod schedule;
pub mod status;
pub(in crate::backups) mod timer;
