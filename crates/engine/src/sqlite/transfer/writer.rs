//! Writes rows into a closed place or into a new copy. Blocks; [`crate::carry::Sink`] runs it on blocking threads.

use super::{
    fencing,
    rows::{Side, Sink, Table, activity, last_ids, sink},
};
use crate::{
    carry::{Page, Tables},
    cell::Key,
    error::{Error, Result},
    ledger::Applied,
    name::StoreName,
    place::{Isolation, Place},
    schema::Script,
    sqlite::{
        connection::{Dedicated, open},
        error::{io, located},
        files::{close, upkeep},
        identity,
        schema::migrate,
        site::Site,
        tables,
    },
};
use rusqlite::{Connection, params};
use std::{
    fs::File,
    ops::Deref,
    path::{Path, PathBuf},
};

/// What is written to.
enum Open {
    /// A place that is closed but for catching up.
    Place(Dedicated),
    /// A new file, in which the identity of the copy is still missing.
    Copy(Connection, Identity),
}

/// Generation and installation of the place that is copied.
pub(crate) struct Identity {
    pub(crate) generation: i64,
    pub(crate) platform: String,
}

impl Deref for Open {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Self::Place(conn) => conn,
            Self::Copy(conn, _) => conn,
        }
    }
}

/// One transaction on a place or a new copy.
pub(crate) struct Writer {
    conn: Open,
    path: PathBuf,
    store: StoreName,
    isolation: Isolation,
    tenant: i64,
    tables: Vec<Table>,
    log_upto: i64,
    rows: i64,
    bytes: i64,
}

impl Writer {
    /// Locks a closed place.
    pub(crate) fn catching_up(site: &Site, tables: &Tables) -> Result<Self> {
        let lock = || {
            let conn = upkeep::open_dedicated(site)?;
            sink::prepare(&conn)?;
            // Between two rounds the copy may hold only part of a set of related changes. Once all are carried, it
            // equals the original, whose references were checked.
            conn.pragma_update(None, "foreign_keys", false)?;
            conn.execute_batch("BEGIN IMMEDIATE")?;
            let log_upto = fencing::check_closed(&conn, &site.place)?;
            Ok((conn, log_upto))
        };
        let (conn, log_upto) = lock().map_err(|error: Error| located(error, &site.path, false))?;
        Ok(Self::new(Open::Place(conn), &site.path, &site.place, site.place.isolation, tables, log_upto))
    }

    /// Makes a new copy of `place` with the tables of `script`, to be filled. What migrations inserted is removed.
    pub(crate) fn of_copy(
        path: &Path,
        script: &Script,
        place: &Place,
        platform: &str,
        tables: &Tables,
    ) -> Result<Self> {
        let mut conn = create(path)?;
        script.sqlite(Isolation::Database)?.run(&mut conn)?;
        sink::prepare(&conn)?;
        conn.pragma_update(None, "foreign_keys", false)?;
        conn.execute_batch("BEGIN")?;
        let identity =
            Identity { generation: identity::generation_number(place)?, platform: platform.to_owned() };
        let conn = Open::Copy(conn, identity);
        let mut writer = Self::new(conn, path, place, Isolation::Database, tables, 0);
        for table in 0..writer.tables.len() {
            writer.sink(|sink, tables| sink.remove_all(&tables[table]))?;
        }
        last_ids::forget(&writer.side(), &writer.tables)?;
        (writer.rows, writer.bytes) = (0, 0);
        Ok(writer)
    }

    fn new(
        conn: Open,
        path: &Path,
        place: &Place,
        isolation: Isolation,
        tables: &Tables,
        log_upto: i64,
    ) -> Self {
        Self {
            conn,
            path: path.into(),
            store: place.store.clone(),
            isolation,
            tenant: identity::tenant_number(place),
            tables: Table::all(tables, isolation),
            log_upto,
            rows: 0,
            bytes: 0,
        }
    }

