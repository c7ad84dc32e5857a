//! Creates the bytes of a new database from a template image, by adding the identity row of the place.
//!
//! Provisioning uses it. It works only in memory: opening a file with SQLite to add one row would cost a `-wal`, a
//! checkpoint and dozens of system calls. The result consists of bytes that SQLite wrote, in WAL mode.

use crate::{
    error::{Error, Kind, Result},
    identity::Platform,
    place::Place,
    sqlite::identity,
};
use rusqlite::{Connection, MAIN_DB};

const MAGIC: &[u8] = b"SQLite format 3\0";
const HEADER_BYTES: usize = 100;
/// Position of the write version and the read version in the header of a file.
const MODE: std::ops::Range<usize> = 18..20;
const WAL: [u8; 2] = [2, 2];
/// SQLite cannot open an in-memory database whose header says WAL mode.
const ROLLBACK: [u8; 2] = [1, 1];

/// Returns the bytes of the database of `place`, made from a template image that has no `-wal`.
///
/// # Errors
/// Returns `Corrupt` if the template is not a database.
pub(crate) fn with_identity(template: &[u8], place: &Place, platform: &Platform) -> Result<Vec<u8>> {
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
