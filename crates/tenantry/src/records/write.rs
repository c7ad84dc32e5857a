//! Create, patch and delete. This module checks values against the model, and references into other stores against
//! their rows. The database enforces everything inside one store in the transaction.

use super::{
    Document, Records, Scope,
    references::{Claims, turn::Turn},
};
use crate::{
    Error, Result,
    access::gates::Verb,
    error::{FieldError, Rule, Wrong},
    platform::loaded::ModelEntry,
    tenants::databases::reroute::{is_fenced, place_in},
};
use serde_json::{Map, Value as Json};
use std::{fmt::Display, time::Instant};
use tenantry_engine::{
    Kind,
    engine::Session,
    input,
    model::{Field, FieldKind, Model},
    name::FieldName,
    query::{Change, RecordId},
    row::{Collect, json::write_values},
    value::Value,
    write::{WriteOptions, Written},
};

/// Largest number of records in one batch.
pub const MAX_BATCH: usize = 1000;

/// A record as sent by a client.
pub type Input = Map<String, Json>;

impl Records<'_> {
    /// Creates a record.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not create records, and [`Error::InvalidFields`] for values that the
    /// model refuses.
    pub async fn create(&self, input: &Input) -> Result<Document> {
        if let Some(entry) = self.adding() {
            return Box::pin(self.add_entry(entry, input)).await;
        }
        self.allow(Verb::Create)?;
        let change = self.insert(input)?;
        let written = self.apply(vec![change]).await?;
        written
            .first()
            .map(|w| self.document(w))
            .ok_or_else(|| Error::Internal("insert returned no row".into()))
    }

    /// Creates all of the records or none. Errors name the index of the record, from 0.
    ///
    /// # Errors
    /// Returns the errors of [`Records::create`], and [`Error::Invalid`] for more than [`MAX_BATCH`] records.
    pub async fn create_many(&self, inputs: &[Input]) -> Result<Vec<Document>> {
        self.allow(Verb::Create)?;
        if inputs.len() > MAX_BATCH {
            return Err(Error::invalid("batch", format!("at most {MAX_BATCH} records at once")));
        }
        let changes = self.insert_many(inputs)?;
        self.agree(&changes, true).await?;
        let written = self.apply_to(&self.entry, &changes).await.map_err(|error| refused_of(error, Some))?;
        Ok(written.iter().map(|w| self.document(w)).collect())
    }

    /// Changes the named fields. With an expected version, changes them only if the record has that version. If the
    /// values are the same as before, the version stays unchanged.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not update records; [`Error::NotFound`] if the record does not exist;
    /// [`Error::InvalidFields`] for values that the model refuses.
    pub async fn patch(&self, id: &str, expected_version: Option<i64>, input: &Input) -> Result<Document> {
        if let Some((entry, id)) = self.added_entry(id) {
            return Box::pin(self.change_entry(entry, &id, expected_version, input)).await;
        }
        self.allow(Verb::Update)?;
        let id = self.parse_id(id)?;
        let mut wrong = Wrong::default();
        let values = self.values(input, &mut wrong)?;
        wrong.finish()?;
        let files = self.files_cleared(&id, input).await?;
        let written = self.update_custom(&id, expected_version, values).await?;
        self.forget_files(files).await;
        written.first().map(|w| self.document(w)).ok_or(Error::NotFound("record"))
    }

    /// Returns the record's version if it is one of these. Otherwise returns the first of them, with which a change
    /// then fails.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the record does not exist, and the errors of a read.
    pub async fn version_among(&self, id: &str, versions: &[i64]) -> Result<i64> {
        let current = match self.added_entry(id) {
            Some((entry, id)) => Some(self.entry_version(entry, &id).await?),
            None => self.version_of(&self.parse_id(id)?).await?,
        };
        let first = versions.first().copied().unwrap_or(0);
        Ok(current.filter(|current| versions.contains(current)).unwrap_or(first))
    }

    async fn version_of(&self, id: &RecordId) -> Result<Option<i64>> {
        let version = [FieldName::parse("version")?];
        let found = self.session().await?.get(self.name(), id, &version, Collect::default()).await?;
        let row = found.and_then(|found| found.rows.into_iter().next()).ok_or(Error::NotFound("record"))?;
        Ok(row.iter().rev().find_map(|value| match value {
            Value::Integer(version) => Some(*version),
            _ => None,
        }))
    }

    /// Deletes a record, unless other records refer to it, in this store or, for shared rows, in the store of any
    /// tenant.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not delete records, and [`Error::NotFound`] if the record does not
    /// exist.
    pub async fn delete(&self, id: &str, expected_version: Option<i64>) -> Result<()> {
        if let Some((entry, id)) = self.added_entry(id) {
            return Box::pin(self.delete_entry(entry, &id, expected_version)).await;
        }
        self.allow(Verb::Delete)?;
        let id = self.parse_id(id)?;
        let change =
            Change::Delete { model: self.entry.model.name.clone(), id: id.clone(), expected_version };
        let files = self.file_ids(&id).await?;
        if self.entry.referrers.is_empty() {
            self.apply(vec![change]).await?;
        } else {
            self.delete_protected(&id, change).await?;
        }
        self.forget_files(files).await;
        Ok(())
    }

    /// Writes rows of typed values, in transactions of [`MAX_BATCH`] rows.
    pub(crate) async fn insert_all(&self, rows: Vec<Change>) -> Result<()> {
        self.allow(Verb::Create)?;
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            self.apply_decided(rows.by_ref().take(MAX_BATCH).collect()).await?;
        }
        Ok(())
    }

    /// Runs checked changes in one transaction, if the rows that they refer to in other stores exist.
    pub(super) async fn apply(&self, changes: Vec<Change>) -> Result<Vec<Written>> {
        self.agree(&changes, false).await?;
        self.apply_to(&self.entry, &changes).await
    }

    /// Like [`Self::apply`], for rows of other sources, which have their states and authors already.
    pub(super) async fn apply_decided(&self, changes: Vec<Change>) -> Result<Vec<Written>> {
        self.agree(&changes, false).await?;
        let claims = Claims::of(&self.loaded, &self.entry.model, &changes);
        self.apply_claiming(&self.entry, &changes, &claims).await
    }

    /// Like [`Self::apply`], for another model of this scope. A write that finds its place fenced has changed nothing:
    /// it waits until the tenant has been moved, and then runs in the new place.
    pub(super) async fn apply_to(&self, entry: &ModelEntry, changes: &[Change]) -> Result<Vec<Written>> {
        let changes = self.with_states(entry, changes)?;
        self.apply_claiming(entry, &changes, &Claims::of(&self.loaded, &entry.model, &changes)).await
    }

    /// Like [`Self::apply_to`], for changes whose references to rows of other stores were collected already, and whose
    /// states were checked.
    pub(super) async fn apply_claiming(
        &self,
        entry: &ModelEntry,
        changes: &[Change],
        claims: &Claims<'_>,
    ) -> Result<Vec<Written>> {
        if claims.are_held() || !self.is_copied(entry) {
            return self.apply_waiting(entry, changes, claims).await;
        }
        let turn = Box::pin(Turn::of_copied(self, entry)).await?;
        let done = Box::pin(self.apply_waiting(entry, changes, &claims.in_turn(&turn))).await;
        turn.end().await;
        done
    }

    async fn apply_waiting(
        &self,
        entry: &ModelEntry,
        changes: &[Change],
        claims: &Claims<'_>,
    ) -> Result<Vec<Written>> {
        match self.apply_once(entry, changes, claims).await {
            Err(error) if is_fenced(&error) => {
                Box::pin(self.apply_later(entry, changes, claims, error)).await
            }
            done => done,
        }
    }

    /// Checks references into other stores, and references that must agree, without writing.
    pub(super) async fn check_references(&self, changes: &[Change]) -> Result<()> {
        self.agree(changes, false).await?;
        Claims::of(&self.loaded, &self.entry.model, changes).check(self).await.map(drop)
    }

    async fn apply_once(
        &self,
        entry: &ModelEntry,
        changes: &[Change],
        claims: &Claims<'_>,
    ) -> Result<Vec<Written>> {
        let session = self.session_of(entry).await?;
        let until = self.inner.write_deadline();
        loop {
            let condition = claims.check(self).await?;
            let guarded = self.guarded(&session, entry, changes).await?;
            let options = WriteOptions { personal: guarded.personal.clone(), ..self.options_for(entry) };
            match session.write_if(&*guarded.changes, &options, condition).await {
                Err(error) if guarded.is_outdated(&error) && Instant::now() < until => {}
                // A commit in the control store since the check may have been a delete of these rows.
                Err(error) if *error.kind() == Kind::Outdated && Instant::now() < until => {}
                done => {
                    let written = guarded.callers(done.map_err(|error| self.refused(error))?);
                    self.positions.note(&written);
                    return Ok(written);
                }
            }
        }
    }

    async fn apply_later(
        &self,
        entry: &ModelEntry,
        changes: &[Change],
        claims: &Claims<'_>,
        mut error: Error,
    ) -> Result<Vec<Written>> {
        let until = self.inner.write_deadline();
        while is_fenced(&error) {
            self.wait_for_place(entry, error, until).await?;
            match self.apply_once(entry, changes, claims).await {
                Err(again) => error = again,
                done => return done,
            }
        }
        Err(error)
    }

    /// Waits until the place of a store of the tenant, which was found fenced, accepts writes again. Returns `error` for a
    /// store that is never moved while requests continue.
    async fn wait_for_place(&self, entry: &ModelEntry, error: Error, until: Instant) -> Result<()> {
        let (Scope::Tenant(tenant), false) = (self.scope, entry.system) else { return Err(error) };
        let moved = self.moved();
        let refused = place_in(tenant, moved.as_deref(), &entry.model.store)?;
        let record = self.inner.await_place(tenant, refused, &entry.schema, until).await?;
        self.remember(Some(record));
        Ok(())
    }

    /// Waits until the writes that have begun in a store of the tenant are over, wherever its rows are. Returns a session
    /// there.
    pub(super) async fn settled_in(&self, entry: &ModelEntry) -> Result<Session> {
        let until = self.inner.write_deadline();
        loop {
            let session = self.session_of(entry).await?;
            match session.settled().await.map_err(Error::from) {
                Ok(()) => return Ok(session),
                Err(error) if is_fenced(&error) => self.wait_for_place(entry, error, until).await?,
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn insert(&self, input: &Input) -> Result<Change> {
        let mut wrong = Wrong::default();
        let values = self.values(input, &mut wrong)?;
        self.missing(input, &mut wrong);
        wrong.finish()?;
        Ok(Change::Insert { model: self.entry.model.name.clone(), id: None, values })
    }

    fn insert_many(&self, inputs: &[Input]) -> Result<Vec<Change>> {
        let (mut changes, mut wrong) = (Vec::with_capacity(inputs.len()), Wrong::default());
        for (index, input) in inputs.iter().enumerate() {
            changes.extend(wrong.take(self.insert(input).map_err(|error| error.of_record(index)))?);
            if wrong.is_full() {
                break;
            }
        }
        wrong.finish()?;
        Ok(changes)
    }

    /// Returns the typed values of the input. Adds errors to `wrong`.
    pub(super) fn values(&self, input: &Input, wrong: &mut Wrong) -> Result<Vec<(FieldName, Value)>> {
        let mut values = Vec::with_capacity(input.len());
        for (name, value) in input {
            values.extend(wrong.take(checked(&self.entry.model, name, value))?);
        }
        Ok(values)
    }

    /// Adds an error for each required field that the input lacks.
    pub(super) fn missing(&self, input: &Input, wrong: &mut Wrong) {
        let needed = self.entry.model.fields.iter().filter(|f| f.required && f.default.is_none());
        for field in needed.filter(|f| !input.contains_key(f.name.as_str())) {
            wrong.add(FieldError::required(field.name.as_str()));
        }
    }

    pub(super) fn document(&self, written: &Written) -> Document {
        let mut body = Vec::with_capacity(256);
        write_values(&mut body, &self.entry.keys, &written.row);
        Document { body, version: Some(written.version) }
    }
}

/// Adds the refused record to the error of a transaction. `name` returns the index or the id of the record whose change
/// has the given index.
pub(super) fn refused_of<R: Display>(error: Error, name: impl FnOnce(usize) -> Option<R>) -> Error {
    let index = match &error {
        Error::Engine(engine) => engine.index(),
        _ => None,
    };
    match index.and_then(name) {
        Some(record) => error.of_record(record),
        None => error,
    }
}

fn checked(model: &Model, name: &str, value: &Json) -> Result<(FieldName, Value)> {
    let field = writable(model, name)?;
    if matches!(field.kind, FieldKind::File { .. }) && !value.is_null() {
        let reason = "send the bytes to the record's files path, or null to remove the file";
        return Err(Error::InvalidFields(vec![FieldError::new(name, Rule::ReadOnly, reason)]));
    }
    Ok((field.name.clone(), input::from_json(field, value)?))
}

/// Returns the declared field with this name, or an error that lists the fields.
pub(super) fn writable<'m>(model: &'m Model, name: &str) -> Result<&'m Field> {
    model.field(name).ok_or_else(|| {
        if ["id", "created_at", "updated_at", "version"].contains(&name) {
            let wrong = FieldError::new(name, Rule::ReadOnly, "is set by the platform");
            return Error::InvalidFields(vec![wrong]);
        }
        let names: Vec<_> = model.fields.iter().map(|f| f.name.as_str()).collect();
        let reason = format!("no such field; there are: {}", names.join(", "));
        let shown: String = name.chars().take(80).collect();
        Error::InvalidFields(vec![FieldError::new(shown, Rule::Unknown, reason)])
    })
}
