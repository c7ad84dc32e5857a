//! Applies validated changes to records, all or none, in one transaction that also writes the activity log.
//!
//! Every write first changes the document of its place. So the writes of a place are committed one after the other, and
//! what a write reads in its transaction stays true until it commits. References, unique values and limits are checked
//! in that transaction.

mod changes;
mod documents;
mod end;
mod references;
mod transaction;

pub(crate) use transaction::{fenced, run};
