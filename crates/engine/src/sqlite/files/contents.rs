//! Compares derived data of a database with the rows it derives from, and each stored value with its field; rebuilds
//! derived data.
//!
//! The engine calls it on a blocking thread, for `check` and for operators. The check of the rows reads one state of
//! the database and does not delay writers.

use super::upkeep::open_dedicated;
use crate::{
    error::{Error, Kind, Result},
    input,
    model::Model,
    schema::{Fault, Script, note_value},
    sqlite::{
        cells::raw,
        schema::{
            as_applied,
            ddl::{Layout, quoted},
        },
        site::Site,
    },
};
use rusqlite::{Connection, types::ValueRef};

/// Compares the search indexes of a database with its rows; in a pool, with the rows of all tenants. Writers wait while
/// an index is compared, because SQLite's command for that counts as a write. Skips a database that cannot be written.
pub(crate) fn check_search(site: &Site, script: &Script) -> Result<Vec<Fault>> {
    let conn = open_dedicated(site)?;
    let mut faults = vec![];
    let models = script.state().of_store(script.store());
    for model in models.filter(|model| model.search_fields().next().is_some()) {
        let index = quoted(&format!("{}__fts", model.name));
        // Rank 1 compares the index with the rows. Other ranks only check that the index is consistent in itself.
        let sql = format!("INSERT INTO {index}({index}, rank) VALUES('integrity-check', 1)");
        match conn.execute(&sql, []).map_err(Error::from) {
            Err(error) if *error.kind() == Kind::Corrupt => {
                faults.push(Fault::Search(model.name.to_string()))
            }
            Err(error) if *error.kind() == Kind::NoAccess => break,
            compared => drop(compared?),
        }
    }
    Ok(faults)
}

/// Compares the counters of a place with its rows, and its values with their fields.
pub(crate) fn check_rows(site: &Site, script: &Script) -> Result<Vec<Fault>> {
    let mut conn = open_dedicated(site)?;
    let state = conn.transaction()?;
    let mut faults = vec![];
    let counts = format!("{} AND p.tenant = ?1", script.sqlite(site.place.isolation)?.counts());
    let mut statement = state.prepare(&counts)?;
    let mut rows = statement.query([site.place.tenant_number()])?;
    while let Some(row) = rows.next()? {
        let (held, counted) = ((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?));
        if held != counted {
            faults.push(Fault::Counters { held, counted });
        }
    }
    for model in script.state().of_store(script.store()) {
        faults.extend(values(&state, site, script, model)?);
    }
    Ok(faults)
}

/// Returns the faults in the values of one model, at most one for each field.
fn values(conn: &Connection, site: &Site, script: &Script, model: &Model) -> Result<Vec<Fault>> {
    let layout = Layout { model, state: script.state(), isolation: site.place.isolation };
    let columns: String =
        model.fields.iter().map(|field| format!(", {}", quoted(field.name.as_str()))).collect();
    let of = match layout.tenant() {
        Some(column) => format!("WHERE {} = {}", quoted(column), site.place.tenant_number()),
        None => String::new(),
    };
    let sql = format!("SELECT \"id\"{columns} FROM {} {of}", quoted(model.name.as_str()));
    let mut statement = conn.prepare(&sql)?;
    let mut found: Vec<Option<Fault>> = vec![None; model.fields.len()];
    let most: Vec<_> = model.fields.iter().map(|field| input::most_bytes(model, field)).collect();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (index, field) in model.fields.iter().enumerate() {
            if let Err(rule) = input::check_stored(field, most[index], raw(row.get_ref(index + 1)?)) {
                note_value(&mut found[index], model, field, &rule, shown(row.get_ref(0)?));
            }
        }
    }
    Ok(found.into_iter().flatten().collect())
}

fn shown(id: ValueRef<'_>) -> String {
    match id {
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        id => id.as_i64().unwrap_or_default().to_string(),
    }
}

/// Rebuilds the indexes of the database and the counters of the place from the rows, inside the caller's transaction.
pub(super) fn rebuild(conn: &Connection, site: &Site, script: &Script) -> Result<()> {
    let script = as_applied(conn, script)?;
    conn.execute_batch("REINDEX")?;
    for model in script.state().of_store(script.store()) {
        let layout = Layout { model, state: script.state(), isolation: site.place.isolation };
        if let Some(fill) = layout.fill_fts() {
            conn.execute_batch(&fill)?;
        }
    }
    let recount = format!("{} AND p.tenant = ?1", script.sqlite(site.place.isolation)?.recount());
    conn.execute(&recount, [site.place.tenant_number()])?;
    Ok(())
}
