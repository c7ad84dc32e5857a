//! Writes rows to a place. In a place that is *filling*, every page has its own transaction, which requires that no
//! other caller has claimed the place. In a place that catches up, one transaction contains all changes.

use super::documents::{document, id, name, own, push};
use crate::{
    carry::{LINE, Page, Table, Tables},
    cell::Key,
    error::{Error, Kind, Result},
    identity::{
        PlaceState,
        transition::{self, not_filling},
    },
    ledger::Applied,
    mongo::{
        cells::whole,
        error::Driven,
        identity::applied,
        place_state::{at, info, number_of, numbered},
        server::Server,
        site::Site,
        tables::{ACTIVITY, PLACES, ledger_id},
        transaction::{NotCommitted, Patience, Transaction, again},
    },
};
use futures_util::TryStreamExt;
use mongodb::{
    Collection,
    bson::{Bson, Document, RawDocumentBuf, doc},
};
use std::time::Duration;

/// Maximum time to wait for another caller that writes to the place.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Writes rows to one place, in transactions.
pub(crate) struct Writer {
    server: Server,
    site: Site,
    /// The transaction of a place that catches up.
    transaction: Option<Transaction>,
    /// Filter that matches the document of the place as long as this caller may write.
    mine: Document,
    /// State that the place gets when it is completely filled; `None` for a place that catches up.
    filled: Option<PlaceState>,
    tables: Option<Tables>,
    log_upto: i64,
    rows: i64,
    bytes: i64,
}

impl Writer {
    /// Locks a closed place. [`Writer::write`] sets its tables.
    pub(crate) async fn catching_up(server: &Server, site: &Site) -> Result<Self> {
        server.identify(site).await?;
        let mut mine = at(site);
        mine.extend(doc! { "state": "closed" });
        let mut writer = Self::new(server, site, mine, None);
        let (transaction, place) = writer.begin().await?;
        let found = info(&place, site)?;
        writer.log_upto = found.log_upto.ok_or_else(|| transition::not_copied(&site.place))?;
        writer.transaction = Some(transaction);
        Ok(writer)
    }

    /// Claims a place, removes its documents, and begins to fill it. [`Writer::finish`] changes its state to `filled`.
    /// Returns `None` if the place was filled before.
    pub(crate) async fn filling(
        server: &Server,
        site: &Site,
        tables: &Tables,
        filled: PlaceState,
    ) -> Result<Option<Self>> {
        if let Some(found) = server.find_place(site).await?
            && is_complete(&found, site)?
        {
            return Ok(None);
        }
        let token = server.take_over(site).await?;
        let mut mine = at(site);
        mine.extend(doc! { "state": "filling", "holder": token });
        let mut writer = Self::new(server, site, mine, Some(filled));
        writer.write(tables);
        let models = tables.iter().map(|table| table.model.as_str());
        server.clear(site, models).await?;
        Ok(Some(writer))
    }

    fn new(server: &Server, site: &Site, mine: Document, filled: Option<PlaceState>) -> Self {
        Self {
            server: server.clone(),
            site: site.clone(),
            transaction: None,
            mine,
            filled,
            tables: None,
            log_upto: 0,
            rows: 0,
            bytes: 0,
        }
    }

    /// Sets the tables to write to.
    pub(crate) fn write(&mut self, tables: &Tables) {
        self.tables = Some(tables.clone());
    }

    fn tables(&self) -> Result<Tables> {
        self.tables.clone().ok_or_else(|| Error::new(Kind::Internal, "no tables were named"))
    }

    /// Begins a transaction that locks the place by changing its document. Returns that document.
    async fn begin(&self) -> Result<(Transaction, Document)> {
        let mut patience = Patience::of(LOCK_WAIT);
        loop {
            let mut transaction = self.server.begin().await?;
            let places = self.places().await?;
            let (mine, turn) = (self.mine.clone(), doc! { "$inc": { "turn": 1_i64 } });
            let session = &mut transaction.session;
            let locked = async { places.find_one_and_update(mine, turn).session(session).await };
            match again(self.server.answer(locked).await) {
                Ok(Some(place)) => return Ok((transaction, place)),
                Ok(None) => {
                    transaction.roll_back().await;
                    return Err(self.not_mine().await);
                }
                Err(NotCommitted::Transient(error)) => {
                    transaction.roll_back().await;
                    patience.wait(error).await?;
                }
                Err(why) => return Err(why.into()),
            }
        }
    }

    async fn places(&self) -> Result<Collection<Document>> {
        Ok(self.server.database(&self.site.database).await?.collection(PLACES))
    }

    /// Returns the reason why this caller may no longer write.
    async fn not_mine(&self) -> Error {
        match (&self.filled, self.server.place_info(&self.site.place).await) {
            (Some(_), _) => not_filling(&self.site.place),
            (None, Ok(found)) => transition::not_closed(&self.site.place, found.state),
            (None, Err(error)) => error,
        }
    }

