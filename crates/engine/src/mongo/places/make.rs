//! Makes the database of a place. Every step may be repeated after a crash, and two processes may run it at the same
//! time. No step overwrites anything.
//!
//! The document of the place is written first, without a position of the ledger. It marks the database as the
//! platform's, and no session reads or writes there until the collections are made and the place is opened.

use crate::{
    error::{Error, Kind, Result},
    ledger::name_in,
    mongo::{
        cells::whole,
        server::Server,
        site::Site,
        tables::{self, OWN, PLACES, ledger_id},
        transaction::{NotCommitted, Patience, again},
    },
    place::Place,
    schema::{Script, Template},
};
use mongodb::bson::{Bson, DateTime, Document, doc};
use std::time::Duration;

/// Maximum time to wait for a migration of a pool.
const BUSY_WAIT: Duration = Duration::from_secs(20);

impl Server {
    /// Makes the database of `place`: a tenant's own database, the database of a system store, or a pool. Idempotent;
    /// never overwrites anything.
    ///
    /// # Errors
    /// Returns `WrongIdentity` if another database has the name.
    pub(crate) async fn provision(&self, place: &Place, template: &Template) -> Result<()> {
        self.make(place, template.script(), doc! { "state": "open" }).await
    }

    /// Makes the database of `place`, with the collections that `script` makes. `state` contains the fields of the
    /// place's document that describe its state.
    ///
    /// # Errors
    /// Returns the errors of [`Server::provision`].
    pub(in crate::mongo) async fn make(
        &self,
        place: &Place,
        script: Option<&Script>,
        state: Document,
    ) -> Result<()> {
        let site = self.site(place)?;
        if place.isolation.is_pooled() && place.tenant.is_some() {
            return Err(Error::new(Kind::Internal, format!("{place} is a pooled tenant: enrol it")));
        }
        self.require_free(&site).await?;
        tables::create(self, &site).await?;
        self.enter(&site, None, state).await?;
        if self.identify(&site).await?.position().is_some() {
            return Ok(());
        }
        let statements = script.map(|script| script.mongo(place.isolation)).transpose()?;
        match statements {
            Some(statements) if statements.is_plain() => {
                self.make_as_wanted(&site, &statements.wanted()?).await?;
                self.write_ledger(&site, statements.of_ledger(&site.place.store)).await?;
                self.open(&site).await
            }
            statements => {
                self.write_ledger(&site, vec![]).await?;
                self.open(&site).await?;
                match statements {
                    Some(statements) => self.migrate_site(&site, statements).await.map(drop),
                    None => Ok(()),
                }
            }
        }
    }

    /// Refuses a database that does not belong to the platform: one that has collections, but not the platform's own.
    async fn require_free(&self, site: &Site) -> Result<()> {
        let database = self.database(&site.database).await?;
        let names = self.answer(async { database.list_collection_names().await }).await?;
        match names.is_empty() || names.iter().any(|name| name == PLACES) {
            true => Ok(()),
            false => Err(Error::new(Kind::WrongIdentity, format!("{site}: another database has this name"))),
        }
    }

    /// Writes the ledger of a store, unless it exists.
    async fn write_ledger(&self, site: &Site, applied: Vec<Document>) -> Result<()> {
        let position = i64::try_from(applied.len()).unwrap_or_default();
        let applied: Vec<Bson> = applied.into_iter().map(Bson::Document).collect();
        let ledger = doc! { "$setOnInsert": { "position": position, "applied": applied } };
        tables::upsert(self, site, &ledger_id(site), ledger).await
    }

    /// Writes the document of a pooled tenant. If `place` is the pool itself, makes the pool instead. Idempotent.
    ///
    /// # Errors
    /// Returns `Missing` or `WrongIdentity` if there is no such pool, and `Fenced` if the tenant is there at another
    /// generation.
    pub(crate) async fn enrol(&self, place: &Place) -> Result<()> {
        if place.tenant.is_none() {
            return self.make(place, None, doc! { "state": "open" }).await;
        }
        let site = self.site(place)?;
        self.enter_pool(&site, doc! { "state": "open" }).await?;
        self.identify(&site).await.map(drop)
    }

