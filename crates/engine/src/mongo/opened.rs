//! Places that this process has used: their location, the schemas verified there, and the queue of waiting writes.

use super::{lease::Leased, server::Server, site::Site};
use crate::{
    error::{Error, Kind, Result},
    place::Place,
    schema::{Known, Schema, Verified},
    write::Queue,
};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Default for the number of places that a server remembers. A forgotten place is verified again on its next use.
pub(crate) const OPEN_PLACES: usize = 10_000;
/// Maximum time that a statement waits for running migrations.
const MIGRATION_WAIT: Duration = Duration::from_secs(5);
/// Pause between two checks of a place that is being migrated.
const PAUSE: Duration = Duration::from_millis(50);

/// A place whose identity was verified.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) site: Site,
    pub(crate) verified: Verified,
    pub(crate) queue: Queue,
    pub(super) leased: Leased,
}

impl Server {
    /// Returns how many places are open now, and how many were opened since the process started.
    pub(crate) fn places(&self) -> (usize, u64) {
        (self.opened.len(), self.opens.load(Relaxed))
    }

    /// Returns the place, whose identity and schema are verified. Reads the database only if this process has not
    /// verified them yet.
    ///
    /// # Errors
    /// Returns [`Kind::Missing`], [`Kind::WrongIdentity`] or [`Kind::Fenced`] if the place is not there, and
    /// [`Kind::SchemaBehind`] or [`Kind::SchemaAhead`] if it has another schema.
    pub(crate) async fn opened(&self, place: &Place, schema: &Schema) -> Result<Arc<Opened>> {
        if let Some(opened) = self.opened.get(place) {
            if opened.verified.position(schema.known()).is_none() {
                self.verify_schema(&opened, schema.known()).await?;
            }
            return Ok(opened);
        }
        let opened = Arc::new(Opened {
            site: self.site(place)?,
            verified: Verified::default(),
            queue: Queue::default(),
            leased: Leased::default(),
        });
        self.verify_schema(&opened, schema.known()).await?;
        self.opens.fetch_add(1, Relaxed);
        self.opened.insert(place.clone(), opened.clone());
        Ok(opened)
    }

    /// Verifies the identity and the schema of a place. Waits while the place is being migrated. Returns the position
    /// of the ledger.
    ///
    /// # Errors
    /// Returns the errors of [`Server::opened`].
    async fn verify_schema(&self, opened: &Opened, known: &Known) -> Result<i64> {
        let until = Instant::now() + MIGRATION_WAIT;
        loop {
            match self.identify(&opened.site).await?.compare(&opened.site, known) {
                Err(error) if *error.kind() == Kind::Busy && Instant::now() < until => sleep(PAUSE).await,
                compared => {
                    let position = compared?;
                    opened.verified.set(known, position);
                    return Ok(position);
                }
            }
        }
    }

    /// Determines why a statement of a session found the place in another state than the verified one. Returns the
    /// position of the ledger if the place is in order now.
    ///
    /// # Errors
    /// Returns the precise reason.
    pub(crate) async fn why(&self, opened: &Opened, known: &Known) -> Result<i64> {
        self.verify_schema(opened, known).await.map_err(|error: Error| {
            self.opened.remove(&opened.site.place);
            match error.kind() {
                // The place lived here when it was verified, so it was moved. The next session verifies it again.
                Kind::WrongIdentity => error.with_kind(Kind::Fenced),
                _ => error,
            }
        })
    }
}
