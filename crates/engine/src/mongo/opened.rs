//! Places that this process has used: where they are, which schemas were verified there, and the writes that wait.

use super::{server::Server, site::Site};
use crate::{
    error::{Error, Kind, Result},
    place::Place,
    schema::{Known, Schema, Verified},
    write::Queue,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// How many places a server remembers. A forgotten one is verified again when it is used next.
pub(super) const REMEMBERED: usize = 10_000;
/// How long a statement waits for migrations that are applied.
const MIGRATION_WAIT: Duration = Duration::from_secs(5);
/// Pause between two looks at a place that is migrated.
const PAUSE: Duration = Duration::from_millis(50);

/// A place whose identity was verified.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) site: Site,
    pub(crate) verified: Verified,
    pub(crate) queue: Queue,
}

impl Server {
    /// Returns the place with a schema that was verified there.
    ///
    /// # Errors
    /// [`Kind::Missing`], [`Kind::WrongIdentity`] or [`Kind::Fenced`] if the place is not there;
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
        });
        self.verify_schema(&opened, schema.known()).await?;
        self.opened.insert(place.clone(), opened.clone());
        Ok(opened)
    }

    /// Verifies the identity of a place and its schema; waits while it is migrated. Returns the position of the ledger.
    ///
    /// # Errors
    /// Those of [`Server::opened`].
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

    /// Tells why a statement of a session found the place in another state than it was verified in.
    ///
    /// # Errors
    /// The precise reason. If it is in order now, returns the position of its ledger.
    pub(crate) async fn why(&self, opened: &Opened, known: &Known) -> Result<i64> {
        self.verify_schema(opened, known).await.map_err(|error: Error| {
            self.opened.remove(&opened.site.place);
            match error.kind() {
                // It lived here a moment ago, so it was moved. The next session looks again.
                Kind::WrongIdentity => error.with_kind(Kind::Fenced),
                _ => error,
            }
        })
    }
}
