//! Schemas that a statement may read besides the tenant's tables.

/// Quoted name of the schema with the views of a shared store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Joined(Box<str>);

impl Joined {
    /// Wraps the quoted name of a schema.
    pub(super) fn new(schema: &str) -> Self {
        Self(schema.into())
    }

    /// Returns the quoted name of the schema.
    pub(in crate::postgres) fn schema(&self) -> &str {
        &self.0
    }
}
