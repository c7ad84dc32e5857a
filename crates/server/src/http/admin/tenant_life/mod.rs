//! Staff handlers for the life of one tenant: create, copy, move, close, remove.

pub(in crate::http::admin) mod copies;
pub(in crate::http::admin) mod create;
pub(in crate::http::admin) mod life;
pub(in crate::http::admin) mod moving;
pub(in crate::http::admin) mod purge;
