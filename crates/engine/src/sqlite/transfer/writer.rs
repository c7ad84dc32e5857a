//! Writes rows into a place that no request uses yet, or into a new copy. Blocks; [`crate::carry::Sink`] runs it on
//! blocking threads.

use super::{
    fencing,
    pool::{Filling, Queue, Wanted},
    rows::{Side, Sink, Table, activity, last_ids, sink},
    target::{NewFile, Target, create},
};
use crate::{
    carry::{Page, Tables},
    cell::Key,
    error::{Error, Result},
    identity::PlaceState,
    ledger::Applied,
    name::StoreName,
    place::{Isolation, Place},
    schema::Script,
    sqlite::{
        error::located,
        files::{close, upkeep},
        schema::migrate,
        site::Site,
    },
};
use rusqlite::params;
use std::path::{Path, PathBuf};

/// Transactions on a place or a new file.
pub(crate) struct Writer {
    target: Target,
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
    /// Locks a closed place. Set its tables with [`Writer::write`].
    pub(crate) fn catching_up(site: &Site) -> Result<Self> {
        let lock = || {
            let conn = upkeep::open_dedicated(site)?;
            sink::prepare(&conn)?;
            // Between two rounds the copy may hold only a part of a set of related changes. Once all changes are
            // carried, it equals the original, whose references were checked.
            conn.pragma_update(None, "foreign_keys", false)?;
            conn.execute_batch("BEGIN IMMEDIATE")?;
            let log_upto = fencing::check_closed(&conn, &site.place)?;
            Ok((conn, log_upto))
        };
        let (conn, log_upto) = lock().map_err(|error: Error| located(error, &site.path))?;
        Ok(Self::new(Target::Place(conn), &site.path, &site.place, site.place.isolation, log_upto))
    }

    /// Claims a place in a pool and removes its previous contents; `None` if the place was filled already.
    pub(crate) fn filling(site: &Site, wanted: &Wanted, queue: &Queue) -> Result<Option<Self>> {
        let begun = Filling::begin(site, wanted, queue);
        let begun = begun.map_err(|error| located(error, &site.path))?;
        Ok(begun.map(|(conn, filling)| {
            let target = Target::Pool(conn, Box::new(filling));
            let mut writer = Self::new(target, &site.path, &site.place, Isolation::Pooled, 0);
            writer.write(&wanted.tables);
            writer
        }))
    }

    /// Creates a new file for `place` with the tables of `script`, to be filled. It becomes the place's own database if
    /// `filled` is set, otherwise a copy. Removes the rows that migrations inserted.
    pub(crate) fn of_file(
        path: &Path,
        script: &Script,
        place: &Place,
        platform: &str,
        filled: Option<PlaceState>,
        tables: &Tables,
    ) -> Result<Self> {
        let mut conn = create(path)?;
        script.sqlite(Isolation::Database)?.run(&mut conn)?;
        sink::prepare(&conn)?;
        conn.pragma_update(None, "foreign_keys", false)?;
        conn.execute_batch("BEGIN")?;
        let (generation, platform) = (place.generation_number()?, platform.to_owned());
        let target = Target::File(conn, NewFile { generation, platform, filled });
        let mut writer = Self::new(target, path, place, Isolation::Database, 0);
        writer.write(tables);
        for table in 0..writer.tables.len() {
            writer.sink(|sink, tables| sink.remove_all(&tables[table]))?;
        }
        last_ids::forget(&writer.side(), &writer.tables)?;
        (writer.rows, writer.bytes) = (0, 0);
        Ok(writer)
    }

    fn new(target: Target, path: &Path, place: &Place, isolation: Isolation, log_upto: i64) -> Self {
        Self {
            target,
            path: path.into(),
            store: place.store.clone(),
            isolation,
            tenant: place.tenant_number(),
            tables: vec![],
            log_upto,
            rows: 0,
            bytes: 0,
        }
    }

    /// Sets the tables to write to.
    pub(crate) fn write(&mut self, tables: &Tables) {
        self.tables = Table::all(tables, self.isolation);
    }

    fn side(&self) -> Side<'_> {
        Side { conn: &self.target, isolation: self.isolation, tenant: self.tenant }
    }

    /// Changes rows, and counts the changes.
    fn sink(&mut self, work: impl FnOnce(&mut Sink<'_>, &[Table]) -> Result<()>) -> Result<()> {
        let mut sink = Sink::new(self.side(), self.target.is_indexed());
        work(&mut sink, &self.tables)?;
        let (rows, bytes) = (sink.rows, sink.bytes);
        (self.rows, self.bytes) = (self.rows + rows, self.bytes + bytes);
        Ok(())
    }

    /// Adds the file to an error.
    pub(crate) fn located(&self, error: Error) -> Error {
        located(error, &self.path)
    }

    pub(crate) fn log_upto(&self) -> i64 {
        self.log_upto
    }

    pub(crate) fn ledger(&self) -> Result<Applied> {
        Ok(migrate::ledger(&self.target, &self.store)?.into_iter().collect())
    }

    pub(crate) fn take(&mut self, table: usize, ids: &[Key]) -> Result<()> {
        self.sink(|sink, tables| ids.iter().try_for_each(|id| sink.remove(&tables[table], *id)))
    }

    pub(crate) fn put(&mut self, table: usize, page: &Page) -> Result<()> {
        self.target.begin_batch()?;
        for row in 0..page.len() {
            let before = self.bytes;
            self.sink(|sink, tables| sink.insert(&tables[table], page, row))?;
            self.target.did(1, self.bytes.abs_diff(before))?;
        }
        self.target.end_batch()
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
        self.target.begin_batch()?;
        for (table, last) in last {
            last_ids::raise(&self.side(), self.tables[*table].model.as_str(), *last)?;
        }
        self.target.end_batch()
    }

    pub(crate) fn lines(&mut self, page: &Page) -> Result<()> {
        self.target.begin_batch()?;
        activity::add(&self.side(), page)?;
        self.target.end_batch()
    }

    /// Commits and closes the target.
    pub(crate) fn finish(mut self, log_upto: i64) -> Result<()> {
        self.commit(log_upto).map_err(|error| self.located(error))?;
        match self.target {
            Target::Place(conn) | Target::Pool(conn, _) => drop(conn),
            Target::File(conn, _) => close(conn)?,
        }
        Ok(())
    }

    fn commit(&mut self, log_upto: i64) -> Result<()> {
        let (tenant, store) = (self.tenant, self.store.as_str());
        match &mut self.target {
            Target::Place(conn) => {
                conn.execute(
                    "UPDATE _tenantry_place SET rows = rows + ?3, bytes = bytes + ?4, log_upto = ?5
                     WHERE tenant = ?1 AND store = ?2",
                    params![tenant, store, self.rows, self.bytes, log_upto],
                )?;
                Ok(conn.execute_batch("COMMIT")?)
            }
            Target::Pool(conn, filling) => filling.finish(conn, (self.rows, self.bytes, log_upto)),
            Target::File(conn, file) => {
                for search in self.tables.iter().filter_map(|table| table.search.as_ref()) {
                    conn.execute_batch(&search.rebuild)?;
                }
                file.enrol(conn, (tenant, store), (self.rows, self.bytes, log_upto))
            }
        }
    }
}
