//! Row-level security and the rows of a pool.

use crate::{
    error::Result,
    identity::proof::{Proof, Rule},
    postgres::{
        connections::Connection,
        names::{SCHEMA_NAMED, literal, quoted, relations_of},
        places::How,
        server::Server,
        site::Site,
        tables,
    },
    schema::Schema,
};
use tokio_postgres::types::Type;

/// Longest time that a statement of a proof may take.
const PATIENCE: &str = "SET LOCAL statement_timeout = '20s'";

/// Returns each table with rows of tenants, with its tenant column. The first ones are models.
fn confined(schema: &Schema) -> Vec<(String, String)> {
    let models = schema.plans().map(|plan| plan.model());
    let models = models.map(|model| (model.name.to_string(), model.tenant_field.to_string()));
    models.chain(tables::OF_TENANTS.map(|table| (table.to_owned(), "tenant".to_owned()))).collect()
}

/// Checks that every row belongs to a tenant that lives in the pool. Reads one row for each tenant and table, through the
/// index that begins with the tenant.
pub(super) async fn rows(
    conn: &mut Connection,
    site: &Site,
    schema: &Schema,
    proof: &mut Proof,
) -> Result<()> {
    conn.batch(PATIENCE).await?;
    for (table, column) in confined(schema) {
        let (name, column) = (format!("{}.{}", site.quoted, quoted(&table)), quoted(&column));
        let sql = format!(
            "WITH RECURSIVE found(tenant) AS ( \
               (SELECT {column} FROM {name} ORDER BY {column} LIMIT 1) \
               UNION ALL SELECT (SELECT {column} FROM {name} WHERE {column} > f.tenant ORDER BY {column} LIMIT 1) \
               FROM found AS f WHERE f.tenant IS NOT NULL) \
             SELECT count(*), (array_agg(tenant) FILTER (WHERE NOT EXISTS ( \
               SELECT FROM {s}._tenantry_place AS p WHERE p.tenant = found.tenant)))[1:20] \
             FROM found WHERE tenant IS NOT NULL",
            s = site.quoted
        );
        let found = conn.once(&sql, &[]).await?;
        let Some(row) = found.first() else { continue };
        proof.check(Rule::Rows, u64::try_from(row.get::<_, i64>(0)).unwrap_or(0));
        for tenant in row.get::<_, Option<Vec<i64>>>(1).unwrap_or_default() {
            let detail = format!("table {table} has rows of tenant {tenant}, which is not there");
            proof.breach(Rule::Rows, detail);
        }
    }
    Ok(())
}

