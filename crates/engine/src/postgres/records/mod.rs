//! Statements on the records of one place: reads, lists, merged views, writes, usage, the activity log.

pub(crate) mod activity;
mod bound;
mod cursor;
pub(crate) mod list;
mod merge;
mod query;
pub(crate) mod read;
mod search;
mod texts;
pub(crate) mod usage;
pub(crate) mod write;

pub(crate) use bound::Bound;
pub(crate) use query::Query;
pub(crate) use texts::{PlanTexts, SCHEMA};
