//! Names, residents and sizes on a server, whether or not the catalog knows them. For operators' reports and for the
//! choice of names and ids (`no-reuse`), never for routing (`catalog-placement`).

use super::{
    How, make,
    remove::{ASIDE, ASIDE_OTHER, before_aside},
    roles::beside,
};
use crate::{
    error::{Error, Kind, Result},
    identity::{Highest, Resident},
    name::{PhysicalName, StoreName},
    place::{DatabaseFile, Isolation, Place},
    postgres::{
        names::{SCHEMA_NAMED, quoted, relations_of},
        place_state,
        server::Server,
        site::Site,
    },
};
use tokio_postgres::{Row, types::Type};

impl Server {
    /// Returns true if the database or schema of the place exists.
    pub(crate) async fn exists(&self, place: &Place) -> Result<bool> {
        let site = self.site(place)?;
        self.stands(&site, &site.name).await
    }

    /// Returns true if a database, schema or role has this name, including one that was set aside.
    pub(crate) async fn is_taken(&self, physical: &PhysicalName) -> Result<bool> {
        if self.is_sole {
            return Ok(false);
        }
        let name = self.prefix.name(physical)?;
        let names = [beside(&name, ASIDE), beside(&name, ASIDE_OTHER), beside(&name, "sql"), name];
        let sql = "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = ANY($1)) \
            OR EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = ANY($1)) \
            OR EXISTS (SELECT 1 FROM pg_roles WHERE rolname = ANY($1))";
        let mut lease = self.home().await?;
        let rows = lease.connection()?.query(sql, &[(&&names[..], Type::TEXT_ARRAY)]).await?;
        Ok(rows.first().is_some_and(|row| row.get(0)))
    }

    /// Returns the databases and schemas that an installation created and whose names begin with the prefix, without
    /// templates.
    pub(crate) async fn database_files(&self) -> Result<Vec<DatabaseFile>> {
        if self.is_sole {
            return Ok(vec![]);
        }
        // A database that the role may not connect to is not ours, and its size is not visible.
        let databases = "SELECT datname::text, pg_database_size(oid), shobj_description(oid, 'pg_database') \
            FROM pg_database WHERE has_database_privilege(oid, 'CONNECT') AND starts_with(datname, $1) AND NOT datistemplate AND datname <> current_database()";
        let schemas = "SELECT n.nspname::text, coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint, \
              obj_description(n.oid, 'pg_namespace') \
            FROM pg_namespace AS n LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'm') \
            WHERE starts_with(n.nspname, $1) AND n.nspname NOT IN ('public', 'information_schema') \
              AND NOT starts_with(n.nspname, 'pg_') \
            GROUP BY n.oid, n.nspname";
        let mut lease = self.home().await?;
        let conn = lease.connection()?;
        let mut found = vec![];
        for (sql, isolation) in [(databases, Isolation::Database), (schemas, Isolation::Schema)] {
            let rows = conn.query(sql, &[(&self.prefix.as_str(), Type::TEXT)]).await?;
            found.extend(rows.iter().filter_map(|row| self.described(row, isolation)));
        }
        let own = self.prefix.own("");
        found.retain(|database| !database.file.starts_with(&own));
        found.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(found)
    }

    /// Returns the description of a database or schema; `None` if another program created it.
    fn described(&self, row: &Row, isolation: Isolation) -> Option<DatabaseFile> {
        let name: String = row.get(0);
        let made_at = row.get::<_, Option<&str>>(2).and_then(make::made_at)?;
        Some(DatabaseFile {
            server: self.name.clone(),
            physical: self.prefix.physical(before_aside(&name)),
            isolation,
            bytes: u64::try_from(row.get::<_, i64>(1)).unwrap_or(0),
            modified: made_at.into(),
            file: name,
        })
    }

    /// Returns the size in bytes: of the database or schema on disk or, for a pooled tenant, of its values.
    pub(crate) async fn size_bytes(&self, place: &Place) -> Result<u64> {
        let site = self.site(place)?;
        if site.is_pooled() && place.tenant.is_some() {
            return Ok(self.place_info(place).await?.bytes.unwrap_or_default());
        }
        if !self.exists(place).await? {
            return Err(Error::new(Kind::Missing, format!("{site}: no such database")));
        }
        let sql = match site.shares_database() {
            true => format!(
                "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM {} AS c WHERE relkind IN ('r', 'm')",
                relations_of(SCHEMA_NAMED)
            ),
            false => "SELECT pg_database_size($1::name)".into(),
        };
        let mut lease = self.home().await?;
        let rows = lease.connection()?.query(&sql, &[(&&*site.name, Type::TEXT)]).await?;
        Ok(rows.first().map_or(0, |row| u64::try_from(row.get::<_, i64>(0)).unwrap_or(0)))
    }

