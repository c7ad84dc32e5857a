//! The role that reads the shared models from other databases.

use super::definition::{Definition, Remote};
use crate::{
    error::Result,
    postgres::{
        connections::{Connection, Login},
        names::{quoted, relations_of},
        places::{How, roles},
        sandbox::password_of,
        server::Server,
        site::Site,
    },
};
use tokio_postgres::types::Type;

/// Maximum number of concurrent connections from other databases.
const CONNECTIONS: u32 = 32;
/// Longest time that a connection may be idle in a transaction, because the other server may be gone.
const IDLE: &str = "60s";

impl Server {
    /// Lets the role that reads shared models sign in to the database of `at`, and read exactly these models. If `anew`
    /// is set, also sets its password again.
    ///
    /// # Errors
    /// Returns `WrongIdentity` if a role of another program has the name.
    pub(super) async fn let_in(&self, at: &Site, definition: &Definition, anew: bool) -> Result<()> {
        let Remote { role, password, .. } = &definition.remote;
        let login = Login { role: role.clone(), password: password.clone() };
        let mut transaction = self.as_owner(at, How::Write).await?;
        let done = self.open_models_of(transaction.connection()?, at, &login, definition).await;
        self.finish(transaction, at, done).await?;
        if anew { self.set_password(&login).await } else { Ok(()) }
    }

    async fn open_models_of(
        &self,
        conn: &mut Connection,
        at: &Site,
        login: &Login,
        definition: &Definition,
    ) -> Result<()> {
        let name = &*login.role;
        // Only one process at a time: PostgreSQL refuses concurrent changes of a role.
        conn.batch("SELECT pg_advisory_xact_lock(hashtext('tenantry joins'))").await?;
        let how = format!("LOGIN CONNECTION LIMIT {CONNECTIONS}");
        roles::make(conn, name, &how, &self.platform).await?;
        let (role, schema) = (quoted(name), &at.quoted);
        let sql = "SELECT rolconfig IS NULL FROM pg_roles WHERE rolname = $1";
        let is_new = conn.query(sql, &[(&name, Type::TEXT)]).await?;
        let is_new = is_new.first().is_some_and(|row| row.get(0));
        if is_new {
            conn.batch(&format!(
                "ALTER ROLE {role} SET default_transaction_read_only = on; \
                 ALTER ROLE {role} SET idle_in_transaction_session_timeout = '{IDLE}'; {}",
                password_of(login)
            ))
            .await?;
        }
        let wanted = definition.models().map(|model| model.name.clone()).collect::<Vec<_>>();
        if self.may_read_exactly(conn, at, name, &wanted).await? {
            return Ok(());
        }
        let tables: Vec<_> = wanted.iter().map(|name| format!("{schema}.{}", quoted(name))).collect();
        conn.batch(&format!(
            "GRANT CONNECT ON DATABASE {} TO {role}; GRANT USAGE ON SCHEMA {schema} TO {role}; \
             REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}; GRANT SELECT ON {} TO {role}",
            quoted(&at.database),
            tables.join(", "),
        ))
        .await
    }

    /// Returns true if the role may sign in, and may read these tables and no others.
    async fn may_read_exactly(
        &self,
        conn: &mut Connection,
        at: &Site,
        role: &str,
        wanted: &[String],
    ) -> Result<bool> {
        let sql = format!(
            "SELECT has_database_privilege($1, current_database(), 'CONNECT') \
               AND has_schema_privilege($1, '{schema}'::regnamespace, 'USAGE') \
               AND NOT EXISTS (SELECT 1 FROM {relations} AS c WHERE relkind IN ('r', 'p', 'v', 'm', 'f') \
                 AND has_any_column_privilege($1, c.oid, 'SELECT') <> (relname = ANY($2))) \
               AND cardinality($2) = (SELECT count(*) FROM {relations} AS c WHERE relname = ANY($2))",
            schema = at.quoted,
            relations = relations_of(&format!("'{}'::regnamespace", at.quoted)),
        );
        let rows = conn.query(&sql, &[(&role, Type::TEXT), (&wanted, Type::TEXT_ARRAY)]).await?;
        Ok(rows.first().is_some_and(|row| row.get(0)))
    }
}
