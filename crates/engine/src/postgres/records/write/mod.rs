//! Changes to records: validated, then applied all or none in one transaction, together with the activity log.
//!
//! Every write first locks the row of its place, so a tenant's writes are committed one after the other. Small writes
//! that wait at the same time share a transaction, which makes the lock cheap.

mod answers;
mod end;
mod opening;
mod refusal;
mod statements;
mod transaction;

pub(crate) use transaction::run;
