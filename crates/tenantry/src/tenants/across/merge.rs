//! Adds the groups of all tenants up, and hides what too few rows make up.

use crate::{Error, Result, records::compare};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use tenantry_engine::{
    list::mean,
    model::{FieldKind, Model},
    query::{Aggregate, Function, Group, GroupOrder, Groups, Measure},
    row::json::write_owned,
    value::Value,
};

/// One query for each tenant: the measures of some fields, over the rows in which these have a value.
pub(super) struct Part {
    /// Positions of the measures in the question.
    pub(super) of: Vec<usize>,
    /// The query.
    pub(super) asked: Aggregate,
}

/// Result of a measure so far.
#[derive(Clone)]
struct Sum {
    /// Number of rows with a value.
    rows: u64,
    value: Value,
}

struct Merged {
    keys: Vec<Value>,
    count: u64,
    sums: Vec<Sum>,
}

/// The groups of all tenants that have answered.
#[derive(Default)]
pub(super) struct Totals(BTreeMap<Vec<u8>, Merged>);

/// The visible part of the answer.
pub(super) struct Visible {
    pub(super) groups: Vec<Group>,
    pub(super) more: bool,
    /// Number of groups with too few rows.
    pub(super) hidden: u64,
}

impl Totals {
    /// Adds the answers of one tenant to all parts of the question. Its rows count only if it answered all.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for a sum that is too large.
    pub(super) fn add(&mut self, asked: &Aggregate, parts: &[Part], answers: Vec<Groups>) -> Result<()> {
        for (index, (part, answer)) in parts.iter().zip(answers).enumerate() {
            for group in answer.groups {
                let merged = self.0.entry(key(&group.keys)).or_insert_with(|| Merged {
                    keys: group.keys.clone(),
                    count: 0,
                    sums: vec![Sum { rows: 0, value: Value::Null }; asked.measures.len()],
                });
                // The first part has all rows.
                if index == 0 {
                    merged.count += group.count;
                }
                for (at, value) in part.of.iter().zip(group.measures) {
                    let sum = &mut merged.sums[*at];
                    sum.rows += group.count;
                    let before = std::mem::replace(&mut sum.value, Value::Null);
                    sum.value = joined(&asked.measures[*at], before, value)?;
                }
            }
        }
        Ok(())
    }

    /// Returns the groups with at least `smallest` rows, in the order of the question. A result that fewer rows make up
    /// is null.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] for an average that cannot be computed.
    pub(super) fn visible(self, model: &Model, asked: &Aggregate, smallest: u64) -> Result<Visible> {
        let all = self.0.len();
        let mut groups: Vec<Group> = Vec::new();
        for merged in self.0.into_values().filter(|merged| merged.count >= smallest) {
            let results = asked.measures.iter().zip(merged.sums);
            let measures = results.map(|(measure, sum)| result(model, measure, &sum, smallest));
            groups.push(Group {
                keys: merged.keys,
                count: merged.count,
                measures: measures.collect::<Result<_>>()?,
            });
        }
        let hidden = (all - groups.len()) as u64;
        match asked.order {
            GroupOrder::Largest => groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| by_keys(a, b))),
            GroupOrder::Keys => groups.sort_by(by_keys),
        }
        let more = groups.len() > asked.limit as usize;
        groups.truncate(asked.limit as usize);
        Ok(Visible { groups, more, hidden })
    }
}

fn key(keys: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for key in keys {
        write_owned(&mut bytes, key);
        bytes.push(b',');
    }
    bytes
}

/// Compares the keys of two groups. Nulls are first, as in the databases.
fn by_keys(a: &Group, b: &Group) -> std::cmp::Ordering {
    let pairs = a.keys.iter().zip(&b.keys);
    let orders = pairs.map(|(a, b)| match (a, b) {
        (Value::Null, Value::Null) => std::cmp::Ordering::Equal,
        (Value::Null, _) => std::cmp::Ordering::Less,
        (_, Value::Null) => std::cmp::Ordering::Greater,
        (a, b) => compare(a, b),
    });
    orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
}

/// Returns the result of a measure over the rows of two results.
fn joined(measure: &Measure, a: Value, b: Value) -> Result<Value> {
    Ok(match (measure.function, a, b) {
        (_, Value::Null, one) | (_, one, Value::Null) => one,
        (Function::Min, a, b) => {
            if compare(&b, &a).is_lt() {
                b
            } else {
                a
            }
        }
        (Function::Max, a, b) => {
            if compare(&b, &a).is_gt() {
                b
            } else {
                a
            }
        }
        (Function::Sum | Function::Average, a, b) => {
            let sum = decimal(&a).zip(decimal(&b)).and_then(|(a, b)| a.checked_add(b));
            let sum =
                sum.ok_or_else(|| Error::invalid(measure.field.as_str(), "has a sum that is too large"))?;
            match (&a, &b) {
                (Value::Integer(_), Value::Integer(_)) => {
                    let whole = i64::try_from(sum);
                    let reason = "has a sum of more than 64 bits";
                    Value::Integer(whole.map_err(|_| Error::invalid(measure.field.as_str(), reason))?)
                }
                _ => Value::Decimal(sum),
            }
        }
    })
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => Some((*number).into()),
        Value::Decimal(number) => Some(*number),
        _ => None,
    }
}

fn result(model: &Model, measure: &Measure, sum: &Sum, smallest: u64) -> Result<Value> {
    if sum.rows < smallest || sum.value == Value::Null {
        return Ok(Value::Null);
    }
    if measure.function != Function::Average {
        return Ok(sum.value.clone());
    }
    let scale = match model.field(measure.field.as_str()).map(|field| &field.kind) {
        Some(FieldKind::Decimal { scale }) => *scale,
        _ => 0,
    };
    let average = decimal(&sum.value).and_then(|total| mean(total, i64::try_from(sum.rows).ok()?, scale));
    average.map(Value::Decimal).ok_or_else(|| Error::Internal("an average of no rows".into()))
}
