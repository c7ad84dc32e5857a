//! A state of the control store, to which a later state can be compared without a query.

use super::Control;
use tenantry_engine::write::WriteCondition;

/// The state of the control store when this value was made.
#[derive(Clone)]
pub(crate) struct View {
    control: Control,
    mark: u64,
}

impl View {
    pub(super) fn new(control: Control) -> Self {
        let mark = control.inner.db.mark();
        Self { control, mark }
    }

    /// Returns true if no process has committed since this state. A process that should be a member but is not cannot
    /// know, and gets false.
    pub(crate) fn is_current(&self) -> bool {
        let inner = &self.control.inner;
        inner.hub.trust.holds() && !inner.db.changed(self.mark)
    }

    /// Returns the condition that no process has committed since this state, for a write that was decided on it.
    pub(crate) fn condition(self) -> WriteCondition {
        WriteCondition::new(move || self.is_current())
    }
}
