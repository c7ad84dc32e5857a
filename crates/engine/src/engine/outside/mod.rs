//! Databases on MongoDB that are no places: those of other programs, which Tenantry reads, and the mirror, which other
//! programs read.

pub(super) mod foreign;
#[cfg(feature = "mongodb")]
pub mod mirror;
