//! Corrects values under any schema: values that stop a migration and that no loaded app can change.
//!
//! The engine calls it on a blocking thread, for an operator. It changes values only. It adds and deletes no rows, so
//! counters and sequences stay correct, and it changes neither keys nor the platform's tables. A [`Window`] confines it
//! to the rows of the place. `REINDEX` changes no value: it rebuilds what is derived from the rows.

use super::{contents, upkeep::open_dedicated};
use crate::{
    cell::instant,
    error::{Error, Kind, Result},
    schema::Script,
    sqlite::{sandbox::Window, schema::as_applied, site::Site},
    statement::is_reindex,
};
use rusqlite::{
    Connection,
    hooks::{AuthContext, Authorization},
    params,
};
use std::time::{Duration, Instant};

/// Instructions of SQLite's virtual machine between two checks of the clock.
const OPS_BETWEEN_CHECKS: i32 = 1000;

/// Runs one UPDATE or `REINDEX` in its own transaction, for at most `limit`. Returns the number of changed rows; `None`
/// for a `REINDEX`.
///
/// # Errors
/// Returns [`Kind::Denied`] for any other statement, [`Kind::Busy`] while the rows are being moved,
/// [`Kind::SchemaAhead`] if the database has migrations that `script` does not have, and the errors of
/// [`Window::apply`].
pub(crate) fn repair(site: &Site, script: &Script, text: &str, limit: Duration) -> Result<Option<u64>> {
    let mut conn = open_dedicated(site)?;
    conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA temp_store = FILE; BEGIN IMMEDIATE")?;
    refuse_moving(&conn, site)?;
    let end = Instant::now() + limit;
    conn.progress_handler(OPS_BETWEEN_CHECKS, Some(move || Instant::now() >= end))?;
    let changed = match is_reindex(text) {
        true => contents::rebuild(&conn, site, script).map(|()| None)?,
        false => update_rows(&mut conn, site, script, text).map(Some)?,
    };
    // On any error above, closing the connection rolls back.
    conn.execute_batch("COMMIT")?;
    Ok(changed)
}

/// Removes old entries of the place's activity log; see [`crate::Engine::trim_activity`].
pub(crate) fn trim_activity(site: &Site, before: jiff::Timestamp, most: u32) -> Result<u64> {
    let before = instant(before).map_err(|rule| Error::new(Kind::Internal, rule.to_string()))?;
    let conn = open_dedicated(site)?;
    conn.execute_batch("BEGIN IMMEDIATE")?;
    refuse_moving(&conn, site)?;
    let sql = "DELETE FROM _tenantry_activity WHERE id IN (SELECT id FROM _tenantry_activity \
        WHERE tenant = ?1 AND at < ?2 AND id < (SELECT max(id) FROM _tenantry_activity WHERE tenant = ?1) \
        ORDER BY at, id LIMIT ?3)";
    let removed = conn.execute(sql, params![site.place.tenant_number(), before, most])?;
    conn.execute_batch("COMMIT")?;
    Ok(removed as u64)
}

/// Updates rows of the place: the statement records new values, which are then checked and written.
fn update_rows(conn: &mut Connection, site: &Site, script: &Script, text: &str) -> Result<u64> {
    let mut window = Window::open(conn, script, &site.place)?;
    window.take_updates(conn)?;
    let judge = window.clone();
    judged(conn, move |context: AuthContext<'_>| judge.judge(context), text)?;
    let changed = window.apply(conn)?;
    // The new values may have other lengths.
    let recount =
        format!("{} AND p.tenant = ?1", as_applied(conn, script)?.sqlite(site.place.isolation)?.recount());
    conn.execute(&recount, [site.place.tenant_number()])?;
    Ok(changed)
}

/// Runs the statement under an authorizer.
fn judged(
    conn: &mut Connection,
    judge: impl for<'r> FnMut(AuthContext<'r>) -> Authorization + Send + 'static,
    text: &str,
) -> Result<u64> {
    conn.authorizer(Some(judge))?;
    let changed = update(conn, text);
    conn.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    changed
}

fn update(conn: &Connection, text: &str) -> Result<u64> {
    let mut statement = conn.prepare(text)?;
    if statement.readonly() || statement.column_count() > 0 {
        return Err(Error::new(Kind::Denied("no UPDATE".into()), "the statement changes nothing"));
    }
    Ok(statement.execute([])? as u64)
}

/// Fails if the rows have moved away (`fenced-generation`) or are being moved, because then each write must be
/// recorded.
fn refuse_moving(conn: &Connection, site: &Site) -> Result<()> {
    let sql = "SELECT state <> 'open' OR recorder IS NOT NULL FROM _tenantry_place WHERE tenant = ?1 AND store = ?2";
    let key = params![site.place.tenant_number(), site.place.store.as_str()];
    match conn.query_row(sql, key, |row| row.get(0))? {
        false => Ok(()),
        true => Err(Error::new(Kind::Busy, "the rows are being moved")),
    }
}
