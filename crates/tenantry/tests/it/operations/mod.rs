//! T6: every operation × every step × {fail before, fail after, repeat, repeat undo, kill -9 before,
//! kill -9 after, cancel}, and 500 random kills: nothing stuck, orphaned, half-made, doubled or lost.
//!
//! The suites run over [`SCENARIOS`], each on its own, and take the steps from the list of kinds. To add a kind of
//! operation: write a file here with one or more [`Scenario`]s and add them to the list. Nothing else
//! is needed; `every_kind_has_a_scenario` fails until that is done.
//!
//! A scenario is what people do with the operation, on a fresh installation:
//! - `prepare` makes what is there before it (see `world` for tenants and rows; [`kit::ROWS`] are the
//!   rows a tenant should have, [`kit::fill`] writes them);
//! - `run` does it once, by the verb people use, and returns its error as it is. The error of an
//!   armed fault must come through;
//! - `finished` looks at the outcome: true when all of it is there, false when nothing of it is.
//!   Anything between panics. It calls [`kit::whole`] first, which holds for every operation; rows
//!   are compared with [`kit::contents`]. It may be called several times and by another process, so
//!   it knows what to expect from `prepare` and not from variables;
//! - `endless` does it again and again under random kills: round `n` may find the world as any round
//!   before it left it, done or undone.

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
mod moved;
mod moves;
mod orphans;
mod people;
mod provision;
mod release;
mod restore;
mod wrong_clock;

use crate::world::World;
use futures_util::future::BoxFuture;
use tenantry::{
    Result,
    operations::{KINDS, OperationKind, StepInfo, kind},
};

/// Makes the list, and the suites over each of them.
macro_rules! scenarios {
    ($($file:ident::$name:ident),* $(,)?) => {
        /// All of them.
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
    fall_back::LOST,
    lives::CLONE,
    lives::IMPORT,
    lives::PURGE,
    backup::BACKUP,
    backup::RUN,
    backup::VERIFY,
    restore::BESIDE,
    restore::SWAP,
    restore::UNDO,
    restore::DISCARD,
    restore::AS_NEW,
}

/// One operation with its before and after.
pub(crate) struct Scenario {
    /// Unlike the others.
    pub(crate) name: &'static str,
    /// Of which kind the operation is.
    pub(crate) kind: &'static str,
    /// What is there before.
    pub(crate) prepare: for<'a> fn(&'a World) -> BoxFuture<'a, ()>,
    /// Does it once.
    pub(crate) run: for<'a> fn(&'a World) -> BoxFuture<'a, Result<()>>,
    /// True: all of it; false: nothing of it; else panics.
    pub(crate) finished: for<'a> fn(&'a World) -> BoxFuture<'a, bool>,
    /// Does it again, whatever the rounds before left.
    pub(crate) endless: for<'a> fn(&'a World, u64) -> BoxFuture<'a, ()>,
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

    /// Index of the last step that a failure can strike so that everything is undone.
    fn turn(&self) -> usize {
        self.of().no_return().map_or(self.steps().len(), |past| past) - 1
    }

    /// Whether a failure at this step comes after the point of no return was committed: control steps
    /// share a commit with those beside them.
    fn is_past(&self, step: usize) -> bool {
        let Some(past) = self.of().no_return() else { return false };
        self.steps().iter().enumerate().any(|(n, s)| s.outside && past <= n && n <= step)
    }

    /// Steps that are undone when the step at `turn` fails before it does anything.
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

    /// What makes it go back when it has done all it can take back.
    fn turning(&self) -> String {
        self.fault(&self.steps()[self.turn()], "before:fail")
    }
}

async fn fresh(scenario: &Scenario) -> (tempfile::TempDir, World) {
    let dir = tempfile::tempdir().unwrap();
    let w = World::open(dir.path()).await.with_plans().await;
    (scenario.prepare)(&w).await;
    (dir, w)
}

/// After a failure the same operation succeeds (`stuck-retry`).
async fn succeeds_now(scenario: &Scenario, w: &World) {
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

/// Else a failure of a later outside step could not be undone.
#[test]
fn every_control_step_before_an_outside_step_has_an_undo() {
    for kind in KINDS {
        let steps = kind.steps();
        let reach = kind.no_return().unwrap_or(steps.len());
        let Some(last) = steps[..reach].iter().rposition(|s| s.outside) else { continue };
        assert!(steps[..=last].iter().all(|s| s.undo), "{}", kind.name);
    }
}

/// A point of no return that is an outside step could be half done when it is passed.
#[test]
fn points_of_no_return_are_control_steps() {
    for kind in KINDS {
        let Some(past) = kind.no_return() else { continue };
        assert!(!kind.steps()[past - 1].outside, "{}", kind.name);
    }
}

/// For the summary of `cargo xtask test`: what was tried on a scenario, and all of it held.
fn told(scenario: &Scenario, count: u64, what: &str) {
    tenantry_testkit::tried(&format!("T6 {}", scenario.name), count, what);
}
