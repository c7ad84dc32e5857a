//! Statements in SQL on a tenant's own database: by the tenant, and by an operator. The audit log has each of them.

use crate::{Platform, Result, access::Tenant, audit::By};
use std::time::Duration;
use tenantry_engine::{
    engine::{SqlLimits, SqlRows},
    name::{Slug, StoreName},
};

/// Number of characters of a statement that the audit log stores.
const AUDITED_SQL_CHARS: usize = 2_000;
/// Longest duration of an operator's UPDATE, as a multiple of that of a read.
const REPAIR_FACTOR: u32 = 6;

impl Platform {
    /// Runs a read-only statement in one tenant's own database, for the operator.
    ///
    /// # Errors
    /// Those of [`Platform::tenant_sql`].
    pub async fn operator_sql(
        &self,
        by: &By,
        slug: &Slug,
        store: &StoreName,
        statement: &str,
    ) -> Result<SqlRows> {
        let tenant = self.enter_as_operator(by, slug).await?;
        self.audit_sql(&tenant, store, statement).await?;
        let place = tenant.place(store)?;
        let rows = self.0.engine.operator_sql(place, statement, self.sql_limits()).await;
        rows.map_err(|error| crate::reroute::refused(tenant.record(), place, error))
    }

    /// Runs one UPDATE in a tenant's own database, whatever its schema is, so that the operator can correct values that
    /// stop a migration. Returns the number of rows changed. The statement is in the audit log before it runs.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] for a store that tenants do not have; [`crate::Error::Engine`] for what the database refuses.
    pub async fn operator_repair(
        &self,
        by: &By,
        slug: &Slug,
        store: &StoreName,
        statement: &str,
    ) -> Result<u64> {
        let tenant = self.enter_as_operator(by, slug).await?;
        self.audit_sql(&tenant, store, statement).await?;
        let place = tenant.place(store)?;
        let limit = self.sql_limits().deadline * REPAIR_FACTOR;
        Ok(self.0.engine.operator_repair(place, statement, limit).await?)
    }

    /// Runs a read-only statement, confined to the entered tenant's data, in its database. The statement is in the
    /// audit log before it runs.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] for a store that tenants do not have; [`crate::Error::Engine`] for what the database refuses.
    pub async fn tenant_sql(
        &self,
        tenant: &Tenant,
        store: &StoreName,
        statement: &str,
        params: serde_json::Value,
    ) -> Result<SqlRows> {
        self.audit_sql(tenant, store, statement).await?;
        let session = self.opened(tenant, store).await?.session;
        Ok(session.sql(statement, params, self.sql_limits()).await?)
    }

    /// Writes a statement to the audit log before it runs.
    async fn audit_sql(&self, tenant: &Tenant, store: &StoreName, statement: &str) -> Result<()> {
        self.tenant_store(store)?;
        let mut write = self.control().begin().await?;
        let said: String = statement.chars().take(AUDITED_SQL_CHARS).collect();
        let detail = serde_json::json!({ "store": store, "statement": said, "bytes": statement.len() });
        write.audit(&tenant.actor().by(), Some(tenant.id()), "tenant.sql", detail).await?;
        write.commit().await
    }

    fn sql_limits(&self) -> SqlLimits {
        let limits = &self.config().limits;
        SqlLimits {
            deadline: Duration::from_millis(limits.statement_deadline_ms),
            memory_bytes: limits.statement_memory,
            scratch_bytes: limits.statement_scratch,
            ..SqlLimits::default()
        }
    }
}
