//! The state of every handler: platform, options and metrics of one server.
//!
//! The command line or an embedder creates it once at the start, and it is cheap to clone. It contains no tenant: each
//! request gets its handle from the platform.

use super::{
    access_log::{AccessLog, LogTo},
    body::Json,
    docs,
    faults::Faults,
    history::History,
    metrics::Metrics,
    openapi,
    routes::ROUTES,
    slow::{SlowRequests, model_in},
};
use crate::wire::Page;
use bytes::Bytes;
use http::Method;
use serde::Serialize;
use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tenantry::{Platform, caught, config::IpRange, name::StoreName};

/// Minimum time between two reloads that requests cause.
const CATCH_UP_PAUSE: Duration = Duration::from_secs(2);
const READ_ONE: &str = "/api/records/{model}/{id}";

/// Options of the HTTP server, chosen by the operator.
#[derive(Debug, Clone)]
pub struct Options {
    /// True if clients reach this server by HTTPS, directly or through a proxy. Cookies then are `Secure` and have the
    /// prefix `__Host-`.
    pub https: bool,
    /// Largest size of a JSON body, in bytes.
    pub max_json_bytes: usize,
    /// True if changes of records require `If-Match`. Without the header they are refused with 428.
    pub require_if_match: bool,
    /// Peers whose forwarded headers are trusted (`host-spoofing`).
    pub trusted_proxies: Vec<IpRange>,
    /// Bearer token that grants access to `/metrics`, in addition to staff sessions.
    pub metrics_token: Option<String>,
    /// Destination of the request log.
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
    /// Takes the options from a platform's configuration, with the request log on standard error.
    ///
    /// # Errors
    /// Returns [`tenantry::Error::Invalid`] if a secret that the configuration names is not in the environment.
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
    /// Number of the loaded apps, and their OpenAPI document.
    openapi: Mutex<(u64, Bytes)>,
    docs: Bytes,
    fast_route: usize,
    access_log: AccessLog,
    faults: Faults,
    history: History,
    slow: SlowRequests,
    draining: AtomicBool,
    /// True while a reload that [`App::catch_up`] started is running, and for a short time after it.
    catching_up: AtomicBool,
}

/// Returns the number of the loaded apps and their OpenAPI document.
fn document(platform: &Platform) -> (u64, Bytes) {
    let number = platform.apps_number();
    let document = openapi::build(&platform.config().platform.name, &platform.models());
    // Serialising maps of JSON cannot fail.
    (number, serde_json::to_vec(&document).unwrap_or_default().into())
}

impl App {
    /// Creates the state for a server of `platform`.
    pub fn new(platform: Platform, options: Options) -> Self {
        let labels = ROUTES.iter().map(|r| (r.method.as_str(), r.path)).chain([("any", "other")]);
        let stores = platform.config().stores.iter().map(|store| store.name.as_str());
        let metrics = Metrics::new(labels, stores);
        let history = History::new(platform.now_us());
        let openapi = Mutex::new(document(&platform));
        let docs = docs::render().into();
        let fast_route = ROUTES.iter().position(|r| r.method == Method::GET && r.path == READ_ONE);
        let fast_route = fast_route.unwrap_or(usize::MAX);
        let (access_log, draining) = (AccessLog::new(options.log_to), AtomicBool::new(false));
        Self(Arc::new(Inner {
            platform,
            options,
            metrics,
            openapi,
            docs,
            fast_route,
            access_log,
            faults: Faults::default(),
            history,
            slow: SlowRequests::default(),
            draining,
            catching_up: AtomicBool::new(false),
        }))
    }

    /// Returns the platform.
    pub fn platform(&self) -> &Platform {
        &self.0.platform
    }

    /// Returns the options.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// Returns the OpenAPI document of the currently loaded apps.
    pub(crate) fn openapi(&self) -> Bytes {
        let mut kept = self.0.openapi.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != self.0.platform.apps_number() {
            *kept = document(&self.0.platform);
        }
        kept.1.clone()
    }

    /// Reloads the apps in the background after a request has met a database that newer apps have migrated: by now, the
    /// apps folder may contain those apps. Runs at most every two seconds.
    pub(crate) fn catch_up(&self) {
        let (platform, app) = (self.0.platform.clone(), self.clone());
        if self.0.catching_up.swap(true, Relaxed) {
            return;
        }
        tokio::spawn(async move {
            match caught(platform.reload()).await {
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

    /// Returns the docs page.
    pub(crate) fn docs(&self) -> &Bytes {
        &self.0.docs
    }

    /// Returns the index of a store in the configuration.
    pub(crate) fn store_index(&self, store: &StoreName) -> Option<usize> {
        self.0.platform.config().stores.iter().position(|known| known.name == *store)
    }

    /// Returns the index of the store of the model in the path of a request that the route with this index answered.
    pub(crate) fn store_named(&self, route: usize, path: &str) -> Option<usize> {
        let model = model_in(ROUTES.get(route)?.path, path)?;
        self.store_index(&self.0.platform.store_of(model)?)
    }

    /// Returns the index of the route that the fast path answers.
    pub(crate) fn fast_route(&self) -> usize {
        self.0.fast_route
    }

    pub(crate) fn access_log(&self) -> &AccessLog {
        &self.0.access_log
    }

    /// Returns the faults that were logged recently.
    pub(crate) fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Returns the last hour of this server.
    pub(crate) fn history(&self) -> &History {
        &self.0.history
    }

    /// Returns the newest slow requests.
    pub(crate) fn slow(&self) -> &SlowRequests {
        &self.0.slow
    }

    /// Returns a page of a list. It ends after `limit` entries, or at the configured number of bytes. The `key` of its
    /// last entry is the cursor of the next page.
    pub(super) fn page<T: Serialize, K: ToString>(
        &self,
        entries: impl IntoIterator<Item = impl Into<T>>,
        limit: u32,
        key: impl Fn(&T) -> K,
    ) -> Json<Page<T>> {
        let most_bytes = self.platform().config().limits.page_bytes;
        Json(Page::cut(entries, (limit, most_bytes), |entry| key(entry).to_string()))
    }

    /// Marks the server as shutting down, so that `/readyz` tells load balancers to send no more requests.
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
