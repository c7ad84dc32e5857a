//! Detects drift: the differences between the tables of a place and the schema that its migrations produce. Only reads.
//!
//! The catalog shows definitions in PostgreSQL's own wording, which differs between its versions. So the wanted schema
//! is created in a transaction that is rolled back, and read from the same catalog in the same way. That is exact, and
//! needs no second description of what the statements mean. It is done once for each version of the server.

use super::{
    compiled::Statements,
    ddl::{Layout, quoted},
};
use crate::{
    error::Result,
    place::Place,
    postgres::{
        connections::Connection,
        names::relations_of,
        places::{How, roles},
        server::Server,
        site::Site,
    },
    schema::{Drift, Inspection, Script},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Query for tables, columns, constraints, indexes and policies, each with its table and its definition. `RELATIONS`
/// stands for the relations of the schema.
const READ: &str = r#"
WITH relations AS (
  SELECT oid, relname, relkind, relrowsecurity, relforcerowsecurity FROM RELATIONS AS c
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT starts_with(relname, '_tenantry_'))
SELECT CASE relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'view ' ELSE 'table ' END || relname, relname, false,
  concat_ws(' ', CASE relkind WHEN 'r' THEN 'table' ELSE 'relation of kind ' || relkind::text END,
    CASE WHEN relrowsecurity THEN 'row-level security' END, CASE WHEN relforcerowsecurity THEN 'forced' END)
FROM relations
UNION ALL
SELECT 'column ' || relname || '.' || attname, relname, true,
  concat_ws(' ', attname, format_type(atttypid, atttypmod),
    (SELECT 'COLLATE ' || collname FROM pg_collation AS l
     WHERE l.oid = attcollation AND attcollation <> (SELECT typcollation FROM pg_type AS t WHERE t.oid = atttypid)),
    CASE WHEN attnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(adbin, adrelid),
    CASE WHEN attidentity <> '' THEN 'IDENTITY' END, CASE WHEN attgenerated <> '' THEN 'GENERATED' END)
FROM relations AS r JOIN pg_attribute ON attrelid = r.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
UNION ALL
SELECT 'constraint ' || conname, relname, conname LIKE '%\_\_%', pg_get_constraintdef(c.oid)
FROM relations AS r JOIN pg_constraint AS c ON conrelid = r.oid AND contype IN ('p', 'f', 'u', 'c', 'x')
UNION ALL
SELECT 'index ' || i.relname, r.relname, i.relname LIKE '%\_\_%',
  concat_ws(' ', CASE WHEN indisunique THEN 'UNIQUE' END, substring(pg_get_indexdef(indexrelid) FROM 'USING .*'),
    CASE WHEN NOT indisvalid THEN 'INVALID' END)
FROM relations AS r JOIN pg_index ON indrelid = r.oid JOIN pg_class AS i ON i.oid = indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = indrelid)
UNION ALL
SELECT 'policy ' || relname || '.' || polname, relname, true,
  concat_ws(' ', CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, polcmd::text,
    'TO ' || array_to_string(ARRAY(SELECT CASE o WHEN 0 THEN 'public' ELSE pg_get_userbyid(o) END
      FROM unnest(polroles) AS o ORDER BY 1), ', '),
    'USING ' || pg_get_expr(polqual, polrelid), 'CHECK ' || pg_get_expr(polwithcheck, polrelid))
FROM relations AS r JOIN pg_policy ON polrelid = r.oid
"#;

/// The schema of the tables of one place.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeMap<String, Object>);

#[derive(Debug, PartialEq, Eq)]
struct Object {
    table: String,
    /// Whether the platform creates objects of this kind and name.
    ours: bool,
    text: String,
}

/// The wanted schema, by version of the server.
#[derive(Debug, Default)]
pub(super) struct Wanted(Mutex<BTreeMap<String, Arc<Snapshot>>>);

impl Server {
    /// Compares the tables of a place with the schema that the migrations of a script produce.
    ///
    /// # Errors
    /// Returns `Statement` if an applied migration's file was changed afterwards.
    pub(crate) async fn inspect(&self, place: &Place, script: &Script) -> Result<Inspection> {
        let site = self.site(place)?;
        let statements = script.postgres(place.isolation)?;
        let (pending, unknown) = self.pending(&site, statements).await?;
        let (mut drift, mut undeclared) = (vec![], vec![]);
        if pending.is_empty() {
            let wanted = self.wanted(&site, statements).await?;
            let mut transaction = self.as_owner(&site, How::Snapshot).await?;
            let live = Snapshot::read(transaction.connection()?).await;
            transaction.roll_back().await?;
            let live = live?;
            (drift, undeclared) = (live.drift(&wanted), live.undeclared(&wanted));
        }
        Ok(Inspection { pending, unknown, drift, undeclared })
    }

