//! Records which records a write touched, in its own transaction, while the place is being copied. Runs once in each
//! write transaction of such a place. `transfer` reads the recording.

use crate::{
    cell::Key,
    error::Result,
    name::ModelName,
    query::RecordId,
    schema::{Confinement, Schema},
    write::Written,
};
use rusqlite::{Connection, params};

const NOTE: &str = "INSERT INTO _tenantry_changes (tenant, store, model, id) VALUES (?1, ?2, ?3, ?4)";

/// Writes one line for each touched record, including the records that lost a reference.
pub(super) fn note(
    conn: &Connection,
    schema: &Schema,
    who: &Confinement,
    written: &[Written],
    nulled: &[(ModelName, RecordId)],
) -> Result<()> {
    let mut statement = conn.prepare_cached(NOTE)?;
    let touched = written.iter().map(|w| (&w.model, &w.id)).chain(nulled.iter().map(|(m, id)| (m, id)));
    for (model, id) in touched {
        statement.execute(params![who.tenant, schema.store().as_str(), model.as_str(), Key::from(id)])?;
    }
    Ok(())
}
