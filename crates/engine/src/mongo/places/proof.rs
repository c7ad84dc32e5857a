//! Proves the isolation of a database on MongoDB: whose it is, and whose documents a pool holds. Only reads. MongoDB has no
//! roles of tenants, so no neighbour is probed.

use crate::{
    error::Result,
    identity::proof::{Proof, Rule},
    mongo::{
        cells::whole,
        place_state::number_of,
        server::Server,
        site::Site,
        tables::{ACTIVITY, CHANGES, PLACES},
    },
    place::Place,
    schema::Schema,
};
use mongodb::bson::{Bson, Document, doc};
use std::time::Duration;

/// Longest time that a read of a proof may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Computes something from the `_id` of a document.
type OfId<'f, T> = &'f (dyn Fn(&Document) -> T + Sync);

impl Server {
    /// See [`crate::Engine::prove`].
    ///
    /// # Errors
    /// Returns the errors of [`Server::verify`].
    pub(crate) async fn prove(&self, place: &Place, _: Option<&Place>) -> Result<Proof> {
        let (mut proof, site) = (Proof::default(), self.site(place)?);
        self.identify(&site).await?;
        proof.judge(Rule::Identity, None);
        if !site.is_pooled() {
            for collection in [ACTIVITY, CHANGES] {
                let (first, last) = (number_of(&site.key, Bson::MinKey), number_of(&site.key, Bson::MaxKey));
                let others = doc! { "$or": [{ "_id": { "$lt": first } }, { "_id": { "$gt": last } }] };
                let found = self.first(&site, collection, others, doc! {}).await?;
                let detail =
                    found.map(|_| format!("collection {collection} has documents of another tenant"));
                proof.judge(Rule::Rows, detail);
            }
        }
        Ok(proof)
    }

    /// See [`crate::Engine::prove_pool`].
    ///
    /// # Errors
    /// Returns `Unreachable` if the deployment does not answer.
    pub(crate) async fn prove_pool(&self, pool: &Place, schema: &Schema) -> Result<Proof> {
        let (mut proof, site) = (Proof::default(), self.site(pool)?);
        for model in schema.plans().map(|plan| plan.model()) {
            let (table, field) = (model.name.as_str(), model.tenant_field.as_str());
            let differs = doc! { "$expr": { "$ne": ["$_id.t", format!("${field}")] } };
            let differs = self.first(&site, table, differs, doc! {}).await?;
            let detail =
                differs.map(|_| format!("collection {table} has a document whose _id and {field} differ"));
            proof.judge(Rule::Rows, detail);
            let key = |of: &Document| of.get("t").and_then(whole).map(|t| format!("{t}/{}", pool.store));
            let last = |of: &Document| doc! { "t": of.get("t").cloned(), "i": Bson::MaxKey };
            self.residents_in(&site, table, (&key, &last), &mut proof).await?;
        }
        for table in [ACTIVITY, CHANGES] {
            let key = |of: &Document| of.get_str("p").ok().map(str::to_owned);
            let last = |of: &Document| doc! { "p": of.get("p").cloned(), "n": Bson::MaxKey };
            self.residents_in(&site, table, (&key, &last), &mut proof).await?;
        }
        Ok(proof)
    }

    /// Checks that each place with documents in a collection is in the database. Reads one document for each place: `key`
    /// returns the place of an `_id`, `last` the greatest `_id` of that place. `_id` always has an index.
    async fn residents_in(
        &self,
        site: &Site,
        collection: &str,
        (key, last): (OfId<'_, Option<String>>, OfId<'_, Document>),
        proof: &mut Proof,
    ) -> Result<()> {
        let mut after = Bson::MinKey;
        loop {
            let filter = doc! { "_id": { "$gt": after } };
            let Some(found) = self.first(site, collection, filter, doc! { "_id": 1 }).await? else { break };
            let id = found.get_document("_id").ok();
            let place = id.and_then(key);
            let detail = match &place {
                Some(place) if self.first(site, PLACES, doc! { "_id": place }, doc! {}).await?.is_some() => {
                    None
                }
                Some(place) => {
                    Some(format!("collection {collection} has documents of {place}, which is not there"))
                }
                None => Some(format!("collection {collection} has a document of no tenant")),
            };
            proof.judge(Rule::Rows, detail);
            let Some(id) = id.filter(|_| place.is_some()) else { break };
            after = last(id).into();
        }
        Ok(())
    }

    async fn first(
        &self,
        site: &Site,
        collection: &str,
        filter: Document,
        order: Document,
    ) -> Result<Option<Document>> {
        let collection = self.database(&site.database).await?.collection::<Document>(collection);
        let read = async { collection.find_one(filter).sort(order).max_time(PATIENCE).await };
        Ok(self.answer(read).await?)
    }
}
