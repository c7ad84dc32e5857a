//! Creates the views of a shared store in the database of a tenant, and removes those of former versions.

use super::definition::Definition;
use crate::{
    error::Result,
    joins::refused,
    postgres::{connections::Connection, names::quoted, places::How, server::Server, site::Site},
};
use tokio_postgres::types::Type;

/// Longest time that the removal of former versions waits for statements that use them.
const PATIENCE: &str = "200ms";

impl Server {
    /// Creates the views unless they exist. Two processes may do so at the same time.
    ///
    /// # Errors
    /// Returns `Statement` if the database lacks `postgres_fdw`.
    pub(super) async fn make_views(&self, site: &Site, definition: &Definition) -> Result<()> {
        let mut transaction = self.as_owner(site, How::Write).await?;
        let schema = self.prefix.own("fdw");
        let done = make(transaction.connection()?, &schema, definition).await;
        if !self.finish(transaction, site, done).await? {
            return Ok(());
        }
        if let Err(error) = self.remove_former(site, definition).await {
            tracing::debug!(%error, database = %site.database, "former views of shared data stay for now");
        }
        Ok(())
    }

    /// Removes the views of former versions, unless statements use them.
    async fn remove_former(&self, site: &Site, definition: &Definition) -> Result<()> {
        let mut transaction = self.as_owner(site, How::Write).await?;
        let done = remove(transaction.connection()?, definition).await;
        self.finish(transaction, site, done).await
    }

    /// Returns the SQL that an administrator must run in the database of `site`, so that tenants' statements there can
    /// join shared data in other databases; `None` if there is nothing to run.
    ///
    /// # Errors
    /// Returns `Missing` if there is no such database, and `Unreachable` if the server does not answer.
    pub(crate) async fn join_remedy(&self, site: &Site) -> Result<Option<String>> {
        let mut lease = self.lease(site).await?;
        let conn = lease.connection()?;
        if may_use_wrapper(conn).await? {
            return Ok(None);
        }
        let rows = conn.query("SELECT current_user::text", &[]).await?;
        let role = rows.first().map(|row| quoted(row.get(0)).to_string()).unwrap_or_default();
        Ok(Some(format!(
            "CREATE EXTENSION IF NOT EXISTS postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO {role}"
        )))
    }

    /// Removes all views of shared data in the home database.
    pub(in crate::postgres) async fn remove_views(&self, conn: &mut Connection) -> Result<()> {
        let all = ["shared.", "remote."].map(|what| self.prefix.own(what));
        drop_all(conn, &all, &[]).await
    }
}

/// Creates the views unless they exist. Returns true if it created them. `schema` is the schema for the extension, if
/// it must be installed.
async fn make(conn: &mut Connection, schema: &str, definition: &Definition) -> Result<bool> {
    conn.batch("SELECT pg_advisory_xact_lock(hashtext('tenantry views'))").await?;
    let sql = "SELECT has_schema_privilege($2, oid, 'USAGE') FROM pg_namespace WHERE nspname = $1";
    let key = [(&definition.views as _, Type::TEXT), (&definition.reader as _, Type::TEXT)];
    let views = quoted(&definition.views);
    let reader = quoted(&definition.reader);
    let grant = format!(
        "GRANT USAGE ON SCHEMA {views} TO {reader}; GRANT SELECT ON ALL TABLES IN SCHEMA {views} TO {reader}"
    );
    match conn.query(sql, &key).await?.first().map(|row| row.get(0)) {
        Some(true) => return Ok(false),
        Some(false) => return conn.batch(&grant).await.map(|()| false),
        None => {}
    }
    require_wrapper(conn, schema, definition).await?;
    let mut batch = foreign(definition);
    batch.push(format!("CREATE SCHEMA {views}"));
    let from = quoted(&definition.foreign);
    batch.extend(definition.models().map(|model| {
        let name = quoted(&model.name);
        format!("CREATE VIEW {views}.{name} AS SELECT {} FROM {from}.{name}", model.columns())
    }));
    batch.push(grant);
    conn.batch(&batch.join("; ")).await?;
    Ok(true)
}

