//! Runs the steps of one migration in a transaction on a place.

use super::{
    compiled::Compiled,
    convert::Check,
    recount::counted,
    steps::{Change, Step, TWICE},
};
use crate::{
    error::{Error, Kind, Result},
    model::{IdKind, Model},
    mongo::{
        cells::whole,
        records::search::{self, TEXTS, WORDS},
        server::Server,
        site::Site,
        tables::{ACTIVITY, PLACES},
        transaction::{NotCommitted, Transaction, again},
    },
    name::TenantId,
    refused::{NAMED_MAX, RefusedRows},
};
use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{Bson, Document, doc},
    options::UpdateModifications,
};
use std::collections::BTreeMap;

/// Number of documents whose search words are collected at a time.
const WORDS_AT_ONCE: usize = 500;

/// A transaction that runs migrations.
pub(super) struct Run<'a> {
    pub(super) server: &'a Server,
    pub(super) site: &'a Site,
    pub(super) database: Database,
    pub(super) transaction: Transaction,
    /// Current names of collections, by the names that migrations give them. Collections are renamed only after the
    /// transaction.
    pub(super) former: BTreeMap<String, String>,
}

impl Run<'_> {
    /// Runs the steps of a migration, then collects search words and counts rows where the steps require it.
    pub(super) async fn apply(&mut self, migration: &Compiled, pooled: bool) -> Result<(), NotCommitted> {
        for step in &migration.steps.list {
            self.step(step, pooled).await.map_err(|why| in_migration(migration, why))?;
        }
        for model in &migration.steps.search {
            if let Some(model) = migration.state.model(model.as_str()) {
                self.collect_words(model).await?;
            }
        }
        if migration.steps.recount || migration.steps.renumber {
            self.recount(migration, pooled).await?;
        }
        Ok(())
    }

    fn collection(&self, model: &str) -> mongodb::Collection<Document> {
        let name = self.former.get(model).map_or(model, String::as_str);
        self.database.collection(name)
    }

    async fn step(&mut self, step: &Step, pooled: bool) -> Result<(), NotCommitted> {
        match step {
            Step::Refuse(check) => self.refuse(check).await,
            Step::Refers { model, field, target } => self.refers(model, field, target, pooled).await,
            Step::Update { model, filter, change } => {
                let change = match change {
                    Change::Plain(change) => UpdateModifications::Document(change.clone()),
                    Change::Computed(stage) => UpdateModifications::Pipeline(vec![stage.clone()]),
                };
                self.update(&self.collection(model), filter.clone(), change).await
            }
            Step::Command(command) => self.command(command).await,
            Step::Renamed { from, to } => {
                let now = self.former.remove(from).unwrap_or_else(|| from.clone());
                self.former.insert(to.clone(), now);
                let log = self.database.collection(ACTIVITY);
                let named = doc! { "$set": { "model": to } };
                self.update(&log, doc! { "model": from }, named.into()).await?;
                let rename = doc! { "$rename": { format!("last.{from}"): format!("last.{to}") } };
                self.update_places(rename).await
            }
            Step::Dropped(model) => {
                self.update_places(doc! { "$unset": { format!("last.{model}"): "" } }).await
            }
        }
    }

    async fn update(
        &mut self,
        collection: &mongodb::Collection<Document>,
        filter: Document,
        change: UpdateModifications,
    ) -> Result<(), NotCommitted> {
        let session = &mut self.transaction.session;
        // The validator still belongs to the models before the migration.
        let done = async {
            collection.update_many(filter, change).bypass_document_validation(true).session(session).await
        };
        again(self.server.answer(done).await).map(drop)
    }

    async fn update_places(&mut self, change: Document) -> Result<(), NotCommitted> {
        let places = self.database.collection(PLACES);
        let filter = doc! { "store": self.site.place.store.as_str() };
        self.update(&places, filter, change.into()).await
    }

    async fn command(&mut self, command: &Document) -> Result<(), NotCommitted> {
        let mut command = command.clone();
        if let Some((_, Bson::String(collection))) = command.iter_mut().next()
            && let Some(now) = self.former.get(collection)
        {
            collection.clone_from(now);
        }
        command.insert("bypassDocumentValidation", true);
        let (database, session) = (self.database.clone(), &mut self.transaction.session);
        let done = async { database.run_command(command).session(session).await };
        let answer = again(self.server.answer(done).await)?;
        match answer.get_array("writeErrors").ok().and_then(|errors| errors.first()) {
            Some(error) => {
                let why = error.to_string();
                Err(NotCommitted::Failed(Error::new(Kind::Statement(why.clone()), why)))
            }
            None => Ok(()),
        }
    }

    async fn read(
        &mut self,
        collection: &mongodb::Collection<Document>,
        pipeline: Vec<Document>,
    ) -> Result<Vec<Document>, NotCommitted> {
        let session = &mut self.transaction.session;
        let read = async {
            let mut cursor =
                collection.aggregate(pipeline).allow_disk_use(true).session(&mut *session).await?;
            cursor.stream(session).try_collect::<Vec<_>>().await
        };
        again(self.server.answer(read).await)
    }

    /// Fails if the check finds documents, and names the first of them.
    async fn refuse(&mut self, check: &Check) -> Result<(), NotCommitted> {
        let collection = self.collection(&check.model);
        let (found, ids) = match check.filter.get_array(TWICE) {
            Ok(fields) => {
                let groups = self.read(&collection, twice(fields)).await?;
                let mut ids: Vec<Bson> = groups
                    .iter()
                    .filter_map(|group| group.get_array("ids").ok())
                    .flatten()
                    .cloned()
                    .collect();
                ids.sort_by_key(order_of_id);
                (groups.len(), ids)
            }
            Err(_) => {
                let count = vec![doc! { "$match": &check.filter }, doc! { "$count": "n" }];
                let found = self.read(&collection, count).await?;
                let found = found.first().and_then(|row| row.get("n")).and_then(whole).unwrap_or_default();
                let most = i64::try_from(NAMED_MAX).unwrap_or(i64::MAX) + 1;
                let first = vec![
                    doc! { "$match": &check.filter },
                    doc! { "$sort": { "_id": 1 } },
                    doc! { "$limit": most },
                    doc! { "$project": { "_id": 1 } },
                ];
                let rows = if found > 0 { self.read(&collection, first).await? } else { vec![] };
                let ids = rows.iter().filter_map(|row| row.get("_id").cloned()).collect();
                (usize::try_from(found).unwrap_or_default(), ids)
            }
        };
        if found == 0 {
            return Ok(());
        }
        let mut rows = if check.names_rows { named(&ids) } else { RefusedRows::default() };
        rows.count = found as u64;
        let why = format!("refused: {found} {}{}", check.message, rows.own());
        Err(NotCommitted::Failed(Error::with_source(Kind::Statement(why.clone()), why, rows)))
    }

    /// Fails if a document refers to a missing one.
    async fn refers(
        &mut self,
        model: &str,
        field: &str,
        target: &str,
        pooled: bool,
    ) -> Result<(), NotCommitted> {
        let from = self.former.get(target).map_or(target, String::as_str).to_owned();
        let reference = format!("${field}");
        let id: Bson = match pooled {
            false => reference.into(),
            true => doc! { "t": "$_id.t", "i": reference }.into(),
        };
        let same = doc! { "$match": { "$expr": { "$eq": ["$_id", "$$id"] } } };
        let pipeline = vec![
            doc! { "$match": { field: { "$ne": Bson::Null } } },
            doc! { "$lookup": { "from": from, "let": { "id": id }, "pipeline": [same], "as": "_found" } },
            doc! { "$match": { "_found": { "$size": 0 } } },
            doc! { "$limit": 1 },
        ];
        match self.read(&self.collection(model), pipeline).await?.first() {
            None => Ok(()),
            Some(row) => {
                let id = row.get(field).map(ToString::to_string).unwrap_or_default();
                let why = format!("a row of `{model}` refers to a missing row: {field} {id} of {target}");
                Err(NotCommitted::Failed(Error::new(Kind::Reference(model.into()), why)))
            }
        }
    }

    /// Collects the search words of all documents of a model again.
    async fn collect_words(&mut self, model: &Model) -> Result<(), NotCommitted> {
        let collection = self.collection(model.name.as_str());
        let fields: Vec<&str> = model.search_fields().map(|field| field.name.as_str()).collect();
        if fields.is_empty() {
            return self
                .update(&collection, doc! {}, doc! { "$unset": { WORDS: "", TEXTS: "" } }.into())
                .await;
        }
        let mut after = Bson::MinKey;
        loop {
            let page = vec![
                doc! { "$match": { "_id": { "$gt": &after } } },
                doc! { "$sort": { "_id": 1 } },
                doc! { "$limit": WORDS_AT_ONCE as i64 },
            ];
            let rows = self.read(&collection, page).await?;
            let Some(last) = rows.last().and_then(|row| row.get("_id").cloned()) else { return Ok(()) };
            after = last;
            let updates = rows.iter().map(|row| {
                let mut words = doc! {};
                search::add(&mut words, fields.iter().filter_map(|field| row.get_str(field).ok()));
                doc! { "q": { "_id": row.get("_id").cloned() }, "u": { "$set": words } }
            });
            let updates: Vec<Document> = updates.collect();
            self.command(&doc! { "update": collection.name(), "updates": updates }).await?;
        }
    }

    /// Counts the documents of all places of the store, and sets their counters and, if the migration requires it,
    /// their last ids.
    pub(super) async fn recount(&mut self, migration: &Compiled, pooled: bool) -> Result<(), NotCommitted> {
        let store = &self.site.place.store;
        let mut totals: BTreeMap<i64, (i64, i64, Document)> = BTreeMap::new();
        for model in migration.state.of_store(store) {
            let pipeline = counted(model, &migration.state, pooled, None).map_err(NotCommitted::Failed)?;
            for row in self.read(&self.collection(model.name.as_str()), pipeline).await? {
                let number = |name: &str| row.get(name).and_then(whole);
                let tenant = number("_id").unwrap_or(self.site.tenant);
                let (rows, bytes, last) = totals.entry(tenant).or_default();
                *rows += number("rows").unwrap_or_default();
                *bytes += number("bytes").unwrap_or_default();
                if let Some(id) = number("last").filter(|_| model.id == IdKind::Integer) {
                    last.insert(format!("last.{}", model.name), id);
                }
            }
        }
        self.update_places(doc! { "$set": { "rows": 0_i64, "bytes": 0_i64 } }).await?;
        for (tenant, (rows, bytes, last)) in totals {
            let mut change = doc! { "$set": { "rows": rows, "bytes": bytes } };
            if migration.steps.renumber && !last.is_empty() {
                change.insert("$max", last);
            }
            let places = self.database.collection(PLACES);
            let own = doc! { "_id": format!("{tenant}/{store}") };
            self.update(&places, own, change.into()).await?;
        }
        Ok(())
    }
}

