//! Staff handlers for the life of one tenant: created, copied, moved, closed, removed.

pub(in crate::http::admin) mod copies;
pub(in crate::http::admin) mod create;
pub(in crate::http::admin) mod life;
pub(in crate::http::admin) mod moving;
pub(in crate::http::admin) mod purge;
