//! Runs a checked query and returns its rows as JSON, within the limits.
//!
//! PostgreSQL converts each row to JSON and cuts it off at the limit, and the rows arrive in small portions. So a
//! result takes no more memory in this process than the limits allow, whatever the statement produces.

use super::params::by_position;
use crate::{
    error::{Error, Kind, Result},
    postgres::connections::{Connection, Param},
    statement::{SqlLimits, SqlRows},
};
use serde_json::{Map, Value as Json};
use tokio_postgres::types::Type;

/// Number of rows in one portion.
const PORTION: usize = 16;

pub(super) async fn query(
    conn: &mut Connection,
    text: &str,
    params: &Json,
    limits: SqlLimits,
) -> Result<SqlRows> {
    let (types, columns) = conn.describe(text).await?;
    if columns.is_empty() {
        return Err(Error::new(Kind::Statement("not a query".into()), "no columns"));
    }
    let values = by_position(params, types.len())?;
    let params: Vec<Param<'_>> = values.iter().map(|value| value as _).zip(types).collect();
    conn.query(&cursor(text, &columns, limits), &params).await?;
    let names = columns.iter().map(|(name, _)| name.clone()).collect();
    let mut answer = SqlRows { columns: names, rows: vec![], truncated: false };
    let mut bytes = 0;
    loop {
        let rows = conn.query(&format!("FETCH {PORTION} FROM answer"), &[]).await?;
        for row in &rows {
            let text: &str = row.get(0);
            bytes += text.len();
            if answer.rows.len() == limits.rows || bytes > limits.bytes {
                answer.truncated = true;
                return Ok(answer);
            }
            answer.rows.push(values_of(text, columns.len())?);
        }
        if rows.len() < PORTION {
            return Ok(answer);
        }
    }
}

/// Returns the statement that opens a cursor over the rows, each as JSON.
fn cursor(text: &str, columns: &[(String, Type)], limits: SqlLimits) -> String {
    let names: Vec<String> = (0..columns.len()).map(|at| format!("c{at}")).collect();
    let shown: Vec<String> = names.iter().zip(columns).map(|(name, (_, kind))| shown(name, kind)).collect();
    // On its own lines, because the text may end with a comment.
    format!(
        "DECLARE answer NO SCROLL CURSOR FOR SELECT left(row_to_json(shown)::text, {}) FROM (\
         SELECT {} FROM (\n{text}\n) AS answer({}) LIMIT {}) AS shown",
        limits.bytes + 1,
        shown.join(", "),
        names.join(", "),
        limits.rows + 1,
    )
}

/// Returns the expression for a column: a type that JSON cannot represent exactly becomes text.
fn shown(name: &str, kind: &Type) -> String {
    let native = [
        Type::BOOL,
        Type::INT2,
        Type::INT4,
        Type::INT8,
        Type::FLOAT4,
        Type::FLOAT8,
        Type::DATE,
        Type::TIMESTAMP,
        Type::TIMESTAMPTZ,
        Type::TEXT,
    ];
    match kind {
        kind if native.contains(kind) => name.to_owned(),
        kind if *kind == Type::BYTEA => format!("encode({name}, 'base64') AS {name}"),
        _ => format!("{name}::text AS {name}"),
    }
}

fn values_of(text: &str, columns: usize) -> Result<Vec<Json>> {
    let damaged = |error| Error::with_source(Kind::Internal, "a row as JSON", error);
    let mut row: Map<String, Json> = serde_json::from_str(text).map_err(damaged)?;
    Ok((0..columns).map(|at| row.remove(&format!("c{at}")).unwrap_or_default()).collect())
}
