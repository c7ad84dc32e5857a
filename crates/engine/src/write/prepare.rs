//! Validates changes before any lock is taken.

use crate::{
    cell::{Key, Stored, stored},
    error::{Error, Kind, Result},
    input::{check_bytes, rules},
    model::IdKind,
    name::FieldName,
    query::{Change, RecordId},
    schema::{Plan, Schema},
    value::Value,
};

/// Largest integer id of a record. Every JSON reader represents it exactly.
pub(crate) const ID_MAX: i64 = (1 << 53) - 1;
/// Largest integer id that a caller may choose. Numbering continues after it, so half of all ids stay free for
/// numbering.
const GIVEN_MAX: i64 = 1 << 52;

/// Returns the integer id of a new record of a model whose last id is `last`: the next one, or the given one, which is
/// not assigned again later.
///
/// # Errors
/// Returns `Invalid` if the numbers are used up.
pub(crate) fn number(last: &mut i64, given: Option<Key>) -> Result<Key> {
    let id = match given {
        Some(Key::Integer(given)) => given,
        _ => *last + 1,
    };
    if id > ID_MAX {
        return Err(Error::invalid("id", "the numbers of this model are used up"));
    }
    *last = (*last).max(id);
    Ok(Key::Integer(id))
}

/// A validated change.
pub(crate) struct Ready<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) act: Act<'a>,
}

pub(crate) enum Act<'a> {
    /// All declared fields in order.
    Insert {
        id: Option<Key>,
        values: Vec<Stored<'a>>,
    },
    /// Positions of columns with their new values.
    Update {
        id: Key,
        expected: Option<i64>,
        values: Vec<(usize, Stored<'a>)>,
    },
    Delete {
        id: Key,
        expected: Option<i64>,
    },
}

/// Validates every change. Fails at the first invalid one.
pub(crate) fn all<'a>(schema: &'a Schema, changes: &'a [Change]) -> Result<Vec<Ready<'a>>> {
    let ready = |(index, change)| one(schema, change).map_err(|error: Error| error.with_index(index));
    changes.iter().enumerate().map(ready).collect()
}

fn one<'a>(schema: &'a Schema, change: &'a Change) -> Result<Ready<'a>> {
    match change {
        Change::Insert { model, id, values } => {
            let plan = schema.require(model.as_str())?;
            let id = id.as_ref().map(|id| given(plan, id)).transpose()?;
            Ok(Ready {
                plan,
                act: Act::Insert { id: id.or_else(|| generated(plan)), values: insert(plan, values)? },
            })
        }
        Change::Update { model, id, expected_version, values } => {
            let plan = schema.require(model.as_str())?;
            let values = update(plan, values)?;
            Ok(Ready {
                plan,
                act: Act::Update { id: present(plan, id)?, expected: *expected_version, values },
            })
        }
        Change::Delete { model, id, expected_version } => {
            let plan = schema.require(model.as_str())?;
            Ok(Ready { plan, act: Act::Delete { id: present(plan, id)?, expected: *expected_version } })
        }
    }
}

fn given(plan: &Plan, id: &RecordId) -> Result<Key> {
    match (plan.key(id), id) {
        (Some(key), RecordId::Uuid(_)) => Ok(key),
        (Some(key), RecordId::Integer(i)) if (1..=GIVEN_MAX).contains(i) => Ok(key),
        (Some(_), _) => Err(Error::invalid("id", format!("must be from 1 to {GIVEN_MAX}"))),
        (None, RecordId::Integer(_)) => Err(Error::invalid("id", "must be a UUID")),
        (None, RecordId::Uuid(_)) => Err(Error::invalid("id", "must be a whole number")),
    }
}

fn generated(plan: &Plan) -> Option<Key> {
    (plan.model.id == IdKind::Uuid).then(|| Key::uuid(uuid::Uuid::now_v7()))
}

fn present(plan: &Plan, id: &RecordId) -> Result<Key> {
    plan.key(id)
        .ok_or_else(|| Error::new(Kind::NotFound, format!("{} has ids of the other kind", plan.model.name)))
}

fn insert<'a>(plan: &'a Plan, values: &'a [(FieldName, Value)]) -> Result<Vec<Stored<'a>>> {
    let mut row: Vec<Option<&Value>> = vec![None; plan.model.fields.len()];
    for (name, value) in values {
        put(&mut row[position(plan, name)? - 1], name, value)?;
    }
    let filled = row.iter().zip(&plan.defaults).map(|(value, default)| value.unwrap_or(default));
    filled.enumerate().map(|(index, value)| bind(plan, index + 1, value)).collect()
}

fn update<'a>(plan: &'a Plan, values: &'a [(FieldName, Value)]) -> Result<Vec<(usize, Stored<'a>)>> {
    let mut row: Vec<Option<&Value>> = vec![None; plan.model.fields.len()];
    for (name, value) in values {
        put(&mut row[position(plan, name)? - 1], name, value)?;
    }
    let given = row.iter().enumerate().filter_map(|(index, value)| Some((index + 1, (*value)?)));
    given.map(|(position, value)| Ok((position, bind(plan, position, value)?))).collect()
}

fn put<'a>(slot: &mut Option<&'a Value>, name: &FieldName, value: &'a Value) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::invalid(name.as_str(), "is given twice")),
    }
}

/// Returns the position of a declared field among the columns.
fn position(plan: &Plan, name: &FieldName) -> Result<usize> {
    let (position, _) = plan.require(name.as_str())?;
    if plan.model.field(name.as_str()).is_some() {
        Ok(position)
    } else {
        Err(Error::invalid(name.as_str(), "is set by the platform"))
    }
}

fn bind<'a>(plan: &Plan, position: usize, value: &'a Value) -> Result<Stored<'a>> {
    rules(&plan.model.fields[position - 1], value)?;
    let column = &plan.columns[position];
    let refuse = |rule| Error::invalid(column.name.as_str(), rule);
    if let Value::Text(text) = value {
        check_bytes(text.len(), column.most_bytes).map_err(refuse)?;
    }
    stored(column.storage, value).map_err(refuse)
}
