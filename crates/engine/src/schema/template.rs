//! Templates for new databases of a store.

use super::Script;
use crate::{error::Result, migration::Migration, name::StoreName, sqlite::TemplateImage};
use std::sync::Arc;

/// The contents of a new database of one store: the platform's own tables and the tables of the models. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Template(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: StoreName,
    script: Option<Script>,
    sqlite: TemplateImage,
}

impl Template {
    /// Returns the template for databases of `store` with these migrations applied.
    ///
    /// # Errors
    /// Returns the errors of [`Script::new`].
    pub fn new(store: &StoreName, migrations: &[Migration]) -> Result<Self> {
        Ok(Self::of(store.clone(), Some(Script::new(store, migrations)?)))
    }

    /// Returns a template with the platform's own tables only.
    pub fn bare(store: StoreName) -> Self {
        Self::of(store, None)
    }

    fn of(store: StoreName, script: Option<Script>) -> Self {
        Self(Arc::new(Inner { store, script, sqlite: TemplateImage::default() }))
    }

    /// Returns the store that the template is for.
    pub(crate) fn store(&self) -> &StoreName {
        &self.0.store
    }

    /// Returns the migrations that make the template's tables; `None` if it has only the platform's own tables.
    pub(crate) fn script(&self) -> Option<&Script> {
        self.0.script.as_ref()
    }

    /// Returns the text that identifies the schema of the template.
    pub(crate) fn fingerprint(&self) -> &str {
        self.script().map_or("bare", Script::fingerprint)
    }

    /// Returns the image of the SQLite file, which its first use sets.
    pub(crate) fn sqlite(&self) -> &TemplateImage {
        &self.0.sqlite
    }
}
