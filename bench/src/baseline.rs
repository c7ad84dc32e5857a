//! What a good engineer writes by hand when there is one database and no tenancy: the yardstick.
//! Nothing here may be slower than it has to be.

pub(crate) mod copies;
pub(crate) mod files;
pub(crate) mod server;
pub(crate) mod store;
