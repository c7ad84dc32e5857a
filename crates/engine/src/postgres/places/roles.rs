//! Roles of places, their rights, and row-level security. The role of the configuration owns every database, schema and
//! table. Other roles own nothing.
//!
//! - The *role of a schema* has the name of the schema. It cannot sign in. The owner assumes it for statements on rows
//!   of a pool or a tenant's schema, so that they reach no other schema.
//! - The *reader* of a tenant's own database or schema signs in for the tenant's own SQL. It can only read models.
//!
//! All statements run in the transaction that gives a place its identity, so a crash leaves no role behind. A comment
//! marks a role of this installation; another role with its name is never used.

use crate::{
    error::{Error, Kind, Result},
    identity::Platform,
    postgres::{
        connections::Connection,
        names::{Prefix, quoted, relations_of},
        site::Site,
        tables,
    },
};
use tokio_postgres::{Row, types::Type};

/// Longest name in PostgreSQL, in bytes.
const LONGEST: usize = 63;

/// Query for the mark of the role `$1`, if it exists.
pub(crate) const ROLE: &str = "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = $1";

/// What the reader of a place may do besides reading.
const READER: &str = "LOGIN CONNECTION LIMIT 8";

/// SQL for the tenant whose rows a transaction on a pool sees, from its setting.
const TENANT: &str = "nullif(current_setting('tenantry.tenant', true), '')::bigint";

/// Returns the name of the reader of a place. It contains a character that no other name of the installation contains.
pub(crate) fn reader(site: &Site) -> String {
    beside(&site.name, "sql")
}

/// Returns the name of the role that may connect to the home database. Readers of schemas there are its members.
pub(crate) fn home_readers(prefix: &Prefix) -> String {
    prefix.own("home")
}

/// Returns a name that is derived from `name` and that no database, schema or role of another place has.
pub(crate) fn beside(name: &str, what: &str) -> String {
    let whole = format!("{name}.{what}");
    if whole.len() <= LONGEST {
        return whole;
    }
    let hash = blake3::hash(name.as_bytes()).to_hex();
    format!("{}.{}.{what}", &name[..LONGEST - 18 - what.len()], &hash[..16])
}

/// Returns statements that confine a table of a pool: every row belongs to the tenant in `tenant_column`, and a
/// transaction sees only the rows of the tenant that it has set, or no rows if it has set none. Returns no statements
/// for a table of a single tenant, because the default privileges of the schema are enough there.
///
/// The statements run in the schema of the pool, directly after `CREATE TABLE`.
pub(crate) fn confine_table(pooled: bool, table: &str, tenant_column: &str) -> Vec<String> {
    if !pooled {
        return vec![];
    }
    let name = quoted(table);
    let mut statements = secure(table, tenant_column);
    statements.push(format!(
        "DO $$BEGIN EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', \
         '{name}'::regclass, current_schema()); END$$"
    ));
    statements
}

/// Returns the statements of row-level security of one table.
pub(in crate::postgres) fn secure(table: &str, tenant_column: &str) -> Vec<String> {
    let (table, column) = (quoted(table), quoted(tenant_column));
    vec![
        format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"),
        format!("CREATE POLICY tenantry_tenant ON {table} USING ({column} = {TENANT})"),
        format!(
            "CREATE POLICY tenantry_all ON {table} TO CURRENT_USER \
             USING (current_setting('tenantry.all', true) = 'on')"
        ),
    ]
}

/// Returns statements that confine the platform's own tables of a new pool or tenant's schema, and give the role of the
/// schema the rights that writes need. Returns none for a tenant's own database, because only the owner uses its
/// tables.
pub(crate) fn confine_platform_tables(site: &Site) -> Vec<String> {
    let Some(role) = site.role() else { return vec![] };
    let role = quoted(role);
    let mut statements = vec![
        format!("GRANT SELECT ON _tenantry_meta, _tenantry_ledger TO {role}"),
        format!("GRANT SELECT, UPDATE ON _tenantry_place TO {role}"),
        format!("GRANT SELECT, INSERT, UPDATE ON _tenantry_seq TO {role}"),
        format!("GRANT SELECT, INSERT ON _tenantry_activity, _tenantry_changes TO {role}"),
    ];
    if site.is_pooled() {
        statements.extend(tables::OF_TENANTS.iter().flat_map(|table| secure(table, "tenant")));
    }
    statements
}

/// Creates the role of a new schema, with the right to use the schema.
pub(crate) async fn make_role(conn: &mut Connection, site: &Site, platform: &Platform) -> Result<()> {
    let Some(role) = site.role() else { return Ok(()) };
    make(conn, role, "NOLOGIN", platform).await?;
    let (role, schema) = (quoted(role), &site.quoted);
    conn.batch(&format!("GRANT USAGE ON SCHEMA {schema} TO {role}")).await
}

