//! SQL statements on the rows of a tenant or of a system store, from the tenant's managers or an operator. The audit
//! log records every statement.

use crate::{
    Error, Platform, Result,
    access::{Operator, Tenant},
    audit::By,
    tenants::OwnTenant,
};
use std::{sync::Arc, time::Duration};
use tenantry_engine::{
    SharedStore,
    engine::{SqlLimits, SqlRows},
    name::{Slug, StoreName, TenantId},
    place::Place,
};

/// Number of characters of a statement that the audit log stores.
const AUDITED_SQL_CHARS: usize = 2_000;
/// Deadline of an operator's UPDATE, as a multiple of the deadline of a read.
const REPAIR_FACTOR: u32 = 6;

/// Result of an operator's UPDATE or REINDEX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repaired {
    /// Number of rows changed; `None` if the statement rebuilt indexes and counters.
    pub rows: Option<u64>,
    /// True if the rows are in a pool, which is migrated as a whole.
    pub is_pooled: bool,
}

/// A statement as the audit log records it. `tenant` is `None` for a statement on a system store.
struct Said<'a> {
    by: &'a By,
    tenant: Option<TenantId>,
    store: &'a StoreName,
    statement: &'a str,
}

/// The SQL statements of an operator on tenants and system stores.
pub struct Statements<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Returns the SQL statements of an operator on tenants and system stores: read, repair.
    pub fn statements(&self) -> Statements<'_> {
        Statements { platform: self }
    }
}

