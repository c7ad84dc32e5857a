//! Reads documents from one consistent state of a place, for every kind of transfer.

use super::documents::{after, id, push, push_field};
use crate::{
    carry::{CaughtUp, LINE, Page, Tables, Touched},
    cell::Key,
    error::{Error, Kind, Result},
    identity::{PlaceInfo, transition::stale},
    ledger::Applied,
    model::IdKind,
    mongo::{
        cells::whole,
        identity::applied,
        place_state::{info, is_at, numbered},
        server::Server,
        site::Site,
        tables::{ACTIVITY, CHANGES, OWN, PLACES, ledger_id},
    },
};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession,
    bson::{Bson, Document, RawDocumentBuf, doc},
    options::ReadConcern,
};
use std::collections::HashSet;

/// Documents that are read at a time for a dump.
const PIECE: i64 = 1000;

/// One consistent state of a place, open for reading.
pub(crate) struct Reader {
    server: Server,
    site: Site,
    session: ClientSession,
    tables: Option<Tables>,
}

impl Reader {
    /// Opens the current state of a place. On MongoDB 5.0 and later, the state can be read for as long as the
    /// deployment keeps earlier states (by default five minutes); on earlier versions, for as long as a transaction may
    /// take (by default one minute).
    pub(crate) async fn open(server: &Server, site: &Site) -> Result<Self> {
        server.identify(site).await?;
        let client = server.client().await?;
        let session = match server.reads_states() {
            true => client.start_session().snapshot(true).await?,
            false => {
                let mut session = client.start_session().await?;
                session.start_transaction().read_concern(ReadConcern::snapshot()).await?;
                session
            }
        };
        let mut reader = Self { server: server.clone(), site: site.clone(), session, tables: None };
        // The first read determines the state that the session reads.
        reader.info().await?;
        Ok(reader)
    }

    /// Ends the reading.
    pub(crate) async fn end(mut self) -> Result<()> {
        if !self.server.reads_states() {
            self.session.abort_transaction().await?;
        }
        Ok(())
    }

    /// Sets the tables to read.
    pub(crate) fn read(&mut self, tables: &Tables) {
        self.tables = Some(tables.clone());
    }

    fn tables(&self) -> Result<Tables> {
        self.tables.clone().ok_or_else(|| Error::new(Kind::Internal, "no tables were named"))
    }

    async fn find(&mut self, collection: &str, filter: Document, most: i64) -> Result<Vec<RawDocumentBuf>> {
        let collection = self.server.collection(&self.site, collection).await?;
        let session = &mut self.session;
        let read = async {
            let find = collection.find(filter).sort(doc! { "_id": 1 }).limit(most);
            let mut cursor = find.session(&mut *session).await?;
            cursor.stream(session).try_collect::<Vec<_>>().await
        };
        Ok(self.server.answer(read).await?)
    }

    /// Returns documents of a collection in the order of their ids, after the one with the id `last`.
    pub(in crate::mongo) async fn documents(
        &mut self,
        collection: &str,
        last: Option<&Bson>,
    ) -> Result<Vec<RawDocumentBuf>> {
        let filter = last.map_or_else(Document::new, |last| doc! { "_id": { "$gt": last } });
        self.find(collection, filter, PIECE).await
    }

    async fn rows_where(&mut self, table: usize, filter: Document, most: i64) -> Result<Page> {
        let tables = self.tables()?;
        let table = &tables[table];
        let rows = self.find(table.model.as_str(), filter, most).await?;
        let mut page = Page::new(table.columns.len());
        rows.iter().try_for_each(|row| push(&mut page, table, row))?;
        Ok(page)
    }

    pub(crate) async fn page(&mut self, table: usize, last: Option<Key>, most: usize) -> Result<Page> {
        let filter = after(&self.site, last);
        self.rows_where(table, filter, i64::try_from(most).unwrap_or(i64::MAX)).await
    }

    pub(crate) async fn rows(&mut self, table: usize, ids: &[Key]) -> Result<Page> {
        let ids: Vec<_> = ids.iter().map(|key| id(&self.site, *key)).collect();
        self.rows_where(table, doc! { "_id": { "$in": ids } }, 0).await
    }

