//! An operation without its type. The driver, the journal and recovery work with it, so the compiler generates their
//! code once instead of once per kind.

use super::{
    Context, Operation, Step,
    step::{Direction, StepInfo, nothing},
};
use crate::{Error, Result, audit::By, control::Write};
use futures_util::future::{BoxFuture, ready};
use std::any::Any;
use tenantry_engine::name::TenantId;

/// An operation of any kind.
pub(super) trait AnyOperation: Any + Send + Sync {
    /// Returns the name of the operation's kind.
    fn kind(&self) -> &'static str;

    /// Describes the step at `index`. Returns `None` after the last step.
    fn step(&self, index: usize) -> Option<StepInfo>;

    /// Returns true if the operation only goes forward once `done` steps are done.
    fn past_return(&self, done: usize) -> bool;

    /// Returns true if an abandoned operation goes back when this step fails.
    fn is_essential(&self, step: &str) -> bool;

    /// Runs the control step at `index`, or its undo, in the journal's transaction.
    fn control<'a>(
        &'a mut self,
        direction: Direction,
        index: usize,
        write: &'a mut Write,
    ) -> BoxFuture<'a, Result<()>>;

    /// Runs the outside step at `index`, or its undo.
    fn outside<'a>(
        &'a mut self,
        direction: Direction,
        index: usize,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<()>>;

    /// Returns a copy of the operation. Steps change the copy, which is dropped if a later step of their transaction
    /// fails.
    fn draft(&self) -> Box<dyn AnyOperation>;

    /// Returns the operation's state as the journal stores it.
    fn data(&self) -> serde_json::Result<String>;

    /// Calls [`Operation::begin_early`].
    fn begin_early(&mut self, world: &Context);

    /// Returns the tenant of [`Operation::tenant`].
    fn tenant(&self) -> Option<TenantId>;

    /// Returns the actor of [`Operation::by`].
    fn by(&self) -> &By;

    /// Returns the description of [`Operation::what`].
    fn what(&self) -> String;

    /// Calls [`Operation::left_behind`].
    fn left_behind(&mut self, step: &'static str, why: &str);

    /// Returns the result of [`Operation::outcome`].
    fn outcome(&self) -> serde_json::Value;
}

impl<O: Operation> AnyOperation for O {
    fn kind(&self) -> &'static str {
        O::KIND
    }

    fn step(&self, index: usize) -> Option<StepInfo> {
        O::steps().get(index).map(Step::info)
    }

    fn past_return(&self, done: usize) -> bool {
        O::past_return(done)
    }

    fn is_essential(&self, step: &str) -> bool {
        O::ESSENTIAL.contains(&step)
    }

    fn control<'a>(
        &'a mut self,
        direction: Direction,
        index: usize,
        write: &'a mut Write,
    ) -> BoxFuture<'a, Result<()>> {
        match (O::steps().get(index), direction) {
            (Some(Step::Control { run, .. }), Direction::Run) => run(write, self),
            (Some(Step::Control { undo, .. }), Direction::Undo) => undo.unwrap_or(nothing)(write, self),
            _ => other(O::KIND, index),
        }
    }

    fn outside<'a>(
        &'a mut self,
        direction: Direction,
        index: usize,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<()>> {
        match (O::steps().get(index), direction) {
            (Some(Step::Outside { run, .. }), Direction::Run) => run(context, self),
            (Some(Step::Outside { undo, .. }), Direction::Undo) => undo(context, self),
            _ => other(O::KIND, index),
        }
    }

    fn draft(&self) -> Box<dyn AnyOperation> {
        Box::new(self.clone())
    }

    fn data(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    fn begin_early(&mut self, world: &Context) {
        Operation::begin_early(self, world);
    }

    fn tenant(&self) -> Option<TenantId> {
        Operation::tenant(self)
    }

    fn by(&self) -> &By {
        Operation::by(self)
    }

    fn what(&self) -> String {
        Operation::what(self)
    }

    fn left_behind(&mut self, step: &'static str, why: &str) {
        Operation::left_behind(self, step, why);
    }

    fn outcome(&self) -> serde_json::Value {
        Operation::outcome(self)
    }
}

fn other(kind: &str, index: usize) -> BoxFuture<'static, Result<()>> {
    Box::pin(ready(Err(Error::Internal(format!("{kind}: step {index} is of the other sort")))))
}
