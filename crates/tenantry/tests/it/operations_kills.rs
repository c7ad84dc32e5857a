//! T6 with processes that are killed: at every fault point, and 500 times at random.
//!
//! The test binary starts itself with one test, `child`, which does nothing unless told by its
//! environment. `kill -9` is what happens: nothing is flushed, no destructor runs.

use crate::{
    operations_cases::{CASES, Case, count, nth, succeeds_now, whole},
    world::{World, by, registration},
};
use std::{
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tenantry::operations::{Operation, Step, provision::Provision};

const KIND: &str = Provision::KIND;
const RANDOM_KILLS: u64 = 500;

fn start(mode: &str, dir: &Path, faults: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "operations_kills::child", "--nocapture", "--test-threads=1"]);
    command.env("TENANTRY_TEST_CHILD", mode).env("TENANTRY_TEST_DIR", dir).env("TENANTRY_FAULT", faults);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What the processes do that are killed.
#[tokio::test]
async fn child() {
    let Ok(mode) = std::env::var("TENANTRY_TEST_CHILD") else { return };
    let dir = std::env::var("TENANTRY_TEST_DIR").unwrap();
    let w = World::open(Path::new(&dir)).await;
    match mode.as_str() {
        "recover" => drop(w.operations.recover().await.unwrap()),
        "endless" => {
            w.operations.recover().await.unwrap();
            whole(&w).await;
            println!("ready");
            let mut next =
                u64::try_from(count(&w, "SELECT coalesce(max(id), 0) FROM operations").await).unwrap();
            loop {
                next += 1;
                w.operations.create_tenant(&by(), registration(nth(next).as_str())).await.unwrap();
            }
        }
        case => drop(Case::parse(case).run(&w).await),
    }
}

fn expect_killed(child: Child, what: &str) {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(9), "{what}: {text}");
}

/// Every point where a kill can strike on the way forward, and on the way back.
fn points() -> Vec<String> {
    let steps = Provision::steps();
    let last = steps.last().unwrap().name();
    let mut points: Vec<String> = steps
        .iter()
        .flat_map(|s| ["before", "after"].map(|point| format!("{KIND}:{}:{point}:kill", s.name())))
        .collect();
    points.push(format!("{KIND}:end:after:kill"));
    let back =
        steps.iter().filter(|s| matches!(s, Step::Outside { .. } | Step::Control { undo: Some(_), .. }));
    points.extend(back.flat_map(|s| {
        ["undo-before", "undo-after"]
            .map(|point| format!("{KIND}:{last}:before:fail,{KIND}:{}:{point}:kill", s.name()))
    }));
    points
}

async fn prepared(case: Case) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let w = World::open(dir.path()).await.with_plans().await;
    case.prepare(&w).await;
    w.platform.shutdown().await;
    dir
}

#[tokio::test]
async fn killed_at_any_point_it_is_finished_or_gone_after_restart() {
    let (mut tried, mut finished) = (0, 0);
    for case in CASES {
        for fault in points() {
            let dir = prepared(case).await;
            expect_killed(start(&format!("{case:?}"), dir.path(), &fault), &fault);
            let w = World::open(dir.path()).await;
            w.operations.recover().await.unwrap();
            if case.finished(&w).await {
                finished += 1;
            } else {
                succeeds_now(case, &w).await;
            }
            tried += 1;
        }
    }
    println!("T6: killed at {tried} points, {finished} finished, {} gone", tried - finished);
}

/// The process that recovers is killed as well.
#[tokio::test]
async fn killed_again_while_recovering_it_is_finished_or_gone() {
    let mut tried = 0;
    for first in ["databases:before", "databases:after"] {
        for second in
            ["databases:before", "databases:after", "subscribe:before", "activate:after", "end:after"]
        {
            let dir = prepared(Case::Register).await;
            expect_killed(start("Register", dir.path(), &format!("{KIND}:{first}:kill")), first);
            expect_killed(start("recover", dir.path(), &format!("{KIND}:{second}:kill")), second);
            let w = World::open(dir.path()).await;
            w.operations.recover().await.unwrap();
            assert!(Case::Register.finished(&w).await, "going forward it is finished: {first}, {second}");
            tried += 1;
        }
    }
    println!("T6: {tried} double kills");
}

#[tokio::test]
async fn after_five_hundred_random_kills_nothing_is_stuck_orphaned_or_half_made() {
    let began = Instant::now();
    let seed = began.elapsed().subsec_nanos() ^ std::process::id();
    let mut random = u64::from(seed) | 1;
    let mut made = 0;
    let mut dir = None;
    for n in 0..RANDOM_KILLS {
        if n % 100 == 0 {
            made += tenants(dir.take()).await;
            dir = Some(prepared(Case::Register).await);
        }
        let path = dir.as_ref().unwrap().path();
        let mut child = start("endless", path, "");
        wait_until_ready(&mut child);
        // Xorshift: any spread over 0 to 25 ms will do.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_micros(random % 25_000));
        child.kill().unwrap();
        expect_killed(child, "random");
    }
    made += tenants(dir).await;
    assert!(made > i64::try_from(RANDOM_KILLS).unwrap() / 5, "hardly anything was going on: {made}");
    println!("T6: {RANDOM_KILLS} random kills in {:?}, {made} tenants, all whole", began.elapsed());
}

/// The child has recovered and checked everything; if that failed it says why.
fn wait_until_ready(child: &mut Child) {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    if !lines.any(|line| line.unwrap().ends_with("ready")) {
        let mut text = String::new();
        drop(std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut text));
        panic!("the child did not get ready: {text}");
    }
}

async fn tenants(dir: Option<tempfile::TempDir>) -> i64 {
    let Some(dir) = dir else { return 0 };
    let w = World::open(dir.path()).await;
    w.operations.recover().await.unwrap();
    whole(&w).await;
    count(&w, "SELECT count(*) FROM tenants").await
}
