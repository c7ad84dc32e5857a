//! Dependent references: a doctor's city must lie in the doctor's region.
//!
//! A row is checked before it is written, with its future values. A city can be moved to another region although rows
//! depend on it: `tenantry check` lists the rows that disagree afterwards.

use super::dependence::{Dependence, owners, record_id};
use crate::{
    Error, Result,
    error::{FieldError, Rule, Wrong},
    records::Records,
};
use std::borrow::Cow;
use tenantry_engine::{
    Kind, input,
    model::Model,
    name::FieldName,
    query::{Change, RecordId},
    row::Collect,
    value::Value,
};

/// Number of retries if the row changes between check and write.
const TRIES: usize = 5;

/// The ids in the two columns, of a row that has both.
struct Both {
    /// Index of the row among the checked ones.
    row: usize,
    field: RecordId,
    with: RecordId,
}

impl Records<'_> {
    /// Refuses new rows whose references disagree. With `indexed`, errors name the index of the row.
    pub(in crate::records) async fn agree(&self, changes: &[Change], indexed: bool) -> Result<()> {
        let mut wrong = Wrong::default();
        for rule in &self.entry.depends {
            let both = changes.iter().enumerate().filter_map(|(row, change)| {
                let Change::Insert { values, .. } = change else { return None };
                let id = |name| record_id(given(&self.entry.model, values, name)?.as_ref());
                Some(Both { row, field: id(&rule.field)?, with: id(&rule.with)? })
            });
            let both: Vec<_> = both.collect();
            for row in self.disagreeing(rule, &both).await? {
                let error = Error::InvalidFields(wrongs(rule, &row.field));
                wrong.take::<()>(Err(if indexed { error.of_record(row.row) } else { error }))?;
            }
        }
        wrong.finish()
    }

    /// Updates one row whose references must agree afterwards. For fields that do not change, the check uses the row's
    /// current values, so the update applies only to that version of the row.
    pub(in crate::records) async fn update_agreeing(
        &self,
        id: &RecordId,
        expected: Option<i64>,
        values: Vec<(FieldName, Value)>,
    ) -> Result<Vec<tenantry_engine::write::Written>> {
        let model = self.entry.model.name.clone();
        for tried in 0.. {
            let seen = match self.agreeing_fields(&values) {
                fields if fields.is_empty() => None,
                fields => Some(self.agree_on(fields, id, &values).await?),
            };
            let values = values.clone();
            let change = Change::Update {
                model: model.clone(),
                id: id.clone(),
                expected_version: expected.or(seen),
                values,
            };
            match self.apply_to(&self.entry, &[change]).await {
                Err(error)
                    if expected.is_none() && seen.is_some() && tried < TRIES && is_conflict(&error) => {}
                done => return done,
            }
        }
        Err(Error::Internal("a change was tried without end".into()))
    }

    /// Refuses rows whose references would disagree with these new values. `rows` are the current rows by id, with the
    /// columns `fields`. Errors name the id.
    pub(in crate::records) async fn agree_after(
        &self,
        values: &[(FieldName, Value)],
        fields: &[FieldName],
        rows: &[(RecordId, Vec<Value>)],
    ) -> Result<()> {
        let mut wrong = Wrong::default();
        for rule in self.touched(values) {
            let both = rows.iter().enumerate().filter_map(|(row, (_, is))| {
                let id = |name| record_id(after(values, fields, is, name)?);
                Some(Both { row, field: id(&rule.field)?, with: id(&rule.with)? })
            });
            let both: Vec<_> = both.collect();
            for row in self.disagreeing(rule, &both).await? {
                let error = Error::InvalidFields(wrongs(rule, &row.field));
                wrong.take::<()>(Err(error.of_record(&rows[row.row].0)))?;
            }
        }
        wrong.finish()
    }

    /// Returns the columns that [`Self::agree_after`] needs for these new values.
    pub(in crate::records) fn agreeing_fields(&self, values: &[(FieldName, Value)]) -> Vec<FieldName> {
        let mut fields: Vec<FieldName> = vec![];
        for name in self.touched(values).flat_map(|rule| [&rule.field, &rule.with]) {
            if !fields.contains(name) {
                fields.push(name.clone());
            }
        }
        fields
    }

    /// Returns the rules about the fields of these values.
    fn touched<'r>(&'r self, values: &'r [(FieldName, Value)]) -> impl Iterator<Item = &'r Dependence> {
        let is_given = |name: &FieldName| values.iter().any(|(given, _)| given == name);
        self.entry.depends.iter().filter(move |rule| is_given(&rule.field) || is_given(&rule.with))
    }

    /// Checks a row as if it had these values. Returns its current version.
    async fn agree_on(
        &self,
        mut fields: Vec<FieldName>,
        id: &RecordId,
        values: &[(FieldName, Value)],
    ) -> Result<i64> {
        fields.push(FieldName::parse("version")?);
        let session = self.session().await?;
        let found = session.get(self.name(), id, &fields, Collect::default()).await?;
        let row = found.and_then(|found| found.rows.into_iter().next()).ok_or(Error::NotFound("record"))?;
        let mut wrong = Wrong::default();
        for rule in self.touched(values) {
            let is = |name| record_id(after(values, &fields, &row, name)?);
            let both = is(&rule.field).zip(is(&rule.with)).map(|(field, with)| Both { row: 0, field, with });
            for row in self.disagreeing(rule, both.as_slice()).await? {
                wrong.take::<()>(Err(Error::InvalidFields(wrongs(rule, &row.field))))?;
            }
        }
        wrong.finish()?;
        match row.last() {
            Some(Value::Integer(version)) => Ok(*version),
            _ => Err(Error::Internal("a row without a version".into())),
        }
    }

    /// Returns the rows whose two references disagree. Skips references to missing records.
    async fn disagreeing<'b>(&self, rule: &Dependence, both: &'b [Both]) -> Result<Vec<&'b Both>> {
        if both.is_empty() {
            return Ok(vec![]);
        }
        let target = self.loaded.entry(rule.to.as_str())?;
        let session = self.session_of(target).await?;
        let known = owners(&session, rule, both.iter().map(|row| &row.field)).await?;
        Ok(both.iter().filter(|row| known.get(&row.field).is_some_and(|is| *is != row.with)).collect())
    }
}

