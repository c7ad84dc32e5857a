//! Work on a whole database or schema: taking it over, checking that all of it can be read, and rewriting it.

use super::{How, make, roles};
use crate::{
    error::{Error, Kind, Result},
    place::{Isolation, Place},
    postgres::{connections::Connection, identity, server::Server, site::Site, tables},
};
use tokio_postgres::types::Type;

impl Server {
    /// Takes over a database or schema that was created outside the platform for this place: adds the platform's own
    /// tables, the identity of the place and its roles. Idempotent; never creates a database or schema.
    ///
    /// # Errors
    /// Returns `WrongIdentity` if it has another identity, and `Missing` if it does not exist.
    pub(crate) async fn attach(&self, place: &Place) -> Result<()> {
        if place.isolation == Isolation::Pooled {
            return Err(Error::new(Kind::Internal, format!("{place} has no database of its own")));
        }
        let site = self.site(place)?;
        if !self.exists(place).await? {
            return Err(Error::new(Kind::Missing, format!("{site}: no such database or schema")));
        }
        if site.shares_database() {
            self.prepare_home().await?;
        }
        let mut transaction = self.as_owner(&site, How::Write).await?;
        let done = self.adopt_tables(transaction.connection()?, &site).await;
        self.finish(transaction, &site, done).await
    }

    async fn adopt_tables(&self, conn: &mut Connection, site: &Site) -> Result<()> {
        if self.is_sole {
            return self.enrol_again(conn, site).await;
        }
        let sql = "SELECT to_regclass($1) IS NOT NULL";
        let table = format!("{}._tenantry_meta", site.quoted);
        let known = conn.query(sql, &[(&table.as_str(), Type::TEXT)]).await?;
        if known.first().is_some_and(|row| row.get(0)) {
            return identity::check(conn, site, &self.platform).await.map(drop);
        }
        conn.batch(tables::CREATE).await?;
        match site.shares_database() {
            true => {
                roles::make_role(conn, site, &self.platform).await?;
                conn.batch(&roles::confine_platform_tables(site).join("; ")).await?;
            }
            false => {
                conn.batch(&format!("{}; {}", roles::close_database(site), roles::close_schema(site)))
                    .await?;
            }
        }
        roles::open_models(conn, site, &self.prefix, &self.platform).await?;
        let what = if site.shares_database() { "SCHEMA" } else { "DATABASE" };
        conn.batch(&make::comment(what, &site.name)).await?;
        identity::enrol(conn, site, &self.platform).await.map(drop)
    }

    /// Reads every row of every table of the database or schema (in a pool, the rows of all tenants), so that the
    /// server reads and checks each of their pages. Does not compare indexes with the tables: PostgreSQL allows that
    /// only to superusers.
    ///
    /// # Errors
    /// Returns `Corrupt` if a page or a value is damaged.
    pub(crate) async fn check_pages(&self, place: &Place) -> Result<()> {
        let site = self.site(place)?;
        for table in self.tables(&site).await? {
            let mut transaction = self.as_owner(&site, How::Snapshot).await?;
            // Read the row as text, so that values in other pages are read as well.
            let sql =
                format!("SELECT count(length(\"_tenantry.row\"::text)) FROM {table} AS \"_tenantry.row\"");
            let read = transaction.connection()?.query(&sql, &[]).await;
            match read {
                // A migration removed the table in the meantime.
                Err(error) if *error.kind() == Kind::SchemaBehind => transaction.roll_back().await?,
                read => self.finish(transaction, &site, read.map(drop)).await?,
            }
        }
        Ok(())
    }

    /// Rewrites every table of the database or schema from its rows, so that no table contains deleted data. Statements
    /// on a table wait while it is rewritten: about a second for 100 MB.
    ///
    /// PostgreSQL returns the old pages to the file system, and its write-ahead log contains old rows until it is
    /// recycled. Neither is overwritten.
    ///
    /// # Errors
    /// Returns `Unreachable` if the connection to the server is lost.
    pub(crate) async fn scrub(&self, place: &Place) -> Result<()> {
        let site = self.site(place)?;
        // The place itself may be gone: a tenant's rows are removed before the pool is rewritten.
        let sql = format!("SELECT version FROM {}._tenantry_meta", site.quoted);
        self.lease(&site)
            .await?
            .connection()?
            .query(&sql, &[])
            .await
            .map_err(|e| identity::not_ours(&site, e))?;
        for table in self.tables(&site).await? {
            let mut lease = self.lease(&site).await?;
            match lease.connection()?.batch(&format!("VACUUM (FULL, ANALYZE) {table}")).await {
                Err(error) if *error.kind() == Kind::SchemaBehind => {}
                done => done?,
            }
        }
        Ok(())
    }
}

/// Returns true if `error` means that the place is missing, holds another place, or cannot be read. Returns false for
/// conditions that pass without intervention. A server that is away has lost nothing.
pub(crate) fn is_loss(place: &Place, error: &Error) -> bool {
    match error.kind() {
        Kind::Missing | Kind::WrongIdentity | Kind::Corrupt => true,
        // Names are never reused, so another generation was put in its place. A pool may just have a later generation.
        Kind::Fenced => place.isolation != Isolation::Pooled,
        _ => false,
    }
}
