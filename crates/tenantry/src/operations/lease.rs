//! Who works on an operation, and whether that worker can still be alive.
//!
//! Called by the journal and recovery. A lease is taken over when its time is up, or at once when
//! its process is provably dead: same boot, same pid namespace, no process of that pid and start
//! time. Where that cannot be told the time decides.

use crate::clock::SECOND_US;
use std::{
    fs,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// How long a worker may be silent.
pub(super) const LEASE_US: i64 = 30 * SECOND_US;

static PROCESS: LazyLock<String> = LazyLock::new(identity);
static WORKERS: AtomicU64 = AtomicU64::new(0);

/// A new worker of this process; unlike any before, also after a restart.
pub(crate) fn new_owner() -> String {
    format!("{}#{}", *PROCESS, WORKERS.fetch_add(1, Ordering::Relaxed))
}

/// False only when the worker's process is certainly gone.
pub(crate) fn may_be_alive(owner: &str) -> bool {
    let Some((process, _)) = owner.split_once('#') else { return true };
    let (Some((place, pid_and_start)), Some(here)) = (process.rsplit_once('/'), place()) else { return true };
    let Some((pid, start)) = pid_and_start.split_once('@') else { return true };
    if place != here {
        return true;
    }
    start_time(pid).is_some_and(|now| now == start)
}

fn identity() -> String {
    let pid = std::process::id().to_string();
    match (place(), start_time(&pid)) {
        (Some(place), Some(start)) => format!("{place}/{pid}@{start}"),
        // Not Linux: unique, and nobody can tell whether it lives.
        _ => format!("process-{}", uuid::Uuid::now_v7()),
    }
}

/// Boot and pid namespace: where a pid means something.
fn place() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{}/{}", boot.trim(), namespace.to_str()?))
}

/// Field 22 of /proc/PID/stat, ticks since boot; the command in parentheses may hold anything. A
/// zombie (state Z or X) no longer works.
fn start_time(pid: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_command) = stat.rsplit_once(") ")?;
    if after_command.starts_with(['Z', 'X']) {
        return None;
    }
    after_command.split(' ').nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_provably_dead_worker_is_called_dead() {
        assert!(may_be_alive(&new_owner()), "this process");
        assert_ne!(new_owner(), new_owner());
        let Some(place) = place() else { return };
        assert!(!may_be_alive(&format!("{place}/{}@1#0", std::process::id())), "pid used again");
        assert!(!may_be_alive(&format!("{place}/999999999@5#0")), "no such process");
        assert!(may_be_alive("other-boot/pid:[1]/1@5#0"), "another machine: only time tells");
        assert!(may_be_alive("nonsense"));
    }
}
