//! T9: a file cannot grow, or one disk call fails, at any point of any work. The error is clean, every acknowledged
//! write is stored, no work is left half done, and other databases are not affected.
//!
//! A child process does the work under a limit that its parent sets: the largest file (`ulimit -f`, which cuts a write
//! off in the middle), or a failing system call (`strace -e inject`). `faults_disk.rs` tests a full disk. Not tested:
//! disks that report a sync that did not happen, and lack of memory. If `strace` or mounting is not possible, set
//! `TENANTRY_WITHOUT=strace,mount`; otherwise these tests fail.

use crate::{core_support::TestEngine, faults_kit::*, transfer_kit::*};
use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};
use tenantry_engine::{
    Error, Kind, Result,
    place::{Isolation, Place},
};

const POOLED: &str = "TENANTRY_FAULTS_POOLED";
const PAIRS: usize = 12;
const MARK: i64 = 77;

fn isolation() -> Isolation {
    if std::env::var_os(POOLED).is_some() { Isolation::Pooled } else { Isolation::Database }
}

/// Runs the work of a child. Each step prints its outcome to standard output.
async fn work(dir: &Path, isolation: Isolation) {
    let clinic = open_quietly(dir);
    let Some(clinic) = clinic else { return };
    let (mine, other) = places(isolation);
    for number in 0..PAIRS {
        say(&format!("pair {number}"), &pair(&clinic, &mine, number).await);
    }
    let (engine, copy) = (&clinic.test.engine, dir.join("copy"));
    say("record", &engine.record_changes(&mine, MARK).await);
    say("copy", &engine.copy_out(&mine, &clinic.script, &copy).await.map(drop));
    for to in [Isolation::Database, Isolation::Pooled] {
        let made = newcomer(to);
        say(&format!("adopt {to:?}"), &engine.adopt(&made, &clinic.script, &copy, of(TENANT)).await);
    }
    say("fill", &clinic.carry(&mine, &moved()).await.map(drop));
    say("pair 50", &pair(&clinic, &mine, 50).await);
    let caught_up = engine.copy_changes(&mine, &moved(), &clinic.script, MARK, 0, 100).await;
    // If the previous steps failed, there is nothing to catch up with.
    if caught_up.as_ref().is_err_and(|e| !matches!(e.kind(), Kind::Missing | Kind::Fenced))
        || caught_up.is_ok()
    {
        say("catch up", &caught_up.map(drop));
    }
    say("neighbour", &pair(&clinic, &other, 60).await);
    say("read", &engine.digest(&other, &clinic.schema).await.map(drop));
    engine.shutdown().await;
}

/// Opens the engine. Returns `None` if the limit prevents even the directories of a server from being created.
fn open_quietly(dir: &Path) -> Option<Clinic> {
    let server = tenantry_engine::ServerSpec::sqlite(place(Isolation::Pooled, 1, 1).server, dir);
    let engine = tenantry_engine::Engine::open(vec![server], Default::default()).ok()?;
    let kept = tempfile::tempdir_in(dir).ok()?;
    Some(Clinic::again(TestEngine { dir: kept, engine }))
}

fn newcomer(isolation: Isolation) -> Place {
    match isolation {
        Isolation::Schema | Isolation::Database => place(Isolation::Database, 50, 1),
        Isolation::Pooled => pooled(51, 1),
    }
}

/// Returns the place that the tenant moves to.
fn moved() -> Place {
    place(Isolation::Database, TENANT, 3)
}

