//! Writes rows into a place that no request uses yet. All of it is one transaction, during which other tenants of the
//! same tables write as usual.

use super::{
    texts::Texts,
    values::{Arrays, Column, keys, page},
};
use crate::{
    carry::{LINE, Page, Tables},
    cell::{Key, Raw},
    error::{Error, Kind, Result},
    identity::{PlaceInfo, PlaceState},
    ledger::Applied,
    postgres::{
        connections::{Connection, Param},
        identity::{self, key},
        place_state,
        places::{How, Transaction},
        schema::ledger,
        seal, search,
        server::Server,
        site::Site,
    },
};
use tokio_postgres::types::Type;

/// Longest wait for another caller that writes to the place.
const LOCK_WAIT: &str = "SET LOCAL lock_timeout = '5s'";
/// References are checked at the end, because rows arrive in any order.
const DEFERRED: &str = "SET CONSTRAINTS ALL DEFERRED";

/// A transaction on a place.
#[derive(Debug)]
pub(crate) struct Writer {
    transaction: Transaction,
    site: Site,
    tables: Vec<Texts>,
    models: Vec<String>,
    /// State that a place being filled gets once it is complete; `None` for a place that catches up.
    filled: Option<PlaceState>,
    /// The rows replace those of an earlier generation in the same pool.
    replaces: bool,
    log_upto: i64,
    rows: i64,
    bytes: i64,
}

impl Writer {
    /// Locks a closed place. Set its tables with [`Writer::write`].
    pub(crate) async fn catching_up(server: &Server, site: &Site) -> Result<Self> {
        let mut transaction = server.in_place(site, How::Write).await?;
        let conn = transaction.connection()?;
        conn.batch(&format!("{LOCK_WAIT}; {DEFERRED}")).await?;
        identity::check(conn, site, &server.platform).await?;
        place_state::lock(conn, site).await?;
        let log_upto = place_state::check_closed(conn, site).await?;
        Ok(Self::new(transaction, site, None, log_upto))
    }

    /// Claims a place, removes its previous contents and begins to fill it; `None` if it was filled already. The place
    /// gets the state `filled` at the end.
    pub(crate) async fn filling(
        server: &Server,
        site: &Site,
        tables: &Tables,
        filled: PlaceState,
    ) -> Result<Option<Self>> {
        let mut transaction = server.as_owner(site, How::Write).await?;
        let conn = transaction.connection()?;
        conn.batch(LOCK_WAIT).await?;
        place_state::lock(conn, site).await?;
        let found = place_state::find(conn, site).await?;
        let replaces = found.is_some() && site.is_pooled();
        if is_complete(found, site)? {
            transaction.roll_back().await?;
            return Ok(None);
        }
        place_state::take_over(conn, site, &server.platform).await?;
        let mut writer = Self { replaces, ..Self::new(transaction, site, Some(filled), 0) };
        writer.write(tables);
        writer.clear().await?;
        writer.transaction.confine(site).await?;
        writer.transaction.connection()?.batch(DEFERRED).await?;
        Ok(Some(writer))
    }

    fn new(transaction: Transaction, site: &Site, filled: Option<PlaceState>, log_upto: i64) -> Self {
        Self {
            transaction,
            site: site.clone(),
            models: vec![],
            tables: vec![],
            filled,
            replaces: false,
            log_upto,
            rows: 0,
            bytes: 0,
        }
    }

    /// Sets the tables to write to.
    pub(crate) fn write(&mut self, tables: &Tables) {
        self.models = tables.iter().map(|table| table.model.to_string()).collect();
        self.tables = tables.iter().map(|table| Texts::new(table, &self.site)).collect();
    }

