//! Entries that a tenant adds to a shared model. Only this tenant sees them, among the shared rows, and its rows may refer
//! to them.
//!
//! An entry is a row of the model's overrides, in the tenant's own store: `shared_id` is its id, and `changes` has all its
//! values. So backups, clones and moves carry it without knowing of it. Its id cannot be one of a shared row
//! ([`overrides::is_added`]).
//!
//! A tenant's entries of a model are written one after the other, which keeps their values unique. A delete marks its entry
//! as leaving, like the delete of a shared row, so that no reference to it is written meanwhile (`references`).

use super::{
    Document, Input, Records, Scope,
    read::{id_value, parse_id},
    references::{Claims, turn::Turn},
};
use crate::{Error, Result, access::gates::Verb, error::Wrong, platform::loaded::ModelEntry};
use serde_json::{Map, Value as Json};
use tenantry_engine::{
    Kind,
    model::IdKind,
    name::FieldName,
    overrides::{self, OverrideRow, Stamps},
    query::{Change, Filter, Operator, RecordId, Select},
    row::{Collect, json::write_values},
    schema::Plan,
    value::Value,
    write::Written,
};

/// Largest number of entries that a tenant can add to one model. Each read of the model carries them.
pub const MAX_ADDED: usize = 1000;

/// Start of the ids of entries: 2024-01-01, in milliseconds since 1970.
const START_MS: i64 = 1_704_067_200_000;

