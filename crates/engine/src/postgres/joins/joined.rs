//! Names what a statement may read beside the tenant's tables.

/// The schema with the views of a shared store, quoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Joined(Box<str>);

impl Joined {
    /// Names a schema, which is quoted.
    pub(super) fn new(schema: &str) -> Self {
        Self(schema.into())
    }

    /// Returns the schema, quoted.
    pub(in crate::postgres) fn schema(&self) -> &str {
        &self.0
    }
}