fn say(step: &str, outcome: &Result<()>) {
    let line = match outcome {
        Ok(()) => format!("done {step}\n"),
        Err(error) => format!("{:?} {step}: {error}\n", Clean::of(error)),
    };
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// Classes of errors that a full or failing disk may cause.
#[derive(Debug, PartialEq)]
enum Clean {
    Refused,
    /// An object that the step needs does not exist, because a previous step was refused.
    Absent,
    /// A read failure was reported as damage, as SQLite does after some failed reads.
    Unreadable,
    Unclean,
}

impl Clean {
    fn of(error: &Error) -> Self {
        match error.kind() {
            Kind::Io | Kind::DiskFull | Kind::Limit("bytes") | Kind::Busy => Self::Refused,
            Kind::Missing => Self::Absent,
            Kind::Corrupt => Self::Unreadable,
            _ => Self::Unclean,
        }
    }
}

/// Runs the child with the command `wrap` before it. Returns the steps that succeeded, and the number of the others.
fn run(dir: &Path, isolation: Isolation, wrap: &[&str]) -> (Vec<String>, usize) {
    let exe = std::env::current_exe().unwrap();
    let mut command = Command::new(wrap[0]);
    command.args(&wrap[1..]).arg(exe).args(["--exact", "faults_io::files_that_cannot_grow", "--nocapture"]);
    command.env(DIRECTORY, dir).env_remove(POOLED).stdin(Stdio::null());
    if isolation == Isolation::Pooled {
        command.env(POOLED, "1");
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{wrap:?}: {text}\n{errors}");
    assert!(!text.contains("Unclean"), "{wrap:?}: {text}");
    let refused =
        text.lines().filter(|line| line.starts_with("Refused") || line.starts_with("Absent")).count();
    // The harness prints the test's name before the first line.
    let done = text.lines().filter_map(|line| Some(line[line.find("done ")? + 5..].to_owned()));
    (done.collect(), refused)
}

/// Checks the result without the limit: the work of successful steps is stored, no other work is half done, and all of
/// it can be repeated.
async fn judge(dir: &Path, isolation: Isolation, done: &[String]) {
    let clinic = open(dir);
    let engine = &clinic.test.engine;
    let (mine, other) = places(isolation);
    let there = pairs(&clinic, &mine).await;
    for number in done.iter().filter_map(|step| step.strip_prefix("pair ")?.parse().ok()) {
        assert!(there.contains(&number), "pair {number} was acknowledged");
    }
    let lookers_on = pairs(&clinic, &other).await;
    assert!(lookers_on.is_empty() || lookers_on == [60]);
    let copy = dir.join("copy");
    if !done.iter().any(|step| step == "copy") {
        // No partial copy may be left. A copy that a killed process could not remove must not be mistaken for a
        // complete one.
        drop(std::fs::remove_file(&copy));
        engine.copy_out(&mine, &clinic.script, &copy).await.unwrap();
    }
    for to in [Isolation::Database, Isolation::Pooled] {
        let made = newcomer(to);
        engine.adopt(&made, &clinic.script, &copy, of(TENANT)).await.unwrap();
        assert!(pairs(&clinic, &made).await.iter().all(|number| there.contains(number)));
    }
    clinic.carry(&mine, &moved()).await.unwrap();
    assert!(pairs(&clinic, &moved()).await.iter().all(|number| there.contains(number)));
    pair(&clinic, &mine, 99).await.unwrap();
    let made = [newcomer(Isolation::Database), newcomer(Isolation::Pooled), moved()];
    for place in [&mine, &other].into_iter().chain(&made) {
        engine.digest(place, &clinic.schema).await.unwrap();
        whole(&dir.join(format!("{}.db", place.physical)));
    }
    engine.shutdown().await;
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs one child on fresh databases under each wrap. Returns the number of runs, and the total number of refused
/// steps.
async fn under(wraps: impl IntoIterator<Item = (Isolation, Vec<String>)>) -> (u64, usize) {
    let original = tempfile::tempdir_in("/dev/shm").unwrap();
    furnished(original.path()).await;
    let (mut runs, mut all) = (0, 0);
    for (isolation, wrap) in wraps {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        copy_tree(original.path(), dir.path());
        let wrap: Vec<&str> = wrap.iter().map(String::as_str).collect();
        let path = dir.path().to_owned();
        let (done, refused) = tokio::task::block_in_place(|| run(&path, isolation, &wrap));
        judge(dir.path(), isolation, &done).await;
        runs += 1;
        all += refused;
    }
    (runs, all)
}

/// Writes beyond a certain length of a file fail, and the write that crosses it fails in its middle: in the `-wal`, in
/// the main file when it is written back, in copies.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_grow() {
    if let Some(dir) = child() {
        return work(&dir, isolation()).await;
    }
    let runs = tenantry_testkit::dose(24, 400);
    let wrap = |number: u64| {
        let blocks = number * 1600 / runs;
        let script = format!("trap '' XFSZ; ulimit -f {blocks} || exit 9; exec \"$@\"");
        let wrap = ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
        BOTH.map(|isolation| (isolation, wrap.clone()))
    };
    let (runs, refused) = under((1..=runs).flat_map(wrap)).await;
    assert!(refused > 20, "{refused} steps were refused: the limit does not bite");
    tenantry_testkit::tried("T9 files that cannot grow", runs, "limits of length, each over some 20 steps");
}

/// The nth call of a kind fails, either once or from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_the_disk_fails() {
    if without("strace") {
        return;
    }
    let most = tenantry_testkit::dose(6, 60);
    let mut wraps = vec![];
    for call in ["pwrite64", "fdatasync", "fsync", "ftruncate", "pread64", "unlink", "linkat"] {
        for number in 1..=most {
            // Reads and writes are spread over the work, which makes some hundreds of calls. The first reads load the
            // program.
            let when = match call {
                "pwrite64" | "pread64" => number * 37 % 211 + 9,
                _ => number,
            };
            let onwards = if number % 2 == 0 { "+" } else { "" };
            let error = if number % 3 == 0 { "ENOSPC" } else { "EIO" };
            let inject = format!("inject={call}:error={error}:when={when}{onwards}");
            let wrap =
                ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject];
            wraps.push((BOTH[usize::try_from(number % 2).unwrap()], wrap.map(str::to_owned).to_vec()));
        }
    }
    let (runs, refused) = under(wraps).await;
    assert!(refused > 5, "{refused} steps were refused: nothing is injected");
    tenantry_testkit::tried("T9 calls that fail", runs, "failing calls, each over some 20 steps");
}