    /// Writes the document of a pooled tenant, with the position of the store's ledger. Keeps an existing document.
    pub(in crate::mongo) async fn enter_pool(&self, site: &Site, state: Document) -> Result<()> {
        let mut patience = Patience::of(BUSY_WAIT);
        loop {
            match self.try_enter_pool(site, &state).await {
                Err(NotCommitted::Transient(error)) => patience.wait(error).await?,
                done => return done.map_err(Error::from),
            }
        }
    }

    async fn try_enter_pool(&self, site: &Site, state: &Document) -> Result<(), NotCommitted> {
        let database = self.database(&site.database).await.map_err(NotCommitted::Failed)?;
        let places = database.collection::<Document>(PLACES);
        let mut transaction = self.begin().await.map_err(NotCommitted::Failed)?;
        let session = &mut transaction.session;
        // A migration changes this document too, so no migration can run until this transaction ends.
        let (ledger, turn) = (doc! { "_id": ledger_id(site) }, doc! { "$inc": { "turn": 1_i64 } });
        let found = async { places.find_one_and_update(ledger, turn).session(&mut *session).await };
        let found = again(self.answer(found).await)?;
        let position = found.as_ref().filter(|ledger| ledger.get("closed").is_none());
        let position = position.and_then(|ledger| ledger.get("position")).and_then(whole);
        let failed = |kind, why: &str| Err(NotCommitted::Failed(Error::new(kind, format!("{site}: {why}"))));
        let Some(position) = position else {
            transaction.roll_back().await;
            return match found {
                Some(_) => failed(Kind::Busy, "a migration is being applied"),
                None => failed(Kind::WrongIdentity, "no such pool"),
            };
        };
        let row = self.row(site, Some(position), state.clone());
        let enter = async {
            let own = doc! { "_id": &site.key };
            places.update_one(own, doc! { "$setOnInsert": row }).upsert(true).session(session).await
        };
        again(self.answer(enter).await)?;
        transaction.commit().await
    }

    /// Writes the document of a place. Keeps an existing document.
    async fn enter(&self, site: &Site, position: Option<i64>, state: Document) -> Result<()> {
        let row = self.row(site, position, state);
        tables::upsert(self, site, &site.key, doc! { "$setOnInsert": row }).await
    }

    /// Returns the document of a new place, without its `_id`.
    pub(in crate::mongo) fn row(&self, site: &Site, position: Option<i64>, state: Document) -> Document {
        let mut row = doc! {
            "tenant": site.tenant, "store": site.place.store.as_str(), "generation": site.generation,
            "platform": self.platform.id(), "rows": 0_i64, "bytes": 0_i64, "made_at": DateTime::now(),
            "ledger": position,
        };
        row.extend(state);
        row
    }

    /// Takes over a database that was made outside the platform for this place: adds the platform's own collections and
    /// the identity of the place. Idempotent; never creates a database.
    ///
    /// # Errors
    /// Returns `WrongIdentity` if the database has another identity, and `Missing` if it does not exist.
    pub(crate) async fn attach(&self, place: &Place) -> Result<()> {
        if place.isolation.is_pooled() {
            return Err(Error::new(Kind::Internal, format!("{place} has no database of its own")));
        }
        let site = self.site(place)?;
        if !self.has_database(&site.database).await? {
            return Err(Error::new(Kind::Missing, format!("{site}: no such database")));
        }
        let database = self.database(&site.database).await?;
        let names = self.answer(async { database.list_collection_names().await }).await?;
        if names.iter().any(|name| name == PLACES) {
            return self.identify(&site).await.map(drop);
        }
        if let Some(odd) = names.iter().find(|name| name.starts_with(OWN)) {
            return Err(Error::new(Kind::WrongIdentity, format!("{site}: {odd} has no identity beside it")));
        }
        tables::create(self, &site).await?;
        self.enter(&site, None, doc! { "state": "open" }).await?;
        self.write_ledger(&site, vec![]).await?;
        self.open(&site).await?;
        self.identify(&site).await.map(drop)
    }
}

impl crate::mongo::schema::Statements {
    /// Returns the ledger entries of a store that has all migrations.
    pub(in crate::mongo) fn of_ledger(&self, store: &crate::name::StoreName) -> Vec<Document> {
        let line = |loaded: &crate::ledger::Loaded| {
            let name = name_in(store, &loaded.name);
            doc! { "app": &loaded.app, "migration": name, "checksum": &loaded.checksum }
        };
        self.loaded().map(line).collect()
    }
}
