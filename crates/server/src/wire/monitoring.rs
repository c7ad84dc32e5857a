//! Answers about the last hour of one server.

use super::Instant;
use crate::http::observed::{Durations, Interval, SlowRequest};
use schemars::JsonSchema;
use serde::Serialize;

/// The last hour of the server that answers. Each server of an installation answers for itself.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Monitoring {
    /// Host and process id of the server that answers.
    pub(crate) node: String,
    /// Version of its program.
    pub(crate) version: String,
    /// Time at which it started. Nothing is known of the time before.
    pub(crate) since: Instant,
    /// Requests that it answered since it started.
    pub(crate) requests: u64,
    /// Answers with a status from 500 since it started.
    pub(crate) server_errors: u64,
    /// Intervals of the last hour, earliest first. An interval takes ten seconds, more while no request came, and less up
    /// to the present.
    pub(crate) intervals: Vec<IntervalSeen>,
    /// Requests of tenants for records of each store since the server started.
    pub(crate) stores: Vec<StoreSeen>,
    /// The tenants that asked most for records of a store since the server started, at most 20, the busiest first.
    pub(crate) tenants: Vec<TenantSeen>,
    /// Duration from which a request is slow, in milliseconds.
    pub(crate) slow_ms: u64,
    /// The newest slow requests, at most 50, the slowest first. Requests that named `wait` are left out.
    pub(crate) slow_requests: Vec<SlowSeen>,
}

/// What a server did in an interval, and its state at the end of it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct IntervalSeen {
    pub(crate) start_at: Instant,
    pub(crate) end_at: Instant,
    /// Requests that were answered.
    requests: u64,
    requests_per_second: f64,
    /// Answers with a status from 400 to 499.
    client_errors: u64,
    /// Answers with a status from 500.
    server_errors: u64,
    /// Duration that half of the requests did not exceed, in milliseconds, estimated from a histogram. Null without
    /// requests.
    p50_ms: Option<f64>,
    /// Duration that 95 of 100 requests did not exceed, in milliseconds, estimated as well.
    p95_ms: Option<f64>,
    /// Duration that 99 of 100 requests did not exceed, in milliseconds, estimated as well.
    p99_ms: Option<f64>,
    /// Open connections of clients.
    connections: u64,
    /// Database files that this server has open.
    open_databases: u64,
    /// Memory of its process, if the system tells it.
    memory_bytes: Option<u64>,
    /// Servers of databases.
    database_servers: Vec<DatabaseServerSeen>,
}

/// A server of databases, as the server that answers sees it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DatabaseServerSeen {
    name: String,
    /// Bytes that are left for databases, if that is known.
    free_bytes: Option<u64>,
    /// Connections that statements use. Null for files.
    connections_in_use: Option<usize>,
    /// Most connections that the server that answers may have.
    connections_most: Option<usize>,
    /// Statements that wait for a connection.
    connections_awaited: Option<usize>,
}

/// Requests of all tenants for records of a store.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StoreSeen {
    store: String,
    #[serde(flatten)]
    took: Took,
}

/// Requests of a tenant for records of a store.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TenantSeen {
    /// Slug of the tenant; null if it is gone.
    tenant: Option<String>,
    store: String,
    #[serde(flatten)]
    took: Took,
}

/// How long requests took.
#[derive(Serialize, JsonSchema)]
struct Took {
    requests: u64,
    /// Mean time to answer, in milliseconds.
    mean_ms: f64,
    /// Duration that half of the requests did not exceed, in milliseconds, estimated from a histogram.
    p50_ms: f64,
    /// Duration that 95 of 100 requests did not exceed, in milliseconds, estimated as well.
    p95_ms: f64,
    /// Duration that 99 of 100 requests did not exceed, in milliseconds, estimated as well.
    p99_ms: f64,
}

impl Took {
    fn of(durations: &Durations) -> Self {
        let ms = |us: Option<u64>| us.unwrap_or(0) as f64 / 1000.0;
        Self {
            requests: durations.requests(),
            mean_ms: ms(durations.mean_us()),
            p50_ms: ms(durations.quantile_us(0.5)),
            p95_ms: ms(durations.quantile_us(0.95)),
            p99_ms: ms(durations.quantile_us(0.99)),
        }
    }
}

impl StoreSeen {
    /// Returns the requests for records of a store.
    pub(crate) fn new((store, durations): (&str, Durations)) -> Self {
        Self { store: store.to_owned(), took: Took::of(&durations) }
    }
}

impl TenantSeen {
    /// Returns the requests of a tenant for records of a store.
    pub(crate) fn new(tenant: Option<String>, store: &str, durations: &Durations) -> Self {
        Self { tenant, store: store.to_owned(), took: Took::of(durations) }
    }
}

/// A slow request, without the values that it named.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SlowSeen {
    /// Time of its answer.
    pub(crate) at: Instant,
    took_ms: u64,
    method: &'static str,
    /// Route with its parameters in braces.
    route: &'static str,
    /// Model of records that it named.
    model: Option<String>,
    /// Names of its conditions, without their values.
    conditions: Vec<String>,
    /// Slug of the tenant that it entered.
    tenant: Option<String>,
    status: u16,
    /// Id of the request, by which the log names it.
    request_id: String,
}

impl IntervalSeen {
    /// Returns an interval, with the names of the servers of databases.
    pub(crate) fn new(interval: &Interval, servers: &[String]) -> Self {
        let ms = |part: f64| Some(interval.quantile_us(part)? as f64 / 1000.0);
        let server = |(name, of): (&String, &crate::http::observed::ServerGauges)| DatabaseServerSeen {
            name: name.clone(),
            free_bytes: of.free_bytes,
            connections_in_use: of.connections.map(|(in_use, ..)| in_use),
            connections_most: of.connections.map(|(_, most, _)| most),
            connections_awaited: of.connections.map(|(.., awaited)| awaited),
        };
        Self {
            start_at: Instant(interval.start_us),
            end_at: Instant(interval.end_us),
            requests: interval.requests,
            requests_per_second: interval.requests as f64 / interval.seconds(),
            client_errors: interval.client_errors,
            server_errors: interval.server_errors,
            p50_ms: ms(0.5),
            p95_ms: ms(0.95),
            p99_ms: ms(0.99),
            connections: interval.gauges.connections,
            open_databases: interval.gauges.open_databases,
            memory_bytes: interval.gauges.memory_bytes,
            database_servers: servers.iter().zip(&interval.gauges.servers).map(server).collect(),
        }
    }
}

impl SlowSeen {
    /// Returns a slow request, with the slug of its tenant.
    pub(crate) fn new(one: SlowRequest, tenant: Option<String>) -> Self {
        Self {
            at: Instant(one.at_us),
            took_ms: u64::try_from(one.took.as_millis()).unwrap_or(u64::MAX),
            method: one.method,
            route: one.route,
            model: one.model,
            conditions: one.conditions,
            tenant,
            status: one.status,
            request_id: one.request,
        }
    }
}
