//! One place on a MongoDB deployment: every statement on its documents runs here, with the place's confinement.
//!
//! The engine makes a session for each request. A session holds no connection: each statement takes one from the
//! client. The place determines what a statement may touch (`confined-query`).

use super::{
    cells::whole,
    lease::Lease,
    opened::Opened,
    place_state::{at, numbered, readable},
    records::{
        Layout, activity, list,
        query::{Answer, Find, Query},
        read, write,
    },
    server::Server,
    tables::{ACTIVITY, PLACES},
};
use crate::{
    error::{Error, Kind, Result},
    list::aggregate::Checked,
    name::FieldName,
    overrides::OverrideRow,
    place::Place,
    query::{Aggregate, Change, Filter, Groups, RecordId, Select},
    row::Visit,
    schema::{Known, Plan, Schema},
    value::Value,
    write::{Activity, Queue, Trouble, Usage, Write, WriteCondition, WriteOptions, Writer, Written, submit},
};
use futures_util::TryStreamExt;
use mongodb::bson::{RawDocument, doc};
use std::{borrow::Cow, collections::HashSet, sync::Arc};

/// Maximum number of attempts of a read, which is repeated if the place was migrated in the meantime.
const ATTEMPTS: usize = 4;
/// Number of documents in one batch of an answer: a page of rows, one more row, and the document of the place.
const ANSWER: u32 = crate::list::LIMIT_MAX + 2;

/// A place on a deployment. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    server: Server,
    place: Arc<Opened>,
    schema: Arc<Schema>,
}

impl Server {
    /// Opens a session confined to `place`.
    ///
    /// # Errors
    /// Returns the errors of [`Server::opened`].
    pub(crate) async fn session(&self, place: &Place, schema: &Arc<Schema>) -> Result<Session> {
        let opened = self.opened(place, schema).await?;
        Ok(Session { server: self.clone(), place: opened, schema: schema.clone() })
    }
}

