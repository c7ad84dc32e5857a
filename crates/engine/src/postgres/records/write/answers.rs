//! Reads the answers to the statements of a write transaction, and adds them to its effects.

use super::statements::{Does, Part, Sent};
use crate::{
    error::{Error, Kind, Result},
    postgres::records::{cursor::Cursor, read::id_at},
    schema::Plan,
    write::{Effects, RowState},
};

/// A part of a statement, and the model that it changes.
type Of<'a> = (&'a Plan, &'a Part<'a>);

/// Adds the answer to a statement to the effects of its transaction.
///
/// # Errors
/// Returns `NotFound` or `Conflict`, with the position of the refused part, if its row does not exist or has another
/// version.
pub(super) fn take(
    effects: &mut Effects<'_>,
    sent: &Sent<'_>,
    rows: &[tokio_postgres::Row],
) -> Result<(), (usize, Box<Error>)> {
    if let [part] = &sent.parts[..] {
        return one(effects, (sent.plan, part), rows).map_err(|error| (0, error.into()));
    }
    // The rows come in the order of the insert.
    for (at, part) in sent.parts.iter().enumerate() {
        let row = rows.get(at..=at).unwrap_or_default();
        one(effects, (sent.plan, part), row).map_err(|error| (at, error.into()))?;
    }
    Ok(())
}

fn one(effects: &mut Effects<'_>, (plan, part): Of<'_>, rows: &[tokio_postgres::Row]) -> Result<()> {
    match part.does {
        Does::SetNull(referrer, id) => {
            for row in rows {
                let record = id_at(row, 0, plan.storages[0])?;
                effects.nulled(part.write, plan, referrer.field.as_str(), record, id.bytes());
            }
            Ok(())
        }
        Does::Insert(_) => effects.inserted(part.write, plan, row_at(first(rows, plan)?, 0, plan)?),
        Does::Update(expected, _) => updated(effects, (plan, part), expected, first(rows, plan)?),
        Does::Delete => deleted(effects, (plan, part), first(rows, plan)?),
    }
}

fn updated(
    effects: &mut Effects<'_>,
    (plan, part): Of<'_>,
    expected: Option<i64>,
    row: &tokio_postgres::Row,
) -> Result<()> {
    let columns = plan.columns.len();
    let before = row_at(row, 0, plan)?;
    if !is_null(row, columns)? {
        return effects.updated(part.write, plan, &before, row_at(row, columns, plan)?);
    }
    let version = before.version()?;
    match expected {
        Some(expected) if expected != version => Err(conflict(plan, version)),
        _ => effects.unchanged(part.write, plan, before),
    }
}

fn deleted(effects: &mut Effects<'_>, (plan, part): Of<'_>, row: &tokio_postgres::Row) -> Result<()> {
    if is_null(row, 1)? {
        return Err(conflict(plan, row.get(0)));
    }
    effects.deleted(part.write, plan, row_at(row, 1, plan)?)
}

/// Reads the row that begins at this column.
fn row_at(row: &tokio_postgres::Row, column: usize, plan: &Plan) -> Result<RowState> {
    let mut state = RowState::default();
    Cursor::visit(row, column, &plan.storages, &mut state)?;
    Ok(state)
}

fn first<'r>(rows: &'r [tokio_postgres::Row], plan: &Plan) -> Result<&'r tokio_postgres::Row> {
    rows.first().ok_or_else(|| Error::new(Kind::NotFound, plan.model.name.as_str()))
}

fn conflict(plan: &Plan, version: i64) -> Error {
    Error::new(Kind::Conflict(version), plan.model.name.as_str())
}

/// Returns true if the row that begins at this column does not exist, in which case its id is null.
fn is_null(row: &tokio_postgres::Row, column: usize) -> Result<bool> {
    let found: Option<IsThere> =
        row.try_get(column).map_err(|error| Error::with_source(Kind::Corrupt, "the id of a row", error))?;
    Ok(found.is_none())
}

/// Accepts a value of any type.
struct IsThere;

impl tokio_postgres::types::FromSql<'_> for IsThere {
    fn from_sql(
        _: &tokio_postgres::types::Type,
        _: &[u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self)
    }

    fn accepts(_: &tokio_postgres::types::Type) -> bool {
        true
    }
}