    /// Compares the tables of an attached database with the schema that a script produces, whatever its ledger says.
    /// Returns the tables that are missing, and the differences of the others.
    ///
    /// # Errors
    /// Returns `Unreachable` if the connection is lost.
    pub(in crate::postgres) async fn compared(
        &self,
        site: &Site,
        script: &Script,
    ) -> Result<(Vec<String>, Vec<Drift>)> {
        let wanted = self.wanted(site, script.postgres(site.place.isolation)?).await?;
        let mut transaction = self.as_owner(site, How::Snapshot).await?;
        let live = Snapshot::read(transaction.connection()?).await;
        transaction.roll_back().await?;
        Ok(Drift::missing_tables(live?.drift(&wanted)))
    }

    async fn wanted(&self, site: &Site, statements: &Statements) -> Result<Arc<Snapshot>> {
        let mut transaction = self.as_owner(site, How::Write).await?;
        let conn = transaction.connection()?;
        let version: String = conn.once("SHOW server_version_num", &[]).await?[0].get(0);
        let known = || statements.wanted.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().get(&version).cloned();
        let snapshot = match found {
            Some(snapshot) => Ok(snapshot),
            None => made(conn, statements, self.is_sole).await.map(Arc::new),
        };
        transaction.roll_back().await?;
        let snapshot = snapshot?;
        known().insert(version, snapshot.clone());
        Ok(snapshot)
    }
}

/// Creates the wanted tables in their own schema, and reads them. The role of an attached database may have no right to
/// create schemas, so the tables are temporary there. The caller must roll back.
async fn made(conn: &mut Connection, statements: &Statements, temporary: bool) -> Result<Snapshot> {
    let schema = quoted(&format!("tenantry_wanted_{}", uuid::Uuid::now_v7().simple()));
    let mut batch = match temporary {
        true => vec!["SET LOCAL search_path = pg_temp".to_owned()],
        false => vec![format!("CREATE SCHEMA {schema}; SET LOCAL search_path = {schema}, pg_temp")],
    };
    let mut references = vec![];
    let (state, pooled) = (statements.state(), statements.pooled);
    for model in state.of_store(&statements.of.store) {
        let layout = Layout { model, state, pooled };
        batch.extend(layout.create_alone()?);
        references.extend(layout.references()?);
        if pooled {
            batch.extend(roles::secure(model.name.as_str(), model.tenant_field.as_str()));
        }
    }
    batch.extend(references);
    conn.batch(&batch.join("; ")).await?;
    Snapshot::read(conn).await
}

impl Snapshot {
    /// Reads the first schema in the search path.
    async fn read(conn: &mut Connection) -> Result<Self> {
        conn.batch("SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'").await?;
        let sql = READ.replace("RELATIONS", &relations_of("current_schema()::regnamespace"));
        let rows = conn.once(&sql, &[]).await?;
        let object = |row: &tokio_postgres::Row| {
            (row.get(0), Object { table: row.get(1), ours: row.get(2), text: row.get(3) })
        };
        Ok(Self(rows.iter().map(object).collect()))
    }

    fn has_table(&self, table: &str) -> bool {
        self.0.contains_key(&format!("table {table}"))
    }

    /// Returns the differences between this schema, of a place, and the wanted one. Ignores objects that belong to no
    /// wanted table, and objects whose names the platform does not make.
    fn drift(&self, wanted: &Self) -> Vec<Drift> {
        let mut out = vec![];
        for (name, object) in &wanted.0 {
            let found = self.0.get(name).map(|found| found.text.clone());
            let is_table = name.starts_with("table ");
            if found.as_ref() != Some(&object.text) && (is_table || self.has_table(&object.table)) {
                out.push(Drift { object: name.clone(), found, wanted: Some(object.text.clone()) });
            }
        }
        for (name, object) in &self.0 {
            if object.ours && !wanted.0.contains_key(name) && wanted.has_table(&object.table) {
                out.push(Drift { object: name.clone(), found: Some(object.text.clone()), wanted: None });
            }
        }
        out
    }

    /// Returns the tables and views that no model declares.
    fn undeclared(&self, wanted: &Self) -> Vec<String> {
        let whole = |name: &&String| name.starts_with("table ") || name.starts_with("view ");
        self.0.keys().filter(whole).filter(|name| !wanted.0.contains_key(*name)).cloned().collect()
    }
}
