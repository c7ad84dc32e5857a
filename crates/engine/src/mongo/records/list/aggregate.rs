//! Groups rows and computes the measures of each group.

use crate::{
    cell::Storage,
    error::{Error, Kind, Result},
    list::aggregate::{Checked, Computed, Key},
    mongo::{cells::value_ref, records::Layout},
    query::{Aggregate, Function, Group, GroupOrder, Groups, Period},
    value::Value,
};
use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument, doc};
use rust_decimal::Decimal;

/// Returns the pipeline stages that make the groups. In each group, `_id` contains the keys and `n` is the number of
/// rows. For measure number I, `mI` is its result (for an average, the sum) and `nI` the number of values.
pub(crate) fn stages(layout: &Layout<'_>, asked: &Aggregate, checked: &Checked) -> Vec<Document> {
    let mut keys = doc! {};
    let mut sort = doc! {};
    if asked.order == GroupOrder::Largest {
        sort.insert("n", -1);
    }
    for (at, key) in checked.keys.iter().enumerate() {
        keys.insert(
            format!("k{at}"),
            doc! { "$ifNull": [group_key(layout, key, checked.time_zone.as_deref()), Bson::Null] },
        );
        sort.insert(format!("_id.k{at}"), 1);
    }
    let mut group = doc! { "_id": keys, "n": { "$sum": 1_i64 } };
    for (at, measure) in checked.measures.iter().enumerate() {
        let field = layout.path(measure.position);
        let result = match measure.function {
            // A sum of integers becomes inexact beyond 64 bits; a sum of decimals does not.
            Function::Sum | Function::Average => doc! { "$sum": { "$toDecimal": &field } },
            Function::Min => doc! { "$min": &field },
            Function::Max => doc! { "$max": &field },
        };
        group.insert(format!("m{at}"), result);
        let is_there = doc! { "$gt": [&field, Bson::Null] };
        group.insert(format!("n{at}"), doc! { "$sum": { "$cond": [is_there, 1_i64, 0_i64] } });
    }
    let mut stages = vec![doc! { "$group": group }];
    if !sort.is_empty() {
        stages.push(doc! { "$sort": sort });
    }
    stages.push(doc! { "$limit": i64::from(asked.limit) + 1 });
    stages
}

fn group_key(layout: &Layout<'_>, key: &Key, time_zone: Option<&str>) -> Bson {
    let field = layout.path(key.position);
    let Some(period) = key.period else { return field.into() };
    let date = match layout.plan.at(key.position).storage {
        Storage::Datetime => day(&field, time_zone.unwrap_or("UTC")),
        _ => field.into(),
    };
    let part = |from: i32, count: i32| doc! { "$substrBytes": [date.clone(), from, count] };
    let first = match period {
        Period::Day => return date,
        Period::Month => doc! { "$concat": [part(0, 7), "-01"] },
        Period::Year => doc! { "$concat": [part(0, 4), "-01-01"] },
        Period::Quarter => {
            let month = doc! { "$toInt": part(5, 2) };
            let quarter = doc! { "$floor": { "$divide": [{ "$subtract": [month, 1] }, 3] } };
            let begins = ["-01-01", "-04-01", "-07-01", "-10-01"];
            doc! { "$concat": [part(0, 4), { "$arrayElemAt": [{ "$literal": &begins[..] }, quarter] }] }
        }
    };
    // A substring of null is an empty text, so return null here.
    doc! { "$cond": [{ "$gt": [date, Bson::Null] }, first, Bson::Null] }.into()
}

/// Returns the expression for the date, in a time zone, of an instant in microseconds. It divides decimals, because a
/// division of doubles would be inexact.
fn day(field: &str, time_zone: &str) -> Bson {
    let micros = doc! { "$toDecimal": field };
    let millis = doc! { "$toLong": { "$floor": { "$divide": [micros, 1000] } } };
    let date = doc! { "$toDate": millis };
    doc! {
        "$dateToString": { "date": date, "format": "%Y-%m-%d", "timezone": time_zone, "onNull": Bson::Null }
    }
    .into()
}

/// Reads the groups from the answer.
///
/// # Errors
/// Returns `Corrupt` if the value of a field does not match its storage, and the errors of [`Computed::result`].
pub(crate) fn groups(rows: &[&RawDocument], asked: &Aggregate, checked: &Checked) -> Result<Groups> {
    let mut groups = rows.iter().map(|row| group(row, checked)).collect::<Result<Vec<_>>>()?;
    if groups.is_empty() && checked.keys.is_empty() {
        // Without keys, all rows form one group, even if there are no rows.
        let measures = vec![Value::Null; checked.measures.len()];
        groups.push(Group { keys: vec![], count: 0, measures });
    }
    Ok(Checked::groups(groups, asked.limit))
}

fn group(row: &RawDocument, checked: &Checked) -> Result<Group> {
    let keys = row.get_document("_id").map_err(damaged)?;
    let read = |of: &RawDocument, name: String, storage| -> Result<Value> {
        let found = of.get(&name).map_err(damaged)?.unwrap_or(RawBsonRef::Null);
        value_ref(storage, found).map(Value::from)
    };
    let number = |name: &str| row.get_i64(name).map_err(damaged);
    let key = |(at, key): (usize, &Key)| read(keys, format!("k{at}"), key.storage);
    let measure = |(at, measure): (usize, &Computed)| match measure.function {
        Function::Min | Function::Max => read(row, format!("m{at}"), measure.storage),
        Function::Sum | Function::Average => {
            let values = number(&format!("n{at}"))?;
            let sum = if values == 0 { None } else { Some(sum(row, &format!("m{at}"), measure)?) };
            measure.result(sum, values)
        }
    };
    Ok(Group {
        keys: checked.keys.iter().enumerate().map(key).collect::<Result<_>>()?,
        count: number("n")?.unsigned_abs(),
        measures: checked.measures.iter().enumerate().map(measure).collect::<Result<_>>()?,
    })
}

/// Reads a sum of stored integers, and returns the sum of the values that they represent.
fn sum(row: &RawDocument, name: &str, measure: &Computed) -> Result<Decimal> {
    let found = row.get(name).map_err(damaged)?;
    let sum = match found {
        Some(RawBsonRef::Decimal128(sum)) => sum.to_string().parse::<Decimal>().ok(),
        _ => None,
    };
    let mut sum = sum.ok_or_else(|| Error::new(Kind::Corrupt, "a sum cannot be read"))?;
    if let Storage::Decimal(scale) = measure.storage {
        sum.set_scale(scale + sum.scale())
            .map_err(|error| Error::with_source(Kind::Corrupt, "a sum", error))?;
    }
    Ok(sum)
}

fn damaged(error: mongodb::bson::error::Error) -> Error {
    Error::with_source(Kind::Corrupt, "a group cannot be read", error)
}
