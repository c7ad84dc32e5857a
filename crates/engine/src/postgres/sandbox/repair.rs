//! Corrects values under any schema of the place: values that stop a migration and that no loaded app can change.
//!
//! The statement never writes to a table of the place. It changes a copy of the place's rows of one model, as a role
//! that can only read other tables. Then the copy is compared with the rows, checked, and written to them. So no row is
//! added or deleted, and no key changes. `REINDEX` changes no value: it rebuilds what is derived from the rows.

use super::{copy::Copy, refuse_long, refuse_whole_pool, update};
use crate::{
    error::{Error, Kind, Result},
    identity::PlaceState,
    place::Place,
    postgres::{
        connections::{Connection, refusal},
        identity,
        names::quoted,
        place_state,
        places::{How, Transaction, roles},
        schema::{Layout, fill_search, ledger, recount},
        server::Server,
        site::Site,
    },
    schema::Script,
    statement::is_reindex,
};
use std::{sync::Arc, time::Duration};
use tokio_postgres::types::Type;

/// Longest wait for a lock. In the meantime, other transactions wait behind this one.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Holds off all writers of the schema and its migrations. An index waits for writers in progress.
const ALONE: &str = "LOCK TABLE _tenantry_place IN EXCLUSIVE MODE";

impl Server {
    /// See [`crate::Engine::operator_repair`]. Each statement runs for at most `limit`.
    pub(crate) async fn operator_repair(
        &self,
        place: &Place,
        script: &Arc<Script>,
        text: &str,
        limit: Duration,
    ) -> Result<Option<u64>> {
        let site = self.site(place)?;
        refuse_whole_pool(&site)?;
        refuse_long(text)?;
        let what = if is_reindex(text) { None } else { Some(update::target(text)?) };
        self.identify(&site).await?;
        // Read the tables first, on another connection, before the transaction takes one.
        let tables = if what.is_none() { self.tables(&site).await? } else { vec![] };
        let mut transaction = self.as_owner(&site, How::Write).await?;
        let done = match what {
            Some((model, text)) => {
                self.update(&mut transaction, &site, script, (&model, text), limit).await.map(Some)
            }
            None => self.rebuild(&mut transaction, &site, script, &tables, limit).await.map(|()| None),
        };
        self.finish(transaction, &site, done).await
    }

    /// See [`crate::Engine::trim_activity`].
    pub(crate) async fn trim_activity(
        &self,
        place: &Place,
        before: jiff::Timestamp,
        most: u32,
    ) -> Result<u64> {
        let site = self.site(place)?;
        self.identify(&site).await?;
        let mut transaction = self.as_owner(&site, How::Write).await?;
        let done = trim(transaction.connection()?, &site, before, most).await;
        self.finish(transaction, &site, done).await
    }

    /// Runs an UPDATE of one model. Returns the number of changed rows.
    async fn update(
        &self,
        transaction: &mut Transaction,
        site: &Site,
        script: &Script,
        (model, text): (&str, &str),
        limit: Duration,
    ) -> Result<u64> {
        let conn = transaction.connection()?;
        conn.batch(&settings(limit)).await?;
        let script = self.open_as_applied(conn, site, script).await?;
        let (state, pooled) = (script.state(), site.is_pooled());
        let model = state.of_store(script.store()).find(|own| own.name.as_str() == model);
        let model = model.ok_or_else(|| update::denied("not a model of the store"))?;
        let layout = Layout { model, state, pooled };
        let (copy, role) = (Copy::of(layout, site), role(site));
        copy.make(conn, role.as_deref()).await?;
        transaction.confine(site).await?;
        let conn = transaction.connection()?;
        let path = format!("SET LOCAL search_path = pg_temp, {}", site.quoted);
        let become_role = role.map(|role| format!("; SET LOCAL ROLE {}", quoted(&role))).unwrap_or_default();
        conn.batch(&format!("{path}{become_role}")).await?;
        run(conn, text).await.map_err(own_words)?;
        // A tenant's own database has no role that can write to its models, so the owner writes there.
        let path = format!("SET LOCAL search_path = {}, pg_temp", site.quoted);
        conn.batch(&format!("{path}; SET LOCAL ROLE NONE")).await?;
        transaction.confine(site).await?;
        let conn = transaction.connection()?;
        let changed = copy.apply(conn).await?;
        derive(conn, site, &script, std::iter::once(layout)).await?;
        Ok(changed)
    }

