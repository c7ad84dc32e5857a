//! The platform over HTTP, as a library. The binary `tenantry` is built from it, and embedders merge their own axum
//! routes with [`http::router`].
//!
//! It names no database driver and creates no tenant handle: both belong to the crates below.

#[doc(hidden)]
pub mod cli;
pub mod http;
mod wire;

/// Compiles the guide's program as a doctest.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/embedding.md")]
struct EmbeddingGuide;