/// Lets the roles of a tenant's own database or schema use present and future models. Call this after the platform's
/// own tables were created and, in a schema, before any model.
pub(crate) async fn open_models(
    conn: &mut Connection,
    site: &Site,
    prefix: &Prefix,
    platform: &Platform,
) -> Result<()> {
    if site.is_pooled() || site.place.tenant.is_none() {
        return Ok(());
    }
    let name = reader(site);
    let roles = conn.once(ROLE, &[(&name, Type::TEXT)]).await?;
    let models = conn.once(&models(site), &[]).await?;
    conn.batch(&opening(site, prefix, platform, (&roles, named(&models)))?.join("; ")).await
}

/// Returns the statements of [`open_models`] for a tenant's place. Takes the answer to [`ROLE`], for its reader, and the
/// names of the models, as [`named`] returns them.
///
/// # Errors
/// Returns the errors of [`make`].
pub(crate) fn opening(
    site: &Site,
    prefix: &Prefix,
    platform: &Platform,
    (roles, models): (&[Row], Option<&str>),
) -> Result<Vec<String>> {
    let name = reader(site);
    let (reader, schema) = (quoted(&name), &site.quoted);
    let mut batch: Vec<String> = creation(roles, &name, READER, platform)?.into_iter().collect();
    batch.extend([
        format!("GRANT USAGE ON SCHEMA {schema} TO {reader}"),
        format!("ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {reader}"),
    ]);
    match site.role() {
        Some(role) => {
            let role = quoted(role);
            batch.push(format!("GRANT {} TO {reader}", quoted(&home_readers(prefix))));
            batch.push(format!(
                "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} \
                 GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}"
            ));
        }
        None => {
            batch.push(format!("GRANT CONNECT ON DATABASE {} TO {reader}", quoted(&site.database)));
            batch.extend(models.map(|models| format!("GRANT SELECT ON {models} TO {reader}")));
        }
    }
    Ok(batch)
}

/// Returns the statement that allows only the owner to connect to a place's own database.
pub(crate) fn close_database(site: &Site) -> String {
    format!("REVOKE ALL ON DATABASE {} FROM PUBLIC", quoted(&site.database))
}

/// Returns the statement that allows only the owner to use the schema of a place's own database. Templates have run it.
pub(crate) fn close_schema(site: &Site) -> String {
    format!("REVOKE ALL ON SCHEMA {} FROM PUBLIC", site.quoted)
}

/// Returns the query for the names of all present models, as a list in SQL; it is null if there are none.
pub(crate) fn models(site: &Site) -> String {
    let relations = relations_of(&format!("'{}'::regnamespace", site.quoted));
    format!(
        "SELECT string_agg(quote_ident(relname), ', ') FROM {relations} AS c \
         WHERE relkind IN ('r', 'p', 'v', 'm') AND NOT starts_with(relname, '_tenantry_')"
    )
}

/// Returns the answer to [`models`].
pub(crate) fn named(rows: &[Row]) -> Option<&str> {
    rows.first()?.get(0)
}

/// Creates a role that owns nothing, unless it exists, and lets the owner assume it.
///
/// # Errors
/// Returns [`Kind::WrongIdentity`] if a role of another program has the name.
pub(crate) async fn make(conn: &mut Connection, name: &str, how: &str, platform: &Platform) -> Result<()> {
    let rows = conn.once(ROLE, &[(&name, Type::TEXT)]).await?;
    match creation(&rows, name, how, platform)? {
        Some(creation) => conn.batch(&creation).await,
        None => Ok(()),
    }
}

/// Returns the statements of [`make`]; `None` if the role exists. Takes the answer to [`ROLE`].
fn creation(rows: &[Row], name: &str, how: &str, platform: &Platform) -> Result<Option<String>> {
    let mark = mark(platform);
    match rows.first().map(|row| row.get::<_, Option<&str>>(0)) {
        None => {}
        Some(found) if found == Some(&mark) => return Ok(None),
        Some(_) => {
            let detail = format!("the server has another role {name}: remove it, or change the prefix");
            return Err(Error::new(Kind::WrongIdentity, detail));
        }
    }
    let role = quoted(name);
    Ok(Some(format!(
        "CREATE ROLE {role} {how} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION; \
         COMMENT ON ROLE {role} IS '{mark}'; GRANT {role} TO CURRENT_USER"
    )))
}

/// Returns the comment that marks the roles of this installation.
pub(crate) fn mark(platform: &Platform) -> String {
    format!("Tenantry {}", platform.id()).replace('\'', "''")
}

/// Returns the names of all roles of a place.
pub(crate) fn names(site: &Site) -> Vec<String> {
    site.role().map(str::to_owned).into_iter().chain([reader(site)]).collect()
}
