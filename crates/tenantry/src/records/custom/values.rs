//! Changes of single values of own fields. A change names the values to set; the others stay, and null removes one.

use super::field;
use crate::{
    Error, Result,
    records::{Records, references::agreement::is_conflict},
};
use serde_json::{Map, Value as Json};
use tenantry_engine::{
    model::custom, name::FieldName, query::RecordId, row::Collect, value::Value, write::Written,
};

/// Number of attempts to change a record that other requests change meanwhile.
const TRIES: usize = 8;

impl Records<'_> {
    /// Updates one row. Own fields that `values` do not name keep their values.
    pub(in crate::records) async fn update_custom(
        &self,
        id: &RecordId,
        expected: Option<i64>,
        values: Vec<(FieldName, Value)>,
    ) -> Result<Vec<Written>> {
        if !names_custom(&values) {
            return self.update_agreeing(id, expected, values).await;
        }
        let mut tries = 0;
        loop {
            let (version, before) = self.custom_of(id).await?;
            let merged = merged(&values, &before);
            match self.update_agreeing(id, expected.or(Some(version)), merged).await {
                Err(error) if expected.is_none() && tries < TRIES && is_conflict(&error) => tries += 1,
                done => return done,
            }
        }
    }

    /// Returns the version of a row and the values of its own fields.
    async fn custom_of(&self, id: &RecordId) -> Result<(i64, Value)> {
        let columns = [field("version"), field(custom::FIELD)];
        let found = self.session().await?.get(self.name(), id, &columns, Collect::default()).await?;
        let row = found.and_then(|found| found.rows.into_iter().next()).ok_or(Error::NotFound("record"))?;
        let mut row = row.into_iter();
        match (row.next(), row.next()) {
            (Some(Value::Integer(version)), Some(before)) => Ok((version, before)),
            _ => Err(Error::Internal("a row without a version".into())),
        }
    }

    /// Returns the earlier values of a record without those of fields that the tenant no longer has.
    pub(in crate::records) async fn known_values(&self, earlier: &mut [(FieldName, Value)]) -> Result<()> {
        let Some((_, Value::Json(Json::Object(values)))) =
            earlier.iter_mut().find(|(name, _)| name.as_str() == custom::FIELD)
        else {
            return Ok(());
        };
        let definitions = self.definitions(&self.session().await?, &self.entry).await?;
        values.retain(|name, _| definitions.find(name).is_some());
        Ok(())
    }
}

/// Returns true if the values include those of own fields.
pub(in crate::records) fn names_custom(values: &[(FieldName, Value)]) -> bool {
    values.iter().any(|(name, value)| name.as_str() == custom::FIELD && *value != Value::Null)
}

/// Returns the values with those of own fields completed by the ones that the row has.
pub(in crate::records) fn merged(values: &[(FieldName, Value)], before: &Value) -> Vec<(FieldName, Value)> {
    let complete = |(name, value): &(FieldName, Value)| match (name.as_str(), value) {
        (custom::FIELD, Value::Json(Json::Object(given))) => {
            let mut all = match before {
                Value::Json(Json::Object(before)) => before.clone(),
                _ => Map::new(),
            };
            for (member, value) in given {
                all.insert(member.clone(), value.clone());
            }
            (name.clone(), Value::Json(Json::Object(all)))
        }
        _ => (name.clone(), value.clone()),
    };
    values.iter().map(complete).collect()
}
