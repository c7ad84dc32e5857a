//! The installation that databases belong to, the residents of a database, and the states of their places.

pub(crate) mod proof;
mod state;
pub(crate) mod transition;

pub use state::{PlaceInfo, PlaceState};

use crate::{
    error::{Error, Kind, Result},
    place::Place,
};
use std::sync::{Arc, OnceLock};

/// The installation that this process belongs to, once it is known. All servers share it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Platform(Arc<OnceLock<Box<str>>>);

impl Platform {
    /// Sets the id of the installation, which may be set only once. A different id later is a bug in this program.
    pub(crate) fn set(&self, id: &str) -> Result<()> {
        if !id.is_empty() && &**self.0.get_or_init(|| id.into()) == id {
            return Ok(());
        }
        Err(Error::new(Kind::Internal, format!("{id:?} is not this platform")))
    }

    /// Returns the id of the installation as databases store it; empty if it is not known yet.
    pub(crate) fn id(&self) -> &str {
        self.0.get().map_or("", |id| id)
    }

    /// Refuses a database that another installation made: a newly created catalog must not take over old files.
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
    /// Highest id of a tenant; 0 if the database has only system stores.
    pub tenant: i64,
    /// Highest generation of a resident.
    pub generation: i64,
}

/// A tenant's store that lives in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    /// The installation that created the resident; empty if it is unknown.
    pub platform: String,
    /// Id of the tenant; 0 for a system store.
    pub tenant: i64,
    /// Name of the store.
    pub store: String,
    /// Generation of the resident.
    pub generation: i64,
}
