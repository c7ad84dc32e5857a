//! One place on a PostgreSQL server: every statement on its rows runs here, with the place's confinement.
//!
//! The engine creates a session for each request. A session holds no connection: each statement leases one. The place
//! determines which rows a statement may touch (`confined-query`).

use super::{
    connections::{Call, Failed},
    joins::joined::Joined,
    opened::{Opened, Sealed},
    records::{Bound, Query, activity, list, read, usage, write},
    server::Server,
    site::Site,
};
use crate::{
    error::{Error, Kind, Result},
    list::{Cost, aggregate::Checked, cost},
    name::FieldName,
    overrides::OverrideRow,
    place::{Isolation, Place},
    position::{LogPosition, Position},
    query::{Aggregate, Change, Filter, Groups, RecordId, Select},
    row::Visit,
    schema::{Known, Schema},
    statement::{SqlLimits, SqlRows},
    value::Value,
    write::{
        Activity, Queue, Trouble, Usage, Write, WriteCondition, WriteOptions, Writer, Written, doubt::Commit,
        submit,
    },
};
use std::{
    borrow::Cow,
    collections::HashSet,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};
use tokio_postgres::Row;

/// Number of attempts of a read while migrations of other stores, or tenants that leave the pool, raise the ledger.
const ATTEMPTS: usize = 4;

/// A place on a server. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    server: Server,
    place: Arc<Opened>,
    schema: Arc<Schema>,
    /// True if replicas may answer reads.
    may_lag: bool,
    /// Position in the log that a replica must have replayed to answer.
    after: Option<LogPosition>,
}

impl Server {
    /// Opens a session confined to `place`.
    ///
    /// # Errors
    /// Returns the errors of [`Server::opened`].
    pub(crate) async fn session(&self, place: &Place, schema: &Arc<Schema>) -> Result<Session> {
        let opened = self.opened(place, schema).await?;
        Ok(Session {
            server: self.clone(),
            place: opened,
            schema: schema.clone(),
            may_lag: false,
            after: None,
        })
    }
}

impl Session {
    /// Allows replicas to answer reads. They lack the newest commits of other processes.
    pub(crate) fn may_lag(mut self) -> Self {
        self.may_lag = true;
        self
    }

    /// Requires replicas to have replayed these positions, as [`crate::Session::after`] describes.
    pub(crate) async fn after(mut self, positions: &[Position]) -> Self {
        let Some(replicas) = self.server.replicas.clone() else { return self };
        match replicas.opened(&self.server, positions).await {
            Ok(after) => self.after = self.after.max(after),
            Err(error) => {
                tracing::debug!(%error, "a read with a position goes to the primary");
                self.may_lag = false;
            }
        }
        self
    }

    fn isolation(&self) -> Isolation {
        self.place.site.place.isolation
    }

    pub(crate) async fn get<V: Visit>(
        &self,
        model: &str,
        id: &RecordId,
        fields: &[FieldName],
        mut visit: V,
    ) -> Result<Option<V>> {
        let Some(query) = read::get(&self.schema, self.isolation(), model, id, fields)? else {
            return Ok(None);
        };
        let rows = self.rows(&query.sql, &query.values).await?;
        read::show(query.plan, fields, &rows, &mut visit)?;
        Ok((!rows.is_empty()).then_some(visit))
    }

    pub(crate) async fn by_ids<V: Visit>(
        &self,
        model: &str,
        ids: &[RecordId],
        fields: &[FieldName],
        mut visit: V,
    ) -> Result<V> {
        let query = read::by_ids(&self.schema, self.isolation(), model, ids, fields)?;
        let rows = self.rows(&query.sql, &query.values).await?;
        read::show(query.plan, fields, &rows, &mut visit)?;
        Ok(visit)
    }

    pub(crate) async fn exists(&self, model: &str, ids: &[RecordId]) -> Result<Vec<RecordId>> {
        let query = read::exists(&self.schema, self.isolation(), model, ids)?;
        let rows = self.rows(&query.sql, &query.values).await?;
        let id = |row| read::id_at(row, 0, query.plan.storages[0]);
        let found = rows.iter().map(id).collect::<Result<HashSet<_>>>()?;
        Ok(ids.iter().filter(|id| !found.contains(id)).cloned().collect())
    }

