//! One place in an open database: every statement for it runs here, with the place's confinement.
//!
//! The engine creates a session for each request. The session decides *where* work runs (on the async thread, on a
//! blocking thread, under the write lock), never *what* it may touch: its confinement fixes that (`confined-query`).

use super::{
    connection::{Database, Lease, group_commit},
    error::located,
    records::{activity, count, list, read, usage},
    sandbox::{self, Beside, Window},
};
use crate::{
    error::{Error, Kind, Result},
    list::{Cost, cost},
    name::FieldName,
    overrides::OverrideRow,
    place::{Isolation, Place},
    query::{Aggregate, Change, Filter, Groups, RecordId, Select},
    row::Visit,
    schema::{Confinement, Schema, Script},
    sqlite::connection::{BUSY_WAIT, LongWork},
    statement::{SqlLimits, SqlRows},
    value::Value,
    write::{Activity, Request, SMALL_CHANGES, Usage, WriteCondition, WriteOptions, Written},
};
use rusqlite::Connection;
use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

/// Maximum number of override rows in one read that still count as short work.
const INLINE_OVERRIDES: usize = 100;
/// Maximum number of ids in one read that still count as short work.
const INLINE_IDS: usize = 200;

/// A place in an open database. Cheap to clone. It keeps the database open, so hold it for one request only.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    database: Arc<Database>,
    schema: Arc<Schema>,
    confinement: Confinement,
    long: LongWork,
}

impl Session {
    /// Creates a session for a place that was admitted to `database`, and for a schema that was verified when the
    /// ledger was at position `ledger`.
    pub(crate) fn new(
        database: Arc<Database>,
        place: &Place,
        schema: &Arc<Schema>,
        ledger: i64,
        long: &LongWork,
    ) -> Self {
        let confinement = Confinement { ledger, ..Confinement::of(place) };
        Self { database, schema: schema.clone(), confinement, long: long.clone() }
    }

    pub(crate) async fn get<V: Visit>(
        &self,
        model: &str,
        id: &RecordId,
        fields: &[FieldName],
        mut visit: V,
    ) -> Result<Option<V>> {
        let found = self
            .short(|conn| read::get(conn, &self.schema, &self.confinement, model, id, fields, &mut visit))
            .await?;
        Ok(found.then_some(visit))
    }

    pub(crate) async fn by_ids<V: Visit>(
        &self,
        model: &str,
        ids: &[RecordId],
        fields: &[FieldName],
        mut visit: V,
    ) -> Result<V> {
        if ids.len() <= INLINE_IDS {
            self.short(|conn| {
                read::by_ids(conn, &self.schema, &self.confinement, model, ids, fields, &mut visit)
            })
            .await?;
            return Ok(visit);
        }
        let (model, ids, fields) = (model.to_owned(), ids.to_vec(), fields.to_vec());
        self.long(self.long.read_deadline(), move |conn, schema, who| {
            read::by_ids(conn, schema, who, &model, &ids, &fields, &mut visit).map(|()| visit)
        })
        .await
    }

    pub(crate) async fn exists(&self, model: &str, ids: &[RecordId]) -> Result<Vec<RecordId>> {
        self.short(|conn| read::exists(conn, &self.schema, &self.confinement, model, ids)).await
    }

    pub(crate) async fn refers(&self, model: &str, field: &str, id: &RecordId) -> Result<bool> {
        self.short(|conn| read::refers(conn, &self.schema, &self.confinement, model, field, id)).await
    }

    /// Runs on the async thread if a page limits the work, otherwise on a blocking thread with a deadline.
    pub(crate) async fn select<V: Visit>(
        &self,
        model: &str,
        select: &Select,
        merge: Option<&[OverrideRow]>,
        mut visit: V,
    ) -> Result<(V, Option<Vec<Value>>)> {
        if cost(&self.schema, model, select) == Cost::Short
            && merge.is_none_or(|rows| rows.len() <= INLINE_OVERRIDES)
        {
            let next = self
                .short(|conn| {
                    list::select(conn, &self.schema, &self.confinement, model, select, merge, &mut visit)
                })
                .await?;
            return Ok((visit, next));
        }
        let (model, select, merge) = (model.to_owned(), select.clone(), merge.map(<[_]>::to_vec));
        self.long(self.long.read_deadline(), move |conn, schema, who| {
            let next = list::select(conn, schema, who, &model, &select, merge.as_deref(), &mut visit)?;
            Ok((visit, next))
        })
        .await
    }

