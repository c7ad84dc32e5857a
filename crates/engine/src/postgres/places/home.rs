//! The home database of a server, which holds pools and the schemas of tenants.

use super::roles;
use crate::{
    error::Result,
    postgres::{connections::Connection, names::quoted, server::Server},
};
use tokio_postgres::types::Type;

impl Server {
    /// Restricts connections to the home database to readers of schemas, and creates the secret from which passwords
    /// are derived. Idempotent; most calls only check.
    pub(in crate::postgres) async fn prepare_home(&self) -> Result<()> {
        let role = roles::home_readers(&self.prefix);
        let mut lease = self.home().await?;
        let conn = lease.connection()?;
        let sql = "SELECT 1 FROM pg_roles WHERE rolname = $1";
        if !conn.query(sql, &[(&role.as_str(), Type::TEXT)]).await?.is_empty() {
            return Ok(());
        }
        conn.begin("").await?;
        self.close_home(conn, &role).await?;
        conn.commit().await
    }

    async fn close_home(&self, conn: &mut Connection, role: &str) -> Result<()> {
        // Only one process at a time: PostgreSQL refuses concurrent changes of a database's privileges.
        conn.batch("SELECT pg_advisory_xact_lock(hashtext('tenantry home'))").await?;
        roles::make(conn, role, "NOLOGIN", &self.platform).await?;
        let schema = quoted(&self.prefix.own("platform")).to_string();
        conn.batch(&format!(
            "CREATE SCHEMA IF NOT EXISTS {schema}; \
             CREATE TABLE IF NOT EXISTS {schema}.secret(one int PRIMARY KEY CHECK (one = 1), secret text NOT NULL); \
             INSERT INTO {schema}.secret VALUES (1, gen_random_uuid()::text || gen_random_uuid()::text) \
             ON CONFLICT DO NOTHING"
        ))
        .await?;
        let sql = "SELECT pg_get_userbyid(datdba) = current_user FROM pg_database WHERE datname = $1";
        let owner = conn.query(sql, &[(&&*self.home, Type::TEXT)]).await?;
        if !owner.first().is_some_and(|row| row.get(0)) {
            tracing::warn!(
                database = %self.home,
                "another role owns the home database, so every role of the server may connect to it: change its owner"
            );
            return Ok(());
        }
        let (home, role) = (quoted(&self.home), quoted(role));
        conn.batch(&format!(
            "REVOKE ALL ON DATABASE {home} FROM PUBLIC; GRANT CONNECT ON DATABASE {home} TO {role}"
        ))
        .await
    }
}
