//! What an operation is made of: steps with action and undo side by side.

use super::{World, kinds::StepInfo};
use crate::{Result, audit::By, control::Write};
use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use tenantry_engine::name::TenantId;

/// Changes the control store inside the journal's own transaction.
pub type ControlFn<S> = for<'a> fn(&'a mut Write, &'a mut S) -> BoxFuture<'a, Result<()>>;
/// Changes the world outside the control store. Idempotent.
pub type OutsideFn<S> = for<'a> fn(&'a World, &'a mut S) -> BoxFuture<'a, Result<()>>;

/// One step over the operation's state `S`.
pub enum Step<S> {
    /// Happens exactly once: its effect and the journal's advance are one commit.
    Control {
        /// Unique within the operation.
        name: &'static str,
        /// The action.
        run: ControlFn<S>,
        /// Its undo, also in the journal's transaction. None only where no outside step follows:
        /// then a failure rolls the action back with its transaction.
        undo: Option<ControlFn<S>>,
    },
    /// Happens at least once: may be repeated after a crash at any point of it.
    Outside {
        /// Unique within the operation.
        name: &'static str,
        /// The action.
        run: OutsideFn<S>,
        /// Undoes the action, whether it happened wholly, partly or not at all.
        undo: OutsideFn<S>,
    },
}

impl<S> Step<S> {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Control { name, .. } | Self::Outside { name, .. } => name,
        }
    }

    pub(super) fn info(&self) -> StepInfo {
        let undo = matches!(self, Self::Outside { .. } | Self::Control { undo: Some(_), .. });
        StepInfo { name: self.name(), outside: self.is_outside(), undo }
    }

    /// Whether it leaves the control store.
    pub fn is_outside(&self) -> bool {
        matches!(self, Self::Outside { .. })
    }
}

/// A control step that changes nothing, and the undo of one that changed nothing or that nobody takes back.
pub(super) fn nothing<'a, S: Send>(_: &'a mut Write, _: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async { Ok(()) })
}

/// Undo of an outside step that left nothing, but in scratch, which goes with the operation; or that nobody
/// takes back.
pub(super) fn leave<'a, S: Send>(_: &'a World, _: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async { Ok(()) })
}

/// A kind of operation; the value is its state, which the journal keeps as JSON until it ends.
pub trait Operation: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Name in the journal; never changed once released.
    const KIND: &'static str;

    /// The control step after which the operation goes forward only: what fails later is tried again
    /// until it succeeds, and nobody can cancel. None: it can go back until it ends.
    const POINT_OF_NO_RETURN: Option<&'static str> = None;

    /// Outside steps after the point of no return without which the control steps that follow would say what is not
    /// true: an abandoned operation goes back where one of them fails, and past all others.
    const ESSENTIAL: &'static [&'static str] = &[];

    /// The steps in order; their number and order never change once released.
    fn steps() -> &'static [Step<Self>];

    /// Begins what a later step will need, while the commit that records the operation is on its way to disk.
    /// It must be nothing that anybody can find before that step, and go away by itself when it is dropped. It
    /// cannot fail: the step does what was not begun.
    fn begin_early(&mut self, _world: &World) {}

    /// The tenant it works on, once known: one open operation a tenant (`two-workers`).
    fn tenant(&self) -> Option<TenantId>;

    /// Who started it.
    fn by(&self) -> &By;

    /// What it does, for people and in a few words: `create tenant city-hospital`.
    fn what(&self) -> String;

    /// Notes what an abandoned operation leaves behind, where that belongs into its outcome.
    fn left_behind(&mut self, _step: &'static str, _why: &str) {}

    /// What came of it: small, public, kept after the end.
    fn outcome(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}
