//! Servers as child processes: started, waited for, inspected from outside, killed on drop.

use anyhow::{Context, Result, bail, ensure};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// Address on which it listens.
    pub(crate) addr: SocketAddr,
    /// Time from its start until it accepted a connection.
    pub(crate) started_in: Duration,
}

/// Returns a port that is currently free.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Waits for a command that must succeed. Returns the duration from now and the peak resident memory in bytes, except
/// for the last few milliseconds. Linux only.
pub(crate) fn peak(mut child: Child) -> Result<(Duration, f64)> {
    let (started, mut most) = (Instant::now(), 0.0f64);
    let ended = loop {
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        // A process that is just ending has no readable memory.
        most = most.max(status(&child, "VmHWM:").unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(2));
    };
    ensure!(ended.success(), "{ended}");
    ensure!(most > 0.0, "it ended before its memory was seen");
    Ok((started.elapsed(), most))
}

/// Returns a field of the process's status in bytes.
fn status(child: &Child, field: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    let line = status.lines().find_map(|l| l.strip_prefix(field)).with_context(|| format!("no {field}"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024.0)
}

impl Server {
    /// Starts the command and waits until the port accepts connections.
    pub(crate) fn start(mut command: Command, port: u16) -> Result<Self> {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let begun = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let mut server = Self { child, addr, started_in: Duration::ZERO };
        while TcpStream::connect(addr).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{} ended at once: {status}", command.get_program().display());
            }
            if begun.elapsed() > Duration::from_secs(120) {
                bail!("{} does not listen after two minutes", command.get_program().display());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        server.started_in = begun.elapsed();
        Ok(server)
    }

    /// Returns resident memory, bytes. Linux only.
    pub(crate) fn memory(&self) -> Result<f64> {
        status(&self.child, "VmRSS:")
    }

    /// Returns the processor time used so far, user and system, seconds. Linux only.
    pub(crate) fn processor(&self) -> Result<f64> {
        const TICKS_A_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The program's name, in brackets, may contain spaces; the times are the 12th and 13th field after it.
        let fields = stat.rsplit_once(')').context("no name in stat")?.1.split_ascii_whitespace();
        let ticks = fields.skip(11).take(2).map(str::parse::<f64>);
        Ok(ticks.sum::<Result<f64, _>>()? / TICKS_A_SECOND)
    }

    /// Returns the number of open file descriptors. Linux only.
    pub(crate) fn handles(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If the server cannot be killed, nothing else can be done.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
