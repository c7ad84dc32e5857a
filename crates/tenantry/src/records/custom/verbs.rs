//! The verbs on the definitions of own fields: list, add, change, remove. Each checks that the actor may change the
//! definitions of the tenant, and each change is one row of the tenant's activity log.

use super::{CustomField, CustomKind, Definitions, Known, MAX_CUSTOM_FIELDS, ROW, definition, field};
use crate::{
    Error, Result,
    access::gates::Verb,
    error::{FieldError, Rule},
    platform::loaded::ModelEntry,
    records::{Records, references::agreement::is_conflict},
};
use serde_json::Value as Json;
use tenantry_engine::{
    Kind,
    model::custom,
    query::{Change, Filter, Select},
    row::Collect,
    value::Value,
};

/// Largest number of records from which one call removes the values of a field.
pub const MAX_CLEARED: u64 = 20_000;
/// Number of records in one transaction.
const AT_ONCE: u32 = 500;
/// Number of attempts to change definitions that other requests change meanwhile.
const TRIES: usize = 8;

/// An own field to add.
#[derive(Debug, Clone)]
pub struct NewCustomField {
    /// Name: a-z, 0-9 and _, starting with a letter.
    pub name: String,
    /// Label for users.
    pub label: String,
    /// Kind of the values.
    pub kind: CustomKind,
    /// Whether a value is required.
    pub required: bool,
    /// Whether values are personal data.
    pub personal: bool,
}

/// Changes of an own field. A part with `None` stays unchanged.
#[derive(Debug, Clone, Default)]
pub struct CustomChange {
    /// New label.
    pub label: Option<String>,
    /// New kind. A kind that does not take all values of the former one is refused while records have values.
    pub kind: Option<CustomKind>,
    /// Whether a value is required.
    pub required: Option<bool>,
    /// Whether values are personal data.
    pub personal: Option<bool>,
}

/// The result of removing an own field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Number of records whose value was removed.
    pub cleared: u64,
    /// True if the field is gone. Otherwise more records have values, and the call must be repeated.
    pub is_done: bool,
}

/// A tenant's own fields of one model, as one actor may change them.
pub struct CustomFields<'a> {
    records: &'a Records<'a>,
    entry: &'a ModelEntry,
}

impl Records<'_> {
    /// Returns the verbs on the tenant's own fields of the model.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the model has no custom fields, and [`Error::Denied`] unless the actor may read
    /// the model.
    pub fn own_fields(&self) -> Result<CustomFields<'_>> {
        let entry = self.custom_entry(&self.entry).ok_or(Error::NotFound("model"))?;
        self.allow(Verb::Read)?;
        Ok(CustomFields { records: self, entry })
    }
}

