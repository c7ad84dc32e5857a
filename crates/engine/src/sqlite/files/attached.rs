//! Files that owners attached: what they contain before that, taking them over, and leaving them again. The platform's
//! own tables are the only objects that it creates there, unless the attachment grants it the schema.

use super::{
    super::{
        connection::{BUSY_WAIT, Durability, open},
        error::io,
        identity,
        schema::ddl::Layout,
        site::Site,
        tables,
    },
    Server, TemporaryFile,
};
use crate::{
    engine::Survey,
    error::{Error, Kind, Result},
    identity::Resident,
    place::{Isolation, Place},
    schema::Script,
};
use rusqlite::{
    Connection, TransactionBehavior,
    backup::{Backup, StepResult},
    params,
};
use std::{
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::Path,
};

/// Returns what identifies a file: its number on its disk, and its path. The number of the disk may change when the
/// machine starts again.
pub(crate) fn file_identity(path: &Path) -> Result<String> {
    let meta = path.symlink_metadata().map_err(|error| io(error, path))?;
    match meta.is_file() {
        true => Ok(format!("file:{}:{}", meta.ino(), path.display())),
        false => Err(Error::new(Kind::Missing, format!("{} is not a file", path.display()))),
    }
}

/// See [`crate::Engine::survey`].
pub(crate) fn survey(site: &Site, script: &Script) -> Result<Survey> {
    let conn = connect(site)?;
    let mut found = Survey::default();
    if is_known(&conn)? {
        let sql =
            "SELECT platform, tenant, store, generation FROM _tenantry_place ORDER BY tenant, store LIMIT 2";
        let mut query = conn.prepare(sql)?;
        let resident = |row: &rusqlite::Row<'_>| {
            Ok(Resident {
                platform: row.get(0)?,
                tenant: row.get(1)?,
                store: row.get(2)?,
                generation: row.get(3)?,
            })
        };
        found.residents = query.query_map([], resident)?.collect::<Result<_, _>>()?;
        found.is_of_an_installation = found.residents.iter().any(|resident| resident.tenant == 0);
    }
    (found.missing, found.drift) = script.sqlite(Isolation::Database)?.compared(&conn)?;
    let (there, filled) = models(&conn, script)?;
    (found.tables, found.has_rows) = (there, !filled.is_empty());
    Ok(found)
}

/// See [`crate::Engine::adopt_schema`].
pub(crate) fn adopt_schema(site: &Site, script: &Script) -> Result<()> {
    let statements = script.sqlite(site.place.isolation)?;
    changed(site, |conn| {
        enrol_again(conn, site)?;
        statements.enter_all(conn)?;
        Ok(conn.execute_batch(&statements.recount())?)
    })
}

/// Gives the file the identity of the place, and the platform's own tables.
pub(crate) fn identify(site: &Site) -> Result<()> {
    changed(site, |conn| enrol_again(conn, site))
}

/// Runs `work` in one synced transaction, and writes the `-wal` back.
fn changed(site: &Site, work: impl FnOnce(&Connection) -> Result<()>) -> Result<()> {
    let mut conn = connect(site)?;
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    work(&transaction)?;
    transaction.commit()?;
    super::upkeep::into_file(&conn)
}

/// Gives the file the identity of the place. An identity of an earlier generation of the same place is raised: the
/// operator attaches it on purpose.
fn enrol_again(conn: &Connection, site: &Site) -> Result<()> {
    tables::ensure(conn)?;
    let place = &site.place;
    let sql = "UPDATE _tenantry_place SET generation = ?3, state = 'open', holder = NULL, recorder = NULL \
        WHERE tenant = ?1 AND store = ?2 AND platform = ?4 AND generation < ?3";
    let number = place.generation_number()?;
    conn.execute(sql, params![place.tenant_number(), place.store.as_str(), number, site.platform.id()])?;
    identity::enrol(conn, place, &site.platform)
}

