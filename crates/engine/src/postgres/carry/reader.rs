//! Reads rows of one state of a place, for every kind of transfer.

use super::{
    texts::Texts,
    values::{Arrays, Column, noted_key, page},
};
use crate::{
    carry::{CaughtUp, LINE, Page, Tables, Touched},
    cell::Key,
    error::Result,
    identity::PlaceInfo,
    ledger::Applied,
    model::IdKind,
    postgres::{
        cells::parameter_type,
        connections::Param,
        identity::{self, key},
        names::{SCHEMA_NAMED, quoted, relations_of},
        place_state,
        places::{How, Transaction},
        schema::ledger,
        server::Server,
        site::Site,
    },
};
use std::collections::{HashMap, HashSet};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

/// One state of a place.
#[derive(Debug)]
pub(crate) struct Reader {
    transaction: Transaction,
    site: Site,
    tables: Vec<Texts>,
    /// Names of the models, and whether their ids are integers.
    models: Vec<(String, bool)>,
}

impl Reader {
    /// Opens the current state of a place.
    pub(crate) async fn open(server: &Server, site: &Site) -> Result<Self> {
        let mut transaction = server.in_place(site, How::Snapshot).await?;
        identity::check(transaction.connection()?, site, &server.platform).await?;
        Ok(Self { transaction, site: site.clone(), tables: vec![], models: vec![] })
    }

    /// Gives the connection back.
    pub(crate) async fn end(self) -> Result<()> {
        self.transaction.roll_back().await
    }

    /// Sets the tables to read.
    pub(crate) fn read(&mut self, tables: &Tables) {
        self.tables = tables.iter().map(|table| Texts::new(table, &self.site)).collect();
        let of = |table: &crate::carry::Table| (table.model.to_string(), table.id == IdKind::Integer);
        self.models = tables.iter().map(of).collect();
    }

    pub(crate) async fn page(&mut self, table: usize, after: Option<Key>, most: usize) -> Result<Page> {
        let texts = &self.tables[table];
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let (tenant, id) = (self.site.tenant, texts.storages[0]);
        let conn = self.transaction.connection()?;
        let mut params: Vec<Param<'_>> = vec![(&tenant, Type::INT8), (&most, Type::INT8)];
        let after: Vec<Key> = after.into_iter().collect();
        let after = Column::of_keys(&after, id)?;
        let after = after.natives();
        params.extend(after.iter().map(|after| (after as &(dyn ToSql + Sync), parameter_type(id))));
        let sql = if after.is_empty() { &texts.first } else { &texts.next };
        page(&conn.query(sql, &params).await?, &texts.storages)
    }

    pub(crate) async fn rows(&mut self, table: usize, ids: &[Key]) -> Result<Page> {
        let texts = &self.tables[table];
        let ids = [Column::of_keys(ids, texts.storages[0])?];
        let (arrays, tenant) = (Arrays::of(&ids), self.site.tenant);
        let rows = self.transaction.connection()?.query(&texts.get, &arrays.after(&tenant)).await?;
        page(&rows, &texts.storages)
    }

    pub(crate) async fn noted(&mut self, after: u64, most: u64) -> Result<(Touched, CaughtUp)> {
        let sql = format!(
            "SELECT seq, model, id FROM {}._tenantry_changes WHERE tenant = $1 AND store = $2 AND seq > $3
             ORDER BY seq LIMIT $4",
            self.site.quoted
        );
        let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (first, limit) = (bound(after), bound(most));
        let rows = self.about_place(&sql, &[(&first, Type::INT8), (&limit, Type::INT8)]).await?;
        let (mut touched, mut caught_up) = (Touched::new(), CaughtUp { seq: after, changes: 0 });
        for row in &rows {
            let (seq, model, id): (i64, String, &str) = (row.get(0), row.get(1), row.get(2));
            caught_up = CaughtUp { seq: seq.unsigned_abs(), changes: caught_up.changes + 1 };
            touched.entry(model).or_default().insert(noted_key(id)?);
        }
        Ok((touched, caught_up))
    }

    pub(crate) async fn lines(&mut self, after: i64, most: i64) -> Result<Page> {
        let columns = LINE.map(|(name, _)| name).join(", ");
        let s = &self.site.quoted;
        let sql = format!(
            "SELECT {columns} FROM {s}._tenantry_activity WHERE tenant = $1 AND id > $2
               AND (model = ANY($3) OR (SELECT count(*) FROM {s}._tenantry_place WHERE tenant = $1) < 2)
             ORDER BY id LIMIT $4"
        );
        let models: Vec<&str> = self.models.iter().map(|(model, _)| model.as_str()).collect();
        let params: [Param<'_>; 4] = [
            (&self.site.tenant, Type::INT8),
            (&after, Type::INT8),
            (&models, Type::TEXT_ARRAY),
            (&most, Type::INT8),
        ];
        page(&self.transaction.connection()?.query(&sql, &params).await?, &LINE.map(|(_, storage)| storage))
    }

    pub(crate) async fn last_ids(&mut self) -> Result<Vec<(usize, i64)>> {
        let sql = format!("SELECT model, last FROM {}._tenantry_seq WHERE tenant = $1", self.site.quoted);
        let tenant: [Param<'_>; 1] = [(&self.site.tenant, Type::INT8)];
        let rows = self.transaction.connection()?.query(&sql, &tenant).await?;
        let last: HashMap<&str, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let of = |(position, (model, integers)): (usize, &(String, bool))| {
            last.get(model.as_str()).filter(|_| *integers).map(|last| (position, *last))
        };
        Ok(self.models.iter().enumerate().filter_map(of).collect())
    }

    pub(crate) async fn ledger(&mut self) -> Result<Applied> {
        ledger::applied(self.transaction.connection()?, &self.site).await
    }

    pub(crate) async fn info(&mut self) -> Result<PlaceInfo> {
        place_state::info(self.transaction.connection()?, &self.site).await
    }

    pub(crate) async fn undeclared(&mut self, declared: &HashSet<String>) -> Result<Vec<String>> {
        // The role of the place may not read every table, but it may see whether one has ever had a row.
        let sql = format!(
            "SELECT c.relname::text, has_table_privilege(c.oid, 'SELECT') FROM {} AS c WHERE c.relkind = 'r' \
               AND NOT starts_with(c.relname, '_tenantry_') AND pg_relation_size(c.oid) > 0 ORDER BY 1",
            relations_of(SCHEMA_NAMED)
        );
        let schema: [Param<'_>; 1] = [(&&*self.site.schema, Type::TEXT)];
        let conn = self.transaction.connection()?;
        let mut found = vec![];
        for row in conn.query(&sql, &schema).await? {
            let (name, is_readable): (String, bool) = (row.get(0), row.get(1));
            if declared.contains(&name) {
                continue;
            }
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {}.{})", self.site.quoted, quoted(&name));
            if !is_readable || conn.query(&sql, &[]).await?[0].get(0) {
                found.push(name);
            }
        }
        Ok(found)
    }

    async fn about_place(&mut self, sql: &str, more: &[Param<'_>]) -> Result<Vec<Row>> {
        let store = self.site.place.store.as_str();
        let mut params = key(&self.site, &store).to_vec();
        params.extend(more.iter().cloned());
        self.transaction.connection()?.query(sql, &params).await
    }
}