impl CustomFields<'_> {
    /// Returns true if the actor may add, change and remove own fields.
    pub fn may_change(&self) -> bool {
        self.records.allow_on(self.entry, Verb::Update).is_ok()
    }

    /// Returns the fields, in the order in which they were added. They include fields that are being removed.
    ///
    /// # Errors
    /// Returns the errors of a read.
    pub async fn list(&self) -> Result<Vec<CustomField>> {
        Ok(self.read().await?.fields)
    }

    /// Adds a field.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not change the tenant's own fields; [`Error::InvalidFields`] for a
    /// definition that breaks a rule, or a name that is taken; [`Error::Conflict`] if the model has
    /// [`MAX_CUSTOM_FIELDS`] already.
    pub async fn add(&self, new: &NewCustomField) -> Result<CustomField> {
        self.records.allow_on(self.entry, Verb::Update)?;
        let new = CustomField {
            name: definition::name(&new.name)?,
            label: new.label.trim().to_owned(),
            kind: new.kind.clone(),
            required: new.required,
            personal: new.personal,
            closed: false,
        };
        new.check()?;
        self.edit(|fields| {
            if fields.iter().any(|field| field.name == new.name) {
                let reason = "the organisation has a field of this name already";
                return Err(Error::InvalidFields(vec![FieldError::new("name", Rule::Taken, reason)]));
            }
            if fields.len() >= MAX_CUSTOM_FIELDS {
                let reason = format!("a model can have {MAX_CUSTOM_FIELDS} own fields: remove one first");
                return Err(Error::Conflict(reason));
            }
            fields.push(new.clone());
            Ok(())
        })
        .await?;
        Ok(new)
    }

    /// Changes a field.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if there is no such field; [`Error::Conflict`] for a kind that may not take the
    /// values that records have; and the errors of [`CustomFields::add`].
    pub async fn change(&self, name: &str, change: &CustomChange) -> Result<CustomField> {
        self.records.allow_on(self.entry, Verb::Update)?;
        let before = self.find(name).await?;
        let apply = |mut field: CustomField| {
            field.label = change.label.clone().unwrap_or(field.label);
            field.kind = change.kind.clone().unwrap_or(field.kind);
            field.required = change.required.unwrap_or(field.required);
            field.personal = change.personal.unwrap_or(field.personal);
            field
        };
        let after = apply(before.clone());
        after.check()?;
        let is_narrower = !after.kind.takes_all_of(&before.kind);
        if is_narrower {
            // No write gives the field a value from here on, so the answer of the next question stays true.
            self.close(name, true).await?;
            if self.holds_value(&before).await? {
                self.close(name, false).await?;
                let reason =
                    "records have values that the new kind may not take: remove the field and add another";
                return Err(Error::Conflict(reason.into()));
            }
        }
        let mut changed = None;
        let edited = self.edit(|fields| {
            let field = one_of(fields, name)?;
            if field.kind != before.kind {
                return Err(Error::Conflict("the field was changed meanwhile: look at it again".into()));
            }
            *field = apply(field.clone());
            field.closed = field.closed && !is_narrower;
            changed = Some(field.clone());
            Ok(())
        });
        edited.await?;
        changed.ok_or(Error::NotFound("field"))
    }

    /// Removes a field with its values. From the first call on, records take and show no values of it. One call removes
    /// the values of at most [`MAX_CLEARED`] records.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not change the tenant's own fields, and [`Error::NotFound`] if there
    /// is no such field.
    pub async fn remove(&self, name: &str) -> Result<Removed> {
        self.records.allow_on(self.entry, Verb::Update)?;
        let of = self.find(name).await?;
        self.close(name, true).await?;
        let mut cleared = 0;
        loop {
            match self.clear(&of).await? {
                0 => break,
                number => cleared += number,
            }
            if cleared >= MAX_CLEARED {
                return Ok(Removed { cleared, is_done: false });
            }
        }
        self.edit(|fields| {
            fields.retain(|field| field.name.as_str() != name);
            Ok(())
        })
        .await?;
        Ok(Removed { cleared, is_done: true })
    }

    async fn read(&self) -> Result<Definitions> {
        let session = self.records.session().await?;
        self.records.definitions(&session, &self.records.entry).await
    }

    async fn find(&self, name: &str) -> Result<CustomField> {
        self.read().await?.find(name).cloned().ok_or(Error::NotFound("field"))
    }

    async fn close(&self, name: &str, closed: bool) -> Result<()> {
        self.edit(|fields| {
            one_of(fields, name)?.closed = closed;
            Ok(())
        })
        .await
    }

    /// Changes the definitions in one transaction, if nothing else changes them.
    async fn edit(&self, mut edit: impl FnMut(&mut Vec<CustomField>) -> Result<()>) -> Result<()> {
        let mut tries = 0;
        loop {
            let mut definitions = self.read().await?;
            edit(&mut definitions.fields)?;
            let list =
                serde_json::to_value(&definitions.fields).map_err(|e| Error::Internal(e.to_string()))?;
            let (model, values) =
                (self.entry.model.name.clone(), vec![(field(custom::DEFINITIONS), Value::Json(list))]);
            let change = match definitions.version {
                Some(_) => Change::Update { model, id: ROW, expected_version: definitions.version, values },
                None => Change::Insert { model, id: Some(ROW), values },
            };
            match self.records.apply_to(self.entry, &[change]).await {
                Err(error) if tries < TRIES && (is_conflict(&error) || is_taken(&error)) => tries += 1,
                done => return done.map(drop),
            }
        }
    }

    async fn holds_value(&self, of: &CustomField) -> Result<bool> {
        Ok(!self.holding(of, 1).await?.is_empty())
    }

    /// Returns id, version and values of some records that have a value of the field.
    async fn holding(&self, of: &CustomField, limit: u32) -> Result<Vec<Vec<Value>>> {
        let records = self.records;
        let known = Known::new(&records.entry, vec![of.clone()])?;
        let session = records.session_with(&records.entry, &known.schema).await?;
        let select = Select {
            filter: Filter::Null(of.name.custom(), false),
            limit,
            fields: ["id", "version", custom::FIELD].map(field).into(),
            ..Select::default()
        };
        let (page, _) = session.select(records.name(), &select, None, Collect::default()).await?;
        Ok(page.rows)
    }

    /// Removes the values of some records. Returns their number.
    async fn clear(&self, of: &CustomField) -> Result<u64> {
        let records = self.records;
        let mut tries = 0;
        loop {
            let found = self.holding(of, AT_ONCE).await?;
            let changes = found.into_iter().map(|row| self.without(of, row)).collect::<Result<Vec<_>>>()?;
            if changes.is_empty() {
                return Ok(0);
            }
            match records.apply_to(&records.entry, &changes).await {
                Err(error) if tries < TRIES && is_conflict(&error) => tries += 1,
                done => return done.map(|written| written.len() as u64),
            }
        }
    }

    fn without(&self, of: &CustomField, row: Vec<Value>) -> Result<Change> {
        let id = self.records.id_of(&row)?;
        let mut rest = row.into_iter().skip(1);
        let (Some(Value::Integer(version)), Some(Value::Json(Json::Object(mut values)))) =
            (rest.next(), rest.next())
        else {
            return Err(Error::Internal("a record without a version or values".into()));
        };
        values.remove(of.name.as_str());
        Ok(Change::Update {
            model: self.records.entry.model.name.clone(),
            id,
            expected_version: Some(version),
            values: vec![(field(custom::FIELD), Value::Json(Json::Object(values)))],
        })
    }
}

fn one_of<'f>(fields: &'f mut [CustomField], name: &str) -> Result<&'f mut CustomField> {
    fields.iter_mut().find(|field| field.name.as_str() == name).ok_or(Error::NotFound("field"))
}

/// Returns true if another request has added the first field meanwhile.
fn is_taken(error: &Error) -> bool {
    matches!(error, Error::Engine(engine) if matches!(engine.kind(), Kind::Unique(_)))
}
