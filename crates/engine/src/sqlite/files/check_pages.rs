//! Checks a whole database with SQLite's integrity check.

use crate::error::{Error, Kind, Result};
use rusqlite::Connection;

/// Checks every page of the database.
pub(crate) fn check_pages(conn: &Connection) -> Result<()> {
    let verdict: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    match verdict.as_str() {
        "ok" => Ok(()),
        // A page that could not be read proves nothing about its contents.
        text if unreadable(text) => Err(Error::new(Kind::Io, verdict)),
        _ => Err(Error::new(Kind::Corrupt, verdict)),
    }
}

/// Returns true if the check met a disk error. Its text then contains SQLite's error code.
fn unreadable(verdict: &str) -> bool {
    let codes = verdict.split("error code=").skip(1);
    let numbers = codes.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    numbers.into_iter().any(|code: i32| code & 0xff == rusqlite::ffi::SQLITE_IOERR)
}
