//! Parameters and columns of the platform's own statements. The server determines the types of the parameters, and each
//! value is converted to the required type.

use crate::{
    error::Result,
    postgres::{
        cells::Json,
        connections::{Connection, Param, Wrap},
    },
    system::{Cell, SqlRow},
    value::Value,
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use std::error::Error as StdError;
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

/// Runs a statement. Returns its rows, and the number of rows that it changed or returned.
pub(super) async fn run(
    conn: &mut Connection,
    sql: &str,
    params: &[Value],
    wrap: Wrap<'_>,
) -> Result<(Vec<SqlRow>, u64)> {
    let bound: Vec<Bound> = params.iter().map(Bound::of).collect();
    let given: Vec<Param<'_>> = bound.iter().map(|value| (value as _, value.usual_type())).collect();
    let (rows, changed) = conn.inferred(wrap, sql, &given).await?;
    Ok((rows.iter().map(row).collect(), changed))
}

/// A parameter: instants are microseconds, booleans are 0 and 1, and everything else is text.
#[derive(Debug)]
enum Bound {
    Null,
    Integer(i64),
    Text(String),
}

impl Bound {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Integer(i64::from(*value)),
            Value::Integer(value) => Self::Integer(*value),
            Value::DateTime(value) => Self::Integer(value.as_microsecond()),
            Value::Text(value) => Self::Text(value.clone()),
            Value::Decimal(value) => Self::Text(value.to_string()),
            Value::Date(value) => Self::Text(value.to_string()),
            Value::Uuid(value) => Self::Text(value.to_string()),
            Value::Json(value) => Self::Text(value.to_string()),
        }
    }

    /// Returns the type for a connection that prepares no statements: it must name a type before the server reports its
    /// own. Text is accepted for every type that the platform uses for it.
    fn usual_type(&self) -> Type {
        match self {
            Self::Integer(_) => Type::INT8,
            Self::Null | Self::Text(_) => Type::UNKNOWN,
        }
    }
}

impl ToSql for Bound {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let is_text = [Type::TEXT, Type::VARCHAR, Type::NAME, Type::JSON, Type::UNKNOWN].contains(kind);
        match (self, kind) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Text(text), _) if is_text => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            (Self::Integer(number), _) if is_text => {
                out.extend_from_slice(number.to_string().as_bytes());
                Ok(IsNull::No)
            }
            (Self::Integer(number), kind) if *kind == Type::INT8 => number.to_sql(kind, out),
            (Self::Integer(number), kind) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            (Self::Integer(number), kind) if *kind == Type::BOOL => (*number != 0).to_sql(kind, out),
            (Self::Integer(number), kind) if *kind == Type::NUMERIC => {
                Decimal::from(*number).to_sql(kind, out)
            }
            (value, kind) => Err(format!("{value:?} where the statement needs {kind}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn row(row: &Row) -> SqlRow {
    SqlRow((0..row.len()).map(|index| cell(row, index)).collect())
}

/// Returns a column as SQLite would return it: booleans and whole decimals are integers.
fn cell(row: &Row, index: usize) -> Cell {
    let kind = row.columns()[index].type_();
    let found = match *kind {
        Type::INT8 => read(row, index, Cell::Integer),
        Type::INT4 => read(row, index, |value: i32| Cell::Integer(value.into())),
        Type::INT2 => read(row, index, |value: i16| Cell::Integer(value.into())),
        Type::BOOL => read(row, index, |value: bool| Cell::Integer(value.into())),
        Type::NUMERIC => read(row, index, |value: Decimal| match value.fract().is_zero() {
            true => value.to_i64().map_or_else(|| Cell::Other(kind.to_string()), Cell::Integer),
            false => Cell::Other(kind.to_string()),
        }),
        Type::TEXT | Type::VARCHAR | Type::NAME => read(row, index, Cell::Text),
        Type::JSON => read(row, index, |json: Json<'_>| Cell::Text(json.0.to_owned())),
        _ => None,
    };
    found.unwrap_or_else(|| Cell::Other(kind.to_string()))
}

fn read<'r, T: FromSql<'r>>(row: &'r Row, index: usize, into: impl FnOnce(T) -> Cell) -> Option<Cell> {
    let found = row.try_get::<_, Option<T>>(index).ok()?;
    Some(found.map_or(Cell::Null, into))
}
