//! The installation that databases belong to, and the residents of a database.

use crate::{
    error::{Error, Kind, Result},
    place::Place,
};
use std::sync::{Arc, OnceLock};

/// The installation this process belongs to, once it is known. All servers share it; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Platform(Arc<Known>);

/// What the process knows of its installation.
#[derive(Default)]
struct Known {
    id: OnceLock<Box<str>>,
    catalog: OnceLock<Box<CatalogMark>>,
}

/// Returns a number that changes with every commit to the catalog; None once the catalog is closed.
type CatalogMark = dyn Fn() -> Option<u64> + Send + Sync;

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Platform({:?})", self.id)
    }
}

impl Platform {
    /// Sets the id of the installation. It may be set only once; a different id later is a bug in this program.
    pub(crate) fn set(&self, id: &str) -> Result<()> {
        if !id.is_empty() && &**self.0.id.get_or_init(|| id.into()) == id {
            return Ok(());
        }
        Err(Error::new(Kind::Internal, format!("{id:?} is not this platform")))
    }

    /// Sets the function that returns the state of the installation's catalog. A second call changes nothing.
    pub(crate) fn set_catalog(&self, mark: impl Fn() -> Option<u64> + Send + Sync + 'static) {
        self.0.catalog.get_or_init(|| Box::new(mark));
    }

    /// Returns a number that changes with every commit to the catalog; None while no catalog is open.
    pub(crate) fn catalog_mark(&self) -> Option<u64> {
        self.0.catalog.get()?()
    }

    /// Returns the id as databases carry it; empty if not known yet.
    pub(crate) fn id(&self) -> &str {
        self.0.id.get().map_or("", |id| id)
    }

    /// Refuses a database that another installation made: a newly made catalog must not take over old files.
    pub(crate) fn check(&self, found: &str, place: &Place) -> Result<()> {
        let known = self.id();
        let made_before = found.is_empty() && place.tenant.is_none();
        if known.is_empty() || found == known || made_before {
            return Ok(());
        }
        Err(Error::new(Kind::WrongIdentity, format!("{place}: the database is of platform {found:?}")))
    }
}

/// The highest ids of the residents of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Highest {
    /// Id of a tenant; 0 if there are only system stores.
    pub tenant: i64,
    /// Generation of a resident.
    pub generation: i64,
}

/// A tenant's store that lives in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    /// The installation that made it; empty if not known.
    pub platform: String,
    /// The tenant; 0 for a system store.
    pub tenant: i64,
    /// The store.
    pub store: String,
    /// The generation.
    pub generation: i64,
}
