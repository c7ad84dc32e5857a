//! Who is asking, for which tenant, and whether they may: the only way to a tenant handle.
//!
//! Called by the platform facade and the HTTP layer. Every kind of credential takes the one path
//! through `credentials` (threat 3); nothing here keeps an ambient tenant (X3), and no header, slug or
//! token becomes a path or SQL name (X4).

mod fetch;
pub mod gates;
pub mod jwks;
pub mod jwt;
pub mod meter;
pub mod passwords;
pub mod ratelimit;
pub mod token;
