//! What is counted, and the text Prometheus reads.
//!
//! The guard records each request through handles that were registered once, at start: no label is built and
//! no name is hashed while a request runs. The recorder belongs to one server, not to the process, so that
//! several can live in one test; the binary may install it globally as well.

use super::tenants_seen::TenantsSeen;
use http::StatusCode;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::{fmt::Write, time::Duration};

/// Upper bounds of the latency histogram, seconds.
const BUCKETS_S: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// All handles of one server.
pub(crate) struct Metrics {
    routes: Vec<RouteHandles>,
    handle: PrometheusHandle,
    /// Requests by tenant, bounded.
    pub(crate) tenants: TenantsSeen,
    /// Connections open now.
    pub(crate) connections: Gauge,
    /// Panics caught in handlers.
    pub(crate) panics: Counter,
}

struct RouteHandles {
    classes: [Counter; 5],
    seconds: Histogram,
}

impl Metrics {
    /// Registers one set of handles for each of `routes`, in order; the last is for what matches none.
    pub(crate) fn new<'a>(routes: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let recorder = recorder();
        let handle = recorder.handle();
        let routes = routes.map(|(method, path)| RouteHandles::register(&recorder, method, path)).collect();
        let connections = recorder.register_gauge(&Key::from_static_name("tenantry_http_connections"), &META);
        let panics = recorder.register_counter(&Key::from_static_name("tenantry_http_panics_total"), &META);
        describe(&recorder);
        Self { routes, handle, tenants: TenantsSeen::default(), connections, panics }
    }

    /// One answered request of route `index`.
    pub(crate) fn record(&self, index: usize, status: StatusCode, took: Duration) {
        let Some(route) = self.routes.get(index).or(self.routes.last()) else { return };
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        route.classes[class].increment(1);
        route.seconds.record(took.as_secs_f64());
    }

    /// Moves recorded latencies into their buckets; call every few seconds or memory grows.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// The exposition text.
    pub(crate) fn render(&self, slug: impl Fn(i64) -> Option<String>) -> String {
        let mut text = self.handle.render();
        // Labels of tenants are slugs, which need no escaping; their number is bounded by TenantsSeen.
        let (top, other) = self.tenants.top();
        text.push_str("# HELP tenantry_tenant_requests_total Requests of the busiest tenants.\n");
        text.push_str("# TYPE tenantry_tenant_requests_total counter\n");
        for (tenant, requests) in top {
            let label = slug(tenant).unwrap_or_else(|| format!("id-{tenant}"));
            let _ = writeln!(text, "tenantry_tenant_requests_total{{tenant=\"{label}\"}} {requests}");
        }
        let _ = writeln!(text, "tenantry_tenant_requests_total{{tenant=\"other\"}} {other}");
        text
    }
}

static META: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

impl RouteHandles {
    fn register(recorder: &PrometheusRecorder, method: &str, path: &str) -> Self {
        let labels = vec![Label::new("method", method.to_owned()), Label::new("route", path.to_owned())];
        let classes = CLASSES.map(|class| {
            let mut labels = labels.clone();
            labels.push(Label::new("class", class));
            recorder.register_counter(&Key::from_parts("tenantry_http_requests_total", labels), &META)
        });
        let seconds =
            recorder.register_histogram(&Key::from_parts("tenantry_http_request_seconds", labels), &META);
        Self { classes, seconds }
    }
}

fn recorder() -> PrometheusRecorder {
    let builder = PrometheusBuilder::new();
    match builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS_S) {
        Ok(builder) => builder.build_recorder(),
        // Only an empty list of buckets is refused.
        Err(_) => PrometheusBuilder::new().build_recorder(),
    }
}

fn describe(recorder: &PrometheusRecorder) {
    let text = |name: &'static str| KeyName::from_const_str(name);
    recorder.describe_counter(text("tenantry_http_requests_total"), None, "Requests answered.".into());
    recorder.describe_histogram(text("tenantry_http_request_seconds"), None, "Time to answer.".into());
    recorder.describe_gauge(text("tenantry_http_connections"), None, "Connections open now.".into());
    recorder.describe_counter(text("tenantry_http_panics_total"), None, "Panics caught in handlers.".into());
}
