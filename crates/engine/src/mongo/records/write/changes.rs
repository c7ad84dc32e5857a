//! Applies the changes of a write transaction, in order. Consecutive inserts of one model are sent together.

use super::{
    documents,
    references::{Reference, existing, references, release},
    transaction::{Ended, Held, Work},
};
use crate::{
    cell::{Key, Stored},
    error::{Error, Kind, Result},
    model::IdKind,
    mongo::{
        error::{Driven, duplicate, is_transient},
        opened::Opened,
        records::Layout,
        schema::names,
        transaction::again,
    },
    schema::{Plan, Schema},
    write::{Act, Effects, Ready, RowState, Trouble, Write, number},
};
use mongodb::bson::{Document, RawDocumentBuf, doc};

/// The changes of a transaction, and their effects so far.
pub(super) struct Changes<'a, 's, 't> {
    work: &'a mut Work<'s>,
    tenant: Option<i64>,
    writes: &'t [Write<'t>],
    held: &'a mut Held,
    now: jiff::Timestamp,
    effects: Effects<'t>,
    /// Collected rows of one model, to be inserted together.
    rows: Vec<Row<'t>>,
}

/// Position of a change: the index of its write, and its index in that write.
type At = (usize, usize);

/// A row to be inserted.
struct Row<'t> {
    at: At,
    plan: &'t Plan,
    key: Key,
    references: Vec<Reference<'t>>,
    document: RawDocumentBuf,
}

impl<'a, 's, 't> Changes<'a, 's, 't> {
    pub(super) fn new(
        work: &'a mut Work<'s>,
        place: &Opened,
        writes: &'t [Write<'t>],
        held: &'a mut Held,
        now: jiff::Timestamp,
    ) -> Self {
        let tenant = place.site.is_pooled().then_some(place.site.tenant);
        Self { work, tenant, writes, held, now, effects: Effects::new(writes), rows: vec![] }
    }

    /// Applies all changes and returns their effects.
    pub(super) async fn run(mut self) -> Result<Effects<'t>, Ended> {
        for (write, of) in self.writes.iter().enumerate() {
            for (change, ready) in of.changes.iter().enumerate() {
                self.one((write, change), ready, &of.request.schema).await?;
            }
        }
        self.insert().await?;
        Ok(self.effects)
    }

    async fn one(&mut self, at: At, ready: &'t Ready<'t>, schema: &'t Schema) -> Result<(), Ended> {
        let plan = ready.plan;
        if let Act::Insert { id, values } = &ready.act {
            if self.rows.first().is_some_and(|row| !std::ptr::eq(row.plan, plan)) {
                self.insert().await?;
            }
            let row = self.row(at, (plan, schema), *id, values);
            self.rows.push(row.map_err(|error| refused(at, error))?);
            return Ok(());
        }
        self.insert().await?;
        match &ready.act {
            Act::Insert { .. } => Ok(()),
            Act::Update { id, expected, values } => {
                self.update(at, (plan, schema), *id, *expected, values).await
            }
            Act::Delete { id, expected } => self.delete(at, (plan, schema), *id, *expected).await,
        }
    }

    fn row(
        &mut self,
        at: At,
        (plan, schema): (&'t Plan, &'t Schema),
        id: Option<Key>,
        values: &'t [Stored<'t>],
    ) -> Result<Row<'t>> {
        let key = match plan.model.id {
            IdKind::Integer => number(self.held.last.entry(plan.model.name.to_string()).or_default(), id)?,
            IdKind::Uuid => id.ok_or_else(|| Error::invalid("id", "must be a UUID"))?,
        };
        let references = references(schema, plan, |position| values.get(position - 1));
        let document =
            documents::raw(&documents::new(&Layout::new(plan, self.tenant), key, values, self.now)?)?;
        Ok(Row { at, plan, key, references, document })
    }

    /// Inserts the collected rows. Stops at the first row that refers to a missing record, and returns its error.
    async fn insert(&mut self) -> Result<(), Ended> {
        let rows = std::mem::take(&mut self.rows);
        let Some(plan) = rows.first().map(|row| row.plan) else { return Ok(()) };
        let all = rows.iter().flat_map(|row| &row.references);
        let mut found = existing(self.work, self.tenant, all).await?;
        let mut dangling = None;
        let mut sent = 0;
        for row in &rows {
            sent += 1;
            // A row may refer to itself and to rows before it.
            found.insert((plan.model.name.to_string(), row.key));
            let is_there = |reference: &&Reference<'_>| {
                found.contains(&(reference.target.model.name.to_string(), reference.id))
            };
            if let Some(missing) = row.references.iter().find(|reference| !is_there(reference)) {
                dangling = Some(refused(row.at, missing.dangling()));
                break;
            }
        }
        // Send the row with the missing reference too, because the violation of a unique index is reported first.
        let documents: Vec<&RawDocumentBuf> = rows[..sent].iter().map(|row| &row.document).collect();
        let collection = self.work.database.collection::<RawDocumentBuf>(plan.model.name.as_str());
        let (server, session) = self.work.parts();
        let call = async { collection.insert_many(documents).session(session).await };
        let done = server.answer(call).await;
        explained(done, plan, |at| rows[at].at)?;
        if let Some(dangling) = dangling {
            return Err(dangling);
        }
        for row in rows {
            self.effects.inserted(row.at.0, plan, documents::row(plan, &row.document)?)?;
        }
        Ok(())
    }

    /// Reads the document that a change updates or deletes.
    async fn find(&mut self, at: At, plan: &Plan, id: Key) -> Result<RawDocumentBuf, Ended> {
        let own = doc! { "_id": Layout::new(plan, self.tenant).id(id) };
        let collection = self.work.database.collection::<RawDocumentBuf>(plan.model.name.as_str());
        let (server, session) = self.work.parts();
        let found = async { collection.find_one(own).session(session).await };
        let found = server.answer(found).await;
        let missing = || refused(at, Error::new(Kind::NotFound, plan.model.name.as_str()));
        again(found)?.ok_or_else(missing)
    }

    async fn update(
        &mut self,
        at: At,
        (plan, schema): (&'t Plan, &'t Schema),
        id: Key,
        expected: Option<i64>,
        values: &'t [(usize, Stored<'t>)],
    ) -> Result<(), Ended> {
        let layout = Layout::new(plan, self.tenant);
        let found = self.find(at, plan, id).await?;
        let before = documents::row(plan, &found)?;
        require_version(at, plan, &before, expected)?;
        let Some(document) = documents::changed(&layout, &found, values, self.now)? else {
            // The document already has the values. It stays unchanged, with its version.
            self.effects.unchanged(at.0, plan, before)?;
            return Ok(());
        };
        let document = documents::raw(&document)?;
        let collection = self.work.database.collection::<RawDocumentBuf>(plan.model.name.as_str());
        let (server, session) = self.work.parts();
        let own = doc! { "_id": layout.id(id) };
        let call = async { collection.replace_one(own, &document).session(session).await };
        let done = server.answer(call).await;
        explained(done, plan, |_| at)?;
        let given = |position: usize| values.iter().find(|(p, _)| *p == position).map(|(_, value)| value);
        let references = references(schema, plan, given);
        let mut there = existing(self.work, self.tenant, references.iter()).await?;
        there.insert((plan.model.name.to_string(), id));
        let is_missing = |reference: &&Reference<'_>| {
            !there.contains(&(reference.target.model.name.to_string(), reference.id))
        };
        if let Some(missing) = references.iter().find(is_missing) {
            return Err(refused(at, missing.dangling()));
        }
        self.effects.updated(at.0, plan, &before, documents::row(plan, &document)?)?;
        Ok(())
    }

    async fn delete(
        &mut self,
        at: At,
        (plan, schema): (&'t Plan, &'t Schema),
        id: Key,
        expected: Option<i64>,
    ) -> Result<(), Ended> {
        let found = self.find(at, plan, id).await?;
        let state = documents::row(plan, &found)?;
        require_version(at, plan, &state, expected)?;
        release(self.work, (schema, plan, self.tenant), (at.0, id), &mut self.effects, self.now)
            .await
            .map_err(|ended| of_change(at, ended))?;
        let own: Document = doc! { "_id": Layout::new(plan, self.tenant).id(id) };
        let collection = self.work.database.collection::<RawDocumentBuf>(plan.model.name.as_str());
        let (server, session) = self.work.parts();
        let call = async { collection.delete_one(own).session(session).await };
        let done = server.answer(call).await;
        again(done)?;
        self.effects.deleted(at.0, plan, state)?;
        Ok(())
    }
}