    /// Takes the open transaction, or begins one.
    async fn take_transaction(&mut self) -> Result<Transaction> {
        match self.transaction.take() {
            Some(transaction) => Ok(transaction),
            None => Ok(self.begin().await?.0),
        }
    }

    /// Ends a call. Keeps the transaction of a place that catches up open, and commits that of a place that is being
    /// filled. Rolls back after an error.
    async fn done<T>(&mut self, transaction: Transaction, done: Driven<T>) -> Result<T> {
        match done {
            Ok(done) if self.filled.is_some() => {
                transaction.commit().await?;
                Ok(done)
            }
            Ok(done) => {
                self.transaction = Some(transaction);
                Ok(done)
            }
            Err(error) => {
                transaction.roll_back().await;
                Err(error.into())
            }
        }
    }

    pub(crate) fn log_upto(&self) -> i64 {
        self.log_upto
    }

    pub(crate) async fn ledger(&mut self) -> Result<Applied> {
        let mut transaction = self.take_transaction().await?;
        let (places, own) = (self.places().await?, doc! { "_id": ledger_id(&self.site) });
        let session = &mut transaction.session;
        let read = async { places.find_one(own).session(session).await };
        let found = self.server.answer(read).await;
        let ledger = self.done(transaction, found).await?;
        Ok(ledger.map_or_else(Applied::new, |ledger| applied(&ledger, &self.site)))
    }

    async fn find(&mut self, table: &Table, filter: Document) -> Result<Vec<RawDocumentBuf>> {
        let mut transaction = self.take_transaction().await?;
        let collection = self.server.collection(&self.site, table.model.as_str()).await?;
        let session = &mut transaction.session;
        let read = async {
            let mut cursor = collection.find(filter).session(&mut *session).await?;
            cursor.stream(session).try_collect::<Vec<_>>().await
        };
        let found = self.server.answer(read).await;
        self.done(transaction, found).await
    }

    pub(crate) async fn take(&mut self, table: usize, ids: &[Key]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let tables = self.tables()?;
        let table = &tables[table];
        let ids: Vec<Bson> = ids.iter().map(|key| id(&self.site, *key)).collect();
        let filter = doc! { "_id": { "$in": ids } };
        let mut gone = Page::new(table.columns.len());
        for row in self.find(table, filter.clone()).await? {
            push(&mut gone, table, &row)?;
        }
        let mut transaction = self.take_transaction().await?;
        let collection = self.server.collection(&self.site, table.model.as_str()).await?;
        let session = &mut transaction.session;
        let deleted = async { collection.delete_many(filter).session(session).await };
        let deleted = self.server.answer(deleted).await;
        self.done(transaction, deleted).await?;
        self.count(-1, &gone);
        Ok(())
    }

    pub(crate) async fn put(&mut self, table: usize, page: &Page) -> Result<()> {
        if page.is_empty() {
            return Ok(());
        }
        let tables = self.tables()?;
        let table = &tables[table];
        let rows = (0..page.len()).map(|row| document(page, row, table, &self.site));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        self.insert(table.model.as_str(), rows).await?;
        self.count(1, page);
        Ok(())
    }

    async fn insert(&mut self, collection: &str, rows: Vec<Document>) -> Result<()> {
        let mut transaction = self.take_transaction().await?;
        let collection = self.server.database(&self.site.database).await?.collection::<Document>(collection);
        let session = &mut transaction.session;
        let inserted = async { collection.insert_many(rows).session(session).await };
        let inserted = self.server.answer(inserted).await;
        self.done(transaction, inserted).await.map(drop)
    }

    fn count(&mut self, sign: i64, page: &Page) {
        self.rows += sign * i64::try_from(page.len()).unwrap_or(i64::MAX);
        self.bytes += sign * page.bytes();
    }

    pub(crate) async fn conflicts(&mut self, table: usize, page: &Page) -> Result<Vec<Key>> {
        let tables = self.tables()?;
        let table = &tables[table];
        let mut any = vec![];
        for columns in &table.unique {
            for row in 0..page.len() {
                let mut same = own(&self.site);
                for column in columns {
                    let value =
                        super::documents::bson(table.columns[*column].storage, page.get(row, *column))?;
                    same.insert(name(table, *column), value);
                }
                // Null is equal to no value.
                if same.values().all(|value| *value != Bson::Null) {
                    any.push(same);
                }
            }
        }
        if any.is_empty() {
            return Ok(vec![]);
        }
        let mut found = Page::new(table.columns.len());
        for row in self.find(table, doc! { "$or": any }).await? {
            push(&mut found, table, &row)?;
        }
        found.keys()
    }

