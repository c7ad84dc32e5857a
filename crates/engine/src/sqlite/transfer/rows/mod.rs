//! Rows on their way from one place to another, with the last ids and the activity log that belong to them.

pub(crate) mod activity;
pub(crate) mod last_ids;
pub(crate) mod sink;
mod table;

pub(crate) use sink::{Side, Sink};
pub(crate) use table::Table;