/// Returns the value that an insert sets for a field, or the field's default.
fn given<'v>(model: &Model, values: &'v [(FieldName, Value)], name: &FieldName) -> Option<Cow<'v, Value>> {
    if let Some((_, value)) = values.iter().find(|(given, _)| given == name) {
        return Some(Cow::Borrowed(value));
    }
    let field = model.field(name.as_str())?;
    let default = field.default.as_ref()?;
    input::from_json(field, default).ok().map(Cow::Owned)
}

/// Returns the value that a row has in a field after a change to `values`. `row` has the columns `fields`.
fn after<'v>(
    values: &'v [(FieldName, Value)],
    fields: &[FieldName],
    row: &'v [Value],
    name: &FieldName,
) -> Option<&'v Value> {
    let new = values.iter().find(|(given, _)| given == name).map(|(_, value)| value);
    new.or_else(|| row.get(fields.iter().position(|field| field == name)?))
}

fn wrongs(rule: &Dependence, id: &RecordId) -> Vec<FieldError> {
    let Dependence { field, to, through, with } = rule;
    let lies = format!("record {id} of {to} has another {through} than this record has in {with}");
    let other = format!("is not the {through} of record {id} of {to} that {field} refers to");
    vec![
        FieldError::new(field.as_str(), Rule::Inconsistent, lies),
        FieldError::new(with.as_str(), Rule::Inconsistent, other),
    ]
}

pub(in crate::records) fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Engine(engine) if matches!(engine.kind(), Kind::Conflict(_)))
}
