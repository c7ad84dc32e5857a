//! The bytes of a new database: those of its template with the row that says who lives there.
//!
//! Called by provisioning. Works in memory only: a file opened by SQLite for one row would cost a `-wal`, a
//! checkpoint and dozens of calls to the system. What it returns is what SQLite wrote, in WAL mode.

use super::identity::{self, Platform};
use crate::{
    error::{Error, Kind, Result},
    place::Place,
};
use rusqlite::{Connection, MAIN_DB};

const MAGIC: &[u8] = b"SQLite format 3\0";
const HEADER_BYTES: usize = 100;
/// Read and write version in the header of a file.
const MODE: std::ops::Range<usize> = 18..20;
const WAL: [u8; 2] = [2, 2];
/// SQLite cannot open a database in memory that says it has a `-wal`.
const ROLLBACK: [u8; 2] = [1, 1];

/// The bytes of the database of `place`, made from those of a template's file that has no `-wal`.
///
/// # Errors
/// `Corrupt` when the template is no database.
pub(super) fn bytes(template: &[u8], place: &Place, platform: &Platform) -> Result<Vec<u8>> {
    if template.len() < HEADER_BYTES || !template.starts_with(MAGIC) {
        return Err(Error::new(Kind::Corrupt, format!("the template of {} is no database", place.store)));
    }
    let mut image = template.to_vec();
    image[MODE].copy_from_slice(&ROLLBACK);
    let mut conn = Connection::open_in_memory()?;
    conn.deserialize_read_exact(MAIN_DB, &image[..], image.len(), false)?;
    identity::enrol(&conn, place, platform)?;
    let mut made = conn.serialize(MAIN_DB)?.to_vec();
    made[MODE].copy_from_slice(&WAL);
    Ok(made)
}
