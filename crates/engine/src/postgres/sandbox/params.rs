//! Parameters of a tenant's statement. They are JSON, and the statement determines their types.

use crate::error::{Error, Kind, Result};
use serde_json::Value as Json;
use std::error::Error as StdError;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

/// A value that PostgreSQL parses from its text, whatever the type of the parameter.
#[derive(Debug)]
pub(super) struct AsText<'v>(&'v Json);

impl ToSql for AsText<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self.0 {
            Json::Null => return Ok(IsNull::Yes),
            Json::String(text) => out.extend_from_slice(text.as_bytes()),
            other => out.extend_from_slice(other.to_string().as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// Returns the values by position.
///
/// # Errors
/// Returns [`Kind::Statement`] if `params` is not an array, or does not have `wanted` values.
pub(super) fn by_position(params: &Json, wanted: usize) -> Result<Vec<AsText<'_>>> {
    let given: &[Json] = match params {
        Json::Null => &[],
        Json::Array(values) => values,
        _ => return Err(wrong("parameters are an array; the statement names them $1, $2 and so on".into())),
    };
    if given.len() != wanted {
        return Err(wrong(format!("{} parameters given, the statement has {wanted}", given.len())));
    }
    Ok(given.iter().map(AsText).collect())
}

fn wrong(message: String) -> Error {
    Error::new(Kind::Statement(message), "parameters")
}
