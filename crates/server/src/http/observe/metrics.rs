//! Counters, and their text for Prometheus.
//!
//! The guard records each request in counters that exist from the start: a request builds no label, hashes no name and
//! allocates nothing, and nothing has to be cleaned up afterwards. The counters belong to one server instead of the
//! process, so several servers can run in one test.

use super::exposition::Exposition;
use crate::http::tenants_seen::TenantsSeen;
use http::StatusCode;
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper bounds of the latency histogram's buckets, in microseconds.
pub(crate) const BOUNDS_US: [u64; 14] = [
    100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000,
];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// All counters of one server.
pub(crate) struct Metrics {
    routes: Box<[Route]>,
    /// Requests by tenant, in limited memory.
    pub(crate) tenants: TenantsSeen,
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
    pub(crate) buckets: [u64; BOUNDS_US.len() + 1],
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
    /// Numbers of requests by duration: one counter per bound, and one for longer requests.
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    /// Total duration of all requests, in nanoseconds.
    total_ns: AtomicU64,
}

impl Metrics {
    /// Creates counters for each of `routes` (method and path), in their order. The last one also counts requests that
    /// match no route.
    pub(crate) fn new<'a>(routes: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        Self {
            routes: routes.map(|(method, path)| Route::new(method, path)).collect(),
            tenants: TenantsSeen::default(),
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
        let bucket = BOUNDS_US.iter().position(|bound| took <= Duration::from_micros(*bound));
        route.buckets[bucket.unwrap_or(BOUNDS_US.len())].fetch_add(1, Relaxed);
        route.total_ns.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Returns the sums over all routes.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for route in &self.routes {
            let classes = totals.classes.iter_mut().zip(&route.classes);
            let buckets = totals.buckets.iter_mut().zip(&route.buckets);
            classes.chain(buckets).for_each(|(sum, count)| *sum += count.load(Relaxed));
        }
        totals
    }

    /// Adds all counters to the text. Routes without requests are omitted.
    pub(crate) fn render(&self, text: &mut Exposition, slug: impl Fn(i64) -> Option<String>) {
        let used: Vec<_> = self.routes.iter().filter(|route| route.requests() > 0).collect();
        text.family("tenantry_http_requests_total", "counter", "Requests answered.");
        used.iter().for_each(|route| route.counts(text));
        text.family("tenantry_http_request_seconds", "histogram", "Time to answer.");
        used.iter().for_each(|route| route.histogram(text));
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

    /// Adds the requests by tenant. The labels are slugs, which need no escaping; [`TenantsSeen`] limits their number.
    fn tenants(&self, text: &mut Exposition, slug: impl Fn(i64) -> Option<String>) {
        const NAME: &str = "tenantry_tenant_requests_total";
        let (top, other) = self.tenants.top();
        text.family(NAME, "counter", "Requests of the busiest tenants.");
        for (tenant, requests) in top {
            let label = slug(tenant).unwrap_or_else(|| format!("id-{tenant}"));
            text.sample(NAME, &format!("{{tenant=\"{label}\"}}"), requests);
        }
        text.sample(NAME, "{tenant=\"other\"}", other);
    }
}

impl Route {
    fn new(method: &str, path: &str) -> Self {
        Self {
            // The values come from the route table instead of requests, so nothing in them needs escaping.
            labels: format!("method=\"{method}\",route=\"{path}\""),
            classes: Default::default(),
            buckets: Default::default(),
            total_ns: AtomicU64::new(0),
        }
    }

    fn requests(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
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

    fn histogram(&self, text: &mut Exposition) {
        const NAME: &str = "tenantry_http_request_seconds";
        let (labels, mut below) = (&self.labels, 0);
        let bounds = BOUNDS_US.iter().map(|us| (*us as f64 / 1e6).to_string()).chain(["+Inf".to_owned()]);
        for (bound, bucket) in bounds.zip(&self.buckets) {
            below += bucket.load(Relaxed);
            text.sample(&format!("{NAME}_bucket"), &format!("{{{labels},le=\"{bound}\"}}"), below);
        }
        let seconds = self.total_ns.load(Relaxed) as f64 / 1e9;
        text.sample(&format!("{NAME}_sum"), &format!("{{{labels}}}"), seconds);
        text.sample(&format!("{NAME}_count"), &format!("{{{labels}}}"), below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_up_to_all_and_unused_routes_are_left_out() {
        let metrics = Metrics::new([("GET", "/a"), ("GET", "/b"), ("", "none")].into_iter());
        for us in [1, 500, 501, 7_000_000] {
            metrics.record(0, StatusCode::OK, Duration::from_micros(us));
        }
        metrics.record(99, StatusCode::NOT_FOUND, Duration::from_micros(1));
        metrics.tenants.note(7);
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
            "tenantry_tenant_requests_total{tenant=\"acme\"} 1",
        ] {
            assert!(text.lines().any(|line| line == wanted), "{wanted} in\n{text}");
        }
        assert!(!text.contains("/b"), "{text}");
    }
}
