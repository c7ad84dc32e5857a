//! Creates places with all rows of another place or of a copy.

use super::Writer;
use crate::{
    carry::{Contents, Sink, require_same},
    error::Result,
    identity::PlaceState,
    place::Place,
    postgres::{
        places::{How, Rows},
        schema::ledger,
        server::Server,
    },
    schema::Script,
};
use std::sync::atomic::AtomicU64;

impl Server {
    /// Creates `place` with these contents and their migrations. A pool must have the same migrations. The contents
    /// replace rows of an earlier generation in the same pool. All rows arrive in one transaction, during which other
    /// tenants read and write as usual. Idempotent. See [`Contents::carry`] for `carried`.
    ///
    /// # Errors
    /// Returns `Fenced` if the database has a later generation of the place, and the errors of [`require_same`].
    pub(crate) async fn fill(
        &self,
        place: &Place,
        script: &Script,
        contents: Contents,
        filled: PlaceState,
        carried: &AtomicU64,
    ) -> Result<()> {
        let site = self.site(place)?;
        if site.is_pooled() {
            let mut transaction = self.as_owner(&site, How::Snapshot).await?;
            let found = ledger::applied(transaction.connection()?, &site).await;
            require_same(&contents.applied, &self.finish(transaction, &site, found).await?, script)?;
        } else {
            self.make_in(place, &contents.script, Rows::Follow).await?;
        }
        let writer = Writer::filling(self, &site, &contents.tables, filled).await?;
        contents.fill(writer.map(|writer| Sink::Postgres(Box::new(writer))), carried).await
    }
}