    /// Rebuilds the indexes of the database or schema, and what the place derives from its rows.
    async fn rebuild(
        &self,
        transaction: &mut Transaction,
        site: &Site,
        script: &Script,
        tables: &[String],
        limit: Duration,
    ) -> Result<()> {
        let conn = transaction.connection()?;
        conn.batch(&format!("{}; {ALONE}", settings(limit))).await?;
        let script = self.open_as_applied(conn, site, script).await?;
        for table in tables {
            conn.batch(&format!("REINDEX TABLE {table}")).await?;
        }
        transaction.confine(site).await?;
        let (state, pooled) = (script.state(), site.is_pooled());
        let layouts = state.of_store(script.store()).map(|model| Layout { model, state, pooled });
        derive(transaction.connection()?, site, &script, layouts).await
    }

    /// Locks the place, and returns the script with the migrations that it has.
    ///
    /// # Errors
    /// Returns [`Kind::Busy`] if the rows have moved away (`fenced-generation`) or are being moved, because then each
    /// write must be recorded.
    async fn open_as_applied(&self, conn: &mut Connection, site: &Site, script: &Script) -> Result<Script> {
        identity::check(conn, site, &self.platform).await?;
        lock_open(conn, site).await?;
        script.as_applied(&ledger::applied(conn, site).await?)
    }
}

/// Locks the place.
///
/// # Errors
/// Returns [`Kind::Busy`] if its rows have moved away or are being moved.
async fn lock_open(conn: &mut Connection, site: &Site) -> Result<()> {
    place_state::lock(conn, site).await?;
    let info = place_state::info(conn, site).await?;
    match info.state == PlaceState::Open && info.recorder.is_none() {
        true => Ok(()),
        false => Err(Error::new(Kind::Busy, "the rows are being moved")),
    }
}

async fn trim(conn: &mut Connection, site: &Site, before: jiff::Timestamp, most: u32) -> Result<u64> {
    lock_open(conn, site).await?;
    let sql = format!(
        "WITH old AS (DELETE FROM {s}._tenantry_activity WHERE tenant = $1 AND id IN (SELECT id FROM {s}._tenantry_activity \
           WHERE tenant = $1 AND at < to_timestamp($2::bigint / 1000000.0) \
           AND id < (SELECT max(id) FROM {s}._tenantry_activity WHERE tenant = $1) ORDER BY at, id LIMIT $3) RETURNING 1) \
         SELECT count(*) FROM old",
        s = site.quoted
    );
    let values: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
        [(&site.tenant, Type::INT8), (&before.as_microsecond(), Type::INT8), (&i64::from(most), Type::INT8)];
    let rows = conn.once(&sql, &values).await?;
    Ok(rows.first().map_or(0, |row| row.get::<_, i64>(0)).unsigned_abs())
}

/// Runs a single statement: the server refuses a text with several.
async fn run(conn: &mut Connection, text: &str) -> Result<()> {
    let (params, _) = conn.describe(text).await?;
    if !params.is_empty() {
        return Err(Error::new(Kind::Statement("a correction has no parameters".into()), "sql"));
    }
    conn.once(text, &[]).await.map(drop)
}

/// Recounts the place, and collects the search words of these models again.
async fn derive(
    conn: &mut Connection,
    site: &Site,
    script: &Script,
    layouts: impl Iterator<Item = Layout<'_>> + Send,
) -> Result<()> {
    let of = site.is_pooled().then_some(site.tenant);
    for layout in layouts.filter(Layout::is_searched) {
        fill_search(conn, &layout, of).await?;
    }
    let sql = format!("{} AND p.tenant = $1", recount(script.state(), script.store(), site.is_pooled()));
    conn.once(&sql, &[(&site.tenant, Type::INT8)]).await.map(drop)
}

/// Returns the role that the statement runs as, which can read the models of the place; `None` for a system store,
/// which has no other role than the owner.
fn role(site: &Site) -> Option<String> {
    match site.role() {
        Some(role) => Some(role.to_owned()),
        None => site.place.tenant.map(|_| roles::reader(site)),
    }
}

/// Returns the settings of the transaction. With those of the server, PostgreSQL might parse the statement in another
/// way than the rules do.
fn settings(limit: Duration) -> String {
    format!(
        "SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; \
         SET LOCAL standard_conforming_strings = on; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; \
         SET LOCAL client_min_messages = warning",
        limit.as_millis().max(1),
        LOCK_WAIT.as_millis()
    )
}

/// Converts an error about an unknown column, which is an error in the statement, not a missing migration.
fn own_words(error: Error) -> Error {
    match refusal(&error).map(|refused| refused.message().to_owned()) {
        Some(message) if *error.kind() == Kind::SchemaBehind => {
            Error::with_source(Kind::Statement(message), "sql", error)
        }
        _ => error,
    }
}
