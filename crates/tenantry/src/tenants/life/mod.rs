//! The life of a tenant after its creation: suspended, in maintenance, cancelled, closed, and blanked after its purge.
//!
//! Called by staff, the owner's pages and the background pass. It changes rows of the catalog only; `purges` removes
//! the tenant's data.

pub(super) mod maintenance;
pub(crate) mod purge;
pub(crate) mod retire;
pub(super) mod state;
mod verbs;