impl Session {
    fn layout<'p>(&self, plan: &'p Plan) -> Layout<'p> {
        Layout::new(plan, self.place.site.is_pooled().then_some(self.place.site.tenant))
    }

    pub(crate) async fn get<V: Visit>(
        &self,
        model: &str,
        id: &RecordId,
        fields: &[FieldName],
        mut visit: V,
    ) -> Result<Option<V>> {
        let layout = self.layout(self.schema.require(model)?);
        let projection = layout.plan.project(fields)?;
        let Some(key) = layout.plan.key(id) else { return Ok(None) };
        let answer = self.read(model, &read::by_id(&layout, key, &projection)).await?;
        let rows = answer.rows()?;
        read::show(layout.plan, &projection, &rows, &mut visit)?;
        Ok((!rows.is_empty()).then_some(visit))
    }

    pub(crate) async fn by_ids<V: Visit>(
        &self,
        model: &str,
        ids: &[RecordId],
        fields: &[FieldName],
        mut visit: V,
    ) -> Result<V> {
        let layout = self.layout(self.schema.require(model)?);
        let projection = layout.plan.project(fields)?;
        let answer = self.read(model, &read::by_ids(&layout, ids, &projection)?).await?;
        read::show(layout.plan, &projection, &answer.rows()?, &mut visit)?;
        Ok(visit)
    }

    pub(crate) async fn exists(&self, model: &str, ids: &[RecordId]) -> Result<Vec<RecordId>> {
        let layout = self.layout(self.schema.require(model)?);
        let projection = layout.only_ids();
        let answer = self.read(model, &read::by_ids(&layout, ids, &projection)?).await?;
        let found =
            answer.rows()?.into_iter().map(|row| layout.id_of(row)).collect::<Result<HashSet<_>>>()?;
        Ok(ids.iter().filter(|id| !found.contains(id)).cloned().collect())
    }

    pub(crate) async fn refers(&self, model: &str, field: &str, id: &RecordId) -> Result<bool> {
        let layout = self.layout(self.schema.require(model)?);
        match read::refers(&layout, field, id)? {
            Some(query) => Ok(!self.read(model, &query).await?.rows()?.is_empty()),
            None => Ok(false),
        }
    }

    pub(crate) async fn select<V: Visit>(
        &self,
        model: &str,
        select: &Select,
        merge: Option<&[OverrideRow]>,
        mut visit: V,
    ) -> Result<(V, Option<Vec<Value>>)> {
        let layout = self.layout(self.schema.require(model)?);
        let list = list::List::new(&self.schema, layout, select)?;
        let overridden = self.overridden(&list.layout, &list.wanted, merge).await?;
        let answer = self.read(model, &list.query(merge, &overridden)?).await?;
        let next = list.show(&answer.rows()?, &mut visit)?;
        Ok((visit, next))
    }

    pub(crate) async fn count(
        &self,
        model: &str,
        filter: &Filter,
        search: Option<&str>,
        merge: Option<&[OverrideRow]>,
    ) -> Result<u64> {
        let layout = self.layout(self.schema.require(model)?);
        let wanted = list::wanted(&layout, search)?;
        let overridden = self.overridden(&layout, &wanted, merge).await?;
        let mut stages = list::matching(&layout, filter, &wanted, merge, &overridden)?.stages();
        stages.push(doc! { "$count": "n" });
        let answer = self.read(model, &Query::Stages(stages)).await?;
        Ok(answer.rows()?.first().map_or(0, |row| number(row, "n").unsigned_abs()))
    }

    pub(crate) async fn aggregate(
        &self,
        model: &str,
        asked: &Aggregate,
        merge: Option<&[OverrideRow]>,
    ) -> Result<Groups> {
        let layout = self.layout(self.schema.require(model)?);
        let checked = Checked::new(layout.plan, asked)?;
        let wanted = list::wanted(&layout, asked.search.as_deref())?;
        let overridden = self.overridden(&layout, &wanted, merge).await?;
        let mut stages = list::matching(&layout, &asked.filter, &wanted, merge, &overridden)?.stages();
        stages.extend(list::aggregate::stages(&layout, asked, &checked));
        let answer = self.read(model, &Query::Stages(stages)).await?;
        list::aggregate::groups(&answer.rows()?, asked, &checked)
    }

    /// Reads the rows whose searched texts the tenant overrides, and determines which of them match.
    async fn overridden(
        &self,
        layout: &Layout<'_>,
        wanted: &list::Wanted,
        merge: Option<&[OverrideRow]>,
    ) -> Result<list::Overridden> {
        let (list::Wanted::Words(search), Some(rows)) = (wanted, merge) else {
            return Ok(list::Overridden::default());
        };
        match list::texts(layout, rows)? {
            Some(texts) => {
                let answer = Box::pin(self.read(layout.plan.model.name.as_str(), &texts)).await?;
                list::overridden(layout, search, &answer.rows()?)
            }
            None => Ok(list::Overridden::default()),
        }
    }

    pub(crate) async fn activity(
        &self,
        of: Option<(&str, &RecordId)>,
        before: Option<i64>,
        limit: u32,
        bytes: usize,
    ) -> Result<Vec<Activity>> {
        let mut own = numbered(&self.place.site.key, 0_i64);
        if let (Some(before), Ok(range)) = (before, own.get_document_mut("_id")) {
            range.insert("$lt", super::place_state::number_of(&self.place.site.key, before));
        }
        if let Some((model, record)) = of {
            own.insert("model", model);
            own.insert("record", record.to_string());
        }
        let limit = i64::from(limit.clamp(1, crate::list::LIMIT_MAX));
        let newest =
            Find { filter: own, sort: Some(doc! { "_id": -1 }), limit: Some(limit), projection: None };
        activity::entries(&self.read(ACTIVITY, &newest.into()).await?.rows()?, bytes)
    }

    pub(crate) async fn usage(&self) -> Result<Usage> {
        let mut open = at(&self.place.site);
        open.insert("state", "open");
        let answer = self.read(PLACES, &Find { filter: open, ..Find::default() }.into()).await?;
        let rows = answer.rows()?;
        let row = rows.first().ok_or_else(write::fenced)?;
        Ok(Usage { rows: number(row, "rows").unsigned_abs(), bytes: number(row, "bytes").unsigned_abs() })
    }

    /// Runs a write. Small writes go through the queue of the place, where they share transactions; a large write has
    /// its own transaction.
    pub(crate) async fn write(
        &self,
        changes: Cow<'_, [Change]>,
        options: &WriteOptions,
        condition: Option<WriteCondition>,
    ) -> Result<Vec<Written>> {
        submit(self, &self.schema, changes, options, condition).await
    }

    /// Waits for the running writes of the place, by changing the document that every write changes first.
    pub(crate) async fn settled(&self) -> Result<()> {
        let places = self.server.collection(&self.place.site, PLACES).await?;
        let (own, turn) = (doc! { "_id": &self.place.site.key }, doc! { "$inc": { "turn": 1_i64 } });
        let done = self.server.answer(async { places.update_one(own, turn).await }).await?;
        match done.matched_count {
            0 => Err(write::fenced()),
            _ => Ok(()),
        }
    }

    /// Runs a read. Returns its answer only if the place was in the verified state while the server read the documents.
    async fn read(&self, collection: &str, query: &Query) -> Result<Answer> {
        let known = self.schema.known();
        let mut ledger = match self.place.verified.position(known) {
            Some(ledger) => ledger,
            None => Box::pin(self.server.why(&self.place, known)).await?,
        };
        if let Query::Find(find) = query
            && let Some(lease) = self.place.leased.get(ledger, &self.server.newest)
            && let Some(answer) = self.leased(collection, find, lease).await?
        {
            return Ok(answer);
        }
        for _ in 0..ATTEMPTS {
            match Box::pin(self.checked(collection, query, ledger)).await? {
                Some(answer) => return Ok(answer),
                None => ledger = Box::pin(self.server.why(&self.place, known)).await?,
            }
        }
        Err(Error::new(Kind::Busy, format!("{} is being migrated", self.place.site)))
    }

    /// Runs a read that relies on an earlier check of the place. Returns `None` if the lease does not cover the answer,
    /// or the answer is empty: an empty answer may be that of a database that is gone.
    async fn leased(&self, collection: &str, find: &Find, lease: Lease) -> Result<Option<Answer>> {
        let collection = self.server.collection(&self.place.site, collection).await?;
        let (find, deadline) = (find.clone(), self.server.read_deadline);
        // The future of the driver is large.
        let read = Box::pin(async move {
            let mut asked = collection.find(find.filter).batch_size(ANSWER).max_time(deadline);
            if let Some(sort) = find.sort {
                asked = asked.sort(sort).allow_disk_use(true);
            }
            if let Some(limit) = find.limit {
                asked = asked.limit(limit);
            }
            if let Some(projection) = find.projection {
                asked = asked.projection(projection);
            }
            // The first batch is in the cursor already.
            asked.batch().await?.try_next().await
        });
        let answer = Answer::new(self.server.answer(read).await?.into_iter().collect());
        let Some(time) = answer.operation_time() else { return Ok(None) };
        self.server.newest.saw(time);
        Ok((lease.covers(time) && answer.is_whole() && !answer.rows()?.is_empty()).then_some(answer))
    }

    /// Runs a read with a check of the place. Returns `None` if the place is not in the verified state. The document of
    /// the place follows the rows in the same answer. The server reads it after the rows, so if it is in the verified
    /// state, nothing changed while the server read the rows.
    async fn checked(&self, collection: &str, query: &Query, ledger: i64) -> Result<Option<Answer>> {
        let site = &self.place.site;
        let mut as_verified = readable(site);
        as_verified.insert("ledger", ledger);
        let mut pipeline = query.stages();
        let place = vec![doc! { "$match": as_verified }];
        pipeline.push(doc! { "$unionWith": { "coll": PLACES, "pipeline": place } });
        let collection = self.server.collection(site, collection).await?;
        let mut session = self.server.client().await?.start_session().await?;
        let before = self.server.newest.get();
        if let Some(before) = before {
            // The server answers from a state that is at least as new.
            session.advance_operation_time(before);
        }
        let read = async {
            let aggregate = collection.aggregate(pipeline).batch_size(ANSWER).allow_disk_use(true);
            let aggregate = aggregate.max_time(self.server.read_deadline).session(&mut session);
            let mut cursor = aggregate.batch().await?;
            cursor.stream(&mut session).try_collect().await
        };
        let mut answer = Answer::new(self.server.answer(read).await?);
        let is_place = |last: &&RawDocument| last.get_str("_id").is_ok_and(|id| id == site.key);
        if !answer.rows()?.last().is_some_and(is_place) {
            return Ok(None);
        }
        answer.hide_last();
        if let Some(time) = answer.operation_time() {
            self.server.newest.saw(time);
            let lease = before.and_then(|before| Lease::of_check(ledger, before, time));
            self.place.leased.set(lease.filter(|_| self.server.grants_leases()));
        }
        Ok(Some(answer))
    }
}

impl Writer for Session {
    fn place(&self) -> &Place {
        &self.place.site.place
    }

    fn queue(&self) -> &Queue {
        &self.place.queue
    }

    async fn transact(&self, writes: &[Write<'_>]) -> Result<Vec<Vec<Written>>, Trouble> {
        write::run(&self.server, &self.place, writes).await
    }

    async fn why(&self, known: &Known) -> Result<i64> {
        self.server.why(&self.place, known).await
    }
}

/// Reads a field with a number of any type; 0 if it has none.
fn number(row: &RawDocument, name: &str) -> i64 {
    let found = row.get(name).ok().flatten();
    found.and_then(|value| value.try_into().ok()).as_ref().and_then(whole).unwrap_or_default()
}
