//! The platform's handle to the rows of one place, independent of the database behind it.
//!
//! Only [`super::Engine::session`] creates one. It offers no way to name another tenant (`confined-query`).

#[cfg(feature = "mongodb")]
use crate::mongo;
use crate::{
    error::{self, Result},
    name::FieldName,
    overrides::OverrideRow,
    position::Position,
    postgres,
    query::{Aggregate, Change, Filter, Groups, RecordId, Select},
    row::{Collect, Visit},
    sqlite,
    statement::{SqlLimits, SqlRows},
    value::Value,
    write::{Activity, Doubt, Outcome, Usage, WriteCondition, WriteOptions, Written, doubt},
};
use std::{borrow::Cow, pin::Pin};

/// A session on one place. It keeps its database open, so hold it for one request only.
#[derive(Debug, Clone)]
pub struct Session(pub(super) Kind);

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// Reads end before their first await, so they need no allocation and no thread.
    Sqlite(sqlite::Session),
    /// Each call is boxed, so that the future of a SQLite read stays small.
    Postgres(postgres::Session),
    /// A session on MongoDB.
    #[cfg(feature = "mongodb")]
    Mongo(mongo::Session),
}

/// Boxes the future of a read. The future is moved to the heap on each call, so it must be small.
fn boxed<F: Future>(read: F) -> Pin<Box<F>> {
    const { assert!(size_of::<F>() <= 5 << 10, "box what a read seldom does") };
    Box::pin(read)
}

impl Session {
    pub(crate) fn sqlite(session: sqlite::Session) -> Self {
        Self(Kind::Sqlite(session))
    }

    pub(crate) fn postgres(session: postgres::Session) -> Self {
        Self(Kind::Postgres(session))
    }

    #[cfg(feature = "mongodb")]
    pub(crate) fn mongo(session: mongo::Session) -> Self {
        Self(Kind::Mongo(session))
    }

    /// Allows read replicas to answer reads. They may lack commits of other processes that are younger than the
    /// configured lag, but nothing that this process wrote to the place. References and usage are always read from the
    /// primary.
    #[must_use]
    pub fn may_lag(self) -> Self {
        match self.0 {
            Kind::Sqlite(_) => self,
            Kind::Postgres(session) => Self(Kind::Postgres(session.may_lag())),
            #[cfg(feature = "mongodb")]
            Kind::Mongo(_) => self,
        }
    }

    /// Restricts reads to replicas that have replayed everything written before these positions, by any process. The
    /// positions come from [`Written::position`]. Ignores positions of other servers.
    pub async fn after(self, positions: &[Position]) -> Self {
        match self.0 {
            Kind::Postgres(session) if !positions.is_empty() => {
                Self(Kind::Postgres(Box::pin(session.after(positions)).await))
            }
            _ => self,
        }
    }

    /// Visits the row with this id; returns `None` if it does not exist. If `fields` is empty, visits all columns.
    ///
    /// # Errors
    /// Returns `NotFound` if there is no such model, `Invalid` if the model has no such field, and `SchemaBehind` or
    /// `SchemaAhead` if the database was migrated in the meantime.
    pub async fn get<V: Visit>(
        &self,
        model: &str,
        id: &RecordId,
        fields: &[FieldName],
        visit: V,
    ) -> Result<Option<V>> {
        match &self.0 {
            Kind::Sqlite(session) => session.get(model, id, fields, visit).await,
            Kind::Postgres(session) => boxed(session.get(model, id, fields, visit)).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => boxed(session.get(model, id, fields, visit)).await,
        }
    }

    /// Visits the rows with these ids, each once, in order of id.
    ///
    /// # Errors
    /// Returns the errors of [`Session::get`], `Invalid` for more than 1,000 ids, and `Deadline`.
    pub async fn by_ids<V: Visit>(
        &self,
        model: &str,
        ids: &[RecordId],
        fields: &[FieldName],
        visit: V,
    ) -> Result<V> {
        match &self.0 {
            Kind::Sqlite(session) => session.by_ids(model, ids, fields, visit).await,
            Kind::Postgres(session) => boxed(session.by_ids(model, ids, fields, visit)).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => boxed(session.by_ids(model, ids, fields, visit)).await,
        }
    }

