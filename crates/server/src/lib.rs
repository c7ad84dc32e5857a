//! The platform over HTTP, as a library: the binary `tenantry` is built from it, and builders who
//! embed the platform merge their own axum routes with [`http::router`].
//!
//! It never names a database driver and never makes a tenant handle: both belong to the crates below.

#[doc(hidden)]
pub mod cli;
pub mod http;
mod instants;

/// The program in the guide is compiled with the doctests, so that it cannot rot.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/embedding.md")]
struct EmbeddingGuide;
