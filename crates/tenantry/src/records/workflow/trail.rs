//! The trail of a record: its transitions, each with the member that made it. It outlives the record.

use super::{Records, field, id_in_trail};
use crate::{Error, Result, access::gates::Verb};
use tenantry_engine::{
    query::{Direction, Filter, Operator, Select},
    row::{Collect, json::write_owned},
    value::Value,
};

/// Columns of a [`Made`], in the order of its fields.
const COLUMNS: [&str; 9] = [
    "id",
    "created_at",
    "record_version",
    "transition",
    "from_state",
    "to_state",
    "actor",
    "impersonator",
    "comment",
];

/// A transition that a record made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Number of the entry. Later entries have higher numbers.
    pub id: i64,
    /// Time of the transition: RFC 3339, UTC.
    pub at: String,
    /// Version of the record after the transition.
    pub version: i64,
    /// Name of the transition.
    pub transition: String,
    /// State before the transition.
    pub from: String,
    /// State after the transition.
    pub to: String,
    /// Label of the actor, for example `user:5` or `key:3`.
    pub actor: String,
    /// Label of the staff account that acted as the actor during a support visit.
    pub impersonator: Option<String>,
    /// Comment of the actor.
    pub comment: Option<String>,
}

impl Records<'_> {
    /// Returns a page of the trail of a record, newest first. `before` is the last id of the previous page. The record may
    /// be deleted.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not read records of the model, and [`Error::NotFound`] for a model without
    /// a workflow and for a record that does not exist and has no trail.
    pub async fn trail(&self, text: &str, before: Option<i64>, limit: u32) -> Result<Vec<Made>> {
        self.allow(Verb::Read)?;
        let trail = self.trail_name()?;
        let id = self.parse_id(text)?;
        let mut filter = vec![Filter::Compare(field("record"), Operator::Eq, id_in_trail(&id))];
        filter.extend(before.map(|id| Filter::Compare(field("id"), Operator::Lt, Value::Integer(id))));
        let select = Select {
            filter: Filter::All(filter),
            sort: vec![(field("id"), Direction::Descending).into()],
            limit,
            fields: COLUMNS.into_iter().map(field).collect(),
            ..Select::default()
        };
        let session = self.reading().await?;
        let (found, _) = session.select(trail.as_str(), &select, None, Collect::default()).await?;
        let exists = async || session.get(self.name(), &id, &[], Collect::default()).await;
        if found.rows.is_empty() && before.is_none() && exists().await?.is_none() {
            return Err(Error::NotFound("record"));
        }
        found.rows.into_iter().map(made).collect()
    }
}

fn made(row: Vec<Value>) -> Result<Made> {
    let damaged = || Error::Internal("an entry of a trail cannot be read".into());
    let row: [Value; 9] = row.try_into().map_err(|_| damaged())?;
    let [id, at, version, transition, from, to, actor, impersonator, comment] = row;
    let number = |value: Value| match value {
        Value::Integer(number) => Ok(number),
        _ => Err(damaged()),
    };
    let text = |value: Value| match value {
        Value::Text(text) => Ok(text),
        _ => Err(damaged()),
    };
    let optional = |value: Value| if value == Value::Null { Ok(None) } else { text(value).map(Some) };
    Ok(Made {
        id: number(id)?,
        at: instant(&at),
        version: number(version)?,
        transition: text(transition)?,
        from: text(from)?,
        to: text(to)?,
        actor: text(actor)?,
        impersonator: optional(impersonator)?,
        comment: optional(comment)?,
    })
}

/// Returns an instant as RFC 3339.
fn instant(value: &Value) -> String {
    let mut text = Vec::with_capacity(32);
    write_owned(&mut text, value);
    serde_json::from_slice(&text).unwrap_or_default()
}