/// Returns the pipeline that finds values of these fields that several documents have.
fn twice(fields: &[Bson]) -> Vec<Document> {
    let names = || fields.iter().filter_map(Bson::as_str);
    let there: Document = names().map(|name| (name.to_owned(), doc! { "$ne": Bson::Null }.into())).collect();
    let key: Document =
        names().enumerate().map(|(at, name)| (format!("k{at}"), format!("${name}").into())).collect();
    vec![
        doc! { "$match": there },
        doc! { "$group": { "_id": key, "n": { "$sum": 1_i64 }, "ids": { "$push": "$_id" } } },
        doc! { "$match": { "n": { "$gt": 1_i64 } } },
    ]
}

/// Returns the first of these ids by tenant, for an error.
fn named(ids: &[Bson]) -> RefusedRows {
    let mut found = RefusedRows { more: ids.len() > NAMED_MAX, ..RefusedRows::default() };
    for id in ids.iter().take(NAMED_MAX) {
        let (tenant, id) = match id {
            Bson::Document(pair) => (pair.get_i64("t").ok().map(TenantId::from_raw), pair.get("i")),
            id => (None, Some(id)),
        };
        let text = match id {
            Some(Bson::String(text)) => text.clone(),
            Some(Bson::Int64(number)) => number.to_string(),
            _ => String::new(),
        };
        found.ids.entry(tenant).or_default().push(text);
    }
    found
}

/// Returns the sort key of an id.
fn order_of_id(id: &Bson) -> (i64, i64, String) {
    match id {
        Bson::Int64(number) => (0, *number, String::new()),
        Bson::String(text) => (0, 0, text.clone()),
        Bson::Document(pair) => {
            let (_, number, text) = pair.get("i").map(order_of_id).unwrap_or_default();
            (pair.get_i64("t").unwrap_or_default(), number, text)
        }
        _ => (0, 0, String::new()),
    }
}

/// Adds the name of the migration to an error. Keeps the kind if the server could not run the migration at all.
fn in_migration(migration: &Compiled, why: NotCommitted) -> NotCommitted {
    let NotCommitted::Failed(error) = why else { return why };
    let detail = format!("migration {}: {}", migration.loaded.id(), error.detail());
    let kind = match error.kind() {
        Kind::Statement(_) | Kind::Internal => Kind::Statement(detail.clone()),
        kind => kind.clone(),
    };
    NotCommitted::Failed(Error::with_source(kind, detail, error))
}