    async fn update_place(&mut self, change: Document) -> Result<()> {
        let mut transaction = self.take_transaction().await?;
        let (places, own) = (self.places().await?, doc! { "_id": &self.site.key });
        let session = &mut transaction.session;
        let done = async { places.update_one(own, change).session(session).await };
        let done = self.server.answer(done).await;
        self.done(transaction, done).await.map(drop)
    }

    pub(crate) async fn last_ids(&mut self, last: &[(usize, i64)]) -> Result<()> {
        let tables = self.tables()?;
        let last =
            last.iter().map(|(table, last)| (format!("last.{}", tables[*table].model), (*last).into()));
        let last: Document = last.collect();
        if last.is_empty() {
            return Ok(());
        }
        self.update_place(doc! { "$max": last }).await
    }

    /// Adds entries to the activity log. They get new numbers, in the same order.
    pub(crate) async fn lines(&mut self, lines: &Page) -> Result<()> {
        let place = self.server.find_place(&self.site).await?.unwrap_or_default();
        let first = place.get("lines").and_then(whole).unwrap_or_default() + 1;
        let line = |(row, number): (usize, i64)| {
            let mut line = doc! { "_id": number_of(&self.site.key, number) };
            for (column, (name, storage)) in LINE.iter().enumerate().skip(1) {
                line.insert(*name, super::documents::bson(*storage, lines.get(row, column))?);
            }
            Ok(line)
        };
        let rows = (0..lines.len()).zip(first..).map(line).collect::<Result<Vec<_>>>()?;
        let more = i64::try_from(rows.len()).unwrap_or_default();
        self.insert(ACTIVITY, rows).await?;
        self.update_place(doc! { "$inc": { "lines": more } }).await
    }

    /// Sets the counters and the state of the place, and commits.
    pub(crate) async fn finish(mut self, log_upto: i64) -> Result<()> {
        let (rows, bytes) = (self.rows, self.bytes);
        let change = match self.filled {
            Some(state) => doc! {
                "$set": { "state": state.name(), "rows": rows, "bytes": bytes, "log_upto": log_upto },
                "$unset": { "holder": "" },
            },
            None => doc! { "$inc": { "rows": rows, "bytes": bytes }, "$set": { "log_upto": log_upto } },
        };
        self.update_place(change).await?;
        match self.transaction {
            Some(transaction) => Ok(transaction.commit().await?),
            None => Ok(()),
        }
    }
}

impl Server {
    /// Claims a place for this call, even if an earlier call is filling it. Returns the new fencing token.
    async fn take_over(&self, site: &Site) -> Result<i64> {
        let token = transition::filling_token();
        let state = doc! { "state": "filling", "holder": token };
        if site.is_pooled() {
            self.enter_pool(site, state.clone()).await?;
        }
        let mut claim = self.row(site, None, state);
        // Keep the position of the ledger.
        claim.remove("ledger");
        let places = self.database(&site.database).await?.collection::<Document>(PLACES);
        let change =
            doc! { "$set": claim, "$unset": { "recorder": "", "log_upto": "", "lines": "", "last": "" } };
        let own = doc! { "_id": &site.key, "generation": { "$lte": site.generation } };
        let found = self.answer(async { places.find_one_and_update(own, change).await }).await?;
        let found = found.ok_or_else(|| transition::stale(&site.place))?;
        let before = info(&found, site)?.state;
        // Sessions may have read the place of an earlier generation, also if an earlier call claimed it and died.
        if before.is_complete() || site.is_pooled() && before.holder() != Some(token) {
            self.outlast_leases(site, PLACES).await?;
        }
        Ok(token)
    }

    /// Removes all documents of a place from these collections, its activity log and its recorded changes.
    pub(super) async fn clear<'m>(&self, site: &Site, models: impl Iterator<Item = &'m str>) -> Result<()> {
        for model in models {
            let rows = self.collection(site, model).await?;
            self.answer(async { rows.delete_many(own(site)).await }).await?;
        }
        let log = self.collection(site, ACTIVITY).await?;
        self.answer(async { log.delete_many(numbered(&site.key, Bson::MinKey)).await }).await?;
        self.forget_changes(site).await
    }
}

/// Returns true if this generation of the place is completely filled.
///
/// # Errors
/// Returns `Fenced` if the place is here at a later generation, or has rows of this generation that no copy brought.
fn is_complete(place: &Document, site: &Site) -> Result<bool> {
    let found = place.get("generation").and_then(whole).unwrap_or_default();
    let info = info(place, site)?;
    let refuse = |why: String| Err(Error::new(Kind::Fenced, format!("{site}: {why}")));
    match info.log_upto {
        _ if found > site.generation => refuse(format!("the database is at generation {found}")),
        _ if found < site.generation || !info.state.is_complete() => Ok(false),
        Some(_) => Ok(true),
        None if info.rows == 0 => Ok(false),
        None => refuse("rows of this generation are there already".into()),
    }
}
