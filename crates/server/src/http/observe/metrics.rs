//! Counters, and their text for Prometheus.
//!
//! The guard records each request in counters that exist from the start: a request builds no label, hashes no name and
//! allocates nothing, and nothing has to be cleaned up afterwards. The counters belong to one server instead of the
//! process, so several servers can run in one test.

use super::{
    exposition::Exposition,
    latency::{Buckets, Durations, Latency},
    tenants_seen::{Seen, TenantsSeen},
};
use http::StatusCode;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// All counters of one server.
pub(crate) struct Metrics {
    routes: Box<[Route]>,
    /// Requests by tenant and store, in limited memory.
    tenants: TenantsSeen,
    /// Requests of tenants for records of each store, in the order of the configuration.
    stores: Box<[(String, Latency)]>,
    /// Number of open connections.
    pub(crate) connections: AtomicU64,
    /// Number of connections refused for lack of room.
    pub(crate) connections_refused: AtomicU64,
    /// Number of connections closed to make room.
    pub(crate) connections_displaced: AtomicU64,
    /// Number of panics caught in handlers.
    pub(crate) panics: AtomicU64,
}

/// Sums over all routes since the server started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    /// Numbers of requests by the first digit of their status, from 1 to 5.
    pub(crate) classes: [u64; CLASSES.len()],
    /// Numbers of requests by duration: one number per bound, and one for longer requests.
    pub(crate) buckets: Buckets,
}

impl Totals {
    /// Returns the number of requests.
    pub(crate) fn requests(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// Counters of one route.
struct Route {
    /// Labels of the route, for example `method="GET",route="/healthz"`.
    labels: String,
    classes: [AtomicU64; 5],
    latency: Latency,
}

impl Metrics {
    /// Creates counters for each of `routes` (method and path) and of `stores`, in their order. The last route also counts
    /// requests that match no route.
    pub(crate) fn new<'a>(
        routes: impl Iterator<Item = (&'a str, &'a str)>,
        stores: impl Iterator<Item = &'a str>,
    ) -> Self {
        Self {
            routes: routes.map(|(method, path)| Route::new(method, path)).collect(),
            tenants: TenantsSeen::default(),
            stores: stores.map(|store| (store.to_owned(), Latency::default())).collect(),
            connections: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            connections_displaced: AtomicU64::new(0),
            panics: AtomicU64::new(0),
        }
    }

    /// Counts one answered request of the route with this index.
    pub(crate) fn record(&self, index: usize, status: StatusCode, took: Duration) {
        let Some(route) = self.routes.get(index).or(self.routes.last()) else { return };
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        route.classes[class].fetch_add(1, Relaxed);
        route.latency.record(took);
    }

    /// Counts one answered request of a tenant. `store` is the index of the store of the records that it named, if it named
    /// records.
    pub(crate) fn record_tenant(&self, tenant: i64, store: Option<usize>, took: Duration) {
        self.tenants.note(tenant, store, took);
        if let Some((_, latency)) = store.and_then(|store| self.stores.get(store)) {
            latency.record(took);
        }
    }

    /// Returns the requests for records of each store since the server started, without stores that nothing was asked of.
    pub(crate) fn stores(&self) -> Vec<(&str, Durations)> {
        let read = self.stores.iter().map(|(store, latency)| (&**store, latency.read()));
        read.filter(|(_, durations)| durations.requests() > 0).collect()
    }

    /// Returns the busiest tenants in the stores whose records they asked for, the busiest first.
    pub(crate) fn busiest(&self) -> Vec<(i64, &str, Durations)> {
        let named = |seen: Seen| {
            let (store, _) = self.stores.get(seen.store?)?;
            Some((seen.tenant, &**store, seen.durations))
        };
        self.tenants.top().0.into_iter().filter_map(named).collect()
    }

    /// Returns the ids of the busiest tenants.
    pub(crate) fn busiest_tenants(&self) -> BTreeSet<i64> {
        self.tenants.top().0.iter().map(|seen| seen.tenant).collect()
    }

    /// Returns the sums over all routes.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for route in &self.routes {
            let classes = totals.classes.iter_mut().zip(&route.classes);
            classes.for_each(|(sum, count)| *sum += count.load(Relaxed));
            let read = route.latency.read().buckets;
            totals.buckets.iter_mut().zip(read).for_each(|(sum, count)| *sum += count);
        }
        totals
    }

    /// Adds all counters to the text. Routes without requests are omitted.
    pub(crate) fn render(&self, text: &mut Exposition, slug: impl Fn(i64) -> Option<String>) {
        let used = self.routes.iter().map(|route| (route, route.latency.read()));
        let used: Vec<_> = used.filter(|(_, durations)| durations.requests() > 0).collect();
        text.family("tenantry_http_requests_total", "counter", "Requests answered.");
        used.iter().for_each(|(route, _)| route.counts(text));
        const SECONDS: &str = "tenantry_http_request_seconds";
        text.family(SECONDS, "histogram", "Time to answer.");
        used.iter().for_each(|(route, durations)| durations.expose(text, SECONDS, &route.labels));
        text.gauge("tenantry_http_connections", "Connections open now.", self.connections.load(Relaxed));
        let displaced = "Connections that waited for their client, closed to make room for others.";
        let refused = "Connections for which there was no room.";
        for (name, help, count) in [
            ("tenantry_http_connections_refused_total", refused, &self.connections_refused),
            ("tenantry_http_connections_displaced_total", displaced, &self.connections_displaced),
            ("tenantry_http_panics_total", "Panics caught in handlers.", &self.panics),
        ] {
            text.family(name, "counter", help);
            text.sample(name, "", count.load(Relaxed));
        }
        self.tenants(text, slug);
    }

    /// Adds the requests by tenant and store. The labels are slugs and names of stores, which need no escaping;
    /// [`TenantsSeen`] limits their number.
    fn tenants(&self, text: &mut Exposition, slug: impl Fn(i64) -> Option<String>) {
        const NAME: &str = "tenantry_tenant_requests_total";
        let (top, other) = self.tenants.top();
        let label = |tenant: i64| slug(tenant).unwrap_or_else(|| format!("id-{tenant}"));
        let mut requests = BTreeMap::<i64, u64>::new();
        for seen in &top {
            *requests.entry(seen.tenant).or_default() += seen.durations.requests();
        }
        text.family(NAME, "counter", "Requests of the busiest tenants.");
        for (tenant, requests) in requests {
            text.sample(NAME, &format!("{{tenant=\"{}\"}}", label(tenant)), requests);
        }
        text.sample(NAME, "{tenant=\"other\"}", other);
        const SECONDS: &str = "tenantry_tenant_records_seconds";
        text.family(
            SECONDS,
            "summary",
            "Time to answer requests of the busiest tenants for records of a store.",
        );
        for (tenant, store, durations) in self.busiest() {
            let labels = format!("{{tenant=\"{}\",store=\"{store}\"}}", label(tenant));
            text.sample(&format!("{SECONDS}_sum"), &labels, durations.seconds());
            text.sample(&format!("{SECONDS}_count"), &labels, durations.requests());
        }
        const STORES: &str = "tenantry_store_records_seconds";
        text.family(STORES, "histogram", "Time to answer requests of tenants for records of a store.");
        for (store, durations) in self.stores() {
            durations.expose(text, STORES, &format!("store=\"{store}\""));
        }
    }
}

