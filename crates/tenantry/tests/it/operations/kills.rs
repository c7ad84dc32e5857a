//! T6 with killed processes: at every fault point, and 500 times at random.
//!
//! The test binary starts itself with one test, `child`, which does nothing unless its environment says so. The child
//! is killed with `kill -9`: nothing is flushed and no destructor runs.

use super::{
    Initial, SCENARIOS, Scenario,
    kit::{count, in_order, whole},
    succeeds_now, told,
};
use crate::test_platform::TestPlatform;
use std::{
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tenantry_testkit::Random;

/// Number of random kills, for all kinds together.
const RANDOM_KILLS: usize = 500;
/// Number of kills on one installation before a new one is created.
const ON_ONE: usize = 50;

fn start(mode: &str, scenario: &Scenario, dir: &Path, faults: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "operations::kills::child", "--nocapture", "--test-threads=1"]);
    command.env("TENANTRY_TEST_CHILD", mode).env("TENANTRY_TEST_SCENARIO", scenario.name);
    command.env("TENANTRY_TEST_DIR", dir).env("TENANTRY_FAULT", faults);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The work of the child processes that are killed.
#[tokio::test]
async fn child() {
    let Ok(mode) = std::env::var("TENANTRY_TEST_CHILD") else { return };
    let scenario = Scenario::named(&std::env::var("TENANTRY_TEST_SCENARIO").unwrap());
    // Opening recovers interrupted operations.
    let w = TestPlatform::open(Path::new(&std::env::var("TENANTRY_TEST_DIR").unwrap())).await;
    match mode.as_str() {
        "recover" => {}
        "run" => {
            drop((scenario.run)(&w).await);
            // A caller learns the end of an operation before its worker has passed the last point.
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        "endless" => {
            in_order(&w).await;
            println!("ready");
            let rounds = count(&w, "SELECT coalesce(max(id), 0) FROM operations").await;
            for n in u64::try_from(rounds).unwrap() + 1.. {
                (scenario.endless)(&w, n).await;
            }
        }
        mode => panic!("{mode}"),
    }
}

fn expect_killed(child: Child, what: &str) {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(9), "{what}: {text}");
}

/// Returns every point where a kill can strike, on the way forward and on the way back.
fn points(scenario: &Scenario) -> Vec<String> {
    let forward = scenario.steps().into_iter();
    let mut points: Vec<String> =
        forward.flat_map(|s| ["before:kill", "after:kill"].map(|point| scenario.fault(&s, point))).collect();
    points.extend(["before", "after"].map(|point| format!("{}:end:{point}:kill", scenario.kind)));
    points.extend(scenario.undone().iter().flat_map(|s| {
        ["undo-before:kill", "undo-after:kill"]
            .map(|point| format!("{},{}", scenario.turning(), scenario.fault(s, point)))
    }));
    points
}

pub(super) async fn at_points(scenario: &'static Scenario) {
    let (mut tried, mut finished) = (0, 0);
    let initial = Initial::of(scenario).await;
    for fault in points(scenario) {
        let dir = initial.copied();
        expect_killed(start("run", scenario, dir.path(), &fault), &fault);
        let w = TestPlatform::open(dir.path()).await;
        if (scenario.finished)(&w).await {
            finished += 1;
        } else {
            succeeds_now(scenario, &w).await;
        }
        tried += 1;
    }
    let gone = tried - finished;
    told(scenario, tried, &format!("points at which it was killed: {finished} finished, {gone} gone"));
}

/// The copies are already removed at that point, and no step needs them.
#[tokio::test]
async fn killed_once_its_scratch_is_removed_it_is_finished() {
    let scenario = Scenario::named("clone");
    let (dir, fault) = (Initial::of(scenario).await.copied(), "clone:end:inside:kill");
    expect_killed(start("run", scenario, dir.path(), fault), fault);
    let w = TestPlatform::open(dir.path()).await;
    assert!((scenario.finished)(&w).await);
}

/// Kills the recovering process as well.
pub(super) async fn again(scenario: &'static Scenario) {
    let mut tried = 0;
    let initial = Initial::of(scenario).await;
    let steps = scenario.steps();
    let outside = steps.iter().position(|s| s.outside).unwrap();
    for first in ["before:kill", "after:kill"].map(|point| scenario.fault(&steps[outside], point)) {
        let after = steps[outside..].iter();
        let seconds = after.map(|s| scenario.fault(s, "after:kill"));
        for second in seconds.chain([format!("{}:end:after:kill", scenario.kind)]) {
            let dir = initial.copied();
            expect_killed(start("run", scenario, dir.path(), &first), &first);
            expect_killed(start("recover", scenario, dir.path(), &second), &second);
            let w = TestPlatform::open(dir.path()).await;
            assert!((scenario.finished)(&w).await, "going forward it is finished: {first}, {second}");
            tried += 1;
        }
    }
    told(scenario, tried, "double kills");
}

/// Makes the scenario's share of the random kills.
pub(super) async fn at_random(scenario: &'static Scenario) {
    let mut random = Random::fresh();
    let each = RANDOM_KILLS.div_ceil(SCENARIOS.len());
    let mut done = 0;
    for n in (0..each).step_by(ON_ONE) {
        let dir = tempfile::tempdir().unwrap();
        TestPlatform::open(dir.path()).await.with_plans().await.platform.shutdown().await;
        for _ in n..each.min(n + ON_ONE) {
            kill_at_random(scenario, dir.path(), &mut random);
        }
        done += ended(dir.path()).await;
    }
    let least = i64::try_from(each).unwrap() / 5;
    assert!(done > least, "{}: hardly anything was going on: {done}", scenario.name);
    told(scenario, each as u64, &format!("random kills, {done} operations, all whole"));
}

fn kill_at_random(scenario: &Scenario, dir: &Path, random: &mut Random) {
    let mut child = start("endless", scenario, dir, "");
    wait_until_ready(&mut child);
    // Any distribution works that covers most of the duration of a round.
    std::thread::sleep(Duration::from_micros(random.bits() % 200_000));
    child.kill().unwrap();
    expect_killed(child, scenario.name);
}

/// Waits until the child has recovered and checked everything; panics with its message if that failed.
fn wait_until_ready(child: &mut Child) {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    if !lines.any(|line| line.unwrap().ends_with("ready")) {
        let mut text = String::new();
        drop(std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut text));
        panic!("the child did not get ready: {text}");
    }
}

/// Returns the number of operations started here, once all have ended.
async fn ended(dir: &Path) -> i64 {
    let w = TestPlatform::open(dir).await;
    // A round may have been killed after it renamed a disk's files and before it renamed them back.
    super::fall_back::bring_back(&w);
    whole(&w).await;
    count(&w, "SELECT count(*) FROM operations").await
}