/// Removes the platform's own tables from an attached file. Its other tables stay as they are. Idempotent.
pub(crate) fn leave(site: &Site) -> Result<()> {
    let mut conn = match connect(site) {
        Err(error) if *error.kind() == Kind::Missing => return Ok(()),
        conn => conn?,
    };
    if !is_known(&conn)? {
        return Ok(());
    }
    match identity::check(&conn, &site.place, &site.platform) {
        Ok(()) => {}
        // The file was attached again meanwhile, or is no longer ours.
        Err(error) if matches!(error.kind(), Kind::Fenced | Kind::WrongIdentity) => return Ok(()),
        Err(error) => return Err(error),
    }
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tables: Vec<String> = {
        let sql =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '\\_tenantry\\_%' ESCAPE '\\'";
        let mut query = transaction.prepare(sql)?;
        query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    for table in tables {
        transaction.execute_batch(&format!("DROP TABLE \"{table}\""))?;
    }
    Ok(transaction.commit()?)
}

/// See [`crate::Engine::empty_attached`].
pub(crate) fn empty(site: &Site, script: &Script) -> Result<()> {
    let mut conn = connect(site)?;
    if !is_known(&conn)? || identity::check(&conn, &site.place, &site.platform).is_err() {
        return Ok(());
    }
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    conn.pragma_update(None, "foreign_keys", false)?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for name in models(&transaction, script)?.1 {
        transaction.execute_batch(&format!("DELETE FROM \"{name}\""))?;
        let model = script.state().model(&name);
        let layout =
            model.map(|model| Layout { model, state: script.state(), isolation: Isolation::Database });
        if let Some(fill) = layout.and_then(|layout| layout.fill_fts()) {
            transaction.execute_batch(&fill)?;
        }
    }
    Ok(transaction.commit()?)
}

/// Returns true if the file has the identity of the place, and so all its rows.
pub(crate) fn is_filled(site: &Site) -> Result<bool> {
    let conn = connect(site)?;
    Ok(is_known(&conn)? && identity::check(&conn, &site.place, &site.platform).is_ok())
}

/// Makes the directory of the files from which attached files are filled.
pub(crate) fn make_temporary(server: &Server) -> Result<()> {
    let folder = server.temporary();
    let mut maker = std::fs::DirBuilder::new();
    maker.recursive(true).mode(0o700).create(&folder).map_err(|error| io(error, &folder))
}

/// Replaces everything in an attached file with the contents of a finished file, in one transaction. Refuses a file with
/// rows, or with tables that no model declares: they would be lost.
pub(crate) fn put_into_attached(server: &Server, place: &Place, filled: &TemporaryFile) -> Result<()> {
    let site = server.site(place);
    let from = open::connect(&filled.0)?;
    let mut to = connect(&site)?;
    to.busy_timeout(BUSY_WAIT)?;
    refuse_contents(&from, &to)?;
    match Backup::new(&from, &mut to)?.step(-1)? {
        StepResult::Done => {}
        other => return Err(Error::new(Kind::Busy, format!("{}: {other:?}", site.path.display()))),
    }
    super::upkeep::into_file(&to)?;
    drop(from);
    server.remove_temporary(&place.physical)?;
    // Another attachment in the same directory may be using it.
    drop(std::fs::remove_dir(server.temporary()));
    Ok(())
}

fn refuse_contents(from: &Connection, to: &Connection) -> Result<()> {
    let names = |conn: &Connection| -> Result<Vec<String>> {
        let sql = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') \
            AND name NOT LIKE '\\_tenantry\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        Ok(conn.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    };
    let known = names(from)?;
    for name in names(to)? {
        let is_declared = known.contains(&name);
        let has_rows = !name.contains("__fts")
            && to.query_row(
                &format!("SELECT EXISTS(SELECT 1 FROM \"{}\")", name.replace('"', "\"\"")),
                [],
                |row| row.get(0),
            )?;
        if !is_declared || has_rows {
            let why = match is_declared {
                true => format!("table {name} of the attached file has rows"),
                false => format!("the attached file has {name}, which no model declares"),
            };
            return Err(Error::new(Kind::Statement(why.clone()), why));
        }
    }
    Ok(())
}

fn connect(site: &Site) -> Result<Connection> {
    file_identity(&site.path)?;
    open::connect(&site.path)
}

fn is_known(conn: &Connection) -> Result<bool> {
    let sql = "SELECT EXISTS(SELECT 1 FROM sqlite_schema WHERE name = '_tenantry_place')";
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}

/// Returns the tables of the store's models that are there, and those of them with rows.
fn models(conn: &Connection, script: &Script) -> Result<(Vec<String>, Vec<String>)> {
    let (mut there, mut filled) = (vec![], vec![]);
    for model in script.state().of_store(script.store()) {
        let name = model.name.as_str();
        let sql = "SELECT EXISTS(SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
        if conn.query_row(sql, [name], |row| row.get(0))? {
            there.push(name.to_owned());
            if conn.query_row(&format!("SELECT EXISTS(SELECT 1 FROM \"{name}\")"), [], |row| row.get(0))? {
                filled.push(name.to_owned());
            }
        }
    }
    Ok((there, filled))
}