    pub(crate) async fn noted(&mut self, after: u64, most: u64) -> Result<(Touched, CaughtUp)> {
        let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let filter = numbered(&self.site.key, bound(after));
        let (mut touched, mut caught_up) = (Touched::new(), CaughtUp { seq: after, changes: 0 });
        let damaged = |error| Error::with_source(Kind::Corrupt, "a note of a change", error);
        for row in self.find(CHANGES, filter, bound(most)).await? {
            let number = row.get_document("_id").and_then(|id| id.get_i64("n")).map_err(damaged)?;
            let model = row.get_str("model").map_err(damaged)?.to_owned();
            let key = noted_key(row.get_str("id").map_err(damaged)?)?;
            caught_up = CaughtUp { seq: number.unsigned_abs(), changes: caught_up.changes + 1 };
            touched.entry(model).or_default().insert(key);
        }
        Ok((touched, caught_up))
    }

    pub(crate) async fn lines(&mut self, after: i64, most: i64) -> Result<Page> {
        let rows = self.find(ACTIVITY, numbered(&self.site.key, after), most).await?;
        let mut page = Page::new(LINE.len());
        for row in &rows {
            let number = row.get_document("_id").and_then(|id| id.get_i64("n"));
            let number =
                number.map_err(|error| Error::with_source(Kind::Corrupt, "a line of the log", error))?;
            page.push(crate::cell::Raw::Integer(number))?;
            LINE[1..].iter().try_for_each(|(name, storage)| push_field(&mut page, row, name, *storage))?;
        }
        Ok(page)
    }

    async fn document(&mut self, id: &str) -> Result<Option<Document>> {
        let found = self.find(PLACES, doc! { "_id": id }, 1).await?;
        let found = found.first().map(|row| Document::try_from(&**row)).transpose();
        found.map_err(|error| Error::with_source(Kind::Corrupt, "a document of the platform", error))
    }

    pub(crate) async fn last_ids(&mut self) -> Result<Vec<(usize, i64)>> {
        let (tables, key) = (self.tables()?, self.site.key.clone());
        let place = self.document(&key).await?.unwrap_or_default();
        let last = |model: &str| place.get_document("last").ok()?.get(model).and_then(whole);
        let integers = tables.iter().enumerate().filter(|(_, table)| table.id == IdKind::Integer);
        Ok(integers.filter_map(|(at, table)| Some((at, last(table.model.as_str())?))).collect())
    }

    pub(crate) async fn ledger(&mut self) -> Result<Applied> {
        let id = ledger_id(&self.site);
        let ledger = self.document(&id).await?.unwrap_or_default();
        match ledger.get_str("closed") {
            Ok(migration) => {
                let detail = format!("{}: {migration} is being applied", self.site);
                Err(Error::new(Kind::Busy, detail))
            }
            Err(_) => Ok(applied(&ledger, &self.site)),
        }
    }

    pub(crate) async fn info(&mut self) -> Result<PlaceInfo> {
        let key = self.site.key.clone();
        match self.document(&key).await? {
            Some(found) if is_at(&found, &self.site) => info(&found, &self.site),
            _ => Err(stale(&self.site.place)),
        }
    }

    pub(crate) async fn undeclared(&mut self, declared: &HashSet<String>) -> Result<Vec<String>> {
        let database = self.server.database(&self.site.database).await?;
        let mut names = self.server.answer(async { database.list_collection_names().await }).await?;
        names.retain(|name| {
            !name.starts_with(OWN) && !name.starts_with("system.") && !declared.contains(name)
        });
        names.sort();
        let mut found = vec![];
        for name in names {
            if !self.find(&name, doc! {}, 1).await?.is_empty() {
                found.push(name);
            }
        }
        Ok(found)
    }
}

/// Parses the record id of a recorded change.
fn noted_key(text: &str) -> Result<Key> {
    if let Ok(id) = text.parse() {
        return Ok(Key::Integer(id));
    }
    let bytes = text.as_bytes().try_into();
    bytes.map(Key::Text).map_err(|_| Error::new(Kind::Corrupt, "a note of a change has no id"))
}
