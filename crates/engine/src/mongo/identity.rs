//! The identity of a database: which places live in it, and at which generation (`self-identifying` and
//! `fenced-generation`). Provisioning and moves write the identity; the first use of a place in a process checks it.

use super::{
    cells::whole,
    place_state::info,
    server::Server,
    site::Site,
    tables::{self, META, PLACES, ledger_id},
};
use crate::{
    error::{Error, Kind, Result},
    identity::transition::not_open,
    ledger::{self, Applied},
    schema::Known,
};
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};

/// Maximum number of documents that the platform has in a tenant's own database, with room for more stores.
const FEW: i64 = 100;

/// The identity that a database contains for a place and its store.
#[derive(Debug, Default)]
pub(super) struct Identity {
    version: Option<i64>,
    /// The document of the place.
    pub(super) place: Option<Document>,
    /// The document with the migrations of the store; `None` if the store has no ledger.
    ledger: Option<Document>,
    /// Whether another place lives in the database. Read only for a tenant's own database.
    others: bool,
}

impl Identity {
    /// Returns the migrations of the store, `app/name` → checksum.
    pub(super) fn applied(&self, site: &Site) -> Applied {
        self.ledger.as_ref().map_or_else(Applied::new, |ledger| applied(ledger, site))
    }

    /// Returns the position of the ledger; `None` while migrations are applied or the place is being made.
    pub(super) fn position(&self) -> Option<i64> {
        self.place.as_ref()?.get("ledger").and_then(whole)
    }

    /// Returns the migration that is being applied; `None` if there is none.
    pub(super) fn under_way(&self) -> Option<&str> {
        self.ledger.as_ref()?.get_str("closed").ok()
    }

    /// Compares the migrations with those of a schema. Returns the position of the ledger.
    ///
    /// # Errors
    /// Returns the errors of [`Known::compare`], [`Kind::Busy`] while migrations are applied, and [`Kind::Fenced`] if the
    /// place does not have all its rows.
    pub(super) fn compare(&self, site: &Site, known: &Known) -> Result<i64> {
        if let Some(place) = &self.place {
            let state = info(place, site)?.state;
            if !state.is_complete() {
                return Err(not_open(&site.place, state));
            }
        }
        known.compare(&self.applied(site))?;
        self.position().ok_or_else(|| {
            Error::new(
                Kind::Busy,
                format!("{site}: {} is being applied", self.under_way().unwrap_or("a change")),
            )
        })
    }
}

/// Reads the migrations from a ledger.
pub(super) fn applied(ledger: &Document, site: &Site) -> Applied {
    let lines = ledger.get_array("applied").map(Vec::as_slice).unwrap_or_default();
    let line = |line: &Bson| {
        let line = line.as_document()?;
        let id =
            ledger::id_of(&site.place.store, line.get_str("app").ok()?, line.get_str("migration").ok()?)?;
        Some((id, line.get_str("checksum").ok()?.to_owned()))
    };
    lines.iter().filter_map(line).collect()
}

impl Server {
    /// Reads the identity that the database contains for a place, without checking it.
    pub(super) async fn read_identity(&self, site: &Site) -> Result<Identity> {
        let ledger = ledger_id(site);
        let own = doc! { "_id": { "$in": [META, &ledger, &site.key] } };
        let filter = if site.is_pooled() || site.tenant == 0 {
            own
        } else {
            doc! {}
        };
        let places = self.database(&site.database).await?.collection::<Document>(PLACES);
        let read = async { places.find(filter).limit(FEW).await?.try_collect::<Vec<_>>().await };
        let mut found = Identity::default();
        for document in self.answer(read).await? {
            match document.get_str("_id").unwrap_or_default() {
                META => found.version = document.get("version").and_then(whole),
                id if id == ledger => found.ledger = Some(document),
                id if id == site.key => found.place = Some(document),
                _ => found.others |= document.contains_key("tenant"),
            }
        }
        Ok(found)
    }

    /// Verifies that the place lives here.
    ///
    /// # Errors
    /// Returns `Missing` if there is no such database, `WrongIdentity` if the place does not live there or belongs to
    /// another installation, `Fenced` if it is here at another generation, and `FormatAhead` if a newer version of this
    /// program made the platform's collections.
    pub(super) async fn identify(&self, site: &Site) -> Result<Identity> {
        let found = self.read_identity(site).await?;
        match self.judge(&found, site) {
            Ok(()) => Ok(found),
            Err(error) if *error.kind() == Kind::WrongIdentity => Err(self.or_missing(site, error).await),
            Err(error) => Err(error),
        }
    }

    fn judge(&self, found: &Identity, site: &Site) -> Result<()> {
        let wrong = |why: &str| Err(Error::new(Kind::WrongIdentity, format!("{site}: {why}")));
        let Some(version) = found.version else { return wrong("the platform's collections have no version") };
        tables::check_version(version)?;
        let Some(place) = &found.place else { return wrong("does not live here") };
        self.platform.check(place.get_str("platform").unwrap_or_default(), &site.place)?;
        let generation = place.get("generation").and_then(whole).unwrap_or_default();
        if generation != site.generation {
            return Err(Error::new(
                Kind::Fenced,
                format!("{site}: the database is at generation {generation}"),
            ));
        }
        // If shared collections were opened as a tenant's own, that tenant would see the documents of all tenants.
        match found.others && !site.is_pooled() && site.tenant != 0 {
            true => wrong("others live here too"),
            false => Ok(()),
        }
    }

    /// Replaces a `WrongIdentity` by `Missing` if the database does not exist at all.
    pub(super) async fn or_missing(&self, site: &Site, error: Error) -> Error {
        match self.has_database(&site.database).await {
            Ok(false) => Error::with_source(Kind::Missing, format!("{site}: no such database"), error),
            _ => error,
        }
    }
}
