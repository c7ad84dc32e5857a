//! T6: every operation × every step × {fail before, fail after, repeat, repeat undo, kill -9 before, kill -9 after,
//! cancel}, and 500 random kills: nothing is stuck, orphaned, half-made, doubled or lost.
//!
//! The suites run over each of [`SCENARIOS`] and take the steps from the list of kinds. To add a kind of operation,
//! write a file here with one or more [`Scenario`]s and add them to the list. Nothing else is needed;
//! `every_kind_has_a_scenario_and_every_step_one_name` fails until that is done.
//!
//! A scenario uses the operation on a fresh installation:
//! - `prepare` creates the initial state (see `test_platform` for tenants and rows; [`kit::ROWS`] are the rows that a tenant
//!   should have, [`kit::fill`] writes them);
//! - `run` runs the operation once, by its public verb, and returns its error unchanged. The error of an armed fault
//!   must come through;
//! - `finished` inspects the outcome: true if the operation is complete, false if nothing of it remains. Anything
//!   between panics. It calls [`kit::whole`] first, which holds for every operation; rows are compared with
//!   [`kit::contents`]. It may be called several times and by another process, so it knows what to expect from
//!   `prepare` and not from variables;
//! - `endless` runs the operation again and again under random kills: round `n` may find any state that an earlier
//!   round left, done or undone.

mod attached;
mod backup;
mod ends;
mod fall_back;
mod faults;
mod fleet;
mod kills;
pub(crate) mod kit;
mod late;
mod leases;
mod lives;
mod migrations;
mod moved;
mod moves;
mod orphans;
mod people;
mod placed;
mod proofs;
mod provision;
mod release;
mod restore;
mod shared_import;
mod wrong_clock;

use crate::test_platform::TestPlatform;
use futures_util::future::BoxFuture;
use std::process::Command;
use tenantry::{
    Result,
    kinds::{KINDS, kind},
    operations::{OperationKind, StepInfo},
};

/// Defines the list, and the suites over each scenario.
macro_rules! scenarios {
    ($($file:ident::$name:ident),* $(,)?) => {
        /// All scenarios.
        pub(crate) const SCENARIOS: &[Scenario] = &[$($file::$name),*];

        $(#[allow(non_snake_case, reason = "named as the scenario")]
        mod $name {
            const IT: &super::Scenario = &super::$file::$name;

            #[tokio::test]
            async fn a_step_that_fails_leaves_nothing_and_the_next_try_succeeds() {
                super::faults::fail(IT).await;
            }

            #[tokio::test]
            async fn a_step_that_is_repeated_doubles_nothing() {
                super::faults::repeat(IT).await;
            }

            #[tokio::test]
            async fn an_undo_that_is_repeated_or_fails_still_ends_with_nothing() {
                super::faults::undo(IT).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn cancelled_it_leaves_nothing_or_is_finished() {
                super::faults::cancel(IT).await;
            }

            #[tokio::test]
            async fn stuck_at_any_step_it_can_be_abandoned() {
                super::faults::abandon(IT).await;
            }

            #[tokio::test]
            async fn killed_at_any_point_it_is_finished_or_gone_after_restart() {
                super::kills::at_points(IT).await;
            }

            #[tokio::test]
            async fn killed_again_while_recovering_it_is_finished_or_gone() {
                super::kills::again(IT).await;
            }

            #[tokio::test]
            async fn after_random_kills_nothing_is_stuck_orphaned_or_half_made() {
                super::kills::at_random(IT).await;
            }
        })*
    };
}

scenarios! {
    provision::REGISTER,
    provision::DATABASES,
    release::KEPT_DATABASE,
    moves::SERVER,
    moves::PROMOTE,
    moves::DEMOTE,
    attached::ATTACH,
    attached::DETACH,
    fall_back::LOST,
    lives::CLONE,
    lives::IMPORT,
    lives::PURGE,
    backup::BACKUP,
    backup::RUN,
    backup::VERIFY,
    backup::PRUNE,
    backup::RESCAN,
    restore::BESIDE,
    restore::SWAP,
    restore::UNDO,
    restore::DISCARD,
    restore::AS_NEW,
    migrations::FLEET,
    proofs::ISOLATION,
    shared_import::SHARED,
    placed::PLAN,
}

/// One operation with its initial state and its outcome.
pub(crate) struct Scenario {
    /// Unique name.
    pub(crate) name: &'static str,
    /// Kind of the operation.
    pub(crate) kind: &'static str,
    /// Creates the initial state.
    pub(crate) prepare: for<'a> fn(&'a TestPlatform) -> BoxFuture<'a, ()>,
    /// Runs the operation once.
    pub(crate) run: for<'a> fn(&'a TestPlatform) -> BoxFuture<'a, Result<()>>,
    /// Returns true if the operation is complete, false if nothing of it remains; panics otherwise.
    pub(crate) finished: for<'a> fn(&'a TestPlatform) -> BoxFuture<'a, bool>,
    /// Runs the operation again, whatever the earlier rounds left.
    pub(crate) endless: for<'a> fn(&'a TestPlatform, u64) -> BoxFuture<'a, ()>,
}

