//! `[metrics]`: how Prometheus reads the metrics.
//!
//! The module `read` reads the section; the server uses it. The token itself is never in the file.

use super::reader::Section;
use crate::{Error, Result};
use std::net::SocketAddr;

/// Access to `/metrics` without a staff session. Both ways are closed unless they are configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Separate address at which `/metrics` needs no credential.
    pub listen: Option<SocketAddr>,
    /// Name of the environment variable with the bearer token for `/metrics` at the main address.
    pub token_env: Option<String>,
}

impl MetricsConfig {
    /// Returns the bearer token, if one is configured.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the variable is not set, or its value is too short to be a secret.
    pub fn token(&self) -> Result<Option<String>> {
        let Some(name) = &self.token_env else { return Ok(None) };
        match std::env::var(name) {
            Ok(token) if token.len() >= LEAST_BYTES => Ok(Some(token)),
            Ok(_) => {
                Err(Error::invalid("metrics.token_env", format!("${name} has less than {LEAST_BYTES} bytes")))
            }
            Err(_) => Err(Error::invalid("metrics.token_env", format!("the environment has no ${name}"))),
        }
    }
}

/// Shortest token in bytes.
const LEAST_BYTES: usize = 16;

pub(super) fn read(section: Section<'_>) -> MetricsConfig {
    let listen = section.text("listen").and_then(|text| match text.parse() {
        Ok(address) => Some(address),
        Err(_) => {
            section.problem("listen", "must be an address with a port, such as \"127.0.0.1:9464\"");
            None
        }
    });
    let metrics = MetricsConfig { listen, token_env: section.text("token_env").map(str::to_owned) };
    section.finish();
    metrics
}
