//! Removes a pooled tenant with all its rows from the shared tables. Touches no other tenant's row.

use crate::{
    error::{Error, Kind, Result},
    place::Place,
    postgres::{
        connections::Connection,
        identity,
        names::{SCHEMA_NAMED, quoted, relations_of},
        place_state,
        places::How,
        seal,
        server::Server,
        site::Site,
    },
};
use tokio_postgres::types::Type;

impl Server {
    /// Removes a pooled tenant and all its rows in one transaction. Until it ends the rows are visible, and other
    /// tenants always read and write as usual. Idempotent: succeeds if the tenant is gone, but fails if the database
    /// has it at another generation.
    ///
    /// # Errors
    /// Returns `Fenced` if the database has the tenant at another generation.
    pub(crate) async fn withdraw(&self, place: &Place) -> Result<()> {
        let site = self.site(place)?;
        if !site.is_pooled() || place.tenant.is_none() {
            return Err(Error::new(Kind::Internal, format!("{place} is not a pooled tenant's")));
        }
        let mut transaction = self.as_owner(&site, How::Write).await?;
        let conn = transaction.connection()?;
        let removed = match place_state::lock(conn, &site).await {
            Ok(()) => self.remove_rows(conn, &site).await,
            Err(error) => Err(error),
        };
        self.finish(transaction, &site, removed).await
    }

    async fn remove_rows(&self, conn: &mut Connection, site: &Site) -> Result<()> {
        if place_state::find(conn, site).await?.is_none() {
            return Ok(());
        }
        identity::check(conn, site, &self.platform).await?;
        require_single_store(conn, site).await?;
        // All rows of the tenant are removed, so no reference dangles in the end, whatever the order.
        conn.batch("SET CONSTRAINTS ALL DEFERRED").await?;
        for (table, column) in tables_of_tenants(conn, site).await? {
            let sql =
                format!("DELETE FROM {}.{} WHERE {} = $1", site.quoted, quoted(&table), quoted(&column));
            conn.query(&sql, &[(&site.tenant, Type::INT8)]).await?;
        }
        seal::depart(conn, site).await
    }
}

/// Refuses a tenant that has several stores in this pool.
async fn require_single_store(conn: &mut Connection, site: &Site) -> Result<()> {
    let sql = format!("SELECT count(*) FROM {}._tenantry_place WHERE tenant = $1", site.quoted);
    let rows = conn.query(&sql, &[(&site.tenant, Type::INT8)]).await?;
    if rows.first().is_some_and(|row| row.get::<_, i64>(0) > 1) {
        let detail =
            format!("{site}: the tenant has several stores pooled here, which tables do not tell apart");
        return Err(Error::new(Kind::Internal, detail));
    }
    Ok(())
}

/// Returns the tables with tenants' rows, each with its tenant column. They are the tables with row-level security. In
/// the table of a model, the tenant column is the first one.
async fn tables_of_tenants(conn: &mut Connection, site: &Site) -> Result<Vec<(String, String)>> {
    let sql = format!(
        "SELECT c.relname::text, CASE WHEN starts_with(c.relname, '_tenantry_') THEN 'tenant' ELSE a.attname::text END \
         FROM {} AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = 1 \
         WHERE c.relkind = 'r' AND c.relrowsecurity",
        relations_of(SCHEMA_NAMED)
    );
    let schema = &*site.schema;
    let rows = conn.query(&sql, &[(&schema, Type::TEXT)]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
