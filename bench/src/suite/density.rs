//! `density_*`: a node with very many tenants compared with one with ten. Idle tenants must cost nothing.

use super::Options;
use super::library::{Library, slug};
use super::records::log_in;
use crate::home::Home;
use crate::load;
use crate::process::Server;
use crate::report::Entry;
use crate::rounds::median;
use anyhow::{Result, ensure};
use std::path::Path;

/// Number of tenants that have an owner and are read from, on both nodes.
const USED: u32 = 10;

/// A serving node and its figures.
struct Node {
    server: Server,
    start_ms: f64,
    headers: Vec<String>,
}

/// Runs the benchmarks if requested.
pub(crate) fn run(options: &Options, scratch: &Path) -> Result<Vec<Entry>> {
    if !options.wants("density") || options.against_itself {
        return Ok(Vec::new());
    }
    let many = options.count(100_000, 50);
    eprintln!("density: {many} tenants …");
    let few = Node::start(options, &scratch.join("few"), USED)?;
    let full = Node::start(options, &scratch.join("many"), many)?;
    let rounds = options.count(20, 2);
    let (mut read_few, mut read_full) = (Vec::new(), Vec::new());
    for _ in 0..=rounds {
        read_few.push(few.read(options.count(2000, 50))?);
        read_full.push(full.read(options.count(2000, 50))?);
    }
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    let cost =
        |name: &str, unit: &str, ours, baseline| Entry::cost(name, unit, ours, baseline, options.quick);
    Ok(vec![
        cost("density_memory", "MiB", mib(full.server.memory()?), mib(few.server.memory()?)),
        cost("density_handles", "handles", full.server.handles()? as f64, few.server.handles()? as f64),
        cost("density_start", "ms", full.start_ms, few.start_ms),
        // The first round opens the databases and does not count.
        cost("density_read", "µs", median(read_full.drain(1..)), median(read_few.drain(1..))),
    ])
}

impl Node {
    fn start(options: &Options, dir: &Path, tenants: u32) -> Result<Self> {
        let home = Home::new(dir, &options.server)?;
        let mut library = Library::open(&home)?;
        library.create_with_owners(USED)?;
        library.create(tenants - USED)?;
        library.close();
        let starts: Vec<f64> =
            (0..3).map(|_| Ok(home.serve()?.started_in.as_secs_f64() * 1e3)).collect::<Result<_>>()?;
        let server = home.serve()?;
        let headers = (1..=USED).map(|n| log_in(&server, n)).collect::<Result<Vec<_>>>()?;
        for (n, header) in headers.iter().enumerate() {
            let body = r#"{"name":"Patient"}"#;
            let (status, told) = load::once(server.addr, &load::post("/api/records/patients", header, body))?;
            ensure!(status == 201, "{}: {status} {told}", slug(n as u32 + 1));
        }
        Ok(Self { server, start_ms: median(starts.into_iter()), headers })
    }

    /// Returns the median latency of warm reads, one after another over the ten tenants, µs.
    fn read(&self, count: usize) -> Result<f64> {
        let requests = self.headers.iter().cycle().take(count);
        let taken =
            load::latencies(self.server.addr, requests.map(|h| load::get("/api/records/patients/1", h)))?;
        Ok(median(taken.iter().map(|d| d.as_secs_f64() * 1e6)))
    }
}
