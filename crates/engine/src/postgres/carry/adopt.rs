//! Places that are made from copies, or directly from places on other servers.

use super::Writer;
use crate::{
    carry::{AdoptOptions, Sink, Source, Tables, check_copy, fill},
    error::{Error, Kind, Result},
    identity::{PlaceState, transition},
    ledger::Applied,
    name::TenantId,
    place::Place,
    postgres::{
        places::{How, Rows},
        schema::ledger,
        server::Server,
        site::Site,
    },
    schema::Script,
};
use std::{path::Path, sync::Arc};

impl Server {
    /// Makes `place` from a copy of tenant `of`, with the migrations that the copy has; a pool must have the same. Its
    /// rows replace those of an earlier generation in the same pool. All rows arrive in one transaction, during which
    /// other tenants read and write as usual. Idempotent.
    ///
    /// # Errors
    /// `Fenced` if the copy is of a later generation of the same tenant; `SchemaBehind` or `SchemaAhead` if the pool has
    /// other migrations than the copy.
    pub(crate) async fn adopt_with(
        &self,
        place: &Place,
        script: &Arc<Script>,
        from: &Path,
        of: TenantId,
        options: AdoptOptions,
    ) -> Result<()> {
        if place.tenant.is_none() {
            return Err(Error::new(
                Kind::WrongIdentity,
                format!("{place} is not made from a copy of {of:?}"),
            ));
        }
        let generation = check_copy(from, &place.store, of, options.check).await?;
        if Some(of) == place.tenant && generation > place.generation {
            let detail = format!("the copy is of generation {generation}, later than {place}");
            return Err(Error::new(Kind::Fenced, detail));
        }
        let source = Source::of_copy(from, &place.store, Some(of)).await?;
        self.fill(place, script, source, transition::initial(options.closed)).await
    }

    /// Makes `place` with all rows of a source. See [`Server::adopt_with`].
    pub(crate) async fn fill(
        &self,
        place: &Place,
        script: &Script,
        mut source: Source,
        filled: PlaceState,
    ) -> Result<()> {
        let site = self.site(place)?;
        let applied = source.ledger().await?;
        let script = script.as_applied(&applied)?;
        match site.is_pooled() {
            true => self.require_same(&site, &applied, &script).await?,
            false => self.make_in(place, &script, Rows::Follow).await?,
        }
        let tables = Tables::of_state(script.state(), script.store());
        source.read(&tables).await?;
        if let Some(writer) = Writer::filling(self, &site, &tables, filled).await? {
            fill(&mut source, Sink::Postgres(Box::new(writer)), &tables).await?;
        }
        source.end().await
    }

    /// Refuses a pool that has other migrations than the source.
    async fn require_same(&self, site: &Site, wanted: &Applied, script: &Script) -> Result<()> {
        let mut transaction = self.as_owner(site, How::Snapshot).await?;
        let found = ledger::applied(transaction.connection()?, site).await;
        let found = self.finish(transaction, site, found).await?;
        if found == *wanted {
            return Ok(());
        }
        script.migrations().require_all(&found, "the pool")?;
        Err(Error::new(Kind::SchemaAhead, format!("{site}: the pool has other migrations than the copy")))
    }
}