    pub(crate) async fn refers(&self, model: &str, field: &str, id: &RecordId) -> Result<bool> {
        match read::refers(&self.schema, self.isolation(), model, field, id)? {
            Some(query) => Ok(!self.current(&query.sql, &query.values).await?.is_empty()),
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
        let list = list::List::new(&self.schema, model, select)?;
        let mut query = Query::new(&self.schema, list.plan, self.isolation());
        let read = pin!(async {
            let overridden = self.overridden(&query, &list.wanted, merge).await?;
            list.write(&mut query, merge, &overridden)?;
            self.rows(&query.sql, &query.values).await
        });
        let limit = match cost(&self.schema, model, select) {
            Cost::Short => None,
            Cost::Long => Some(self.server.read_deadline),
        };
        let rows = within(limit, read).await?;
        let next = list.show(&rows, &mut visit)?;
        Ok((visit, next))
    }

    pub(crate) async fn count(
        &self,
        model: &str,
        filter: &Filter,
        search: Option<&str>,
        merge: Option<&[OverrideRow]>,
    ) -> Result<u64> {
        let mut query = Query::of(&self.schema, model, self.isolation())?;
        let wanted = list::wanted(query.plan, search)?;
        let read = pin!(async {
            let overridden = self.overridden(&query, &wanted, merge).await?;
            list::count(&mut query, filter, &wanted, merge, &overridden)?;
            self.rows(&query.sql, &query.values).await
        });
        let rows = within(Some(self.server.read_deadline), read).await?;
        Ok(rows.first().and_then(|row| u64::try_from(row.get::<_, i64>(0)).ok()).unwrap_or(0))
    }

    pub(crate) async fn aggregate(
        &self,
        model: &str,
        asked: &Aggregate,
        merge: Option<&[OverrideRow]>,
    ) -> Result<Groups> {
        let mut query = Query::of(&self.schema, model, self.isolation())?;
        let checked = Checked::new(query.plan, asked)?;
        let wanted = list::wanted(query.plan, asked.search.as_deref())?;
        let read = pin!(async {
            let overridden = self.overridden(&query, &wanted, merge).await?;
            list::aggregate::write(&mut query, (asked, &checked), &wanted, merge, &overridden)?;
            self.rows(&query.sql, &query.values).await
        });
        let rows = within(Some(self.server.read_deadline), read).await?;
        list::aggregate::groups(&rows, asked, &checked)
    }

    /// Reads the texts of rows whose searched texts the tenant overrides, and finds those that match.
    async fn overridden(
        &self,
        query: &Query<'_>,
        wanted: &list::Wanted,
        merge: Option<&[OverrideRow]>,
    ) -> Result<list::Overridden> {
        let (list::Wanted::Words(search), Some(rows)) = (wanted, merge) else {
            return Ok(list::Overridden::default());
        };
        match list::texts(query, rows)? {
            Some(texts) => {
                let rows = Box::pin(self.rows(&texts.sql, &texts.values)).await?;
                list::overridden(query.plan, search, &rows)
            }
            None => Ok(list::Overridden::default()),
        }
    }

    /// Returns entries of the activity log, of one record or of all records.
    pub(crate) async fn activity(
        &self,
        of: Option<(&str, &RecordId)>,
        before: Option<i64>,
        limit: u32,
        bytes: usize,
    ) -> Result<Vec<Activity>> {
        let sql = activity::statement(of.is_some());
        let values = self.named(&activity::wanted(before, limit, of));
        activity::entries(&self.rows(&sql, &values).await?, bytes)
    }

    pub(crate) async fn usage(&self) -> Result<Usage> {
        let sql = usage::statement(self.schema.store().as_str());
        usage::usage(
            &self.current(&sql, &self.named(&[Bound::Integer(Some(self.place.site.generation))])).await?,
        )
    }

    /// Applies changes. Small writes go through the queue of the place, where they share transactions; a large write
    /// has its own.
    pub(crate) async fn write(
        &self,
        changes: Cow<'_, [Change]>,
        options: &WriteOptions,
        condition: Option<WriteCondition>,
    ) -> Result<Vec<Written>> {
        submit(self, &self.schema, changes, options, condition).await
    }

    /// Takes the lock that every write of the place takes first, and releases it.
    pub(crate) async fn settled(&self) -> Result<()> {
        let place = &self.place;
        let sql = place.text(&usage::lock_whatever_state(self.schema.store().as_str()));
        let tenant = Bound::Integer(Some(place.site.tenant));
        let mut lease = self.server.lease_to(place).await?;
        let connection = lease.connection()?;
        let params = [tenant.param()];
        let call = Call::once(&sql, &params);
        let locked = connection.begin_with(&place.write, &[call]).await;
        connection.roll_back_if_open().await?;
        match locked?.first().is_none_or(Vec::is_empty) {
            true => Err(usage::fenced()),
            false => Ok(()),
        }
    }

    /// Returns true if the server reports that the transaction was not committed.
    pub(crate) async fn was_aborted(&self, commit: Commit) -> Result<bool> {
        self.server.was_aborted(&self.place, commit).await
    }

    /// Returns the server.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Returns the location of the place.
    pub(crate) fn site(&self) -> &Site {
        &self.place.site
    }

    /// Runs a tenant's own statement. Verifies the place first, because such a statement does not check it.
    pub(crate) async fn sql(
        &self,
        text: &str,
        params: serde_json::Value,
        limits: SqlLimits,
        joined: &[Joined],
    ) -> Result<SqlRows> {
        self.server.why(&self.place, self.schema.known()).await?;
        self.server.sql(&self.place.site, text, params, limits, joined).await
    }

    /// Returns the values of a read that has the tenant as `$1` in every isolation.
    fn named<'v>(&self, values: &[Bound<'v>]) -> Vec<Bound<'v>> {
        let tenant = (!self.isolation().is_pooled()).then(|| self.tenant());
        tenant.into_iter().chain(values.iter().cloned()).collect()
    }

    fn tenant(&self) -> Bound<'static> {
        Bound::Integer(Some(self.place.site.tenant))
    }

    /// Runs a read: on a replica if the session allows it and a replica is fit, and otherwise on the primary.
    async fn rows(&self, sql: &str, values: &[Bound<'_>]) -> Result<Vec<Row>> {
        if self.may_lag
            && self.server.replicas.is_some()
            && let Some(rows) = Box::pin(self.at_replica(sql, values)).await
        {
            return Ok(rows);
        }
        self.current(sql, values).await
    }

    /// Runs a read on a replica. Returns `None` if the primary must answer: no replica is fit, the read failed, or the
    /// replica does not show the place as it was verified.
    async fn at_replica(&self, sql: &str, values: &[Bound<'_>]) -> Option<Vec<Row>> {
        let replica = self.server.replicas.as_ref()?.choose(&self.place, self.after)?;
        let sealed = self.place.sealed(self.schema.known())?;
        let text = self.place.read_text(sql, &sealed);
        let tenant = self.isolation().is_pooled().then(|| self.tenant());
        let params: Vec<_> = tenant.iter().chain(values).map(Bound::param).collect();
        replica.read(&self.place, &[Call::again(&text, &params)]).await?.pop()
    }

    /// Runs a read on the primary. Returns its rows only if the place is as it was verified.
    async fn current(&self, sql: &str, values: &[Bound<'_>]) -> Result<Vec<Row>> {
        let known = self.schema.known();
        let mut sealed = match self.place.sealed(known) {
            Some(sealed) => sealed,
            None => Box::pin(self.server.why(&self.place, known)).await?,
        };
        for _ in 0..ATTEMPTS {
            let failed = match self.ask(sql, values, &sealed).await? {
                Ok(rows) => return Ok(rows),
                Err(failed) if failed.is_stale() || failed.is_gone() => failed,
                Err(failed) => return Err(failed.into()),
            };
            let now = Box::pin(self.server.why(&self.place, known)).await?;
            // The schema is still the one for which the statement was written, so the failure has another cause.
            if !failed.is_stale() && sealed.seal == now.seal {
                return Err(failed.into());
            }
            sealed = now;
        }
        let site = &self.place.site;
        Err(Error::new(Kind::Busy, format!("{site} is being migrated, or tenants leave its pool")))
    }

    async fn ask(
        &self,
        sql: &str,
        values: &[Bound<'_>],
        sealed: &Sealed,
    ) -> Result<Result<Vec<Row>, Failed>> {
        let tenant = self.isolation().is_pooled().then(|| self.tenant());
        let sql = &*self.place.read_text(sql, sealed);
        let params: Vec<_> = tenant.iter().chain(values).map(Bound::param).collect();
        let call = [Call::again(sql, &params)];
        let mut lease = self.server.lease_to(&self.place).await?;
        let answers = self.place.read(lease.connection()?, &call).await;
        Ok(answers.map(|mut answers| answers.pop().unwrap_or_default()))
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
        self.server.why(&self.place, known).await.map(|sealed| sealed.seal.position)
    }
}

/// Cancels a read that takes longer than the limit, if there is a limit.
async fn within<T>(limit: Option<Duration>, read: Pin<&mut impl Future<Output = Result<T>>>) -> Result<T> {
    let Some(limit) = limit else { return read.await };
    match tokio::time::timeout(limit, read).await {
        Ok(done) => done,
        Err(_) => Err(Error::new(Kind::Deadline, format!("a list took longer than {} s", limit.as_secs()))),
    }
}