    /// Visits one page of rows. Returns the `after` of the next page, if there is one. `merge` contains the tenant's
    /// overrides of shared rows.
    ///
    /// # Errors
    /// Returns the errors of [`Session::get`], `Invalid` for a limit, filter or search that is not allowed, and
    /// `Deadline`.
    pub async fn select<V: Visit>(
        &self,
        model: &str,
        select: &Select,
        merge: Option<&[OverrideRow]>,
        visit: V,
    ) -> Result<(V, Option<Vec<Value>>)> {
        match &self.0 {
            Kind::Sqlite(session) => session.select(model, select, merge, visit).await,
            Kind::Postgres(session) => boxed(session.select(model, select, merge, visit)).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => boxed(session.select(model, select, merge, visit)).await,
        }
    }

    /// Returns the number of matching rows.
    ///
    /// # Errors
    /// Returns the errors of [`Session::select`].
    pub async fn count(
        &self,
        model: &str,
        filter: &Filter,
        search: Option<&str>,
        merge: Option<&[OverrideRow]>,
    ) -> Result<u64> {
        match &self.0 {
            Kind::Sqlite(session) => session.count(model, filter, search, merge).await,
            Kind::Postgres(session) => boxed(session.count(model, filter, search, merge)).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => boxed(session.count(model, filter, search, merge)).await,
        }
    }

    /// Returns the groups of the matching rows, with the requested measures of each.
    ///
    /// # Errors
    /// Returns the errors of [`Session::select`], and `Invalid` for a field that a key or a measure cannot have, or for
    /// a sum of integers that needs more than 64 bits.
    pub async fn aggregate(
        &self,
        model: &str,
        asked: &Aggregate,
        merge: Option<&[OverrideRow]>,
    ) -> Result<Groups> {
        match &self.0 {
            Kind::Sqlite(session) => session.aggregate(model, asked, merge).await,
            Kind::Postgres(session) => boxed(session.aggregate(model, asked, merge)).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => boxed(session.aggregate(model, asked, merge)).await,
        }
    }

    /// Returns the ids in `ids` that do *not* exist.
    ///
    /// # Errors
    /// Returns the errors of [`Session::get`], and `Invalid` for more than 1,000 ids.
    pub async fn exists(&self, model: &str, ids: &[RecordId]) -> Result<Vec<RecordId>> {
        match &self.0 {
            Kind::Sqlite(session) => session.exists(model, ids).await,
            Kind::Postgres(session) => boxed(session.exists(model, ids)).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => boxed(session.exists(model, ids)).await,
        }
    }

    /// Returns true if a row of `model` has `id` in `field`.
    ///
    /// # Errors
    /// Returns the errors of [`Session::get`].
    pub async fn refers(&self, model: &str, field: &str, id: &RecordId) -> Result<bool> {
        match &self.0 {
            Kind::Sqlite(session) => session.refers(model, field, id).await,
            Kind::Postgres(session) => boxed(session.refers(model, field, id)).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => boxed(session.refers(model, field, id)).await,
        }
    }

