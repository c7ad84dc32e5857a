//! What lies in a server's directory, and who lives in a file that no place names: for operators'
//! reports of orphans. Never for routing (`catalog-placement`).

use super::{
    identity, open,
    server::{Server, io},
};
use crate::{
    error::{Error, Result},
    name::{PhysicalName, ServerName},
};
use std::time::SystemTime;

/// A database file, or what SQLite lays beside one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFile {
    /// Where it lies.
    pub server: ServerName,
    /// Name of the file.
    pub file: String,
    /// Name of the database; none: not a name that this engine gives, or a -wal without its database.
    pub physical: Option<PhysicalName>,
    /// Bytes of this file.
    pub bytes: u64,
    /// Last change.
    pub modified: SystemTime,
}

/// Who lives in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    /// The installation it was made by; empty: not known.
    pub platform: String,
    /// The tenant; 0: a system store.
    pub tenant: i64,
    /// The store.
    pub store: String,
    /// The generation.
    pub generation: i64,
}

/// Every database file of a server, and files beside none.
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
        // It may be gone by now.
        let Ok(meta) = entry.metadata() else { continue };
        let modified = meta.modified().map_err(|error| io(error, &entry.path()))?;
        let physical = physical.filter(|_| beside.is_empty() && meta.is_file());
        found.push(DatabaseFile {
            server: server.name().clone(),
            file,
            physical,
            bytes: meta.len(),
            modified,
        });
    }
    found.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

/// Who lives in a database; one without our tables is `WrongIdentity`.
pub(crate) fn residents(server: &Server, physical: &PhysicalName) -> Result<Vec<Resident>> {
    let conn = open::connect(&server.path(physical))?;
    identity::is_ours(&conn)?;
    let sql =
        "SELECT platform, tenant, store, generation FROM _tenantry_place ORDER BY tenant, store LIMIT 100";
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(Resident {
            platform: row.get(0)?,
            tenant: row.get(1)?,
            store: row.get(2)?,
            generation: row.get(3)?,
        })
    })?;
    rows.map(|row| row.map_err(Error::from)).collect()
}
