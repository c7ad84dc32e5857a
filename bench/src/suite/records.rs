//! `read_one`, `list_20`, `insert`: the real binary over HTTP compared with the hand-written server.

use super::library::{Library, PASSWORD, owner};
use super::{Options, spread};
use crate::home::Home;
use crate::load::{self, Load, MakeRequest};
use crate::process::{Server, free_port};
use crate::report::Entry;
use crate::rounds::alternate;
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Number of rows on both sides before reading starts.
const ROWS: u64 = 1000;

/// A server with patients, and the data for requests to it.
pub(super) struct Side {
    server: Server,
    /// Path of the collection.
    path: String,
    /// Header lines of every request.
    headers: String,
}

impl Side {
    /// Starts the hand-written server on a new database.
    fn baseline(dir: &Path, name: &str) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("baseline").arg("--database").arg(dir.join(name)).arg("--port").arg(port.to_string());
        let side =
            Self { server: Server::start(command, port)?, path: "/patients".into(), headers: String::new() };
        side.fill()?;
        Ok(side)
    }

    /// Starts the real binary with one tenant more than needed, and signs its owner in.
    pub(super) fn ours(dir: &Path, program: &Path) -> Result<Self> {
        let home = Home::new(dir, program)?;
        let mut library = Library::open(&home)?;
        library.create_with_owners(2)?;
        library.close();
        let server = home.serve()?;
        let headers = log_in(&server, 1)?;
        let side = Self { server, path: "/api/records/patients".into(), headers };
        side.fill()?;
        Ok(side)
    }

    fn fill(&self) -> Result<()> {
        load::latencies(self.server.addr, (0..ROWS).map(|n| self.insert(n)))?;
        let (status, body) = load::once(self.server.addr, &self.read_one(1))?;
        ensure!(status == 200 && body.contains("Patient"), "no patient after filling: {status} {body}");
        Ok(())
    }

    fn read_one(&self, n: u64) -> Vec<u8> {
        load::get(&format!("{}/{}", self.path, spread(n) % ROWS + 1), &self.headers)
    }

    /// Returns the request of the first `limit` records.
    pub(super) fn list(&self, limit: u32) -> Vec<u8> {
        load::get(&format!("{}?limit={limit}", self.path), &self.headers)
    }

    /// Returns the request of the page of the first `limit` records.
    pub(super) fn page(&self, limit: u32) -> Vec<u8> {
        let token = self.headers.trim_start_matches("authorization: Bearer ");
        load::get(&format!("/patients/?limit={limit}"), &format!("cookie: tenantry_session={token}"))
    }

    /// Returns the address of the server.
    pub(super) fn addr(&self) -> SocketAddr {
        self.server.addr
    }

    fn insert(&self, n: u64) -> Vec<u8> {
        let body = format!(
            r#"{{"name":"Patient {n}","email":"patient{n}@example.com","phone":"+998 90 {n:07}","date_of_birth":"19{:02}-0{}-1{}","gender":"female","address":"{n} Garden Street"}}"#,
            n % 90 + 10,
            n % 9 + 1,
            n % 10
        );
        load::post(&self.path, &self.headers, &body)
    }

    /// Returns a load of these requests. They are generated in advance: the harness shares the machine with the
    /// servers, and its cost would hide the difference between them.
    fn load(&self, options: &Options, act: Act) -> Load {
        let lasting = Duration::from_millis(options.count(2000, 100));
        let requests: Vec<Vec<u8>> = (0..4096).map(|n| act(self, n)).collect();
        let request: MakeRequest =
            Arc::new(move |n, out| out.extend_from_slice(&requests[n as usize % requests.len()]));
        Load { addr: self.server.addr, connections: 32, lasting, request }
    }
}

/// Signs in as the owner of tenant `n` and returns the session's header line.
pub(crate) fn log_in(server: &Server, n: u32) -> Result<String> {
    log_in_as(server, &owner(n))
}

/// Signs in as the user with this address and returns the session's header line.
pub(crate) fn log_in_as(server: &Server, email: &str) -> Result<String> {
    let body = serde_json::json!({ "email": email, "password": PASSWORD });
    let (status, answer) = load::once(server.addr, &load::post("/api/auth/login", "", &body.to_string()))?;
    ensure!(status == 200, "log-in: {status} {answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer)?;
    let token = answer["token"].as_str().context("no token")?;
    Ok(format!("authorization: Bearer {token}\r\n"))
}

/// Function that generates the request of one benchmark.
type Act = fn(&Side, u64) -> Vec<u8>;

/// Processor time of a server under load: more meaningful than rates while other work runs on the machine.
#[derive(Default)]
struct Cost {
    seconds: f64,
    requests: f64,
}

impl Cost {
    fn of(&mut self, server: &Server, act: impl FnOnce() -> Result<f64>) -> Result<f64> {
        let (started, before) = (Instant::now(), server.processor()?);
        let rate = act()?;
        self.seconds += server.processor()? - before;
        self.requests += rate * started.elapsed().as_secs_f64();
        Ok(rate)
    }

    fn us(&self) -> f64 {
        self.seconds / self.requests * 1e6
    }
}

/// Runs the requested benchmarks.
pub(crate) fn run(options: &Options, scratch: &Path) -> Result<Vec<Entry>> {
    let acts: [(&str, Act); 3] =
        [("read_one", Side::read_one), ("list_20", |side, _| side.list(20)), ("insert", Side::insert)];
    let wanted: Vec<_> = acts.into_iter().filter(|(name, _)| options.wants(name)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let ours = match options.against_itself {
        true => Side::baseline(scratch, "ours.db")?,
        false => Side::ours(&scratch.join("records"), &options.server)?,
    };
    let sides = [Side::baseline(scratch, "baseline.db")?, ours];
    let mut entries = Vec::new();
    for (name, act) in wanted {
        eprintln!("{name} …");
        let [theirs, ours] = sides.each_ref().map(|side| side.load(options, act));
        let [mut cost_theirs, mut cost_ours] = [Cost::default(), Cost::default()];
        let compared = alternate(
            options.count(7, 1),
            || cost_theirs.of(&sides[0].server, || theirs.rate()),
            || cost_ours.of(&sides[1].server, || ours.rate()),
        )?;
        eprintln!(
            "  processor time a request: {:.1} µs, baseline {:.1} µs",
            cost_ours.us(),
            cost_theirs.us()
        );
        entries.push(Entry::rate(name, "requests/s", compared, options.quick));
    }
    Ok(entries)
}
