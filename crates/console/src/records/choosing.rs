//! Conditions on references. Their choices can be many, so a list loads them on demand.

use super::{FilterField, FilterInput, List};

/// The time at which the choices of conditions on references are loaded.
#[derive(Debug)]
pub enum Choosing {
    /// With the page.
    Now,
    /// When the visitor opens the conditions, from the page with this address.
    Later(String),
}

impl List<'_> {
    /// Returns the conditions on references if `on_references` is true, and the other conditions otherwise.
    pub(super) fn conditions(&self, on_references: bool) -> impl Iterator<Item = &FilterField> {
        let is_reference = |filter: &FilterField| matches!(filter.input, FilterInput::Reference { .. });
        self.filters.iter().filter(move |filter| is_reference(filter) == on_references)
    }
}
