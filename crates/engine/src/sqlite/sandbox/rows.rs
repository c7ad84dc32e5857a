//! Binds parameters to a tenant's statement and returns its rows, both as JSON.

use crate::{
    error::{Error, Kind, Result},
    statement::{SqlLimits, SqlRows},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rusqlite::{
    Statement,
    types::{Value as Stored, ValueRef},
};
use serde_json::Value as Json;

/// Binds parameters: an array by position, an object by name without its sigil, null if there are none.
pub(super) fn bind(statement: &mut Statement<'_>, params: &Json) -> Result<()> {
    let wanted = statement.parameter_count();
    match params {
        Json::Null => expect(wanted, 0),
        Json::Array(values) => {
            expect(wanted, values.len())?;
            for (index, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(index + 1, stored(value))?;
            }
            Ok(())
        }
        Json::Object(values) => {
            expect(wanted, values.len())?;
            for (name, value) in values {
                let index = [":", "@", "$"]
                    .iter()
                    .find_map(|sigil| statement.parameter_index(&format!("{sigil}{name}")).ok()?);
                let index = index.ok_or_else(|| wrong(format!("no parameter {name}")))?;
                statement.raw_bind_parameter(index, stored(value))?;
            }
            Ok(())
        }
        _ => Err(wrong("parameters are an array or an object".into())),
    }
}

fn expect(wanted: usize, given: usize) -> Result<()> {
    if wanted == given {
        Ok(())
    } else {
        Err(wrong(format!("{given} parameters given, the statement has {wanted}")))
    }
}

fn wrong(message: String) -> Error {
    Error::new(Kind::Statement(message), "parameters")
}

fn stored(value: &Json) -> Stored {
    match value {
        Json::Null => Stored::Null,
        Json::Bool(value) => Stored::Integer(i64::from(*value)),
        Json::Number(value) => match value.as_i64() {
            Some(integer) => Stored::Integer(integer),
            None => Stored::Real(value.as_f64().unwrap_or_default()),
        },
        Json::String(value) => Stored::Text(value.clone()),
        nested => Stored::Text(nested.to_string()),
    }
}

/// Collects rows until a limit is reached.
pub(super) fn collect(statement: &mut Statement<'_>, limits: SqlLimits) -> Result<SqlRows> {
    let columns: Vec<String> = statement.column_names().map(Into::into).collect();
    let mut answer = SqlRows { columns, rows: vec![], truncated: false };
    let mut bytes = 0;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(answer.columns.len());
        for index in 0..answer.columns.len() {
            let value = json(row.get_ref(index)?);
            bytes += length(&value);
            // This may stop in the middle of a row of long values.
            if answer.rows.len() == limits.rows || bytes > limits.bytes {
                answer.truncated = true;
                return Ok(answer);
            }
            values.push(value);
        }
        answer.rows.push(values);
    }
    Ok(answer)
}

fn json(value: ValueRef<'_>) -> Json {
    match value {
        ValueRef::Null => Json::Null,
        ValueRef::Integer(value) => value.into(),
        // JSON has no infinities: they become null.
        ValueRef::Real(value) => value.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => STANDARD.encode(bytes).into(),
    }
}

fn length(value: &Json) -> usize {
    8 + value.as_str().map_or(0, str::len)
}
