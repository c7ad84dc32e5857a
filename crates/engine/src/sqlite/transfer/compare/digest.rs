//! A checksum of the contents of a place, the same in every isolation. It proves that a move carried everything.
//!
//! For each model it is a BLAKE3 hash over its rows in order of id. Each value is hashed with its type and, if its
//! length varies, its length, so that different contents never give the same byte stream.

use crate::{
    error::Result,
    model::Model,
    name::{ModelName, TenantId},
    place::Isolation,
    schema::Schema,
    sqlite::{
        schema::Script,
        site::Site,
        transfer::{
            copy::{identity, open_copy, open_source},
            rows::{Side, Table},
        },
    },
};
use rusqlite::{Row, types::ValueRef};
use std::path::Path;

/// Checksums of all models of a store, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// One for each model.
    pub tables: Vec<TableDigest>,
}

/// Checksum of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDigest {
    /// The model.
    pub model: ModelName,
    /// Number of its rows.
    pub rows: u64,
    /// Hash over all rows with all their columns, in hex.
    pub blake3: String,
}

impl Digest {
    /// Returns the number of rows of all models.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

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
    let applied = script.as_applied(&conn)?;
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

/// Bytes hashed at a time.
const BLOCK: usize = 64 << 10;

fn of_table(side: &Side<'_>, table: &Table<'_>) -> Result<TableDigest> {
    let (mut hash, mut block, mut count) = (blake3::Hasher::new(), Vec::with_capacity(BLOCK * 2), 0);
    text(&mut block, table.model.name.as_str().as_bytes());
    table.columns.iter().for_each(|column| text(&mut block, column.as_bytes()));
    let mut statement = side.conn.prepare(&table.all)?;
    let mut rows = statement.query([side.tenant])?;
    while let Some(row) = rows.next()? {
        encode(&mut block, row, table.columns.len())?;
        count += 1;
        if block.len() >= BLOCK {
            hash.update(&block);
            block.clear();
        }
    }
    hash.update(&block);
    let blake3 = hash.finalize().to_hex().to_string();
    Ok(TableDigest { model: table.model.name.clone(), rows: count, blake3 })
}

fn encode(block: &mut Vec<u8>, row: &Row<'_>, columns: usize) -> Result<()> {
    for index in 0..columns {
        match row.get_ref(index)? {
            ValueRef::Null => block.push(0),
            ValueRef::Integer(number) => {
                block.push(1);
                block.extend_from_slice(&number.to_le_bytes());
            }
            ValueRef::Real(number) => {
                block.push(2);
                block.extend_from_slice(&number.to_le_bytes());
            }
            ValueRef::Text(bytes) => {
                block.push(3);
                text(block, bytes);
            }
            ValueRef::Blob(bytes) => {
                block.push(4);
                text(block, bytes);
            }
        }
    }
    Ok(())
}

fn text(block: &mut Vec<u8>, bytes: &[u8]) {
    block.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    block.extend_from_slice(bytes);
}
