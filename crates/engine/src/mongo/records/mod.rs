//! Statements on the documents of a place: reads, lists, changes, usage and the activity log. No user input is ever a
//! name or an operator: names come from the plan, values are typed.

pub(crate) mod activity;
pub(crate) mod cursor;
pub(in crate::mongo) mod custom;
mod filter;
mod layout;
pub(crate) mod list;
mod merge;
mod page;
pub(crate) mod query;
pub(crate) mod read;
pub(crate) mod search;
pub(crate) mod write;

pub(crate) use layout::Layout;