impl Statements<'_> {
    /// Runs a read-only statement on the rows of one tenant, for the operator.
    ///
    /// # Errors
    /// Returns the errors of [`OwnTenant::sql`].
    pub async fn on_tenant(
        &self,
        operator: &Operator,
        slug: &Slug,
        store: &StoreName,
        statement: &str,
    ) -> Result<SqlRows> {
        let tenant = self.platform.tenants().enter(operator, slug).await?;
        self.audit_tenant_sql(&tenant, store, statement).await?;
        let place = tenant.place(store)?;
        let script = self.platform.loaded().databases.script(store)?;
        let (limits, shared) = (self.sql_limits(), self.shared(&tenant));
        let rows = self.platform.0.engine.operator_sql(place, &script, statement, limits, &shared).await;
        rows.map_err(|error| {
            crate::tenants::databases::reroute::refused(&self.platform.0, tenant.record(), place, error)
        })
    }

    /// Runs one UPDATE on the rows of one tenant, whatever their schema is, so that the operator can correct values
    /// that stop a migration. The audit log gets the statement before it runs, and the outcome afterwards.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for a store that tenants do not have; [`crate::Error::Engine`] for what the database
    /// refuses.
    pub async fn repair_tenant(
        &self,
        operator: &Operator,
        slug: &Slug,
        store: &StoreName,
        statement: &str,
    ) -> Result<Repaired> {
        let tenant = self.platform.tenants().enter(operator, slug).await?;
        self.platform.config().tenant_store(store)?;
        let place = tenant.place(store)?;
        let by = tenant.actor().by();
        self.repair(&Said { by: &by, tenant: Some(tenant.id()), store, statement }, place).await
    }

    /// Runs a read-only statement on a system store, for the operator.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for any other store, and for the control store; [`Error::Engine`] for what the
    /// database refuses.
    pub async fn on_system_store(
        &self,
        operator: &Operator,
        store: &StoreName,
        statement: &str,
    ) -> Result<SqlRows> {
        let (place, by) = (self.system_place_for_sql(store)?, operator.by());
        self.audit_sql(&Said { by: &by, tenant: None, store, statement }, "sql").await?;
        let script = self.platform.loaded().databases.script(store)?;
        Ok(self.platform.0.engine.operator_sql(&place, &script, statement, self.sql_limits(), &[]).await?)
    }

    /// Runs one UPDATE on a system store, with the audit rows of [`Statements::repair_tenant`].
    ///
    /// # Errors
    /// Returns the errors of [`Statements::on_system_store`].
    pub async fn repair_system_store(
        &self,
        operator: &Operator,
        store: &StoreName,
        statement: &str,
    ) -> Result<Repaired> {
        let (place, by) = (self.system_place_for_sql(store)?, operator.by());
        self.repair(&Said { by: &by, tenant: None, store, statement }, &place).await
    }

    async fn repair(&self, said: &Said<'_>, place: &Place) -> Result<Repaired> {
        self.audit_sql(said, "sql_write").await?;
        let limit = self.sql_limits().deadline * REPAIR_FACTOR;
        let script = self.platform.loaded().databases.script(&place.store)?;
        let done = self
            .platform
            .0
            .engine
            .operator_repair(place, &script, said.statement, limit)
            .await
            .map_err(Error::from);
        let detail = match &done {
            Ok(Some(rows)) => serde_json::json!({ "store": said.store, "rows": rows }),
            Ok(None) => serde_json::json!({ "store": said.store, "rebuilt": true }),
            Err(error) => serde_json::json!({ "store": said.store, "refused": error.code() }),
        };
        self.audit_detail(said, "sql_write_end", detail).await?;
        Ok(Repaired { rows: done?, is_pooled: place.isolation.is_pooled() })
    }

    /// Returns the place of a system store, if an operator's statement may use that store.
    fn system_place_for_sql(&self, store: &StoreName) -> Result<Place> {
        let place = self.platform.loaded().databases.system_place(store);
        let place = place.filter(|place| place.store.as_str() != "control");
        place.ok_or(Error::NotFound("system store"))
    }

    async fn audit_tenant_sql(&self, tenant: &Tenant, store: &StoreName, statement: &str) -> Result<()> {
        self.platform.config().tenant_store(store)?;
        let by = tenant.actor().by();
        self.audit_sql(&Said { by: &by, tenant: Some(tenant.id()), store, statement }, "sql").await
    }

    /// Writes a statement to the audit log before it runs.
    async fn audit_sql(&self, said: &Said<'_>, action: &str) -> Result<()> {
        let text: String = said.statement.chars().take(AUDITED_SQL_CHARS).collect();
        let detail =
            serde_json::json!({ "store": said.store, "statement": text, "bytes": said.statement.len() });
        self.audit_detail(said, action, detail).await
    }

    async fn audit_detail(&self, said: &Said<'_>, action: &str, detail: serde_json::Value) -> Result<()> {
        let mut write = self.platform.control().begin().await?;
        let subject = if said.tenant.is_some() { "tenant" } else { "store" };
        write.audit(said.by, said.tenant, &format!("{subject}.{action}"), detail).await?;
        write.commit().await
    }

    /// Returns the system stores that a tenant's statement may read in addition to the tenant's own tables.
    fn shared(&self, tenant: &Tenant) -> Arc<[SharedStore]> {
        self.platform.loaded().of(tenant.record()).shared.clone()
    }

    fn sql_limits(&self) -> SqlLimits {
        let limits = &self.platform.config().limits;
        SqlLimits {
            deadline: Duration::from_millis(limits.statement_deadline_ms),
            memory_bytes: limits.statement_memory,
            scratch_bytes: limits.statement_scratch,
            ..SqlLimits::default()
        }
    }
}

impl OwnTenant<'_> {
    /// Runs a read-only statement in the entered tenant's database, confined to the tenant's data, on behalf of a
    /// manager of the tenant. The statement may join the models of system stores that managers may read, if the two
    /// databases can be joined. The audit log gets the statement before it runs.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant; [`Error::NotFound`] for a store that tenants do
    /// not have; [`Error::Engine`] for what the database refuses.
    pub async fn sql(
        &self,
        store: &StoreName,
        statement: &str,
        params: serde_json::Value,
    ) -> Result<SqlRows> {
        self.tenant.require_manager()?;
        let statements = self.platform.statements();
        statements.audit_tenant_sql(self.tenant, store, statement).await?;
        let session = self.opened(store).await?.session;
        let (limits, shared) = (statements.sql_limits(), statements.shared(self.tenant));
        Ok(self.platform.0.engine.sql(&session, statement, params, limits, &shared).await?)
    }
}
