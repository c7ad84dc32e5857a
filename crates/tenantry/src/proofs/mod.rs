//! Proofs of isolation: an operation checks the live databases of all tenants or of one, and its dated report is kept.
//!
//! The staff API, the command line and the pages call it. A proof only reads: it changes no row of a tenant, and its report
//! names tenants and objects of databases, never values of rows. The audit log has the digest of each report, so that a
//! printed report can be verified.

mod catalog;
mod place;
pub(crate) mod record;
mod report;
pub(crate) mod run;
mod survey;
mod verbs;

pub use record::{Kept, Listed};
pub use report::{Finding, Report, Rule, Ruled, Unchecked};
pub use run::ProofOptions;
pub use verbs::Proofs;
