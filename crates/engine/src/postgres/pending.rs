//! Verbs that PostgreSQL does not have yet. Each is removed from here once it has it; no configuration names such a
//! server before all are gone.
#![allow(clippy::unused_async, unused_variables, reason = "see above")]

use super::Server;
use crate::{
    carry::AdoptOptions,
    error::{Error, Kind, Result},
    identity::{Highest, PlaceInfo, Resident},
    ledger::MigrateReport,
    name::{FieldName, PhysicalName, TenantId},
    overrides::OverrideRow,
    place::Place,
    query::{Change, Filter, RecordId, Select},
    row::Visit,
    schema::{Fault, Inspection, Schema, Script},
    statement::{SqlLimits, SqlRows},
    value::Value,
    write::{Activity, Usage, WriteGuard, WriteOptions, Written},
};
use std::{borrow::Cow, path::Path, sync::Arc, time::Duration};

fn missing<T>() -> Result<T> {
    Err(Error::new(Kind::Internal, "not on PostgreSQL yet"))
}

impl Server {
    pub(crate) async fn operator_repair(
        &self,
        place: &Place,
        script: &Arc<Script>,
        text: &str,
        limit: Duration,
    ) -> Result<Option<u64>> {
        missing()
    }

    pub(crate) async fn session(&self, place: &Place, schema: &Arc<Schema>) -> Result<Session> {
        missing()
    }
}

/// A place on a server.
#[derive(Debug, Clone)]
pub(crate) struct Session;

impl Session {
    pub(crate) async fn get<V: Visit>(
        &self,
        model: &str,
        id: &RecordId,
        fields: &[FieldName],
        visit: V,
    ) -> Result<Option<V>> {
        missing()
    }

    pub(crate) async fn by_ids<V: Visit>(
        &self,
        model: &str,
        ids: &[RecordId],
        fields: &[FieldName],
        visit: V,
    ) -> Result<V> {
        missing()
    }

    pub(crate) async fn select<V: Visit>(
        &self,
        model: &str,
        select: &Select,
        merge: Option<&[OverrideRow]>,
        visit: V,
    ) -> Result<(V, Option<Vec<Value>>)> {
        missing()
    }

    pub(crate) async fn count(
        &self,
        model: &str,
        filter: &Filter,
        search: Option<&str>,
        merge: Option<&[OverrideRow]>,
    ) -> Result<u64> {
        missing()
    }

    pub(crate) async fn exists(&self, model: &str, ids: &[RecordId]) -> Result<Vec<RecordId>> {
        missing()
    }

    pub(crate) async fn refers(&self, model: &str, field: &str, id: &RecordId) -> Result<bool> {
        missing()
    }

    pub(crate) async fn write(
        &self,
        changes: Cow<'_, [Change]>,
        options: &WriteOptions,
        held: Option<WriteGuard>,
    ) -> Result<Vec<Written>> {
        missing()
    }

    pub(crate) async fn activity(
        &self,
        before: Option<i64>,
        limit: u32,
        bytes: usize,
    ) -> Result<Vec<Activity>> {
        missing()
    }

    pub(crate) async fn usage(&self) -> Result<Usage> {
        missing()
    }

    pub(crate) async fn sql(
        &self,
        text: &str,
        params: serde_json::Value,
        limits: SqlLimits,
    ) -> Result<SqlRows> {
        missing()
    }
}
