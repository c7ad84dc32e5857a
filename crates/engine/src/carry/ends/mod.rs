//! The ends of a transfer: a place on its server, the source of rows and the sink of rows. This is the only part of
//! `carry` that knows the databases: it calls the one that has the place.

mod copy_out;
mod sink;
mod source;

pub(crate) use copy_out::copy_rows;
pub(crate) use sink::Sink;
pub(crate) use source::{Pages, Source, Touched, check_copy, names};

#[cfg(feature = "mongodb")]
use crate::mongo;
use crate::{
    error::{Error, Kind, Result},
    place::Place,
    postgres, sqlite,
};

/// A place on its server. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Sqlite(sqlite::Site),
    Postgres(postgres::Server, postgres::Site),
    #[cfg(feature = "mongodb")]
    Mongo(mongo::Server, mongo::Site),
}

impl End {
    /// Returns the place.
    pub(crate) fn place(&self) -> &Place {
        match self {
            Self::Sqlite(site) => &site.place,
            Self::Postgres(_, site) => &site.place,
            #[cfg(feature = "mongodb")]
            Self::Mongo(_, site) => &site.place,
        }
    }

    /// Returns the id of this installation; empty if it is not known yet.
    pub(crate) fn platform(&self) -> &str {
        match self {
            Self::Sqlite(site) => site.platform.id(),
            Self::Postgres(server, _) => server.platform.id(),
            #[cfg(feature = "mongodb")]
            Self::Mongo(server, _) => server.platform.id(),
        }
    }

    /// Fails if both ends are in the same database, because a transfer locks the database that it writes to.
    pub(crate) fn refuse_same(&self, other: &Self) -> Result<()> {
        let (one, two) = (self.place(), other.place());
        if one.server == two.server && one.physical == two.physical {
            return Err(Error::new(Kind::Internal, format!("{one} cannot catch up with itself")));
        }
        Ok(())
    }
}