    pub(crate) async fn count(
        &self,
        model: &str,
        filter: &Filter,
        search: Option<&str>,
        merge: Option<&[OverrideRow]>,
    ) -> Result<u64> {
        let (model, filter) = (model.to_owned(), filter.clone());
        let (search, merge) = (search.map(str::to_owned), merge.map(<[_]>::to_vec));
        self.long(self.long.read_deadline(), move |conn, schema, who| {
            list::count(conn, schema, who, &model, &filter, search.as_deref(), merge.as_deref())
        })
        .await
    }

    pub(crate) async fn aggregate(
        &self,
        model: &str,
        asked: &Aggregate,
        merge: Option<&[OverrideRow]>,
    ) -> Result<Groups> {
        let (model, asked, merge) = (model.to_owned(), asked.clone(), merge.map(<[_]>::to_vec));
        self.long(self.long.read_deadline(), move |conn, schema, who| {
            list::aggregate(conn, schema, who, &model, &asked, merge.as_deref())
        })
        .await
    }

    pub(crate) async fn activity(
        &self,
        before: Option<i64>,
        limit: u32,
        bytes: usize,
    ) -> Result<Vec<Activity>> {
        self.short(|conn| activity::list(conn, &self.confinement, before, limit, bytes)).await
    }

    pub(crate) async fn history(
        &self,
        whose: (&str, &RecordId),
        before: Option<i64>,
        limit: u32,
        bytes: usize,
    ) -> Result<Vec<Activity>> {
        self.short(|conn| activity::of_record(conn, &self.confinement, whose, before, limit, bytes)).await
    }

    pub(crate) async fn usage(&self) -> Result<Usage> {
        self.count_bytes().await?;
        self.short(|conn| usage::usage(conn, &self.schema, &self.confinement)).await
    }

    /// Counts the bytes of a tenant whose database was created before bytes were counted. Does not delay writers.
    async fn count_bytes(&self) -> Result<()> {
        self.database.counted().once(|| self.count_once()).await
    }

    async fn count_once(&self) -> Result<()> {
        let missing = self.long(count::LIMIT, count::missing).await?;
        let writer = self.database.writer.clone().lock_owned().await;
        let (schema, who) = (self.schema.clone(), self.confinement);
        let work = move |conn: &Connection| count::add(conn, &schema, &who, missing).map(|()| writer);
        self.long.run_as_writer(&self.database, self.long.write_deadline(), work).await?;
        self.database.after_commit()
    }

    /// Begins to count in the background, after the first write to such a database.
    fn count_later(&self) {
        if !self.database.counted().is_first_to_ask() {
            return;
        }
        let session = self.clone();
        tokio::spawn(async move {
            if let Err(error) = session.count_bytes().await {
                tracing::warn!(%error, database = %session.database.path().display(), "bytes are not counted yet");
                session.database.counted().ask_again();
            }
        });
    }

    /// Passes small writes to the queue, where they share commits. A large write has its own transaction. A waiting
    /// write holds neither a thread nor a connection.
    pub(crate) async fn write(
        &self,
        changes: Cow<'_, [Change]>,
        options: &WriteOptions,
        condition: Option<WriteCondition>,
    ) -> Result<Vec<Written>> {
        let request = Request {
            schema: self.schema.clone(),
            who: self.confinement,
            changes: changes.into_owned(),
            options: options.clone(),
            condition,
        };
        let done = match request.changes.len() {
            0 => return Ok(vec![]),
            1..=SMALL_CHANGES => group_commit::write(&self.database, &self.long, request).await,
            _ => self.write_large(Arc::new(request)).await.and_then(|written| {
                self.database.after_commit()?;
                Ok(written)
            }),
        };
        if !self.database.counted().is_done() {
            self.count_later();
        }
        done.map_err(|error| self.located(error))
    }

    /// Takes the write lock of the file and releases it, so that all earlier writers have finished.
    pub(crate) async fn settled(&self) -> Result<()> {
        let _writer = self.database.writer.clone().lock_owned().await;
        let deadline = Instant::now() + BUSY_WAIT;
        loop {
            let lease = Lease::take_as_writer(&*self.database).await?;
            let done = lease.execute_batch("BEGIN IMMEDIATE; ROLLBACK").map_err(Error::from);
            lease.give_back();
            match done.map_err(|error| self.located(error)) {
                Err(error) if *error.kind() == Kind::Busy && Instant::now() < deadline => pause().await,
                done => return done,
            }
        }
    }

