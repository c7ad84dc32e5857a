//! `move_pause`: how long writes wait while a tenant is moved between two servers under load, for a small and a large
//! tenant: the pause must not grow with the size.
//!
//! The baseline is the bound that the platform promises, 100 ms, and not another program.

use super::library::{Library, PASSWORD, slug};
use super::{Options, records};
use crate::home::Home;
use crate::load;
use crate::process::Server;
use crate::report::Entry;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// The promised bound, milliseconds.
const BOUND_MS: f64 = 100.0;
const WRITES_A_SECOND: u32 = 1_000;
const CONNECTIONS: u32 = 8;
const STAFF: &str = "staff@bench.example";
/// Records of one request while the tenant is filled; `RECORD` is the size of each, bytes.
const BATCH: usize = 500;
const RECORD: usize = 1_500;
const MIB: usize = 1 << 20;

/// A server with one tenant, its owner and a staff member.
struct Side {
    server: Server,
    owner: String,
    staff: String,
}

/// Runs both sizes.
pub(crate) fn run(options: &Options, scratch: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let sizes = [("move_pause", options.count(100, 2)), ("move_pause_10_mb", options.count(10, 1))];
    for (name, megabytes) in sizes.into_iter().filter(|(name, _)| options.wants(name)) {
        let moves = options.count(20, 4);
        let side = Side::new(&scratch.join(name), options, megabytes * MIB)?;
        let (pauses, writes) = side.moves(moves)?;
        let p99 = |times: Vec<f64>| percentile(times, 0.99);
        entries.push(Entry::cost(name, "ms", p99(pauses), BOUND_MS, options.quick));
        entries.push(Entry::cost(&format!("{name}_write_p99"), "ms", p99(writes), BOUND_MS, options.quick));
    }
    Ok(entries)
}

impl Side {
    fn new(dir: &Path, options: &Options, bytes: usize) -> Result<Self> {
        let home = Home::new(dir, &options.server)?;
        home.add_server("disk")?;
        let mut library = Library::open(&home)?;
        library.create_with_owners(1)?;
        library.close();
        home.run(&["user", "create-superuser", "--email", STAFF, "--password", PASSWORD])?;
        let server = home.serve()?;
        let (owner, staff) = (records::log_in(&server, 1)?, records::log_in_as(&server, STAFF)?);
        let side = Self { server, owner, staff };
        side.fill(bytes)?;
        Ok(side)
    }

    fn fill(&self, bytes: usize) -> Result<()> {
        let address = "x".repeat(RECORD - 100);
        let one = serde_json::json!({ "name": "Patient", "address": address, "gender": "female" });
        let batch = serde_json::to_string(&vec![one; BATCH])?;
        let request = load::post("/api/records/patients/batch", &self.owner, &batch);
        load::latencies(self.server.addr, (0..bytes / RECORD / BATCH).map(|_| request.clone())).map(drop)
    }

    /// Moves the tenant back and forth while it is written to; returns the pauses and the duration of each write.
    fn moves(&self, moves: usize) -> Result<(Vec<f64>, Vec<f64>)> {
        let stop = Arc::new(AtomicBool::new(false));
        let (addr, stopped, headers) = (self.server.addr, stop.clone(), self.owner.clone());
        let writers = std::thread::spawn(move || {
            let body = r#"{"name":"Patient","phone":"+998 90 1234567","gender":"female"}"#;
            let request = load::post("/api/records/patients", &headers, body);
            load::paced(addr, CONNECTIONS, WRITES_A_SECOND, &request, &stopped)
        });
        let pauses = (0..moves).map(|n| self.move_to(["disk", "main"][n % 2])).collect::<Result<Vec<_>>>();
        stop.store(true, Relaxed);
        let writes = writers.join().map_err(|_| anyhow::anyhow!("the writers panicked"))??;
        Ok((pauses?, writes.into_iter().map(milliseconds).collect()))
    }

    fn move_to(&self, server: &str) -> Result<f64> {
        let path = format!("/api/admin/tenants/{}/move?wait=300", slug(1));
        let form = serde_json::json!({ "server": server }).to_string();
        let (status, answer) = load::once(self.server.addr, &load::post(&path, &self.staff, &form))?;
        let over: serde_json::Value = serde_json::from_str(&answer)?;
        ensure!(status == 200 && over["result"]["verified"] == true, "move: {status} {answer}");
        let path = format!("/api/admin/tenants/{}/release", slug(1));
        let (status, answer) = load::once(self.server.addr, &load::post(&path, &self.staff, "{}"))?;
        ensure!(status == 200, "release: {status} {answer}");
        Ok(over["result"]["pause_us"].as_f64().context("no pause")? / 1_000.0)
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Returns the smallest value that is not exceeded by this fraction of all values.
fn percentile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() as f64 * part).ceil() as usize;
    values.get(index.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