    fn side(&self) -> Side<'_> {
        Side { conn: &self.conn, isolation: self.isolation, tenant: self.tenant }
    }

    /// Changes rows, and counts the changes.
    fn sink(&mut self, work: impl FnOnce(&mut Sink<'_>, &[Table]) -> Result<()>) -> Result<()> {
        // The indexes of a copy are made at its end.
        let mut sink = Sink::new(self.side(), matches!(self.conn, Open::Place(_)));
        work(&mut sink, &self.tables)?;
        let (rows, bytes) = (sink.rows, sink.bytes);
        (self.rows, self.bytes) = (self.rows + rows, self.bytes + bytes);
        Ok(())
    }

    /// Adds the file to an error.
    pub(crate) fn located(&self, error: Error) -> Error {
        located(error, &self.path, false)
    }

    pub(crate) fn log_upto(&self) -> i64 {
        self.log_upto
    }

    pub(crate) fn ledger(&self) -> Result<Applied> {
        Ok(migrate::ledger(&self.conn, &self.store)?.into_iter().collect())
    }

    pub(crate) fn take(&mut self, table: usize, ids: &[Key]) -> Result<()> {
        self.sink(|sink, tables| ids.iter().try_for_each(|id| sink.remove(&tables[table], *id)))
    }

    pub(crate) fn put(&mut self, table: usize, page: &Page) -> Result<()> {
        self.sink(|sink, tables| (0..page.len()).try_for_each(|row| sink.insert(&tables[table], page, row)))
    }

    pub(crate) fn conflicts(&mut self, table: usize, page: &Page) -> Result<Vec<Key>> {
        let sink = Sink::new(self.side(), false);
        let mut all = vec![];
        for row in 0..page.len() {
            all.extend(sink.conflicting(&self.tables[table], page, row)?);
        }
        Ok(all)
    }

    pub(crate) fn last_ids(&mut self, last: &[(usize, i64)]) -> Result<()> {
        let raise = |(table, last): &(usize, i64)| {
            last_ids::raise(&self.side(), self.tables[*table].model.as_str(), *last)
        };
        last.iter().try_for_each(raise)
    }

    pub(crate) fn lines(&mut self, page: &Page) -> Result<()> {
        activity::add(&self.side(), page)
    }

    /// Commits and closes.
    pub(crate) fn finish(self, log_upto: i64) -> Result<()> {
        self.commit(log_upto).map_err(|error| self.located(error))?;
        match self.conn {
            Open::Place(conn) => drop(conn),
            Open::Copy(conn, _) => close(conn)?,
        }
        Ok(())
    }

    fn commit(&self, log_upto: i64) -> Result<()> {
        let (tenant, store) = (self.tenant, self.store.as_str());
        match &self.conn {
            Open::Place(conn) => conn.execute(
                "UPDATE _tenantry_place SET rows = rows + ?3, bytes = bytes + ?4, log_upto = ?5
                 WHERE tenant = ?1 AND store = ?2",
                params![tenant, store, self.rows, self.bytes, log_upto],
            )?,
            Open::Copy(conn, identity) => {
                for search in self.tables.iter().filter_map(|table| table.search.as_ref()) {
                    conn.execute_batch(&search.rebuild)?;
                }
                conn.execute(
                    "INSERT INTO _tenantry_place(tenant, store, generation, rows, platform)
                     VALUES(?1, ?2, ?3, ?4, ?5)",
                    params![tenant, store, identity.generation, self.rows, identity.platform],
                )?
            }
        };
        Ok(self.conn.execute_batch("COMMIT")?)
    }
}

/// Makes the file of a copy, with the platform's own tables.
fn create(path: &Path) -> Result<Connection> {
    File::create_new(path).map_err(|error| io(error, path))?;
    let conn = open::connect(path)?;
    // No other process knows the file, and it is removed on failure: no journal on disk.
    conn.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY",
    )?;
    tables::ensure(&conn)?;
    Ok(conn)
}
