//! What every handler holds: options and metrics of one server.
//!
//! Made once at start by the command line or a builder; cheap to clone. It holds no tenant: a tenant handle
//! comes from the platform, for one request.

use super::{docs, metrics::Metrics, openapi, routes::ROUTES};
use bytes::Bytes;
use std::sync::Arc;

/// What the operator decides about the HTTP side.
#[derive(Debug, Clone)]
pub struct Options {
    /// Clients reach this server by https (directly or through a proxy): cookies are `Secure` and `__Host-`.
    pub https: bool,
    /// Largest JSON body, bytes.
    pub max_json_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { https: false, max_json_bytes: 1024 * 1024 }
    }
}

/// State of one server; the state of [`super::router`].
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    options: Options,
    metrics: Metrics,
    openapi: Bytes,
    docs: Bytes,
}

impl App {
    /// A server with these options.
    pub fn new(options: Options) -> Self {
        let labels = ROUTES.iter().map(|r| (r.method.as_str(), r.path)).chain([("any", "other")]);
        let openapi = openapi::build("Tenantry", &[]).to_string().into();
        let docs = docs::render().into();
        Self(Arc::new(Inner { options, metrics: Metrics::new(labels), openapi, docs }))
    }

    /// Its options.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// The OpenAPI document.
    pub(crate) fn openapi(&self) -> &Bytes {
        &self.0.openapi
    }

    /// The docs page.
    pub(crate) fn docs(&self) -> &Bytes {
        &self.0.docs
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}
