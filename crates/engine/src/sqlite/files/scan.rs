//! Scans a server's directory for database files, and reads the residents of a file that no place names. Used for
//! operators' reports of orphans, never for routing (`catalog-placement`).

use super::server::{ASIDE, Server};
use crate::{
    error::{Error, Result},
    identity::Resident,
    name::PhysicalName,
    place::{DatabaseFile, Isolation},
    sqlite::{error::io, identity},
};

/// Returns every database file of a server, and every file such as a `-wal` whose database is missing.
pub(crate) fn list(server: &Server) -> Result<Vec<DatabaseFile>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(server.root()).map_err(|error| io(error, server.root()))? {
        let entry = entry.map_err(|error| io(error, server.root()))?;
        let Ok(file) = entry.file_name().into_string() else { continue };
        let Some((stem, beside)) = file.split_once(".db") else { continue };
        let physical = PhysicalName::parse(stem).ok();
        if !beside.is_empty() && physical.as_ref().is_some_and(|name| server.exists(name)) {
            continue;
        }
        // The file may be gone by now.
        let Ok(meta) = entry.metadata() else { continue };
        let modified = meta.modified().map_err(|error| io(error, &entry.path()))?;
        let is_database = beside == ASIDE || beside.is_empty() && meta.is_file();
        let physical = physical.filter(|_| is_database);
        found.push(DatabaseFile {
            server: server.name().clone(),
            file,
            physical,
            isolation: Isolation::Database,
            bytes: meta.len(),
            modified,
        });
    }
    found.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

/// Returns at most `most` residents of a database.
///
/// # Errors
/// Returns `WrongIdentity` if the database does not have our tables.
pub(crate) fn residents(server: &Server, physical: &PhysicalName, most: u32) -> Result<Vec<Resident>> {
    let conn = server.mode().connect(&server.path(physical))?;
    identity::is_ours(&conn)?;
    let sql =
        "SELECT platform, tenant, store, generation FROM _tenantry_place ORDER BY tenant, store LIMIT ?1";
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([most], |row| {
        Ok(Resident {
            platform: row.get(0)?,
            tenant: row.get(1)?,
            store: row.get(2)?,
            generation: row.get(3)?,
        })
    })?;
    rows.map(|row| row.map_err(Error::from)).collect()
}