    /// Applies all changes in one transaction, or none. Small writes of several callers may share a commit, which
    /// affects only the time it takes. Owned changes are not copied.
    ///
    /// # Errors
    /// Returns `Fenced` if the place was fenced or moved, whatever else is wrong. After that, `SchemaBehind` or
    /// `SchemaAhead` takes precedence. Returns `Invalid`, `Unique`, `Reference`, `NotFound`, `Conflict` or `Limit` for
    /// a refused change, and `Busy` if a writer in another process does not finish in time.
    pub async fn write<'c>(
        &self,
        changes: impl Into<Cow<'c, [Change]>>,
        options: &WriteOptions,
    ) -> Result<Vec<Written>> {
        match &self.0 {
            Kind::Sqlite(session) => session.write(changes.into(), options, None).await,
            Kind::Postgres(session) => Box::pin(session.write(changes.into(), options, None)).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => Box::pin(session.write(changes.into(), options, None)).await,
        }
    }

    /// Applies all changes in one transaction like [`Session::write`], if `condition` still holds under the lock that
    /// all writes of this place take. A caller that changes the result of the condition, and then waits for
    /// [`Session::settled`], sees every write that was made before the change.
    ///
    /// # Errors
    /// Returns the errors of [`Session::write`], and `Outdated` if the condition no longer holds.
    pub async fn write_if<'c>(
        &self,
        changes: impl Into<Cow<'c, [Change]>>,
        options: &WriteOptions,
        condition: Option<WriteCondition>,
    ) -> Result<Vec<Written>> {
        match &self.0 {
            Kind::Sqlite(session) => session.write(changes.into(), options, condition).await,
            Kind::Postgres(session) => Box::pin(session.write(changes.into(), options, condition)).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => Box::pin(session.write(changes.into(), options, condition)).await,
        }
    }

    /// Returns once every write of this place that had begun, in any process, has ended.
    ///
    /// # Errors
    /// Returns `Busy` if a writer does not finish in time, and `Fenced` on PostgreSQL if the place is no longer there.
    pub async fn settled(&self) -> Result<()> {
        match &self.0 {
            Kind::Sqlite(session) => session.settled().await,
            Kind::Postgres(session) => Box::pin(session.settled()).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => Box::pin(session.settled()).await,
        }
    }

    /// Determines whether a write of this place was stored, if the answer to its commit was lost. Waits until no write
    /// of the place is in progress in any process, so the result is final.
    ///
    /// # Errors
    /// Returns the errors of [`Session::settled`] and [`Session::get`].
    pub async fn outcome(&self, of: &Doubt) -> Result<Outcome> {
        self.settled().await?;
        let columns = doubt::COLUMNS.map(FieldName::parse);
        let columns = columns.into_iter().flatten().collect::<Vec<_>>();
        let row = match self.get(of.model().as_str(), of.id(), &columns, Collect::default()).await {
            Ok(read) => doubt::only(read),
            // The model is gone.
            Err(error) if *error.kind() == error::Kind::NotFound => return Ok(Outcome::Unknown),
            Err(error) => return Err(error),
        };
        match (of.judge(row.as_deref()), of.commit(), &self.0) {
            (Outcome::Unknown, Some(commit), Kind::Postgres(session)) => {
                match Box::pin(session.was_aborted(commit)).await? {
                    true => Ok(Outcome::NotStored),
                    false => Ok(Outcome::Unknown),
                }
            }
            (outcome, ..) => Ok(outcome),
        }
    }

    /// Returns entries of the tenant's activity log, newest first. `before` is the last id of the previous page. A page
    /// ends once its details exceed `bytes`. An empty page is the last one.
    ///
    /// # Errors
    /// Returns `Busy` if another process holds the lock for too long, and the errors of the disk.
    pub async fn activity(&self, before: Option<i64>, limit: u32, bytes: usize) -> Result<Vec<Activity>> {
        match &self.0 {
            Kind::Sqlite(session) => session.activity(before, limit, bytes).await,
            Kind::Postgres(session) => Box::pin(session.activity(None, before, limit, bytes)).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => Box::pin(session.activity(None, before, limit, bytes)).await,
        }
    }

    /// Returns entries of the activity log about one record, which may be deleted. Otherwise like
    /// [`Session::activity`].
    ///
    /// # Errors
    /// Returns the errors of [`Session::activity`].
    pub async fn history(
        &self,
        model: &str,
        record: &RecordId,
        before: Option<i64>,
        limit: u32,
        bytes: usize,
    ) -> Result<Vec<Activity>> {
        let whose = (model, record);
        match &self.0 {
            Kind::Sqlite(session) => session.history(whose, before, limit, bytes).await,
            Kind::Postgres(session) => Box::pin(session.activity(Some(whose), before, limit, bytes)).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => Box::pin(session.activity(Some(whose), before, limit, bytes)).await,
        }
    }

    /// Returns the number of rows and the bytes of this place.
    ///
    /// # Errors
    /// Returns `Fenced` if the place was fenced or moved, and `SchemaBehind` or `SchemaAhead`.
    pub async fn usage(&self) -> Result<Usage> {
        match &self.0 {
            Kind::Sqlite(session) => session.usage().await,
            Kind::Postgres(session) => Box::pin(session.usage()).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(session) => Box::pin(session.usage()).await,
        }
    }

    /// Runs a tenant's own statement, read-only and confined (`confined-sql`). Pooled tenants are denied. The statement
    /// sees the tenant's own tables; [`super::Engine::sql`] adds shared data.
    ///
    /// # Errors
    /// Returns `Denied` for pooled tenants and for actions that a statement may not take, `Statement` if the statement
    /// is wrong, and `Limit` or `Deadline` if it uses too much.
    pub async fn sql(&self, text: &str, params: serde_json::Value, limits: SqlLimits) -> Result<SqlRows> {
        match &self.0 {
            Kind::Sqlite(session) => session.sql(text, params, limits, vec![]).await,
            Kind::Postgres(session) => Box::pin(session.sql(text, params, limits, &[])).await,
            #[cfg(feature = "mongodb")]
            Kind::Mongo(_) => Err(super::sql::no_sql()),
        }
    }
}
