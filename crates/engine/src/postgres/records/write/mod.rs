//! Changes to records: validated, then applied all or none in one transaction, together with the activity log.
//!
//! Every write locks the row of its place first, so a tenant's writes are committed one after the other. Writes that wait
//! at the same time share a transaction, so that the lock costs nothing.

mod answers;
mod end;
mod opening;
mod refusal;
mod statements;
mod transaction;

pub(crate) use transaction::run;
