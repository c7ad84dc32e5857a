//! A kind of operation: its name, its steps, and how to read an operation of this kind from the journal.

use super::{
    Operation,
    erased::AnyOperation,
    step::{Step, StepInfo},
};

/// A kind of operation.
#[derive(Debug)]
pub struct OperationKind {
    /// Name of the kind in the journal.
    pub name: &'static str,
    /// Returns the steps of the kind in order.
    steps: fn() -> Vec<StepInfo>,
    /// Returns the number of steps after which the operation only goes forward.
    no_return: fn() -> Option<usize>,
    past_return: fn(usize) -> bool,
    /// Reads the state of an operation that the journal stores.
    read: fn(&str) -> serde_json::Result<Box<dyn AnyOperation>>,
}

impl OperationKind {
    /// Describes the type `O` of operations.
    pub(crate) const fn of<O: Operation>() -> Self {
        Self {
            name: O::KIND,
            steps: || O::steps().iter().map(Step::info).collect(),
            no_return: O::no_return,
            past_return: O::past_return,
            read: |data| Ok(Box::new(serde_json::from_str::<O>(data)?)),
        }
    }

    /// Returns the steps of this kind in order.
    pub fn steps(&self) -> Vec<StepInfo> {
        (self.steps)()
    }

    /// Returns the number of steps after which the operation only goes forward, or `None` if it can go back until it
    /// ends.
    pub fn no_return(&self) -> Option<usize> {
        (self.no_return)()
    }

    /// Returns true if the operation only goes forward once `done` steps are done: it is past its point of no return,
    /// or all steps are done.
    pub fn past_return(&self, done: usize) -> bool {
        (self.past_return)(done)
    }

    /// Returns an operation in the state that the journal stores.
    ///
    /// # Errors
    /// Returns the error of the JSON parser if the text is not a state of this kind.
    pub(super) fn read(&self, data: &str) -> serde_json::Result<Box<dyn AnyOperation>> {
        (self.read)(data)
    }
}
