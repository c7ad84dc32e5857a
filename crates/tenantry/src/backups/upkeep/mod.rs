//! What time asks for: schedules, runs over many tenants, retention, how old the newest backups are.

pub(in crate::backups) mod expire;
pub mod retention;
pub mod runs;
pub mod schedule;
pub mod status;
pub(in crate::backups) mod timer;
