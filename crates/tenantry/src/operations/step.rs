//! Parts of an operation: steps with action and undo.

use super::Context;
use crate::{Result, audit::By, control::Write};
use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use tenantry_engine::name::TenantId;

/// Changes the control store inside the journal's own transaction.
pub(crate) type ControlFn<S> = for<'a> fn(&'a mut Write, &'a mut S) -> BoxFuture<'a, Result<()>>;
/// Changes the world outside the control store. Idempotent.
pub(crate) type OutsideFn<S> = for<'a> fn(&'a Context, &'a mut S) -> BoxFuture<'a, Result<()>>;

/// Direction in which a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The action.
    Run,
    /// Its undo.
    Undo,
}

/// A step, as shown to operators and test suites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepInfo {
    /// Its name.
    pub name: &'static str,
    /// The step acts outside the control store, so it may run more than once.
    pub outside: bool,
    /// The step can be undone.
    pub undo: bool,
}

/// One step over the operation's state `S`.
pub(crate) enum Step<S> {
    /// Runs exactly once: its effect and the journal's advance are one commit.
    Control {
        /// Unique within the operation.
        name: &'static str,
        /// The action.
        run: ControlFn<S>,
        /// Its undo, also in the journal's transaction. `None` only if no outside step follows: then a failure rolls
        /// the action back with its transaction.
        undo: Option<ControlFn<S>>,
    },
    /// Runs at least once: a crash at any point repeats it.
    Outside {
        /// Unique within the operation.
        name: &'static str,
        /// The action.
        run: OutsideFn<S>,
        /// Undoes the action, whether it happened completely, partly or not at all.
        undo: OutsideFn<S>,
    },
}

impl<S> Step<S> {
    /// Returns its name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Control { name, .. } | Self::Outside { name, .. } => name,
        }
    }

    pub(super) fn info(&self) -> StepInfo {
        let undo = matches!(self, Self::Outside { .. } | Self::Control { undo: Some(_), .. });
        StepInfo { name: self.name(), outside: self.is_outside(), undo }
    }

    /// Returns true if the step acts outside the control store.
    pub(crate) fn is_outside(&self) -> bool {
        matches!(self, Self::Outside { .. })
    }
}

/// A control step that changes nothing. Also the undo of a step that changed nothing or that is never undone.
pub(crate) fn nothing<'a, S: Send>(_: &'a mut Write, _: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async { Ok(()) })
}

/// Undo of an outside step that left nothing outside scratch, which is removed with the operation, or that is never
/// undone.
pub(crate) fn leave<'a, S: Send>(_: &'a Context, _: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async { Ok(()) })
}

/// A kind of operation. The value is its state, which the journal stores as JSON until it ends.
pub(crate) trait Operation: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Name in the journal. Never changes once released.
    const KIND: &'static str;

    /// The control step after which the operation only goes forward: later failures are retried until they succeed, and
    /// it cannot be cancelled. `None`: it can go back until it ends.
    const POINT_OF_NO_RETURN: Option<&'static str> = None;

    /// Outside steps after the point of no return without which the control steps that follow would record a falsehood.
    /// An abandoned operation goes back if one of them fails, and continues past all others.
    const ESSENTIAL: &'static [&'static str] = &[];

    /// Returns the steps in order. Their number and order never change once released.
    fn steps() -> &'static [Step<Self>];

    /// Number of steps after which the operation only goes forward. `None`: it can go back until it ends.
    fn no_return() -> Option<usize> {
        let name = Self::POINT_OF_NO_RETURN?;
        Self::steps().iter().position(|step| step.name() == name).map(|index| index + 1)
    }

    /// Returns true if the operation only goes forward once `done` steps are done: it is past its point of no return,
    /// or all steps are done.
    fn past_return(done: usize) -> bool {
        done >= Self::no_return().unwrap_or(Self::steps().len())
    }

    /// Begins what a later step will need, while the commit that records the operation is being written to disk. The
    /// result must not be visible before that step, and must disappear when it is dropped. It cannot fail: the step
    /// does whatever was not begun.
    fn begin_early(&mut self, _world: &Context) {}

    /// Tenant it works on, once known. A tenant has at most one open operation (`two-workers`).
    fn tenant(&self) -> Option<TenantId>;

    /// Actor that started it.
    fn by(&self) -> &By;

    /// Short description for operators: `create tenant city-hospital`.
    fn what(&self) -> String;

    /// Notes what an abandoned operation leaves behind, if that belongs in its outcome.
    fn left_behind(&mut self, _step: &'static str, _why: &str) {}

    /// Result of the operation: small, public, and stored after the end.
    fn outcome(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}