    async fn write_large(&self, request: Arc<Request>) -> Result<Vec<Written>> {
        let mut writer = self.database.writer.clone().lock_owned().await;
        let deadline = Instant::now() + BUSY_WAIT;
        loop {
            let request = request.clone();
            // The work holds the lock until it ends, even if the caller goes away.
            let work = move |conn: &Connection| Ok((request.run(conn), writer));
            let (done, held) =
                self.long.run_as_writer(&self.database, self.long.write_deadline(), work).await?;
            match done {
                // A writer in another process is active, and nothing was changed.
                Err(error) if *error.kind() == Kind::Busy && Instant::now() < deadline => pause().await,
                done => return done,
            }
            writer = held;
        }
    }

    pub(crate) async fn sql(
        &self,
        text: &str,
        params: serde_json::Value,
        limits: SqlLimits,
        beside: Vec<Beside>,
    ) -> Result<SqlRows> {
        if self.confinement.isolation == Isolation::Pooled || self.confinement.tenant == 0 {
            return Err(shared());
        }
        let schema = self.schema.clone();
        let check =
            move |database: &Database, conn: &Connection| database.check(conn, &schema).map(|()| None);
        let asked = Asked { text, params, limits, beside };
        run_sql(self.database.clone(), (self.confinement.tenant, &self.long), asked, check)
            .await
            .map_err(|error| self.located(error))
    }

    /// Runs on the async thread, because a read by key ends in microseconds, in less time than a switch of threads
    /// takes.
    async fn short<T>(&self, mut work: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
        let mut deadline = None;
        loop {
            let mut lease = Lease::take_to_read(&*self.database).await?;
            let done = lease.read(&self.schema, &mut work);
            lease.give_back();
            match done.map_err(|error| self.located(error)) {
                // Another process holds the lock. Nothing was changed or visited yet.
                Err(error) if *error.kind() == Kind::Busy => {
                    if Instant::now() >= *deadline.get_or_insert_with(|| Instant::now() + BUSY_WAIT) {
                        return Err(error);
                    }
                }
                done => return done,
            }
            pause().await;
        }
    }

    async fn long<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce(&Connection, &Schema, &Confinement) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (database, schema, confinement) = (self.database.clone(), self.schema.clone(), self.confinement);
        let work = move |conn: &Connection| {
            let state = conn.unchecked_transaction()?;
            database.check(&state, &schema)?;
            let done = work(&state, &schema, &confinement)?;
            state.commit()?;
            Ok(done)
        };
        self.long
            .run(confinement.tenant, &self.database, limit, work)
            .await
            .map_err(|error| self.located(error))
    }

    /// Adds the file of this database to the error.
    fn located(&self, error: Error) -> Error {
        located(error, self.database.path())
    }
}

fn shared() -> Error {
    Error::new(Kind::Denied("SQL where others' rows are".into()), "raw SQL needs a database of one's own")
}

/// A statement, and the shared stores whose models it may also read.
pub(crate) struct Asked<'t> {
    pub(crate) text: &'t str,
    pub(crate) params: serde_json::Value,
    pub(crate) limits: SqlLimits,
    pub(crate) beside: Vec<Beside>,
}

/// Runs a read-only statement of an operator, under any schema of the database. The statement sees stored values: all
/// values of a tenant's own database, but in a shared database only the place's rows.
pub(crate) async fn operator_sql(
    database: Arc<Database>,
    place: &Place,
    script: Arc<Script>,
    long: &LongWork,
    asked: Asked<'_>,
) -> Result<SqlRows> {
    let (of, is_own) = (place.clone(), place.isolation == Isolation::Database && place.tenant.is_some());
    let window = move |_: &Database, conn: &Connection| match is_own {
        true => Ok(None),
        false => Window::open(conn, &script, &of).map(Some),
    };
    let tenant = place.tenant_number();
    run_sql(database, (tenant, long), asked, window).await
}

/// Runs the statement and holds the database open until it ends, so that its last connection does not close under the
/// reader.
async fn run_sql(
    database: Arc<Database>,
    (tenant, long): (i64, &LongWork),
    Asked { text, params, limits, beside }: Asked<'_>,
    check: impl FnOnce(&Database, &Connection) -> Result<Option<Window>> + Send + 'static,
) -> Result<SqlRows> {
    let text = text.to_owned();
    let ticket = database.reader_ticket().await?;
    long.run_on_own_thread(tenant, limits.deadline, move |stop| {
        let _held = ticket;
        let judge = |conn: &Connection| check(&database, conn);
        sandbox::run(database.path(), &beside, &text, &params, limits, stop, judge)
    })
    .await
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}
