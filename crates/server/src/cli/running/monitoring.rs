//! `tenantry monitoring`: what each running server of the data directory remembers: time to answer by store, the
//! busiest tenants, use of connections, and slow requests.

use super::{Question, ask_all, none_runs};
use crate::cli::{args::Whole, setup::Place, table};
use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The parts of a server's answer that are printed.
#[derive(Debug, Deserialize)]
struct Seen {
    node: String,
    since: String,
    requests: u64,
    server_errors: u64,
    intervals: Vec<Interval>,
    stores: Vec<Took>,
    tenants: Vec<Took>,
    slow_requests: Vec<Slow>,
}

#[derive(Debug, Deserialize)]
struct Interval {
    database_servers: Vec<DatabaseServer>,
}

#[derive(Debug, Deserialize)]
struct DatabaseServer {
    name: String,
    free_bytes: Option<u64>,
    connections_in_use: Option<u64>,
    connections_most: Option<u64>,
    connections_awaited: Option<u64>,
}

/// Requests for records of a store, of one tenant or of all.
#[derive(Debug, Deserialize)]
struct Took {
    #[serde(default)]
    tenant: Option<String>,
    store: String,
    requests: u64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
}

#[derive(Debug, Deserialize)]
struct Slow {
    at: String,
    took_ms: u64,
    method: String,
    route: String,
    tenant: Option<String>,
    status: u16,
    request_id: String,
}

/// Asks all servers. The exit status is 1 if one does not answer.
pub(in crate::cli) async fn run(place: &Place, whole: &Whole) -> Result<ExitCode> {
    let told = ask_all::<Value>(place, Question::Monitoring).await?;
    if told.is_empty() && !whole.json {
        return Ok(none_runs());
    }
    let (mut items, mut is_whole) = (vec![], true);
    for one in told {
        match one.answer {
            Ok(answer) if whole.json => items.push(answer),
            Ok(answer) => print(&serde_json::from_value(answer)?),
            Err(error) => {
                tell!("server {}: no answer: {error}", one.server);
                is_whole = false;
            }
        }
    }
    if whole.json {
        table::json(&json!({ "items": items }))?;
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(seen: &Seen) {
    let Seen { node, since, requests, server_errors, .. } = seen;
    say!("{node}: {requests} requests, {server_errors} failed, since {}", second(since));
    if let Some(last) = seen.intervals.last() {
        say!("");
        let header = ["server", "free", "connections", "most", "waiting"];
        table::print(&header, last.database_servers.iter().map(server_row));
    }
    let took = |of: &Took| {
        let ms = [of.p50_ms, of.p95_ms, of.p99_ms].map(|ms| format!("{ms:.1} ms"));
        [vec![of.store.clone(), of.requests.to_string()], ms.to_vec()].concat()
    };
    if !seen.stores.is_empty() {
        say!("");
        table::print(&["store", "requests", "median", "95 %", "99 %"], seen.stores.iter().map(took));
    }
    if !seen.tenants.is_empty() {
        say!("");
        let row = |of: &Took| [vec![shown(of.tenant.as_ref())], took(of)].concat();
        let header = ["tenant", "store", "requests", "median", "95 %", "99 %"];
        table::print(&header, seen.tenants.iter().map(row));
    }
    if !seen.slow_requests.is_empty() {
        say!("");
        let header = ["slow request", "took", "status", "tenant", "at", "id"];
        table::print(&header, seen.slow_requests.iter().map(slow_row));
    }
}

fn server_row(of: &DatabaseServer) -> Vec<String> {
    let counts = [of.connections_in_use, of.connections_most, of.connections_awaited];
    let counts = counts.map(|count| shown(count.as_ref()));
    let free = of.free_bytes.map(table::bytes);
    [vec![of.name.clone(), shown(free.as_ref())], counts.to_vec()].concat()
}

fn slow_row(of: &Slow) -> Vec<String> {
    vec![
        format!("{} {}", of.method, of.route),
        format!("{} ms", of.took_ms),
        of.status.to_string(),
        shown(of.tenant.as_ref()),
        second(&of.at),
        of.request_id.clone(),
    ]
}

/// Returns the text of a value, or a dash.
fn shown(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "–".to_owned(), ToString::to_string)
}

/// Returns an instant in RFC 3339 without the fraction of its second.
fn second(instant: &str) -> String {
    instant.split('.').next().unwrap_or(instant).trim_end_matches('Z').replace('T', " ") + " UTC"
}
