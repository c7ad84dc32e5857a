//! The databases of a tenant and their places: chosen at creation, created at first use, found again after a move.
//!
//! Called by the operations on tenants, and by every session of an entered tenant. Only the catalog says where a
//! tenant's rows are; nothing here guesses a place.

pub(crate) mod fit;
pub(crate) mod on_demand;
pub(crate) mod placing;
pub(crate) mod reroute;
