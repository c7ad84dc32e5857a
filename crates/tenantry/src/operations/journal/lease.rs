//! Identity of the worker of an operation, and the check whether that worker can still be alive.
//!
//! The journal and recovery call it. A lease is taken over when it expires, or at once when its process is provably
//! dead: same boot, same pid namespace, and no process with that pid and start time. Where this cannot be determined,
//! only the expiry counts.

use crate::control::clock::SECOND_US;
use std::{
    fs,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Duration of a lease in microseconds: the longest time for which a worker may fail to renew it.
pub(in crate::operations) const LEASE_US: i64 = 30 * SECOND_US;

static PROCESS: LazyLock<String> = LazyLock::new(identity);
static WORKERS: AtomicU64 = AtomicU64::new(0);

/// Returns a new worker id of this process. It differs from all earlier ids, also across restarts.
pub(crate) fn new_owner() -> String {
    format!("{}#{}", *PROCESS, WORKERS.fetch_add(1, Ordering::Relaxed))
}

/// Returns false only if the worker's process is certainly dead.
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
        // Without Linux, the id is unique, but nothing shows whether the process is alive.
        _ => format!("process-{}", uuid::Uuid::now_v7()),
    }
}

/// Returns an id that is constant from one start of this host to the next. If the host has no such id, each process
/// returns a different one.
pub(crate) fn boot() -> String {
    static BOOT: LazyLock<String> = LazyLock::new(|| {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
        id.map_or_else(|_| uuid::Uuid::now_v7().to_string(), |id| id.trim().to_owned())
    });
    BOOT.clone()
}

/// Returns the boot id and pid namespace, within which a pid is meaningful.
fn place() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{}/{}", boot.trim(), namespace.to_str()?))
}

/// Returns the start time of a process: field 22 of `/proc/PID/stat`, in ticks since boot. The command in parentheses
/// may contain any characters. A zombie (state Z or X) counts as dead.
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
