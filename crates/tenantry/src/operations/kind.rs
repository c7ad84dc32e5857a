//! A kind of operation: its name, its steps, and how to continue one that was found in the journal.

use super::{
    Inner, Operation,
    recovery::{abandon, recover, takeover::Taken},
    step::{Step, StepInfo},
};
use crate::Result;
use futures_util::future::BoxFuture;

/// A kind of operation.
#[derive(Debug)]
pub struct OperationKind {
    /// Name in the journal.
    pub name: &'static str,
    /// Returns its steps in order.
    steps: fn() -> Vec<StepInfo>,
    /// Returns the number of steps after which the operation only goes forward.
    no_return: fn() -> Option<usize>,
    past_return: fn(usize) -> bool,
    resume: Resume,
    abandon: Resume,
}

type Resume = for<'a> fn(&'a Inner, Taken, String) -> BoxFuture<'a, Result<()>>;

impl OperationKind {
    /// Describes an operation.
    pub(crate) const fn of<O: Operation>() -> Self {
        Self {
            name: O::KIND,
            steps: || O::steps().iter().map(Step::info).collect(),
            no_return: O::no_return,
            past_return: O::past_return,
            resume: |inner, taken, owner| Box::pin(recover::resume::<O>(inner, taken, owner)),
            abandon: |inner, taken, owner| Box::pin(abandon::end::<O>(inner, taken, owner)),
        }
    }

    /// Returns its steps in order.
    pub fn steps(&self) -> Vec<StepInfo> {
        (self.steps)()
    }

    /// Number of steps after which the operation only goes forward. `None`: it can go back until it ends.
    pub fn no_return(&self) -> Option<usize> {
        (self.no_return)()
    }

    /// Returns true if the operation only goes forward once `done` steps are done: it is past its point of no return,
    /// or all steps are done.
    pub fn past_return(&self, done: usize) -> bool {
        (self.past_return)(done)
    }

    pub(super) async fn resume(&self, inner: &Inner, taken: Taken, owner: String) -> Result<()> {
        (self.resume)(inner, taken, owner).await
    }

    pub(super) async fn abandon(&self, inner: &Inner, taken: Taken, owner: String) -> Result<()> {
        (self.abandon)(inner, taken, owner).await
    }
}
