//! The parts of an operation: steps with an action and its undo.

use super::Context;
use crate::{Result, audit::By, control::Write};
use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use tenantry_engine::name::TenantId;

/// Function that changes the control store inside the journal's own transaction.
pub(crate) type ControlFn<S> = for<'a> fn(&'a mut Write, &'a mut S) -> BoxFuture<'a, Result<()>>;
/// Function that changes something outside the control store. It must be idempotent.
pub(crate) type OutsideFn<S> = for<'a> fn(&'a Context, &'a mut S) -> BoxFuture<'a, Result<()>>;

/// Direction in which a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Runs the step's action.
    Run,
    /// Runs the step's undo.
    Undo,
}

/// A step, as operators and test suites see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepInfo {
    /// Name of the step.
    pub name: &'static str,
    /// True if the step acts outside the control store, so that it may run more than once.
    pub outside: bool,
    /// True if the step can be undone.
    pub undo: bool,
}

/// One step of an operation with state `S`.
pub(crate) enum Step<S> {
    /// A step that runs exactly once: its effect and the journal's advance are one commit.
    Control {
        /// Name of the step, unique within the operation.
        name: &'static str,
        /// Action of the step.
        run: ControlFn<S>,
        /// Undo of the action, which also runs in the journal's transaction. `None` only if no outside step follows: a
        /// failure then rolls the action back with its transaction.
        undo: Option<ControlFn<S>>,
    },
    /// A step that runs at least once: a crash at any point repeats it.
    Outside {
        /// Name of the step, unique within the operation.
        name: &'static str,
        /// Action of the step.
        run: OutsideFn<S>,
        /// Undo of the action, whether the action happened completely, partly or not at all.
        undo: OutsideFn<S>,
    },
}

impl<S> Step<S> {
    /// Returns the name of the step.
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

/// Changes nothing. Serves as a control step without an effect, and as the undo of a step that changed nothing or is
/// never undone.
pub(crate) fn nothing<'a, S: Send>(_: &'a mut Write, _: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async { Ok(()) })
}

/// Undoes nothing. Serves as the undo of an outside step that is never undone or that wrote only to scratch, which is
/// removed with the operation.
pub(crate) fn leave<'a, S: Send>(_: &'a Context, _: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async { Ok(()) })
}

/// A kind of operation. The value is the operation's state, which the journal stores as JSON until the operation ends.
pub(crate) trait Operation: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Name of the kind in the journal. It never changes once released.
    const KIND: &'static str;

    /// Name of the control step after which the operation only goes forward: later failures are retried until they
    /// succeed, and the operation cannot be cancelled. `None` if it can go back until it ends.
    const POINT_OF_NO_RETURN: Option<&'static str> = None;

    /// Outside steps after the point of no return that the following control steps rely on: without them, those would
    /// record a falsehood. An abandoned operation goes back if one of these steps fails, and continues past all others.
    const ESSENTIAL: &'static [&'static str] = &[];

    /// Returns the steps in order. Their number and order never change once released.
    fn steps() -> &'static [Step<Self>];

    /// Returns the number of steps after which the operation only goes forward, or `None` if it can go back until it
    /// ends.
    fn no_return() -> Option<usize> {
        let name = Self::POINT_OF_NO_RETURN?;
        Self::steps().iter().position(|step| step.name() == name).map(|index| index + 1)
    }

    /// Returns true if the operation only goes forward once `done` steps are done: it is past its point of no return,
    /// or all steps are done.
    fn past_return(done: usize) -> bool {
        done >= Self::no_return().unwrap_or(Self::steps().len())
    }

    /// Begins work for a later step while the commit that records the operation is being written to disk. The result
    /// must not be visible before that step, and must disappear when it is dropped. This cannot fail: the step itself
    /// does whatever was not begun.
    fn begin_early(&mut self, _world: &Context) {}

    /// Returns the tenant on which the operation works, once known. A tenant has at most one open operation
    /// (`two-workers`).
    fn tenant(&self) -> Option<TenantId>;

    /// Returns the actor that started the operation.
    fn by(&self) -> &By;

    /// Returns a short description for operators: `create tenant city-hospital`.
    fn what(&self) -> String;

    /// Notes what an abandoned operation leaves behind, for kinds that report it in their outcome.
    fn left_behind(&mut self, _step: &'static str, _why: &str) {}

    /// Returns the result of the operation, which is stored after its end. It is small and contains no private detail.
    fn outcome(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}
