//! Computes checksums of places and copies; see [`crate::carry::Digest`].

use crate::{
    carry::{Digest, TableDigest, TableHash},
    error::Result,
    model::Model,
    name::TenantId,
    place::Isolation,
    schema::{Schema, Script},
    sqlite::{
        cells::raw,
        schema::as_applied,
        site::Site,
        transfer::{
            copy::{identity, open_copy, open_source},
            rows::{Side, Table},
        },
    },
};
use std::path::Path;

/// Computes the digest of a place, from one consistent state.
pub(crate) fn digest(site: &Site, schema: &Schema) -> Result<Digest> {
    let conn = open_source(site)?;
    of_side(&Side::new(&conn, site), schema)
}

/// Computes the digest of a copy of this tenant (None for a system store).
pub(crate) fn digest_copy(from: &Path, schema: &Schema, of: Option<TenantId>) -> Result<Digest> {
    let conn = open_copy(from)?;
    identity(&conn, schema.store(), of)?;
    let tenant = of.map_or(0, TenantId::get);
    of_side(&Side { conn: &conn, isolation: Isolation::Database, tenant }, schema)
}

/// Computes the digest of a copy of this tenant (None for a system store) with the schema of its own ledger.
pub(crate) fn describe_copy(from: &Path, script: &Script, of: Option<TenantId>) -> Result<Digest> {
    let conn = open_copy(from)?;
    identity(&conn, script.store(), of)?;
    let applied = as_applied(&conn, script)?;
    let state = applied.state();
    let tenant = of.map_or(0, TenantId::get);
    let side = Side { conn: &conn, isolation: Isolation::Database, tenant };
    of_models(&side, state.of_store(script.store()))
}

fn of_side(side: &Side<'_>, schema: &Schema) -> Result<Digest> {
    of_models(side, schema.plans().map(|plan| &**plan.model() as &Model))
}

fn of_models<'m>(side: &Side<'_>, models: impl Iterator<Item = &'m Model>) -> Result<Digest> {
    let tables = Table::all(models, side.isolation);
    Ok(Digest { tables: tables.iter().map(|table| of_table(side, table)).collect::<Result<_>>()? })
}

fn of_table(side: &Side<'_>, table: &Table<'_>) -> Result<TableDigest> {
    let mut hash = TableHash::new(&table.model.name, &table.columns);
    let mut statement = side.conn.prepare(&table.all)?;
    let mut rows = statement.query([side.tenant])?;
    while let Some(row) = rows.next()? {
        for index in 0..table.columns.len() {
            hash.value(raw(row.get_ref(index)?))?;
        }
        hash.end_row();
    }
    Ok(hash.finish(&table.model.name))
}