    /// Removes all rows of the place, as the owner.
    async fn clear(&mut self) -> Result<()> {
        let (s, models) = (&self.site.quoted, &self.models);
        let conn = self.transaction.connection()?;
        conn.batch(DEFERRED).await?;
        let tenant: Param<'_> = (&self.site.tenant, Type::INT8);
        for table in &self.tables {
            conn.query(&table.clear, std::slice::from_ref(&tenant)).await?;
        }
        let of_models: [Param<'_>; 2] = [tenant, (models, Type::TEXT_ARRAY)];
        let sql = format!("DELETE FROM {s}._tenantry_seq WHERE tenant = $1 AND model = ANY($2)");
        conn.query(&sql, &of_models).await?;
        let sql = format!(
            "DELETE FROM {s}._tenantry_activity WHERE tenant = $1
             AND (model = ANY($2) OR (SELECT count(*) FROM {s}._tenantry_place WHERE tenant = $1) < 2)"
        );
        conn.query(&sql, &of_models).await.map(drop)
    }

    pub(crate) fn log_upto(&self) -> i64 {
        self.log_upto
    }

    pub(crate) async fn ledger(&mut self) -> Result<Applied> {
        ledger::applied(self.transaction.connection()?, &self.site).await
    }

    pub(crate) async fn take(&mut self, table: usize, ids: &[Key]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let texts = &self.tables[table];
        let ids = [Column::of_keys(ids, texts.storages[0])?];
        let (arrays, tenant) = (Arrays::of(&ids), self.site.tenant);
        let rows = self.transaction.connection()?.query(&texts.delete, &arrays.after(&tenant)).await?;
        let gone = page(&rows, &texts.storages)?;
        self.count(-1, &gone);
        Ok(())
    }

    pub(crate) async fn put(&mut self, table: usize, page: &Page) -> Result<()> {
        if page.is_empty() {
            return Ok(());
        }
        let texts = &self.tables[table];
        let columns = texts.storages.iter().enumerate();
        let columns = columns.map(|(column, storage)| Column::of(page, column, *storage));
        let mut columns = columns.collect::<Result<Vec<_>>>()?;
        if !texts.search.is_empty() {
            columns.push(words(page, &texts.search));
        }
        let (arrays, tenant) = (Arrays::of(&columns), self.site.tenant);
        self.transaction.connection()?.query(&texts.insert, &arrays.after(&tenant)).await?;
        self.count(1, page);
        Ok(())
    }

    fn count(&mut self, sign: i64, page: &Page) {
        self.rows += sign * i64::try_from(page.len()).unwrap_or(i64::MAX);
        self.bytes += sign * page.bytes();
    }

    pub(crate) async fn conflicts(&mut self, table: usize, page: &Page) -> Result<Vec<Key>> {
        let texts = &self.tables[table];
        let mut found = vec![];
        for (positions, sql) in texts.unique.iter().filter(|_| !page.is_empty()) {
            let columns = positions.iter().map(|&column| Column::of(page, column, texts.storages[column]));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let (arrays, tenant) = (Arrays::of(&columns), self.site.tenant);
            let rows = self.transaction.connection()?.query(sql, &arrays.after(&tenant)).await?;
            found.extend(keys(&rows, texts.storages[0])?);
        }
        Ok(found)
    }

    pub(crate) async fn referrers(
        &mut self,
        table: usize,
        reference: usize,
        ids: &[Key],
    ) -> Result<Vec<Key>> {
        let texts = &self.tables[table];
        let (storage, sql) = &texts.referrers[reference];
        let ids = [Column::of_keys(ids, *storage)?];
        let (arrays, tenant) = (Arrays::of(&ids), self.site.tenant);
        let rows = self.transaction.connection()?.query(sql, &arrays.after(&tenant)).await?;
        keys(&rows, texts.storages[0])
    }

    pub(crate) async fn absent(&mut self, table: usize, ids: Vec<Key>) -> Result<Vec<Key>> {
        let texts = &self.tables[table];
        let ids = [Column::of_keys(&ids, texts.storages[0])?];
        let (arrays, tenant) = (Arrays::of(&ids), self.site.tenant);
        let rows = self.transaction.connection()?.query(&texts.absent, &arrays.after(&tenant)).await?;
        keys(&rows, texts.storages[0])
    }

    pub(crate) async fn last_ids(&mut self, last: &[(usize, i64)]) -> Result<()> {
        let sql = format!(
            "INSERT INTO {0}._tenantry_seq AS s (tenant, model, last) SELECT $1, u.* FROM unnest($2, $3) AS u
             ON CONFLICT (tenant, model) DO UPDATE SET last = greatest(s.last, excluded.last)",
            self.site.quoted
        );
        let models: Vec<&str> = last.iter().map(|(table, _)| self.models[*table].as_str()).collect();
        let last: Vec<i64> = last.iter().map(|(_, last)| *last).collect();
        let params: [Param<'_>; 3] =
            [(&self.site.tenant, Type::INT8), (&models, Type::TEXT_ARRAY), (&last, Type::INT8_ARRAY)];
        self.transaction.connection()?.query(&sql, &params).await.map(drop)
    }

    /// Adds entries to the activity log. They get new ids, in the same order, because the database numbers the entries
    /// of all its tenants together.
    pub(crate) async fn lines(&mut self, lines: &Page) -> Result<()> {
        let (names, storages): (Vec<_>, Vec<_>) = LINE[1..].iter().copied().unzip();
        let names = names.join(", ");
        let sql = format!(
            "INSERT INTO {}._tenantry_activity(tenant, {names}) SELECT $1, {names}
             FROM unnest($2, $3, $4, $5, $6, $7, $8) WITH ORDINALITY AS u({names}, n) ORDER BY n",
            self.site.quoted
        );
        let columns = storages.iter().enumerate().map(|(at, storage)| Column::of(lines, at + 1, *storage));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let (arrays, tenant) = (Arrays::of(&columns), self.site.tenant);
        self.transaction.connection()?.query(&sql, &arrays.after(&tenant)).await.map(drop)
    }

    /// Commits the transaction.
    pub(crate) async fn finish(mut self, log_upto: i64) -> Result<()> {
        let counted = (self.rows, self.bytes, log_upto);
        let conn = self.transaction.connection()?;
        if !self.site.is_pooled() {
            // Only the owner may mark a place as open.
            conn.batch("SET LOCAL ROLE NONE").await?;
        }
        match self.filled {
            Some(state) => place_state::finish_filling(conn, &self.site, state, counted).await?,
            None => carried(conn, &self.site, counted).await?,
        }
        if self.replaces {
            conn.batch("SET LOCAL ROLE NONE").await?;
            seal::depart(conn, &self.site).await?;
        }
        self.transaction.commit().await
    }
}

/// Records in the row of the place what catching up has carried.
async fn carried(conn: &mut Connection, site: &Site, (rows, bytes, log_upto): (i64, i64, i64)) -> Result<()> {
    let sql = format!(
        "UPDATE {}._tenantry_place SET rows = rows + $3, bytes = bytes + $4, log_upto = $5
         WHERE tenant = $1 AND store = $2",
        site.quoted
    );
    let store = site.place.store.as_str();
    let mut params = key(site, &store).to_vec();
    params.extend([(&rows as _, Type::INT8), (&bytes as _, Type::INT8), (&log_upto as _, Type::INT8)]);
    conn.query(&sql, &params).await.map(drop)
}

/// Returns the search words of each row.
fn words<'p>(page: &Page, columns: &[usize]) -> Column<'p> {
    let of_row = |row| {
        let texts = columns.iter().map(|&column| match page.get(row, column) {
            Raw::Text(text) => std::str::from_utf8(text).ok(),
            _ => None,
        });
        search::vector(texts)
    };
    Column::of_texts((0..page.len()).map(of_row).collect())
}

/// Returns true if this generation of the place is completely filled, as the row of the `place` says.
///
/// # Errors
/// Returns `Fenced` if the database has a later generation, or rows of this generation that did not come from a copy.
fn is_complete(place: Option<(i64, PlaceInfo)>, site: &Site) -> Result<bool> {
    let Some((found, info)) = place else { return Ok(false) };
    let refuse = |why: String| Err(Error::new(Kind::Fenced, format!("{site}: {why}")));
    match info.log_upto {
        _ if found > site.generation => refuse(format!("the database is at generation {found}")),
        _ if found < site.generation || !info.state.is_complete() => Ok(false),
        Some(_) => Ok(true),
        None if info.rows == 0 => Ok(false),
        None => refuse("rows of this generation are there already".into()),
    }
}
