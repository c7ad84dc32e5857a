//! A state of the control store: something to compare with later, without a query.

use super::Control;
use tenantry_engine::write::WriteCondition;

/// The state of the control store when this was made.
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

    /// Returns true if no process has committed since. A process that is no member where there are members cannot tell.
    fn is_current(&self) -> bool {
        let inner = &self.control.inner;
        inner.hub.trust.holds() && !inner.db.changed(self.mark)
    }

    /// Returns the condition that no process has committed since, for a write whose decision rests on this state.
    pub(crate) fn condition(self) -> WriteCondition {
        WriteCondition::new(move || self.is_current())
    }
}