impl Route {
    fn new(method: &str, path: &str) -> Self {
        Self {
            // The values come from the route table instead of requests, so nothing in them needs escaping.
            labels: format!("method=\"{method}\",route=\"{path}\""),
            classes: Default::default(),
            latency: Latency::default(),
        }
    }

    fn counts(&self, text: &mut Exposition) {
        for (class, count) in CLASSES.iter().zip(&self.classes) {
            let count = count.load(Relaxed);
            if count > 0 {
                let labels = format!("{{{},class=\"{class}\"}}", self.labels);
                text.sample("tenantry_http_requests_total", &labels, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_up_to_all_and_unused_routes_are_left_out() {
        let routes = [("GET", "/a"), ("GET", "/b"), ("", "none")];
        let metrics = Metrics::new(routes.into_iter(), ["shared", "tenant"].into_iter());
        for us in [1, 500, 501, 7_000_000] {
            metrics.record(0, StatusCode::OK, Duration::from_micros(us));
        }
        metrics.record(99, StatusCode::NOT_FOUND, Duration::from_micros(1));
        metrics.record_tenant(7, None, Duration::from_micros(1));
        metrics.record_tenant(7, Some(1), Duration::from_micros(300));
        let mut text = Exposition::default();
        metrics.render(&mut text, |id| (id == 7).then(|| "acme".into()));
        let text = text.into_text();
        for wanted in [
            "# TYPE tenantry_http_request_seconds histogram",
            "tenantry_http_requests_total{method=\"GET\",route=\"/a\",class=\"2xx\"} 4",
            "tenantry_http_requests_total{method=\"\",route=\"none\",class=\"4xx\"} 1",
            "tenantry_http_request_seconds_bucket{method=\"GET\",route=\"/a\",le=\"0.0005\"} 2",
            "tenantry_http_request_seconds_bucket{method=\"GET\",route=\"/a\",le=\"0.001\"} 3",
            "tenantry_http_request_seconds_bucket{method=\"GET\",route=\"/a\",le=\"5\"} 3",
            "tenantry_http_request_seconds_bucket{method=\"GET\",route=\"/a\",le=\"+Inf\"} 4",
            "tenantry_http_request_seconds_sum{method=\"GET\",route=\"/a\"} 7.001002",
            "tenantry_http_request_seconds_count{method=\"GET\",route=\"/a\"} 4",
            "tenantry_http_panics_total 0",
            "tenantry_tenant_requests_total{tenant=\"acme\"} 2",
            "tenantry_tenant_records_seconds_sum{tenant=\"acme\",store=\"tenant\"} 0.0003",
            "tenantry_tenant_records_seconds_count{tenant=\"acme\",store=\"tenant\"} 1",
            "tenantry_store_records_seconds_bucket{store=\"tenant\",le=\"0.0005\"} 1",
        ] {
            assert!(text.lines().any(|line| line == wanted), "{wanted} in\n{text}");
        }
        assert!(!text.contains("/b") && !text.contains("shared"), "{text}");
    }
}