fn refused((write, change): At, error: Error) -> Ended {
    Ended::For(Trouble::Refused(write, error.with_index(change).into()))
}

/// Adds the index of the change to a refusal.
fn of_change(at: At, ended: Ended) -> Ended {
    match ended {
        Ended::For(Trouble::Refused(_, error)) => refused(at, *error),
        other => other,
    }
}

fn require_version(at: At, plan: &Plan, row: &RowState, expected: Option<i64>) -> Result<(), Ended> {
    let version = row.version()?;
    match expected {
        Some(expected) if expected != version => {
            Err(refused(at, Error::new(Kind::Conflict(version), plan.model.name.as_str())))
        }
        _ => Ok(()),
    }
}

/// Converts the error of a statement. If a unique index refused a document, returns the refusal of its change, with the
/// fields of the index. `at` returns the position of the change that sent a document.
fn explained<T>(done: Driven<T>, plan: &Plan, at: impl FnOnce(usize) -> At) -> Result<(), Ended> {
    let Err(error) = done else { return Ok(()) };
    match duplicate(&error) {
        Some(duplicate) if !is_transient(&error) => {
            let fields = names::unique_fields(&plan.model, &duplicate.index);
            let kind = Kind::Unique(fields.unwrap_or_default());
            Err(refused(at(duplicate.at), Error::with_source(kind, plan.model.name.as_str(), error)))
        }
        _ => {
            again::<T>(Err(error))?;
            Ok(())
        }
    }
}
