//! Reads rows of one state of a place or of a copy, for every kind of transfer. Blocks; [`crate::carry::Source`] runs
//! it on blocking threads.

use super::{
    copy, fencing,
    rows::{Side, Table, activity, last_ids},
};
use crate::{
    carry::{CaughtUp, Page, Tables, Touched},
    cell::Key,
    error::{Error, Kind, Result},
    identity::PlaceInfo,
    ledger::Applied,
    name::{StoreName, TenantId},
    place::{Isolation, Place},
    sqlite::{
        cells::raw, connection::Dedicated, error::located, files::upkeep, identity, schema::migrate,
        site::Site,
    },
};
use rusqlite::{Connection, Rows, params};
use std::{
    collections::HashSet,
    ops::Deref,
    path::{Path, PathBuf},
};

/// A connection that sees one state of a place or copy.
enum Open {
    Place(Dedicated, Place),
    Copy(Connection),
}

impl Deref for Open {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Self::Place(conn, _) => conn,
            Self::Copy(conn) => conn,
        }
    }
}

/// One state of a place or copy.
pub(crate) struct Reader {
    conn: Open,
    store: StoreName,
    isolation: Isolation,
    tenant: i64,
    tables: Vec<Table>,
    path: PathBuf,
}

impl Reader {
    /// Opens the current state of a place.
    pub(crate) fn of_place(site: &Site) -> Result<Self> {
        let conn = open_source(site).map_err(|error| located(error, &site.path))?;
        let place = site.place.clone();
        let (store, isolation) = (place.store.clone(), place.isolation);
        let tenant = place.tenant_number();
        let path = site.path.clone();
        Ok(Self { conn: Open::Place(conn, place), store, isolation, tenant, tables: vec![], path })
    }

    /// Opens a copy of this tenant (`None` for a system store).
    pub(crate) fn of_copy(from: &Path, store: &StoreName, of: Option<TenantId>) -> Result<Self> {
        let conn = copy::open_copy(from)?;
        copy::identity(&conn, store, of)?;
        Ok(Self {
            conn: Open::Copy(conn),
            store: store.clone(),
            isolation: Isolation::Database,
            tenant: of.map_or(0, TenantId::get),
            tables: vec![],
            path: from.into(),
        })
    }

    /// Sets the tables to read.
    pub(crate) fn read(&mut self, tables: &Tables) {
        self.tables = Table::all(tables, self.isolation);
    }

    /// Adds the file to an error.
    pub(crate) fn located(&self, error: Error) -> Error {
        located(error, &self.path)
    }

    fn side(&self) -> Side<'_> {
        Side { conn: &self.conn, isolation: self.isolation, tenant: self.tenant }
    }

    pub(crate) fn page(&self, table: usize, after: Option<Key>, most: usize) -> Result<Page> {
        let (table, most) = (&self.tables[table], i64::try_from(most).unwrap_or(i64::MAX));
        let mut page = Page::new(table.columns);
        let sql = if after.is_some() { &table.next } else { &table.first };
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = match after {
            Some(after) => statement.query(params![self.tenant, most, after])?,
            None => statement.query(params![self.tenant, most])?,
        };
        add(&mut page, rows)?;
        Ok(page)
    }

    pub(crate) fn rows(&self, table: usize, ids: &[Key]) -> Result<Page> {
        let table = &self.tables[table];
        let mut page = Page::new(table.columns);
        let mut get = self.conn.prepare_cached(&table.get)?;
        for id in ids {
            add(&mut page, get.query(params![self.tenant, id])?)?;
        }
        Ok(page)
    }

    pub(crate) fn noted(&self, after: u64, most: u64) -> Result<(Touched, CaughtUp)> {
        let sql = "SELECT seq, model, id FROM _tenantry_changes WHERE seq > ?3 AND tenant = ?1 AND store = ?2
            ORDER BY seq LIMIT ?4";
        let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut statement = self.conn.prepare(sql)?;
        let key = params![self.tenant, self.store.as_str(), bound(after), bound(most)];
        let mut rows = statement.query(key)?;
        let (mut touched, mut caught_up) = (Touched::new(), CaughtUp { seq: after, changes: 0 });
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            caught_up = CaughtUp { seq: seq.unsigned_abs(), changes: caught_up.changes + 1 };
            let id = Key::read(raw(row.get_ref(2)?));
            let id = id.ok_or_else(|| Error::new(Kind::Corrupt, "a change of a record without an id"))?;
            touched.entry(row.get(1)?).or_default().insert(id);
        }
        Ok((touched, caught_up))
    }

    pub(crate) fn lines(&self, after: i64, most: i64) -> Result<Page> {
        activity::read(&self.side(), &self.tables, after, most)
    }

    pub(crate) fn last_ids(&self) -> Result<Vec<(usize, i64)>> {
        last_ids::all(&self.side(), &self.tables)
    }

    pub(crate) fn ledger(&self) -> Result<Applied> {
        Ok(migrate::ledger(&self.conn, &self.store)?.into_iter().collect())
    }

    pub(crate) fn info(&self) -> Result<PlaceInfo> {
        match &self.conn {
            Open::Place(conn, place) => fencing::info(conn, place),
            Open::Copy(_) => Err(Error::new(Kind::Internal, "a copy has no state")),
        }
    }

    pub(crate) fn undeclared(&self, declared: &HashSet<String>) -> Result<Vec<String>> {
        if identity::has_other_stores(&self.conn, &self.store)? {
            return Ok(vec![]);
        }
        let sql =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
            AND name NOT LIKE '\\_tenantry\\_%' ESCAPE '\\' ORDER BY name";
        let mut statement = self.conn.prepare(sql)?;
        let names = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        // A full-text index has its own tables.
        let is_declared = |name: &String| declared.contains(name.split("__fts").next().unwrap_or(name));
        let mut found = vec![];
        for name in names.into_iter().filter(|name| !is_declared(name)) {
            let sql = format!("SELECT EXISTS(SELECT 1 FROM \"{}\")", name.replace('"', "\"\""));
            if self.conn.query_row(&sql, [], |row| row.get(0))? {
                found.push(name);
            }
        }
        Ok(found)
    }
}

/// Opens a read-only connection that sees one state of the place.
fn open_source(site: &Site) -> Result<Dedicated> {
    let conn = upkeep::open_dedicated(site)?;
    conn.execute_batch("PRAGMA query_only = ON; BEGIN")?;
    // The state is fixed by the first read, so the identity is checked again in that state.
    identity::check(&conn, &site.place, &site.platform)?;
    Ok(conn)
}

fn add(page: &mut Page, mut rows: Rows<'_>) -> Result<()> {
    while let Some(row) = rows.next()? {
        for column in 0..page.columns() {
            page.push(raw(row.get_ref(column)?))?;
        }
    }
    Ok(())
}
