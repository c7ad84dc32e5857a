//! An operator's repair of a place. MongoDB has no SQL, so a repair can only rebuild derived data.

use crate::{
    engine::no_sql,
    error::{Error, Result},
    mongo::{
        server::Server,
        transaction::{NotCommitted, Patience},
    },
    place::Place,
    schema::Script,
};
use mongodb::bson::{Bson, doc};
use std::time::Duration;

impl Server {
    /// Runs an operator's repair. Only the statement `REINDEX` is allowed: it rebuilds the indexes of the store and the
    /// counters of its places. Always returns `None`.
    ///
    /// # Errors
    /// Returns `Denied` for any other statement, and `SchemaBehind` or `SchemaAhead` if the migrations of the place
    /// differ from those of `script`.
    pub(crate) async fn operator_repair(
        &self,
        place: &Place,
        script: &Script,
        text: &str,
        limit: Duration,
    ) -> Result<Option<u64>> {
        if !text.trim().trim_end_matches(';').eq_ignore_ascii_case("reindex") {
            return Err(no_sql());
        }
        let site = self.site(place)?;
        let statements = script.mongo(place.isolation)?;
        statements.of.require_all(&self.identify(&site).await?.applied(&site), "the database")?;
        let wanted = statements.wanted()?;
        for wanted in &wanted {
            let names: Vec<Bson> =
                wanted.indexes.iter().filter_map(|index| index.get("name").cloned()).collect();
            if !names.is_empty() {
                self.run(&site.database, doc! { "dropIndexes": &wanted.name, "index": names }).await?;
            }
        }
        self.make_as_wanted(&site, &wanted).await?;
        let Some(last) = statements.migrations.last() else { return Ok(None) };
        let mut patience = Patience::of(limit);
        loop {
            let mut run = self.begin_run(&site).await?;
            let done = match run.recount(last, statements.pooled).await {
                Ok(()) => run.transaction.commit().await,
                Err(why) => {
                    run.transaction.roll_back().await;
                    Err(why)
                }
            };
            match done {
                Err(NotCommitted::Transient(error)) => patience.wait(error).await?,
                done => return done.map(|()| None).map_err(Error::from),
            }
        }
    }
}
