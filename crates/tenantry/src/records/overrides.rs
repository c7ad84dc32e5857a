//! A tenant's own view of shared rows: which fields it changed, kept in its own store (V6, F4).

use super::{Document, Records, Scope, Want, read::id_value};
use crate::{Error, Result, access::gates::Verb, platform::ModelEntry};
use serde_json::{Map, Value as Json};
use tenantry_engine::{
    name::FieldName,
    query::{Change, Filter, Operator, RecordId, Select},
    row::Collect,
    sqlite::{
        bind,
        merge::{self, CollectOverrides, OverrideRow},
    },
    value::Value,
};

fn field(name: &str) -> FieldName {
    FieldName::parse(name).expect("a constant field name")
}

impl Records<'_> {
    fn override_entry(&self, entry: &ModelEntry) -> Option<&ModelEntry> {
        let (Some(_), Scope::Tenant(_)) = (&entry.model.overrides, self.scope) else { return None };
        self.inner.models.get(format!("{}_overrides", entry.model.name).as_str())
    }

    /// The tenant's overrides of a shared model; None where the model has none or no tenant is entered.
    pub(super) async fn override_rows(&self, entry: &ModelEntry) -> Result<Option<Vec<OverrideRow>>> {
        let Some(kept) = self.override_entry(entry) else { return Ok(None) };
        let kept = self.inner.entry(kept.model.name.as_str())?;
        let session = self.session_of(kept).await?;
        let mut select =
            Select { limit: 1000, fields: vec![field("shared_id"), field("changes")], ..Select::default() };
        let mut rows = Vec::new();
        loop {
            let name = kept.model.name.as_str();
            let (page, next) = session.select(name, &select, None, CollectOverrides::default()).await?;
            rows.extend(page.rows);
            match next {
                Some(next) => select.after = Some(next),
                None => return Ok(Some(rows)),
            }
        }
    }

    /// Sets this tenant's own values for fields of a shared row; fields not named keep theirs.
    pub async fn set_override(&self, id: &str, changes: &Map<String, Json>) -> Result<Document> {
        let (kept, allowed) = self.overridable()?;
        let id = self.parse_id(id)?;
        let stored = self.stored_changes(changes, allowed)?;
        let shared = self.session().await?;
        if !shared.exists(self.name(), std::slice::from_ref(&id)).await?.is_empty() {
            return Err(Error::NotFound("record"));
        }
        let session = self.session_of(kept).await?;
        let change = match self.find_override(kept, &id_value(&id)).await? {
            Some((row, mut old)) => {
                old.extend(stored);
                let values = vec![(field("changes"), Value::Json(Json::Object(old)))];
                Change::Update { model: kept.model.name.clone(), id: row, expected_version: None, values }
            }
            None => {
                let changes = Value::Json(Json::Object(stored));
                let values = vec![(field("shared_id"), id_value(&id)), (field("changes"), changes)];
                Change::Insert { model: kept.model.name.clone(), id: None, values }
            }
        };
        session.write(&[change], &self.options_for(kept)).await?;
        self.get_text(&id).await
    }

    /// Returns a shared row to what everybody sees.
    pub async fn clear_override(&self, id: &str) -> Result<()> {
        let (kept, _) = self.overridable()?;
        let id = self.parse_id(id)?;
        let Some((row, _)) = self.find_override(kept, &id_value(&id)).await? else {
            return Err(Error::NotFound("record"));
        };
        let change = Change::Delete { model: kept.model.name.clone(), id: row, expected_version: None };
        self.session_of(kept).await?.write(&[change], &self.options_for(kept)).await?;
        Ok(())
    }

    fn overridable(&self) -> Result<(&ModelEntry, &[FieldName])> {
        let kept = self.override_entry(self.entry).ok_or(Error::NotFound("record"))?;
        self.allow_on(kept, Verb::Update)?;
        let overrides = self.entry.model.overrides.as_ref().ok_or(Error::NotFound("record"))?;
        Ok((self.inner.entry(kept.model.name.as_str())?, &overrides.fields))
    }

    fn stored_changes(
        &self,
        changes: &Map<String, Json>,
        allowed: &[FieldName],
    ) -> Result<Map<String, Json>> {
        let mut values = Vec::with_capacity(changes.len());
        for (name, value) in changes {
            if !allowed.iter().any(|f| f.as_str() == name) {
                let names: Vec<_> = allowed.iter().map(FieldName::as_str).collect();
                return Err(Error::invalid(
                    name,
                    format!("may not be overridden; these may: {}", names.join(", ")),
                ));
            }
            let field = self.entry.model.field(name).ok_or(Error::NotFound("field"))?;
            values.push((field.name.clone(), bind::from_json(field, value)?));
        }
        let plan = self.entry.schema.model(self.name()).ok_or(Error::NotFound("model"))?;
        match merge::changes(plan, &values)? {
            Json::Object(stored) => Ok(stored),
            _ => Err(Error::Internal("changes are an object".into())),
        }
    }

    async fn find_override(
        &self,
        kept: &ModelEntry,
        shared: &Value,
    ) -> Result<Option<(RecordId, Map<String, Json>)>> {
        let select = Select {
            filter: Filter::Compare(field("shared_id"), Operator::Eq, shared.clone()),
            limit: 1,
            fields: vec![field("id"), field("changes")],
            ..Select::default()
        };
        let kept = self.inner.entry(kept.model.name.as_str())?;
        let session = self.session_of(kept).await?;
        let (page, _) = session.select(kept.model.name.as_str(), &select, None, Collect::default()).await?;
        Ok(page.rows.into_iter().next().and_then(|mut row| match (row.remove(0), row.remove(0)) {
            (Value::Integer(id), Value::Json(Json::Object(map))) => Some((RecordId::Integer(id), map)),
            _ => None,
        }))
    }

    async fn get_text(&self, id: &RecordId) -> Result<Document> {
        self.get(&super::json::id_text(id), &Want::default()).await
    }
}
