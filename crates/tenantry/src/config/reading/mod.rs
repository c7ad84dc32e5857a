//! Reads `tenantry.toml` and reports every problem with its line.

pub(in crate::config) mod problem;
pub(in crate::config) mod read;
pub(in crate::config) mod read_auth;
pub(crate) mod reader;
pub(crate) mod source;
pub(in crate::config) mod units;
