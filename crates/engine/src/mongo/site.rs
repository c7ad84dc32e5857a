//! The location of a place on its deployment: its database, and the document with its state.

use crate::{error::Result, place::Place};
use std::{fmt, sync::Arc};

/// A place, with the names that statements use. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Site(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) place: Place,
    /// Name of the database.
    pub(crate) database: String,
    /// The `_id` of the document of the place: tenant and store.
    pub(crate) key: String,
    /// Id of the tenant; 0 for system stores.
    pub(crate) tenant: i64,
    /// Generation of the place.
    pub(crate) generation: i64,
}

impl Site {
    /// Returns the location of `place`, in the database with this name.
    ///
    /// # Errors
    /// Returns `Internal` if its generation is out of range.
    pub(crate) fn new(place: &Place, database: String) -> Result<Self> {
        let generation = place.generation_number()?;
        let tenant = place.tenant_number();
        let key = format!("{tenant}/{}", place.store);
        Ok(Self(Arc::new(Inner { place: place.clone(), database, key, tenant, generation })))
    }

    /// Returns true if tenants share the collections of the place.
    pub(crate) fn is_pooled(&self) -> bool {
        self.place.isolation.is_pooled()
    }
}

impl std::ops::Deref for Site {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}
