//! Sites of places: the database and the schema of a place on its server.

use super::names::quoted;
use crate::{
    error::Result,
    place::{Isolation, Place},
};
use std::{fmt, sync::Arc};

/// Schema of the tables in a place's own database, unless an owner has made it and named another one.
pub(crate) const OWN_SCHEMA: &str = "public";

/// A place, with everything that statements need to name its tables. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Site(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) place: Place,
    /// The database that holds the place.
    pub(crate) database: Arc<str>,
    /// The schema that holds the tables of the place, not quoted.
    pub(crate) schema: Box<str>,
    /// Quoted name of that schema.
    pub(crate) quoted: Box<str>,
    /// Name of the database or schema on the server. Names of roles are derived from it.
    pub(crate) name: Box<str>,
    /// Id of the tenant; 0 for system stores.
    pub(crate) tenant: i64,
    /// Generation of the place.
    pub(crate) generation: i64,
}

impl Site {
    /// Returns the site of `place`. `name` is the name of its database or schema on the server, `home` is the home
    /// database, and `own` is the schema of the tables in a place's own database.
    ///
    /// # Errors
    /// Returns [`Kind::Internal`] if the generation is out of range.
    pub(crate) fn new(place: &Place, name: String, home: &Arc<str>, own: &str) -> Result<Self> {
        let (database, schema): (Arc<str>, &str) = match place.isolation {
            Isolation::Database => (name.as_str().into(), own),
            Isolation::Schema | Isolation::Pooled => (home.clone(), &name),
        };
        let generation = place.generation_number()?;
        Ok(Self(Arc::new(Inner {
            place: place.clone(),
            database,
            schema: schema.into(),
            quoted: quoted(schema).to_string().into(),
            tenant: place.tenant_number(),
            generation,
            name: name.into(),
        })))
    }

    /// Returns true if other tenants have rows in the same tables.
    pub(crate) fn is_pooled(&self) -> bool {
        self.place.isolation == Isolation::Pooled
    }

    /// Returns true if its database may have other schemas of places. Then its statements run as a role that reaches no
    /// other schema.
    pub(crate) fn shares_database(&self) -> bool {
        self.place.isolation != Isolation::Database
    }

    /// Returns the name of the role that statements on its rows run as, if the place shares a database.
    pub(crate) fn role(&self) -> Option<&str> {
        self.shares_database().then_some(&self.name)
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