/// Returns the statements that create the foreign tables, which only the owner may use.
fn foreign(definition: &Definition) -> Vec<String> {
    let remote = &definition.remote;
    let foreign = quoted(&definition.foreign);
    let login = [("user", remote.role.clone()), ("password", remote.password.clone())];
    let mut batch = vec![
        format!(
            "CREATE SERVER {foreign} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({})",
            options(&remote.options)
        ),
        format!("CREATE USER MAPPING FOR CURRENT_USER SERVER {foreign} OPTIONS ({})", options(&login)),
        format!("CREATE SCHEMA {foreign}"),
    ];
    batch.extend(definition.models().map(|model| {
        let table = [("schema_name", definition.from.clone()), ("table_name", model.name.clone())];
        format!(
            "CREATE FOREIGN TABLE {foreign}.{} ({}) SERVER {foreign} OPTIONS ({})",
            quoted(&model.name),
            model.typed(),
            options(&table)
        )
    }));
    batch
}

fn options(list: &[(&'static str, String)]) -> String {
    let one = |(name, value): &(&str, String)| format!("{name} {}", literal(value));
    list.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Returns a text as an SQL literal that does not depend on `standard_conforming_strings`.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Checks that the owner may use `postgres_fdw` in this database. Installs it if PostgreSQL allows the owner to.
async fn require_wrapper(conn: &mut Connection, schema: &str, definition: &Definition) -> Result<()> {
    if may_use_wrapper(conn).await? {
        return Ok(());
    }
    conn.batch("SAVEPOINT wrapper").await?;
    let schema = quoted(schema);
    let install = format!(
        "CREATE SCHEMA IF NOT EXISTS {schema}; CREATE EXTENSION IF NOT EXISTS postgres_fdw SCHEMA {schema}"
    );
    if let Err(error) = conn.batch(&install).await {
        tracing::debug!(%error, "postgres_fdw cannot be installed by the owner");
        conn.batch("ROLLBACK TO SAVEPOINT wrapper").await?;
    }
    match may_use_wrapper(conn).await? {
        true => Ok(()),
        false => {
            let models: Vec<_> = definition.models().map(|model| model.name.as_str()).collect();
            Err(refused(format!(
                "{} are in another database, and joining them needs the extension postgres_fdw in this one: ask the \
                 operator, who sees the remedy with `tenantry check`; or read them through the API, for example with \
                 \"expand\"",
                models.join(", ")
            )))
        }
    }
}

/// Returns true if the owner may create foreign servers in the database of the connection.
async fn may_use_wrapper(conn: &mut Connection) -> Result<bool> {
    let sql = "SELECT has_foreign_data_wrapper_privilege(oid, 'USAGE') FROM pg_foreign_data_wrapper \
        WHERE fdwname = 'postgres_fdw'";
    Ok(conn.query(sql, &[]).await?.first().is_some_and(|row| row.get(0)))
}

/// Removes the views of former versions.
async fn remove(conn: &mut Connection, definition: &Definition) -> Result<()> {
    conn.batch(&format!("SET LOCAL lock_timeout = '{PATIENCE}'")).await?;
    drop_all(conn, &definition.versions, &[&definition.views, &definition.foreign]).await
}

/// Drops the schemas and foreign servers of the owner whose names begin with one of `beginnings`, except those in
/// `except`.
async fn drop_all(conn: &mut Connection, beginnings: &[String], except: &[&String]) -> Result<()> {
    let sql = "SELECT format('DROP SERVER %I CASCADE', srvname) FROM pg_foreign_server, unnest($1) AS b \
        WHERE starts_with(srvname, b) AND srvname <> ALL($2) \
        UNION ALL SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace, unnest($1) AS b \
        WHERE starts_with(nspname, b) AND nspname <> ALL($2)";
    let except: Vec<&str> = except.iter().map(|name| name.as_str()).collect();
    let rows = conn.query(sql, &[(&beginnings, Type::TEXT_ARRAY), (&&except[..], Type::TEXT_ARRAY)]).await?;
    for row in rows {
        conn.batch(row.get(0)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_quoted() {
        let list = [("host", "a'b\\c".into()), ("port", "5".into())];
        assert_eq!(options(&list), "host E'a''b\\\\c', port E'5'");
    }
}
