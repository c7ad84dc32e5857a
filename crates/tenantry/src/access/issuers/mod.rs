//! Tokens of foreign issuers: the issuers' keys, fetched and cached, and the claims that a token must make.

pub(in crate::access) mod claims;
pub(in crate::access) mod fetch;
pub mod jwks;
pub mod jwt;
