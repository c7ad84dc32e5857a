//! Processor time of this process and of the PostgreSQL servers on this machine. Other load on the machine changes it
//! less than it changes rates.

use std::{fmt, fs};

/// Nanoseconds used so far by this process, and by all processes named `postgres`.
pub(super) fn read() -> (u64, u64) {
    let own = of_threads("/proc/self/task");
    let server = names("/proc")
        .filter(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c == "postgres\n"));
    (own, server.map(|pid| used(&format!("/proc/{pid}/schedstat"))).sum())
}

fn of_threads(dir: &str) -> u64 {
    names(dir).map(|thread| used(&format!("{dir}/{thread}/schedstat"))).sum()
}

fn names(dir: &str) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

fn used(schedstat: &str) -> u64 {
    let text = fs::read_to_string(schedstat).unwrap_or_default();
    text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

/// Processor time of one side over all its rounds.
#[derive(Debug, Default)]
pub(super) struct Spent {
    own: u64,
    server: u64,
    count: u64,
}

impl Spent {
    pub(super) fn add(&mut self, before: (u64, u64), after: (u64, u64), count: u64) {
        // The time of a connection that was closed meanwhile is lost.
        self.own += after.0.saturating_sub(before.0);
        self.server += after.1.saturating_sub(before.1);
        self.count += count;
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = |ns: u64| ns as f64 / 1000.0 / self.count.max(1) as f64;
        write!(f, "client {:.1}, server {:.1}", each(self.own), each(self.server))
    }
}
