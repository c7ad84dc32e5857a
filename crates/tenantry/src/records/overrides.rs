//! A tenant's overrides of shared rows. They are stored in the tenant's own store.

use super::{Document, Records, Scope, Want, read::id_value, references::Claims};
use crate::{
    Error, Result,
    access::gates::{self, Verb},
    error::{FieldError, Rule, Wrong},
    platform::loaded::ModelEntry,
};
use serde_json::{Map, Value as Json};
use tenantry_engine::{
    Kind,
    engine::Session,
    input,
    name::FieldName,
    overrides::{self, CollectOverrides, OverrideRow},
    query::{Change, Filter, Operator, RecordId, Select},
    row::Collect,
    value::Value,
};

fn field(name: &str) -> FieldName {
    FieldName::parse(name).expect("a constant field name")
}

/// Returns the name of the model that stores tenants' overrides of this model's rows.
pub(super) fn overrides_model(entry: &ModelEntry) -> String {
    format!("{}_overrides", entry.model.name)
}

/// The fields of a shared row that a tenant may override, with their values.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnValues {
    /// The shared values of all these fields.
    pub shared: Vec<(FieldName, Value)>,
    /// The tenant's overrides; empty if it has none.
    pub own: Vec<(FieldName, Value)>,
}

impl Records<'_> {
    pub(super) fn override_entry(&self, entry: &ModelEntry) -> Option<&ModelEntry> {
        let (Some(_), Scope::Tenant(_)) = (&entry.model.overrides, self.scope) else { return None };
        self.loaded.entry(&overrides_model(entry)).ok()
    }

    /// Returns the tenant's overrides of a shared model. `None` if the model has none or no tenant was entered.
    pub(super) async fn override_rows(&self, entry: &ModelEntry) -> Result<Option<Vec<OverrideRow>>> {
        let Some(entry) = self.override_entry(entry) else { return Ok(None) };
        let session = self.reading_of(entry).await?;
        self.override_rows_from(&session, entry).await.map(Some)
    }

    /// Returns true if the tenant has own values of the model's records, or has added entries to it.
    pub(crate) async fn has_own_values(&self) -> Result<bool> {
        Ok(self.override_rows(&self.entry).await?.is_some_and(|rows| !rows.is_empty()))
    }

    /// Reads all rows of the model that stores overrides.
    pub(super) async fn override_rows_from(
        &self,
        session: &Session,
        entry: &ModelEntry,
    ) -> Result<Vec<OverrideRow>> {
        let fields = overrides::COLUMNS.map(field).into();
        let mut select = Select { limit: 1000, fields, ..Select::default() };
        let mut rows = Vec::new();
        loop {
            let name = entry.model.name.as_str();
            let (page, next) = session.select(name, &select, None, CollectOverrides::default()).await?;
            rows.extend(page.rows);
            match next {
                Some(next) => select.after = Some(next),
                None => return Ok(rows),
            }
        }
    }

    /// Returns the shared values and the tenant's overrides, for the fields that the tenant may override.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for a missing row or a model without overrides, and [`Error::Denied`] if the actor
    /// may not read the model.
    pub async fn own_values(&self, id: &str) -> Result<OwnValues> {
        let entry = self.override_entry(&self.entry).ok_or(Error::NotFound("record"))?;
        let overrides = self.entry.model.overrides.as_ref().ok_or(Error::NotFound("record"))?;
        self.allow(Verb::Read)?;
        let id = id_value(&self.parse_id(id)?);
        let one = |name: &str, fields: Vec<FieldName>| Select {
            filter: Filter::Compare(field(name), Operator::Eq, id.clone()),
            limit: 1,
            fields,
            ..Select::default()
        };
        let select = one("id", overrides.fields.clone());
        let (page, _) = self.reading().await?.select(self.name(), &select, None, Collect::default()).await?;
        let shared = page.rows.into_iter().next().ok_or(Error::NotFound("record"))?;
        let select = one("shared_id", vec![field("changes")]);
        let session = self.reading_of(entry).await?;
        let (page, _) = session.select(entry.model.name.as_str(), &select, None, Collect::default()).await?;
        let plan = self.entry.schema.model(self.name()).ok_or(Error::NotFound("model"))?;
        let own = match page.rows.into_iter().next().and_then(|row| row.into_iter().next()) {
            Some(Value::Json(changes)) => overrides::values(plan, &changes),
            _ => vec![],
        };
        Ok(OwnValues { shared: overrides.fields.iter().cloned().zip(shared).collect(), own })
    }

    /// Replaces the tenant's overrides of a shared row by these. Returns the row as the tenant now sees it.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for a missing row or a model without overrides; [`Error::Denied`] if the actor may
    /// not change the tenant's view; [`Error::InvalidFields`] for values that the model does not accept.
    pub async fn set_override(&self, id: &str, changes: &Map<String, Json>) -> Result<Document> {
        let (entry, allowed) = self.overridable()?;
        let id = self.shared_id(id)?;
        let stored = self.stored_changes(changes, allowed)?;
        // Tried twice, because another request may insert or delete the overrides in between.
        match self.put_override(entry, &id, stored.clone()).await {
            Err(Error::Engine(e)) if matches!(e.kind(), Kind::Unique(_) | Kind::NotFound) => {
                self.put_override(entry, &id, stored).await?;
            }
            // The values were checked, so the error must concern the shared row, which does not exist.
            Err(Error::InvalidFields(_)) => return Err(Error::NotFound("record")),
            done => done?,
        }
        self.get_text(&id).await
    }

    async fn put_override(&self, entry: &ModelEntry, id: &RecordId, stored: Json) -> Result<()> {
        let (model, shared, changes) = (entry.model.name.clone(), id_value(id), Value::Json(stored));
        let change = match self.find_override(entry, &shared).await? {
            Some(row) => Change::Update {
                model,
                id: row,
                expected_version: None,
                values: vec![(field("changes"), changes)],
            },
            None => Change::Insert {
                model,
                id: None,
                values: vec![(field("shared_id"), shared), (field("changes"), changes)],
            },
        };
        let changes = [change];
        let claims =
            Claims::of(&self.loaded, &entry.model, &changes).and(&self.entry, "shared_id", id.clone());
        self.apply_claiming(entry, &changes, &claims).await.map(drop)
    }

    /// Deletes the tenant's overrides of a shared row, so that the tenant sees the shared values again.
    ///
    /// # Errors
    /// Returns the errors of [`Records::set_override`], and [`Error::NotFound`] if the tenant has no overrides of the
    /// row.
    pub async fn clear_override(&self, id: &str) -> Result<()> {
        let (entry, _) = self.overridable()?;
        let id = self.shared_id(id)?;
        let Some(row) = self.find_override(entry, &id_value(&id)).await? else {
            return Err(Error::NotFound("record"));
        };
        let change = Change::Delete { model: entry.model.name.clone(), id: row, expected_version: None };
        self.apply_to(entry, &[change]).await.map(drop)
    }

    /// Returns true if the actor may set the tenant's overrides of this model's rows.
    pub fn may_override(&self) -> bool {
        self.overridable().is_ok()
    }

    fn overridable(&self) -> Result<(&ModelEntry, &[FieldName])> {
        let entry = self.override_entry(&self.entry).ok_or(Error::NotFound("record"))?;
        gates::require(self.actor(), &self.entry.model.permissions, Verb::Read)?;
        self.allow_on(entry, Verb::Update)?;
        let overrides = self.entry.model.overrides.as_ref().ok_or(Error::NotFound("record"))?;
        Ok((entry, &overrides.fields))
    }

    fn stored_changes(&self, changes: &Map<String, Json>, allowed: &[FieldName]) -> Result<Json> {
        let names = || allowed.iter().map(FieldName::as_str).collect::<Vec<_>>().join(", ");
        if changes.is_empty() {
            return Err(Error::invalid("override", format!("names no field; these may be: {}", names())));
        }
        let (mut values, mut wrong) = (Vec::with_capacity(changes.len()), Wrong::default());
        for (name, value) in changes {
            if !allowed.iter().any(|f| f.as_str() == name) {
                let reason = format!("may not be overridden; these may: {}", names());
                wrong.add(FieldError::new(name.chars().take(80).collect::<String>(), Rule::ReadOnly, reason));
                continue;
            }
            let field = self.entry.model.field(name).ok_or(Error::NotFound("field"))?;
            let value = wrong.take(input::from_json(field, value).map_err(Error::from))?;
            values.extend(value.map(|value| (field.name.clone(), value)));
        }
        wrong.finish()?;
        let plan = self.entry.schema.model(self.name()).ok_or(Error::NotFound("model"))?;
        Ok(overrides::changes(plan, &values)?)
    }

    /// Parses the id of a shared row. An entry that the tenant added has no overrides: it is changed itself.
    fn shared_id(&self, id: &str) -> Result<RecordId> {
        let id = self.parse_id(id)?;
        if overrides::is_added(&id) { Err(Error::NotFound("record")) } else { Ok(id) }
    }

    pub(super) async fn find_override(&self, entry: &ModelEntry, shared: &Value) -> Result<Option<RecordId>> {
        let select = Select {
            filter: Filter::Compare(field("shared_id"), Operator::Eq, shared.clone()),
            limit: 1,
            fields: vec![field("id")],
            ..Select::default()
        };
        let session = self.session_of(entry).await?;
        let (page, _) = session.select(entry.model.name.as_str(), &select, None, Collect::default()).await?;
        Ok(page.rows.into_iter().next().and_then(|mut row| match row.remove(0) {
            Value::Integer(id) => Some(RecordId::Integer(id)),
            _ => None,
        }))
    }

    async fn get_text(&self, id: &RecordId) -> Result<Document> {
        self.get(&id.to_string(), &Want::default()).await
    }
}
