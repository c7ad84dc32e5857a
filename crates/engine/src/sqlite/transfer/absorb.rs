//! A copy becomes a pooled tenant: all its rows go into the shared tables in one transaction, in place of those of
//! an earlier generation of the same tenant and store. No other tenant's row is read or written.

use super::copy_file::{self, at_end, open_copy, whole};
use super::extract::carry_rows;
use super::receive::{self, Receive, Side};
use super::table::Table;
use super::{activity, marks, numbers};
use crate::error::{Error, Kind, Result};
use crate::model::Model;
use crate::name::TenantId;
use crate::place::{Isolation, Place};
use crate::sqlite::identity;
use crate::sqlite::migrate::Script;
use crate::sqlite::open::{self, Durability};
use crate::sqlite::server::Site;
use crate::sqlite::system::BUSY_WAIT;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::path::Path;

/// Puts the copy `from` of tenant `of` into the shared database of the place; closed, until it is opened. Idempotent.
pub(crate) fn absorb(site: &Site, script: &Script, from: &Path, of: TenantId, closed: bool) -> Result<()> {
    let place = &site.place;
    if place.isolation != Isolation::Pooled || place.tenant.is_none() {
        return Err(Error::new(Kind::Internal, format!("{place:?} is not a pooled tenant's")));
    }
    let copy = open_copy(from)?;
    whole(&copy)?;
    let inside = copy_file::identity(&copy, &place.store, Some(of))?;
    if Some(of) == place.tenant && inside.generation > identity::generation_number(place)? {
        let detail = format!("the copy is of generation {}, later than {place:?}", inside.generation);
        return Err(Error::new(Kind::Fenced, detail));
    }
    at_end(&copy, script.laid_out(Isolation::Database)?, "the copy")?;
    let pooled = script.laid_out(Isolation::Pooled)?;
    let mut conn = open::connect(&site.path)?;
    identity::is_ours(&conn)?;
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    receive::prepare(&conn)?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    at_end(&transaction, pooled, "the shared database")?;
    if there_already(&transaction, place)? {
        return Ok(());
    }
    // References are checked at the commit, whatever the order of tables.
    transaction.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    let models: Vec<&Model> = pooled.state().of_store(pooled.store()).collect();
    let from = Side { conn: &copy, isolation: Isolation::Database, tenant: of.get() };
    replace(&from, &transaction, site, &models, marks::first_fence(closed))?;
    Ok(transaction.commit()?)
}

/// True when the copy was absorbed before, at this generation. A tenant who was only enrolled, without rows, is
/// not in the way; an earlier generation is replaced.
fn there_already(conn: &Connection, place: &Place) -> Result<bool> {
    let sql = "SELECT generation, carried, rows FROM _tenantry_place WHERE tenant = ?1 AND store = ?2";
    let key = params![identity::tenant_number(place), place.store.as_str()];
    let found = conn.query_row(sql, key, |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, i64>(2)?))
    });
    let (here, wanted) = (found.optional()?, identity::generation_number(place)?);
    match here {
        Some((found, ..)) if found > wanted => {
            Err(Error::new(Kind::Fenced, format!("{place:?}: the database is at generation {found}")))
        }
        Some((found, None, rows)) if found == wanted && rows > 0 => {
            Err(Error::new(Kind::Fenced, format!("{place:?}: rows of this generation are there already")))
        }
        Some((found, Some(_), _)) if found == wanted => Ok(true),
        _ => Ok(false),
    }
}

fn replace(from: &Side<'_>, conn: &Connection, site: &Site, models: &[&Model], fence: i64) -> Result<()> {
    let to = Side::new(conn, site);
    let (giving, receiving) = (
        Table::all(models.iter().copied(), from.isolation),
        Table::all(models.iter().copied(), to.isolation),
    );
    let mut receive = Receive::new(to, true);
    receiving.iter().try_for_each(|table| receive.take_all(table))?;
    numbers::forget(&to, &receiving)?;
    activity::forget(&to, &receiving)?;
    (receive.rows, receive.bytes) = (0, 0);
    carry_rows(from, &giving, &mut receive, &receiving)?;
    numbers::carry(from, &to, &giving)?;
    let carried = activity::carry(from, &to, &giving, 0, -1)?;
    let (place, store) = (&site.place, site.place.store.as_str());
    conn.execute(
        "DELETE FROM _tenantry_changes WHERE tenant = ?1 AND store = ?2",
        params![to.tenant, store],
    )?;
    conn.execute(
        "INSERT OR REPLACE INTO _tenantry_place(tenant, store, generation, rows, bytes, carried, platform, fenced)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            to.tenant,
            store,
            identity::generation_number(place)?,
            receive.rows,
            receive.bytes,
            carried,
            site.platform.id(),
            fence
        ],
    )?;
    Ok(())
}