impl Scenario {
    fn named(name: &str) -> &'static Self {
        SCENARIOS.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no scenario {name}"))
    }

    fn steps(&self) -> Vec<StepInfo> {
        self.of().steps()
    }

    fn of(&self) -> &'static OperationKind {
        kind(self.kind).unwrap_or_else(|| panic!("no kind {}", self.kind))
    }

    /// Returns the index of the last step whose failure undoes everything.
    fn turn(&self) -> usize {
        self.of().no_return().map_or(self.steps().len(), |past| past) - 1
    }

    /// Returns true if a failure at this step comes after the point of no return was committed: adjacent control steps
    /// share a commit.
    fn is_past(&self, step: usize) -> bool {
        let Some(past) = self.of().no_return() else { return false };
        self.steps().iter().enumerate().any(|(n, s)| s.outside && past <= n && n <= step)
    }

    /// Returns the steps that are undone when the step at `turn` fails at its start.
    fn undone(&self) -> Vec<StepInfo> {
        let steps = self.steps();
        let outside = steps[..self.turn()].iter().rposition(|s| s.outside);
        let until = match steps[self.turn()].outside {
            true => self.turn() + 1,
            false => outside.map_or(0, |last| last + 1),
        };
        steps[..until].iter().copied().filter(|s| s.undo).collect()
    }

    fn fault(&self, step: &StepInfo, point: &str) -> String {
        format!("{}:{}:{point}", self.kind, step.name)
    }

    /// Returns the fault that makes the operation unwind as late as possible.
    fn turning(&self) -> String {
        self.fault(&self.steps()[self.turn()], "before:fail")
    }
}

async fn fresh(scenario: &Scenario) -> (tempfile::TempDir, TestPlatform) {
    Initial::of(scenario).await.open().await
}

/// The files of an installation in the initial state of a scenario. Copying them is much faster than creating them.
struct Initial(tempfile::TempDir);

impl Initial {
    async fn of(scenario: &Scenario) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let w = TestPlatform::open(dir.path()).await.with_plans().await;
        (scenario.prepare)(&w).await;
        w.platform.shutdown().await;
        Self(dir)
    }

    /// Returns a folder with a copy.
    fn copied(&self) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let copied = Command::new("cp").arg("-a").arg(self.0.path().join(".")).arg(dir.path()).status();
        assert!(copied.unwrap().success());
        dir
    }

    /// Opens a copy.
    async fn open(&self) -> (tempfile::TempDir, TestPlatform) {
        let dir = self.copied();
        let w = TestPlatform::open(dir.path()).await;
        (dir, w)
    }
}

/// Asserts that the same operation succeeds after a failure (`stuck-retry`).
async fn succeeds_now(scenario: &Scenario, w: &TestPlatform) {
    (scenario.run)(w).await.unwrap_or_else(|e| panic!("{} after it was undone: {e}", scenario.name));
    assert!((scenario.finished)(w).await, "{}", scenario.name);
}

#[test]
fn every_kind_has_a_scenario_and_every_step_one_name() {
    for kind in KINDS {
        assert!(SCENARIOS.iter().any(|s| s.kind == kind.name), "{} has no scenario", kind.name);
        let steps = kind.steps();
        let mut names: Vec<_> = steps.iter().map(|s| s.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), steps.len(), "a fault or a cursor must mean one step of {}", kind.name);
    }
}

/// Otherwise a failure of a later outside step could not be undone.
#[test]
fn every_control_step_before_an_outside_step_has_an_undo() {
    for kind in KINDS {
        let steps = kind.steps();
        let reach = kind.no_return().unwrap_or(steps.len());
        let Some(last) = steps[..reach].iter().rposition(|s| s.outside) else { continue };
        assert!(steps[..=last].iter().all(|s| s.undo), "{}", kind.name);
    }
}

/// An outside step as point of no return could be half done when it is passed.
#[test]
fn points_of_no_return_are_control_steps() {
    for kind in KINDS {
        let Some(past) = kind.no_return() else { continue };
        assert!(!kind.steps()[past - 1].outside, "{}", kind.name);
    }
}

/// Reports for the summary of `cargo xtask test` what was tried on a scenario.
fn told(scenario: &Scenario, count: u64, what: &str) {
    tenantry_testkit::tried(&format!("T6 {}", scenario.name), count, what);
}
