//! Rows that are carried from one place to another, with their last ids and activity log.

pub(crate) mod activity;
pub(crate) mod last_ids;
pub(crate) mod sink;
mod table;

pub(crate) use sink::{Side, Sink};
pub(crate) use table::Table;
