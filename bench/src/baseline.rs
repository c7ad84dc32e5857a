//! The baseline: what a good engineer writes by hand for one database without tenancy. Nothing here may be slower than
//! necessary.

pub(crate) mod copies;
pub(crate) mod files;
pub(crate) mod server;
pub(crate) mod store;