/// Query for the tables of the schema `$1` that are in `$2` or that the role `$3` may use: name, whether row-level security
/// is on and forced, and the policies that the platform did not make. `RELATIONS` stands for the relations of the schema.
const SECURITY: &str = "
SELECT c.relname::text, c.relrowsecurity, c.relforcerowsecurity,
  (SELECT string_agg(p.polname::text, ', ') FROM pg_policy AS p WHERE p.polrelid = c.oid AND NOT (
     p.polpermissive AND p.polcmd = '*' AND p.polwithcheck IS NULL AND (
       p.polname = 'tenantry_tenant' AND p.polroles = '{0}'
         AND pg_get_expr(p.polqual, p.polrelid) LIKE '%= (NULLIF(current_setting(''tenantry.tenant''%, true), ''''%)%)::bigint)'
       OR p.polname = 'tenantry_all' AND p.polroles = ARRAY[c.relowner]
         AND pg_get_expr(p.polqual, p.polrelid) LIKE '(current_setting(''tenantry.all''%, true) = ''on''%)'))),
  (SELECT count(*) FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'tenantry_tenant')
FROM RELATIONS AS c
WHERE c.relkind IN ('r', 'p')
  AND c.relname NOT IN ('_tenantry_meta', '_tenantry_ledger')
  AND (c.relname = ANY($2) OR has_any_column_privilege($3, c.oid, 'SELECT, INSERT, UPDATE'))
ORDER BY 1";

/// Checks that row-level security is on and forced on every table that the role of the pool may use.
pub(super) async fn row_security(
    conn: &mut Connection,
    site: &Site,
    schema: &Schema,
    proof: &mut Proof,
) -> Result<()> {
    let names: Vec<_> = confined(schema).into_iter().map(|(table, _)| table).collect();
    let (schema, role) = (&*site.schema, &*site.name);
    let params = [(&schema as _, Type::TEXT), (&names as _, Type::TEXT_ARRAY), (&role as _, Type::TEXT)];
    for row in conn.once(&SECURITY.replace("RELATIONS", &relations_of(SCHEMA_NAMED)), &params).await? {
        let (table, on, forced) = (row.get::<_, &str>(0), row.get::<_, bool>(1), row.get::<_, bool>(2));
        proof.check(Rule::RowSecurity, 1);
        let wrong = match (on, forced, row.get::<_, Option<&str>>(3), row.get::<_, i64>(4)) {
            (false, ..) => "has row-level security switched off".into(),
            (_, false, ..) => "does not force row-level security on its owner".into(),
            (_, _, Some(policies), _) => format!("has policies that the platform did not make: {policies}"),
            (_, _, None, 0) => "lacks the policy tenantry_tenant".into(),
            _ => continue,
        };
        proof.breach(Rule::RowSecurity, format!("table {table} {wrong}"));
    }
    Ok(())
}

impl Server {
    /// Reads each table as the role of the pool: without a tenant there must be no row, and with a tenant only rows of that
    /// tenant.
    ///
    /// # Errors
    /// Returns `Deadline` if a read takes too long, and `Unreachable` if the server does not answer.
    pub(super) async fn settings(&self, site: &Site, schema: &Schema, proof: &mut Proof) -> Result<()> {
        let tenant = self.first_tenant(site).await?;
        let mut transaction = self.as_owner(site, How::Snapshot).await?;
        let read = async {
            let conn = transaction.connection()?;
            conn.batch(&format!("{PATIENCE}; SET LOCAL ROLE {}", quoted(&site.name))).await?;
            for (settings, seen) in [
                (tenant_is("") + "; SET LOCAL tenantry.\"all\" = 'off'", None),
                (tenant_is("") + "; SET LOCAL tenantry.\"all\" = 'on'", None),
                (tenant_is(&tenant.to_string()) + "; SET LOCAL tenantry.\"all\" = 'on'", Some(tenant)),
            ] {
                conn.batch(&settings).await?;
                visible(conn, (site, schema), seen, proof).await?;
            }
            Ok(())
        };
        let read = read.await;
        self.after_reading(transaction, site, read).await
    }

    /// Returns the id of a tenant of the pool; 0 if there is none.
    async fn first_tenant(&self, site: &Site) -> Result<i64> {
        let mut transaction = self.as_owner(site, How::Snapshot).await?;
        let sql = format!(
            "SELECT tenant FROM {}._tenantry_place WHERE tenant > 0 ORDER BY tenant LIMIT 1",
            site.quoted
        );
        let rows = transaction.connection()?.once(&sql, &[]).await;
        let rows = self.after_reading(transaction, site, rows).await?;
        Ok(rows.first().map_or(0, |row| row.get(0)))
    }
}

fn tenant_is(tenant: &str) -> String {
    format!("SET LOCAL tenantry.tenant = {}", literal(tenant))
}

/// Checks that no table shows a row of another tenant than `tenant`; of any tenant if it is `None`.
async fn visible(
    conn: &mut Connection,
    (site, schema): (&Site, &Schema),
    tenant: Option<i64>,
    proof: &mut Proof,
) -> Result<()> {
    let tables = confined(schema);
    let one = |(table, column): &(String, String)| {
        let (name, column) = (format!("{}.{}", site.quoted, quoted(table)), quoted(column));
        let others = tenant.map(|tenant| format!(" WHERE {column} < {tenant} OR {column} > {tenant}"));
        format!("EXISTS (SELECT FROM {name}{})", others.unwrap_or_default())
    };
    let sql = format!("SELECT ARRAY[{}]", tables.iter().map(one).collect::<Vec<_>>().join(", "));
    let rows = conn.once(&sql, &[]).await?;
    let seen = rows.first().map(|row| row.get::<_, Vec<bool>>(0)).unwrap_or_default();
    for ((table, _), is_seen) in tables.iter().zip(seen) {
        let whose = if tenant.is_some() { "of other tenants" } else { "without a tenant" };
        let detail = is_seen.then(|| format!("the role {} sees rows of table {table} {whose}", site.name));
        proof.judge(Rule::Setting, detail);
    }
    Ok(())
}
