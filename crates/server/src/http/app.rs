//! What every handler holds: the platform, options and metrics of one server.
//!
//! Made once at start by the command line or a builder; cheap to clone. It holds no tenant: a tenant handle
//! comes from the platform, for one request.

use super::{
    access_log::{AccessLog, LogTo},
    docs,
    metrics::Metrics,
    openapi,
    routes::ROUTES,
};
use bytes::Bytes;
use http::Method;
use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tenantry::{Platform, config::IpRange};

/// Between two reloads that requests ask for.
const CATCH_UP_PAUSE: Duration = Duration::from_secs(2);
const READ_ONE: &str = "/api/records/{model}/{id}";

/// What the operator decides about the HTTP side.
#[derive(Debug, Clone)]
pub struct Options {
    /// Clients reach this server by https (directly or through a proxy): cookies are `Secure` and `__Host-`.
    pub https: bool,
    /// Largest JSON body, bytes.
    pub max_json_bytes: usize,
    /// Changes of records need `If-Match`; without it they are refused with 428.
    pub require_if_match: bool,
    /// Peers whose forwarded headers are believed (`host-spoofing`).
    pub trusted_proxies: Vec<IpRange>,
    /// Bearer token that opens `/metrics`, besides sessions of staff.
    pub metrics_token: Option<String>,
    /// Where the request log goes.
    pub log_to: LogTo,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            https: false,
            max_json_bytes: 1024 * 1024,
            require_if_match: false,
            trusted_proxies: vec![],
            metrics_token: None,
            log_to: LogTo::Nowhere,
        }
    }
}

impl Options {
    /// What a platform's configuration says, with the request log on standard error.
    ///
    /// # Errors
    /// [`tenantry::Error::Invalid`] when a secret that the configuration names is not in the environment.
    pub fn of(platform: &Platform) -> tenantry::Result<Self> {
        let config = platform.config();
        Ok(Self {
            max_json_bytes: usize::try_from(config.limits.request_body_bytes).unwrap_or(usize::MAX),
            https: config.platform.https,
            trusted_proxies: config.platform.trusted_proxies.clone(),
            metrics_token: config.metrics.token()?,
            log_to: LogTo::Stderr,
            ..Self::default()
        })
    }

    pub(super) fn is_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|range| range.contains(address))
    }
}

/// State of one server; the state of [`super::router`].
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    platform: Platform,
    options: Options,
    metrics: Metrics,
    /// The OpenAPI document of the apps with that number.
    openapi: Mutex<(u64, Bytes)>,
    docs: Bytes,
    short_route: usize,
    access_log: AccessLog,
    draining: AtomicBool,
    /// A reload that [`App::catch_up`] started is under way, or was a moment ago.
    catching_up: AtomicBool,
}

/// The number of the loaded apps, and their OpenAPI document.
fn document(platform: &Platform) -> (u64, Bytes) {
    let number = platform.apps_number();
    (number, openapi::build(&platform.config().platform.name, &platform.models()).to_string().into())
}

impl App {
    /// A server of this platform.
    pub fn new(platform: Platform, options: Options) -> Self {
        let labels = ROUTES.iter().map(|r| (r.method.as_str(), r.path)).chain([("any", "other")]);
        let metrics = Metrics::new(labels);
        let openapi = Mutex::new(document(&platform));
        let docs = docs::render().into();
        let short_route = ROUTES.iter().position(|r| r.method == Method::GET && r.path == READ_ONE);
        let short_route = short_route.unwrap_or(usize::MAX);
        let (access_log, draining) = (AccessLog::new(options.log_to), AtomicBool::new(false));
        Self(Arc::new(Inner {
            platform,
            options,
            metrics,
            openapi,
            docs,
            short_route,
            access_log,
            draining,
            catching_up: AtomicBool::new(false),
        }))
    }

    /// The platform served.
    pub fn platform(&self) -> &Platform {
        &self.0.platform
    }

    /// Its options.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// The OpenAPI document of the apps that are loaded now.
    pub(crate) fn openapi(&self) -> Bytes {
        let mut kept = self.0.openapi.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != self.0.platform.apps_number() {
            *kept = document(&self.0.platform);
        }
        kept.1.clone()
    }

    /// Has this server load its apps again in the background when a request met a database that newer apps have
    /// migrated: their folder may have them by now. At most every other second.
    pub(crate) fn catch_up(&self) {
        let (platform, app) = (self.0.platform.clone(), self.clone());
        if self.0.catching_up.swap(true, Relaxed) {
            return;
        }
        tokio::spawn(async move {
            match platform.reload().await {
                Ok(reloaded) if reloaded.changed => {
                    tracing::info!("a newer database: the apps were reloaded")
                }
                Ok(_) => {
                    tracing::warn!("a database has migrations that the apps here do not have: update them")
                }
                Err(error) => tracing::error!(%error, "a newer database, and the apps here cannot be loaded"),
            }
            tokio::time::sleep(CATCH_UP_PAUSE).await;
            app.0.catching_up.store(false, Relaxed);
        });
    }

    /// The docs page.
    pub(crate) fn docs(&self) -> &Bytes {
        &self.0.docs
    }

    /// Index of the route that the short path answers.
    pub(crate) fn short_route(&self) -> usize {
        self.0.short_route
    }

    pub(crate) fn access_log(&self) -> &AccessLog {
        &self.0.access_log
    }

    /// Shutdown has begun: load balancers are told by `/readyz`.
    pub(crate) fn drain(&self) {
        self.0.draining.store(true, Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Relaxed)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}
