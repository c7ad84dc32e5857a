//! Changes to records: validated, then applied all or none in one transaction, together with the activity log.
//!
//! Every write changes the document of its place first, so a tenant's writes are committed one after the other, and what a
//! write reads in its transaction stays true until it commits: references, unique values and limits are checked there.

mod changes;
mod documents;
mod end;
mod references;
mod transaction;

pub(crate) use transaction::{fenced, run};
