//! Statements on the records of one place: reads, lists, merged views, writes, usage, the activity log.

pub(crate) mod activity;
pub(crate) mod count;
pub mod list;
pub mod merge;
pub mod read;
mod search;
mod texts;
pub mod usage;
pub mod write;

pub(crate) use read::Cursor;
pub(crate) use texts::PlanTexts;
