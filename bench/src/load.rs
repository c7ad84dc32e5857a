//! The load: N keep-alive connections over loopback, each of which sends its next request after it has read the last
//! answer. Runs on one thread of the harness, in a different process than either server.

mod client;

use anyhow::{Context, Result, bail};
use client::Connection;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Writes request number `n` into the buffer: head and body.
pub(crate) type MakeRequest = Arc<dyn Fn(u64, &mut Vec<u8>) + Send + Sync>;

/// The requests to send, and the rate.
#[derive(Clone)]
pub(crate) struct Load {
    /// Address of the server.
    pub(crate) addr: SocketAddr,
    /// Number of concurrent connections.
    pub(crate) connections: usize,
    /// Duration of the measurement.
    pub(crate) lasting: Duration,
    /// Function that writes the requests.
    pub(crate) request: MakeRequest,
}

/// Returns a GET of `path` with extra header lines, each ending in CRLF.
pub(crate) fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}\r\n").into_bytes()
}

/// Returns a POST of JSON.
pub(crate) fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

impl Load {
    /// Returns answers per second. Any answer other than 2xx ends the run: a fast error is not a result.
    pub(crate) fn rate(&self) -> Result<f64> {
        runtime()?.block_on(async {
            let counter = Arc::new(AtomicU64::new(0));
            let mut tasks = Vec::new();
            for _ in 0..self.connections {
                let connection = Connection::open(self.addr).await?;
                tasks.push((connection, counter.clone(), self.request.clone()));
            }
            let started = Instant::now();
            let until = started + self.lasting;
            let handles: Vec<_> =
                tasks.into_iter().map(|(c, n, r)| tokio::spawn(run(c, n, r, until))).collect();
            let mut answered = 0;
            for handle in handles {
                answered += handle.await??;
            }
            Ok(answered as f64 / started.elapsed().as_secs_f64())
        })
    }
}

/// Sends the requests one after another on one connection; returns the duration of each.
pub(crate) fn latencies(addr: SocketAddr, requests: impl Iterator<Item = Vec<u8>>) -> Result<Vec<Duration>> {
    runtime()?.block_on(async {
        let mut connection = Connection::open(addr).await?;
        let mut taken = Vec::new();
        for request in requests {
            let started = Instant::now();
            let (status, body) = connection.exchange(&request).await?;
            taken.push(started.elapsed());
            expect_success(status, body)?;
        }
        Ok(taken)
    })
}

/// Sends `per_second` requests per second over some connections, whether answers arrive or not, until told to stop.
/// Returns the duration of each from the moment it was due: a late answer delays the next request, and the delay counts.
pub(crate) fn paced(
    addr: SocketAddr,
    connections: u32,
    per_second: u32,
    request: &[u8],
    stop: &Arc<AtomicBool>,
) -> Result<Vec<Duration>> {
    runtime()?.block_on(async {
        let between = Duration::from_secs(1) * connections / per_second;
        let mut handles = Vec::new();
        for n in 0..connections {
            let (connection, request, stop) = (Connection::open(addr).await?, request.to_vec(), stop.clone());
            let first = Instant::now() + between * n / connections;
            handles.push(tokio::spawn(one_paced(connection, request, first, between, stop)));
        }
        let mut all = Vec::new();
        for handle in handles {
            all.extend(handle.await??);
        }
        Ok(all)
    })
}

async fn one_paced(
    mut connection: Connection,
    request: Vec<u8>,
    mut due: Instant,
    between: Duration,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Duration>> {
    let mut taken = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep_until(due.into()).await;
        let (status, body) = connection.exchange(&request).await?;
        taken.push(due.elapsed());
        expect_success(status, body)?;
        due += between;
    }
    Ok(taken)
}

/// Sends one request on a separate connection; returns status and body.
pub(crate) fn once(addr: SocketAddr, request: &[u8]) -> Result<(u16, String)> {
    runtime()?.block_on(async {
        let mut connection = Connection::open(addr).await?;
        let (status, body) = connection.exchange(request).await?;
        Ok((status, String::from_utf8_lossy(body).into_owned()))
    })
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")
}

async fn run(
    mut connection: Connection,
    counter: Arc<AtomicU64>,
    make: MakeRequest,
    until: Instant,
) -> Result<u64> {
    let (mut request, mut answered) = (Vec::with_capacity(512), 0);
    while Instant::now() < until {
        request.clear();
        make(counter.fetch_add(1, Ordering::Relaxed), &mut request);
        let (status, body) = connection.exchange(&request).await?;
        expect_success(status, body)?;
        answered += 1;
    }
    Ok(answered)
}

fn expect_success(status: u16, body: &[u8]) -> Result<()> {
    if !(200..300).contains(&status) {
        bail!("answer {status}: {}", String::from_utf8_lossy(&body[..body.len().min(400)]));
    }
    Ok(())
}