    /// Returns the highest ids of the residents that the installation `platform` has under this name; `None` if there
    /// is no such database or schema, or if it is not one of ours.
    pub(crate) async fn highest(&self, physical: &PhysicalName, platform: &str) -> Result<Option<Highest>> {
        let mut highest = None;
        for site in self.sites(physical)? {
            let sql = format!(
                "SELECT coalesce(max(tenant), 0), coalesce(max(generation), 0) FROM {}._tenantry_place \
                 WHERE platform IN ($1, '') AND tenant >= 0",
                site.quoted
            );
            let Some(rows) = self.ours(&site, &sql, &[(&platform, Type::TEXT)]).await? else { continue };
            let found = rows.first().map(|row| Highest { tenant: row.get(0), generation: row.get(1) });
            let before = highest.unwrap_or(Highest { tenant: 0, generation: 0 });
            highest = found.map(|found| Highest {
                tenant: found.tenant.max(before.tenant),
                generation: found.generation.max(before.generation),
            });
        }
        Ok(highest)
    }

    /// Returns the generation of the tenant's rows in the pool of `place`, which may differ from that of `place`.
    pub(crate) async fn generation_in(&self, place: &Place) -> Result<Option<i64>> {
        let site = self.site(place)?;
        let mut transaction = match self.as_owner(&site, How::Snapshot).await {
            Err(error) if *error.kind() == Kind::Missing => return Ok(None),
            begun => begun?,
        };
        let found = place_state::find(transaction.connection()?, &site).await;
        match self.finish(transaction, &site, found).await {
            Ok(found) => Ok(found.map(|(generation, _)| generation)),
            Err(error) if is_not_ours(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns at most `most` residents of the database or schema with this name.
    ///
    /// # Errors
    /// Returns `Missing` if there is no such database or schema, and `WrongIdentity` if it does not have our tables.
    pub(crate) async fn residents(&self, physical: &PhysicalName, most: u32) -> Result<Vec<Resident>> {
        let mut all = None;
        for site in self.sites(physical)? {
            if !self.stands(&site, &site.name).await? {
                continue;
            }
            let sql = format!(
                "SELECT platform, tenant, store, generation FROM {}._tenantry_place ORDER BY tenant, store LIMIT $1",
                site.quoted
            );
            let rows = self.ours(&site, &sql, &[(&i64::from(most), Type::INT8)]).await?;
            let rows =
                rows.ok_or_else(|| Error::new(Kind::WrongIdentity, format!("{physical}: not one of ours")))?;
            all.get_or_insert_with(Vec::new).extend(rows.iter().map(|row| Resident {
                platform: row.get(0),
                tenant: row.get(1),
                store: row.get(2),
                generation: row.get(3),
            }));
        }
        all.ok_or_else(|| Error::new(Kind::Missing, format!("no database or schema {physical}")))
    }

    /// Returns the sites that places with this name would have: a database and a schema. Their tenant and generation
    /// have no meaning.
    fn sites(&self, physical: &PhysicalName) -> Result<[Site; 2]> {
        let store =
            StoreName::parse("any").map_err(|error| Error::with_source(Kind::Internal, "store", error))?;
        let place = |isolation| Place {
            server: self.name.clone(),
            store: store.clone(),
            isolation,
            physical: physical.clone(),
            tenant: None,
            generation: 0,
        };
        Ok([self.site(&place(Isolation::Database))?, self.site(&place(Isolation::Pooled))?])
    }

    /// Runs a query on the tables of a place; returns `None` if the place does not exist or is not ours.
    async fn ours(
        &self,
        site: &Site,
        sql: &str,
        params: &[crate::postgres::connections::Param<'_>],
    ) -> Result<Option<Vec<Row>>> {
        let mut transaction = match self.as_owner(site, How::Snapshot).await {
            Err(error) if is_not_ours(&error) => return Ok(None),
            begun => begun?,
        };
        let rows = transaction.connection()?.query(sql, params).await;
        drop(transaction.roll_back().await);
        match rows {
            Ok(rows) => Ok(Some(rows)),
            Err(error) if is_not_ours(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the names of the tables of a place, quoted and with their schema.
    pub(in crate::postgres) async fn tables(&self, site: &Site) -> Result<Vec<String>> {
        let relations = relations_of(SCHEMA_NAMED);
        let sql =
            format!("SELECT relname::text FROM {relations} AS c WHERE relkind IN ('r', 'm') ORDER BY 1");
        let mut lease = self.lease(site).await?;
        let rows = lease.connection()?.query(&sql, &[(&&*site.schema, Type::TEXT)]).await?;
        Ok(rows.iter().map(|row| format!("{}.{}", site.quoted, quoted(row.get(0)))).collect())
    }
}

/// Returns true if the error means that there is no database or schema of ours.
fn is_not_ours(error: &Error) -> bool {
    let kinds = [Kind::Missing, Kind::WrongIdentity, Kind::SchemaBehind, Kind::Corrupt, Kind::NoAccess];
    kinds.contains(error.kind()) || matches!(error.kind(), Kind::Denied(_))
}
