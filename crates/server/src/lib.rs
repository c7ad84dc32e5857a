//! The platform over HTTP, as a library. The binary `tenantry` is built from it, and embedders merge their own axum
//! routes with [`http::router`].
//!
//! This crate names no database driver and creates no tenant handle: the crates below it do.

#[doc(hidden)]
pub mod cli;
pub mod http;
mod wire;

/// Compiles the program in the embedding guide as a doctest.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/embedding.md")]
struct EmbeddingGuide;
