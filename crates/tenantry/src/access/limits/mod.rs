//! Limits on what a caller may try: sign-ins per network and account, requests per tenant, recorded denials.

pub(in crate::access) mod gcra;
pub(in crate::access) mod guessable;
pub(in crate::access) mod lockout;
pub mod meter;
pub mod ratelimit;
pub(in crate::access) mod refusals;
