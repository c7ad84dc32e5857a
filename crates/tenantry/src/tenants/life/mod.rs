//! The life of a tenant after its creation: suspended, closed for maintenance, cancelled, closed, blanked after its purge.
//!
//! Called by staff, by the owner's pages and by the background pass. It changes rows of the catalog only; `purges` removes
//! what a tenant leaves behind.

pub(super) mod maintenance;
pub(crate) mod purge;
pub(crate) mod retire;
pub(super) mod state;
mod verbs;