impl Records<'_> {
    /// Returns true if the actor may create a record here: a shared row or, inside a tenant, an entry of its own.
    pub fn may_add(&self) -> bool {
        match self.adding() {
            Some(entry) => self.allow(Verb::Read).is_ok() && self.allow_on(entry, Verb::Create).is_ok(),
            None => self.allow(Verb::Create).is_ok(),
        }
    }

    /// Returns true if the actor may perform the verb on the record with this id.
    pub fn may_on(&self, id: &str, verb: Verb) -> bool {
        match self.added_entry(id) {
            Some((entry, _)) => self.allow(Verb::Read).is_ok() && self.allow_on(entry, verb).is_ok(),
            None => self.allow(verb).is_ok(),
        }
    }

    /// Returns true if the id is one of an entry that the tenant added.
    pub fn is_added(&self, id: &str) -> bool {
        self.added_entry(id).is_some()
    }

    /// Returns the model that stores the tenant's entries of this model; `None` if it cannot have any, or if no tenant
    /// was entered.
    pub(super) fn adding(&self) -> Option<&ModelEntry> {
        self.adding_of(&self.entry)
    }

    /// Returns the model that stores the tenant's entries of a model.
    pub(super) fn adding_of(&self, entry: &ModelEntry) -> Option<&ModelEntry> {
        entry.model.overrides.as_ref().filter(|overrides| overrides.add)?;
        self.override_entry(entry)
    }

    /// Returns the model that stores the entry with this id, if it is one that a tenant added.
    pub(super) fn added_entry(&self, id: &str) -> Option<(&ModelEntry, RecordId)> {
        let id = parse_id(&self.entry.model, id).filter(overrides::is_added)?;
        Some((self.adding()?, id))
    }

    /// Adds an entry.
    pub(super) async fn add_entry(&self, entry: &ModelEntry, input: &Input) -> Result<Document> {
        self.allow(Verb::Read)?;
        self.allow_on(entry, Verb::Create)?;
        let mut wrong = Wrong::default();
        let values = self.values(input, &mut wrong)?;
        self.missing(input, &mut wrong);
        wrong.finish()?;
        let values = overrides::whole_entry(self.plan()?, &values)?;
        let turn = Turn::of_writer(self, entry).await?;
        let done = self.add_in(entry, values, &turn).await;
        turn.end().await;
        done
    }

    async fn add_in(&self, entry: &ModelEntry, values: Map<String, Json>, turn: &Turn) -> Result<Document> {
        let session = self.session_of(entry).await?;
        let rows = self.override_rows_from(&session, entry).await?;
        let added = rows.iter().filter(|row| row.added.is_some());
        if added.clone().count() >= MAX_ADDED {
            let reason = format!("at most {MAX_ADDED} entries can be added: delete one first");
            return Err(Error::invalid(self.name(), reason));
        }
        let id = self.new_id(added.map(|row| &row.id));
        self.refuse_taken(&id, &values, &rows).await?;
        let values = vec![
            (FieldName::parse("shared_id")?, id_value(&id)),
            (FieldName::parse("changes")?, Value::Json(Json::Object(values))),
        ];
        let change = Change::Insert { model: entry.model.name.clone(), id: None, values };
        self.write_entry(entry, &id, change, turn).await
    }

    /// Changes the named fields of an entry.
    pub(super) async fn change_entry(
        &self,
        entry: &ModelEntry,
        id: &RecordId,
        expected_version: Option<i64>,
        input: &Input,
    ) -> Result<Document> {
        self.allow(Verb::Read)?;
        self.allow_on(entry, Verb::Update)?;
        let mut wrong = Wrong::default();
        let values = self.values(input, &mut wrong)?;
        wrong.finish()?;
        let values = overrides::entry(self.plan()?, &values)?;
        let turn = Turn::of_writer(self, entry).await?;
        let done = self.change_in(entry, (id, expected_version), values, &turn).await;
        turn.end().await;
        done
    }

    async fn change_in(
        &self,
        entry: &ModelEntry,
        (id, expected_version): (&RecordId, Option<i64>),
        changed: Map<String, Json>,
        turn: &Turn,
    ) -> Result<Document> {
        let session = self.session_of(entry).await?;
        let rows = self.override_rows_from(&session, entry).await?;
        let now = rows.iter().find(|row| row.id == *id).ok_or(Error::NotFound("record"))?;
        let mut values: Map<String, Json> = serde_json::from_str(&now.changes)
            .map_err(|error| Error::Internal(format!("an entry is not a JSON object: {error}")))?;
        values.extend(changed);
        self.refuse_taken(id, &values, &rows).await?;
        let row = self.find_override(entry, &id_value(id)).await?.ok_or(Error::NotFound("record"))?;
        let values = vec![(FieldName::parse("changes")?, Value::Json(Json::Object(values)))];
        let change = Change::Update { model: entry.model.name.clone(), id: row, expected_version, values };
        self.write_entry(entry, id, change, turn).await
    }

    /// Deletes an entry, unless rows of the tenant refer to it.
    pub(super) async fn delete_entry(
        &self,
        entry: &ModelEntry,
        id: &RecordId,
        expected_version: Option<i64>,
    ) -> Result<()> {
        self.allow(Verb::Read)?;
        self.allow_on(entry, Verb::Delete)?;
        let row = self.find_override(entry, &id_value(id)).await?.ok_or(Error::NotFound("record"))?;
        let turn = Turn::of_delete(self, entry, id).await?;
        let done = self.delete_in(entry, id, (row, expected_version), &turn).await;
        turn.end().await;
        done
    }

    async fn delete_in(
        &self,
        entry: &ModelEntry,
        id: &RecordId,
        (row, expected_version): (RecordId, Option<i64>),
        turn: &Turn,
    ) -> Result<()> {
        for referrer in &self.entry.referrers {
            let from = self.loaded.entry(referrer.model.as_str())?;
            if from.system {
                continue;
            }
            // A write that began before the mark commits before this returns; later writes are refused.
            let session = self.settled_in(from).await?;
            if session.refers(referrer.model.as_str(), referrer.field.as_str(), id).await? {
                let kind = Kind::Reference(referrer.model.to_string());
                let detail = "an entry is referred to by a record of the tenant";
                return Err(tenantry_engine::Error::new(kind, detail).into());
            }
        }
        let change = Change::Delete { model: entry.model.name.clone(), id: row, expected_version };
        self.apply_claiming(entry, &[change], &Claims::held(turn)).await.map(drop)
    }

    async fn write_entry(
        &self,
        entry: &ModelEntry,
        id: &RecordId,
        change: Change,
        turn: &Turn,
    ) -> Result<Document> {
        let written = self.apply_claiming(entry, &[change], &Claims::held(turn)).await?;
        let written = written.first().ok_or_else(|| Error::Internal("a write returned no row".into()))?;
        self.entry_document(id, written)
    }

    fn entry_document(&self, id: &RecordId, written: &Written) -> Result<Document> {
        let damaged = || Error::Internal("the row of an entry lacks columns".into());
        let [_, _, Value::Json(changes), Value::DateTime(created_at), Value::DateTime(updated_at), _] =
            written.row.as_slice()
        else {
            return Err(damaged());
        };
        let stamps = Stamps { created_at: *created_at, updated_at: *updated_at, version: written.version };
        let row = OverrideRow { id: id.clone(), changes: changes.to_string(), added: Some(stamps.clone()) };
        let row = overrides::entry_row(self.plan()?, &row, &stamps)?;
        let mut body = Vec::with_capacity(256);
        write_values(&mut body, &self.entry.keys, &row);
        super::json::add_origin(&mut body, true);
        Ok(Document { body, version: Some(written.version) })
    }

    /// Refuses the values of an entry if another row that the tenant sees has the same in a unique field or index.
    async fn refuse_taken(
        &self,
        id: &RecordId,
        values: &Map<String, Json>,
        rows: &[OverrideRow],
    ) -> Result<()> {
        let now = jiff::Timestamp::now();
        let stamps = Stamps { created_at: now, updated_at: now, version: 1 };
        let entry = OverrideRow::of_shared(id.clone(), Json::Object(values.clone()).to_string());
        let row = overrides::entry_row(self.plan()?, &entry, &stamps)?;
        let model = &self.entry.model;
        let value = |name: &FieldName| {
            let at = model.fields.iter().position(|field| field.name == *name)?;
            row.get(at + 1).filter(|value| **value != Value::Null).cloned()
        };
        let alone = model.fields.iter().filter(|field| field.unique).map(|field| vec![field.name.clone()]);
        let together = model.indexes.iter().filter(|index| index.unique).map(|index| index.fields.clone());
        for fields in alone.chain(together) {
            let same =
                fields.iter().map(|name| Some(Filter::Compare(name.clone(), Operator::Eq, value(name)?)));
            // Null equals no other value.
            let Some(mut conditions) = same.collect::<Option<Vec<_>>>() else { continue };
            let itself = Filter::Compare(FieldName::parse("id")?, Operator::Ne, id_value(id));
            conditions.push(itself);
            let session = self.session().await?;
            let filter = Filter::All(conditions);
            if session.count(self.name(), &filter, None, Some(rows)).await? > 0 {
                let names = fields.iter().map(ToString::to_string).collect();
                let detail = "an entry has a value that must be unique";
                return Err(tenantry_engine::Error::new(Kind::Unique(names), detail).into());
            }
        }
        Ok(())
    }

    /// Returns an id that no entry of the tenant has or had. Integers are negative and fall with time.
    fn new_id<'i>(&self, added: impl Iterator<Item = &'i RecordId>) -> RecordId {
        match self.entry.model.id {
            IdKind::Uuid => RecordId::Uuid(overrides::new_added_uuid()),
            IdKind::Integer => {
                let lowest = added.filter_map(|id| match id {
                    RecordId::Integer(id) => Some(*id),
                    RecordId::Uuid(_) => None,
                });
                let by_time = START_MS - self.inner.control.now_us() / 1000;
                RecordId::Integer(by_time.min(lowest.min().unwrap_or(0) - 1).min(-1))
            }
        }
    }

    /// Returns the version of an entry.
    pub(super) async fn entry_version(&self, entry: &ModelEntry, id: &RecordId) -> Result<i64> {
        let select = Select {
            filter: Filter::Compare(FieldName::parse("shared_id")?, Operator::Eq, id_value(id)),
            limit: 1,
            fields: vec![FieldName::parse("version")?],
            ..Select::default()
        };
        let session = self.session_of(entry).await?;
        let (page, _) = session.select(entry.model.name.as_str(), &select, None, Collect::default()).await?;
        match page.rows.first().and_then(|row| row.first()) {
            Some(Value::Integer(version)) => Ok(*version),
            _ => Err(Error::NotFound("record")),
        }
    }

    /// Returns those of the ids that no entry of the tenant has.
    pub(super) async fn missing_entries(
        &self,
        entry: &ModelEntry,
        ids: &[RecordId],
    ) -> Result<Vec<RecordId>> {
        let select = Select {
            filter: Filter::In(FieldName::parse("shared_id")?, ids.iter().map(id_value).collect()),
            limit: 1000,
            fields: overrides::COLUMNS.iter().map(|name| FieldName::parse(name)).collect::<Result<_, _>>()?,
            ..Select::default()
        };
        let session = self.session_of(entry).await?;
        let name = entry.model.name.as_str();
        let found = session.select(name, &select, None, overrides::CollectOverrides::default()).await?.0.rows;
        let is_missing = |id: &&RecordId| found.iter().all(|row| row.id != **id);
        Ok(ids.iter().filter(is_missing).cloned().collect())
    }

    pub(super) fn plan(&self) -> Result<&Plan> {
        self.entry.schema.model(self.name()).ok_or(Error::NotFound("model"))
    }

    /// Returns true if this scope sees rows of the model from two origins.
    pub(super) fn has_origins(&self, entry: &ModelEntry) -> bool {
        matches!(self.scope, Scope::Tenant(_)) && entry.model.overrides.as_ref().is_some_and(|o| o.add)
    }
}
