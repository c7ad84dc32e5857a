//! Conditions on references: their choices are many, so a list reads them when they are asked for.

use super::{FilterField, FilterInput, List};

/// When the choices of conditions on references are read.
#[derive(Debug)]
pub enum Choosing {
    /// They are in the page.
    Now,
    /// They are on the page with this address, which is read when the conditions are opened.
    Later(String),
}

impl List<'_> {
    /// Returns the conditions on references, or the others.
    pub(super) fn conditions(&self, on_references: bool) -> impl Iterator<Item = &FilterField> {
        let is_reference = |filter: &FilterField| matches!(filter.input, FilterInput::Reference { .. });
        self.filters.iter().filter(move |filter| is_reference(filter) == on_references)
    }
}
