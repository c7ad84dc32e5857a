//! Applies migrations to a place. MongoDB cannot change the validator, the indexes or the name of a collection in a
//! transaction, so each migration takes four steps. If a process dies, the next process that migrates the place
//! continues at the same step:
//!
//! 1. *close*: the store's ledger names the migration, and its places lose their ledger position, so no session reads
//!    or writes there. Then it waits for reads that rely on earlier checks ([`Server::outlast_leases`]).
//! 2. *run*: one transaction checks and changes the documents and adds the migration to the ledger, or changes nothing.
//! 3. *settle*: collections are renamed and dropped, and get the validators and indexes of the models after the
//!    migration.
//! 4. *open*: the places get the new position. If another migration is missing, they stay closed for it.

use super::{
    compiled::{Compiled, Statements},
    inspect::{drop_index, foreign_or_kept, live_collections, live_indexes},
    run::Run,
    steps::Whole,
    wanted::Wanted,
};
use crate::{
    error::{Error, Kind, Result},
    ledger::{self as rules, MigrateReport},
    mongo::{
        error::is_absent,
        identity::{Identity, applied},
        server::Server,
        site::Site,
        tables::{PLACES, ledger_id, made},
        transaction::{NotCommitted, Patience, again},
    },
    place::Place,
    schema::Script,
};
use futures_util::future::try_join_all;
use mongodb::{
    bson::{Bson, Document, doc},
    options::UpdateModifications,
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Maximum time that a migration waits for another migration, and for writers.
const BUSY_WAIT: Duration = Duration::from_secs(20);
/// Pause between two checks of a closed ledger.
const PAUSE: Duration = Duration::from_millis(100);
/// Time in milliseconds after which another process takes over a migration that is still closed. The transaction of the
/// first process has ended by then.
const LEASE_MS: i64 = 90_000;

impl Server {
    /// Applies the migrations of a script that a place lacks. Safe while other processes do the same.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if a migration is refused, or the place has unknown migrations of an app for which
    /// it lacks others; [`Kind::Fenced`] if its rows have moved; and [`Kind::Busy`] if another process migrates it for
    /// too long.
    pub(crate) async fn migrate_with(&self, place: &Place, script: &Script) -> Result<MigrateReport> {
        let site = self.site(place)?;
        self.migrate_site(&site, script.mongo(place.isolation)?).await
    }

    /// Applies the missing migrations of `statements` to the collections at `site`.
    pub(in crate::mongo) async fn migrate_site(
        &self,
        site: &Site,
        statements: &Statements,
    ) -> Result<MigrateReport> {
        let mut report = MigrateReport { applied: vec![], unknown: vec![] };
        let until = Instant::now() + BUSY_WAIT;
        loop {
            let found = self.identify(site).await?;
            let (pending, unknown) = statements.of.pending(&found.applied(site))?;
            rules::refuse_newer(&pending, &unknown)?;
            let half_done = found.under_way().filter(|id| found.applied(site).contains_key(*id));
            let next = half_done.or(pending.first().map(String::as_str));
            let next = next.and_then(|id| statements.migrations.iter().find(|m| m.loaded.id() == id));
            let Some(migration) = next else {
                report.unknown = unknown;
                return Ok(report);
            };
            require_open(site, &found)?;
            if !self.close(site, migration).await? {
                if Instant::now() > until {
                    return Err(Error::new(Kind::Busy, format!("{site}: another process migrates it")));
                }
                sleep(PAUSE).await;
                continue;
            }
            // Without migrations there are no documents to read.
            if !found.applied(site).is_empty()
                && let Err(error) = self.outlast_leases(site, PLACES).await
            {
                self.open(site).await?;
                return Err(error);
            }
            self.run_all(site, statements, migration, &mut report).await?;
        }
    }

    /// Runs a migration for which the places are closed and then the ones after it that are missing. Opens the places.
    async fn run_all(
        &self,
        site: &Site,
        statements: &Statements,
        first: &Compiled,
        report: &mut MigrateReport,
    ) -> Result<()> {
        let mut migration = first;
        loop {
            match self.run_closed(site, statements, migration).await {
                Ok(()) => {}
                Err(error) if *error.kind() == Kind::InDoubt => return Err(error),
                Err(error) => {
                    self.open(site).await?;
                    return Err(error);
                }
            }
            self.settle(site, migration).await?;
            report.applied.push(migration.loaded.id());
            let (pending, _) = statements.of.pending(&self.identify(site).await?.applied(site))?;
            let next = statements.migrations.iter().find(|next| pending.first() == Some(&next.loaded.id()));
            // The places stay closed, so the next migration need not wait for reads.
            match next {
                Some(next) if self.close_for(site, migration, next).await? => migration = next,
                Some(_) => return Ok(()),
                None => return self.open(site).await,
            }
        }
    }

    /// Applies the missing migrations in one transaction and rolls it back, to find out whether one of them is refused.
    ///
    /// # Errors
    /// Returns the errors of [`Server::migrate_with`].
    pub(crate) async fn rehearse(&self, place: &Place, script: &Script) -> Result<()> {
        let site = self.site(place)?;
        let statements = script.mongo(place.isolation)?;
        let mut patience = Patience::of(BUSY_WAIT);
        loop {
            let found = self.identify(&site).await?;
            let (pending, unknown) = statements.of.pending(&found.applied(&site))?;
            rules::refuse_newer(&pending, &unknown)?;
            let mut run = self.begin_run(&site).await?;
            let mut tried = Ok(());
            for migration in statements.migrations.iter().filter(|m| pending.contains(&m.loaded.id())) {
                tried = run.apply(migration, statements.pooled).await;
                if tried.is_err() {
                    break;
                }
            }
            run.transaction.roll_back().await;
            match tried {
                Err(NotCommitted::Transient(error)) => patience.wait(error).await?,
                tried => return tried.map_err(Error::from),
            }
        }
    }

    pub(super) async fn begin_run<'a>(&'a self, site: &'a Site) -> Result<Run<'a>> {
        let (database, transaction) = (self.database(&site.database).await?, self.begin().await?);
        Ok(Run { server: self, site, database, transaction, former: BTreeMap::new() })
    }

    /// Closes the places of the store for a migration. Returns false if another process has closed them.
    async fn close(&self, site: &Site, migration: &Compiled) -> Result<bool> {
        let lapsed = doc! { "$lt": ["$closed_at", { "$subtract": ["$$NOW", LEASE_MS] }] };
        let free = doc! {
            "_id": ledger_id(site), "$or": [{ "closed": Bson::Null }, { "$expr": lapsed }],
        };
        let close = vec![doc! { "$set": { "closed": migration.loaded.id(), "closed_at": "$$NOW" } }];
        self.turn(site, free, close.into(), &|_| Bson::Null).await.map(|found| found.is_some())
    }

    /// Keeps the places closed for the next migration. Returns false if another process has taken the migration over.
    async fn close_for(&self, site: &Site, now: &Compiled, next: &Compiled) -> Result<bool> {
        let own = doc! { "_id": ledger_id(site), "closed": now.loaded.id() };
        let close = vec![doc! { "$set": { "closed": next.loaded.id(), "closed_at": "$$NOW" } }];
        self.turn(site, own, close.into(), &|_| Bson::Null).await.map(|found| found.is_some())
    }

    /// Opens the places of the store at the position of its ledger.
    pub(in crate::mongo) async fn open(&self, site: &Site) -> Result<()> {
        let open = doc! { "$unset": { "closed": "", "closed_at": "" } };
        let position = |ledger: &Document| ledger.get("position").cloned().unwrap_or(Bson::Null);
        self.turn(site, doc! { "_id": ledger_id(site) }, open.into(), &position).await.map(drop)
    }

    /// Changes the ledger of a store and sets the position of its places to the result of `position`, in one
    /// transaction. Returns the ledger as it was before; `None` if the filter does not match it.
    async fn turn(
        &self,
        site: &Site,
        filter: Document,
        change: UpdateModifications,
        position: &(dyn Fn(&Document) -> Bson + Sync),
    ) -> Result<Option<Document>> {
        let mut patience = Patience::of(BUSY_WAIT);
        loop {
            let places = self.database(&site.database).await?.collection::<Document>(PLACES);
            let mut transaction = self.begin().await?;
            let session = &mut transaction.session;
            let turned = async {
                let found =
                    places.find_one_and_update(filter.clone(), change.clone()).session(&mut *session).await?;
                if let Some(ledger) = &found {
                    let of_store = doc! { "store": site.place.store.as_str(), "tenant": { "$exists": true } };
                    let set = doc! { "$set": { "ledger": position(ledger) } };
                    places.update_many(of_store, set).session(&mut *session).await?;
                }
                Ok(found)
            };
            let done = match again(self.answer(turned).await) {
                Ok(found) => transaction.commit().await.map(|()| found),
                Err(why) => {
                    transaction.roll_back().await;
                    Err(why)
                }
            };
            match done {
                Err(NotCommitted::Transient(error)) => patience.wait(error).await?,
                done => return done.map_err(Error::from),
            }
        }
    }

    /// Runs a migration in a transaction, unless it is in the ledger already.
    async fn run_closed(&self, site: &Site, statements: &Statements, migration: &Compiled) -> Result<()> {
        let mut patience = Patience::of(BUSY_WAIT);
        loop {
            let mut run = self.begin_run(site).await?;
            let done = match enter(&mut run, migration).await {
                Ok(true) => run.apply(migration, statements.pooled).await,
                Ok(false) => {
                    run.transaction.roll_back().await;
                    return Ok(());
                }
                Err(why) => Err(why),
            };
            let done = match done {
                Ok(()) => run.transaction.commit().await,
                Err(why) => {
                    run.transaction.roll_back().await;
                    Err(why)
                }
            };
            match done {
                Err(NotCommitted::Transient(error)) => patience.wait(error).await?,
                done => return done.map_err(Error::from),
            }
        }
    }

    /// Renames and drops collections, and gives all collections of the store their validators and indexes. Idempotent.
    async fn settle(&self, site: &Site, migration: &Compiled) -> Result<()> {
        let database = &site.database;
        for whole in &migration.steps.whole {
            let (on, command) = match whole {
                Whole::Drop(name) => (database.as_str(), doc! { "drop": name }),
                Whole::Rename(from, to) => {
                    let (from, to) = (format!("{database}.{from}"), format!("{database}.{to}"));
                    ("admin", doc! { "renameCollection": from, "to": to })
                }
            };
            match self.try_run(on, command).await? {
                Err(error) if !is_absent(&error) => return Err(error.into()),
                _ => {}
            }
        }
        self.make_as_wanted(site, &migration.wanted).await
    }

    /// Gives collections the wanted validators and indexes, and makes missing collections.
    pub(in crate::mongo) async fn make_as_wanted(&self, site: &Site, wanted: &[Wanted]) -> Result<()> {
        let live = live_collections(self, site).await?;
        try_join_all(wanted.iter().map(|wanted| self.make_one(site, wanted, live.get(&wanted.name)))).await?;
        Ok(())
    }

    /// Makes one collection as it is wanted, or changes it. `found` is the validator of the existing collection.
    async fn make_one(&self, site: &Site, wanted: &Wanted, found: Option<&Document>) -> Result<()> {
        let database = &site.database;
        let mut missing = wanted.indexes.clone();
        match found {
            None => {
                let create = doc! { "create": &wanted.name, "validator": &wanted.validator };
                made(self.try_run(database, create).await?)?;
            }
            Some(found) => {
                if *found != wanted.validator {
                    let change = doc! { "collMod": &wanted.name, "validator": &wanted.validator };
                    self.run(database, change).await?;
                }
                for index in live_indexes(self, site, &wanted.name).await? {
                    match foreign_or_kept(&index, wanted) {
                        true => missing.retain(|one| one.get("name") != index.get("name")),
                        false => drop_index(self, site, &wanted.name, &index).await?,
                    }
                }
            }
        }
        if !missing.is_empty() {
            self.run(database, doc! { "createIndexes": &wanted.name, "indexes": missing }).await?;
        }
        Ok(())
    }
}

/// Adds a migration to the ledger, in the transaction of the migration. Returns false if the ledger has it already.
async fn enter(run: &mut Run<'_>, migration: &Compiled) -> Result<bool, NotCommitted> {
    let (site, loaded) = (run.site, &migration.loaded);
    let line = doc! {
        "app": &loaded.app, "migration": rules::name_in(&site.place.store, &loaded.name),
        "checksum": &loaded.checksum,
    };
    let mine = doc! { "_id": ledger_id(site), "closed": loaded.id() };
    let change = doc! { "$push": { "applied": line }, "$inc": { "position": 1_i64 } };
    let places = run.database.collection::<Document>(PLACES);
    let session = &mut run.transaction.session;
    let done = async { places.find_one_and_update(mine, change).session(session).await };
    match again(run.server.answer(done).await)? {
        // This is the ledger before the change.
        Some(ledger) => Ok(!applied(&ledger, site).contains_key(&loaded.id())),
        None => Err(NotCommitted::Failed(Error::new(
            Kind::Busy,
            format!("{site}: another process has taken the migration over"),
        ))),
    }
}

/// Refuses a place that has its own database and was moved away. It accepts no more writes, including changes of its
/// collections (`fenced-generation`).
fn require_open(site: &Site, found: &Identity) -> Result<()> {
    // A place that is being filled gets its collections from migrations.
    let takes_changes = |state: &str| matches!(state, "open" | "filling");
    let is_here =
        found.place.as_ref().and_then(|place| place.get_str("state").ok()).is_some_and(takes_changes);
    match is_here || site.is_pooled() {
        true => Ok(()),
        false => Err(Error::new(Kind::Fenced, format!("{site} is fenced: its rows have moved"))),
    }
}
