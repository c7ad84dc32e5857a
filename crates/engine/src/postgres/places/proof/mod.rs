//! Proves the isolation of places on PostgreSQL: identity, rights and roles of one place, row-level security and rows of a
//! pool, and what a role of the place reads of a neighbour. Only reads.

mod pool;
mod probe;
mod rights;

use super::{How, Transaction};
use crate::{
    error::Result,
    identity::proof::{Proof, Rule},
    place::Place,
    postgres::{connections::Connection, names::quoted, places::roles, server::Server, site::Site, tables},
    schema::Schema,
};
use tokio_postgres::types::Type;

impl Server {
    /// See [`crate::Engine::prove`].
    ///
    /// # Errors
    /// Returns the errors of [`Server::verify`].
    pub(crate) async fn prove(&self, place: &Place, neighbour: Option<&Place>) -> Result<Proof> {
        let (mut proof, site) = (Proof::default(), self.site(place)?);
        self.identify(&site).await?;
        proof.judge(Rule::Identity, None);
        let mut transaction = self.as_owner(&site, How::Snapshot).await?;
        let read = self.read(transaction.connection()?, &site, &mut proof).await;
        self.after_reading(transaction, &site, read).await?;
        if let Some(neighbour) = neighbour {
            self.probe(&site, &self.site(neighbour)?, &mut proof).await?;
        }
        Ok(proof)
    }

    async fn read(&self, conn: &mut Connection, site: &Site, proof: &mut Proof) -> Result<()> {
        if !site.is_pooled() {
            own_rows(conn, site, proof).await?;
            rights::granted_here(conn, site, &roles::names(site), proof).await?;
        }
        let memberships = [roles::home_readers(&self.prefix)];
        let allowed = if site.shares_database() { &memberships[..] } else { &[] };
        for role in roles::names(site) {
            rights::role(conn, &role, site.role() == Some(role.as_str()), allowed, proof).await?;
            rights::granted_elsewhere(conn, site, &role, proof).await?;
        }
        Ok(())
    }

    /// See [`crate::Engine::prove_pool`].
    ///
    /// # Errors
    /// Returns `Missing` if there is no such pool, and `Unreachable` if the server does not answer.
    pub(crate) async fn prove_pool(&self, pool: &Place, schema: &Schema) -> Result<Proof> {
        let (mut proof, site) = (Proof::default(), self.site(pool)?);
        let mut transaction = self.as_owner(&site, How::Snapshot).await?;
        let conn = transaction.connection()?;
        let read = async {
            pool::rows(conn, &site, schema, &mut proof).await?;
            pool::row_security(conn, &site, schema, &mut proof).await?;
            rights::granted_here(conn, &site, &roles::names(&site), &mut proof).await
        };
        let read = read.await;
        self.after_reading(transaction, &site, read).await?;
        self.settings(&site, schema, &mut proof).await?;
        Ok(proof)
    }

    /// Checks that not every role of the server may connect to the home database.
    ///
    /// # Errors
    /// Returns `Unreachable` if the server does not answer.
    pub(crate) async fn prove_home(&self) -> Result<Proof> {
        let mut proof = Proof::default();
        let mut lease = self.home().await?;
        rights::connect(lease.connection()?, &self.home, &mut proof).await?;
        Ok(proof)
    }

    /// Ends a transaction that only read.
    async fn after_reading<T>(&self, transaction: Transaction, site: &Site, read: Result<T>) -> Result<T> {
        // If the rollback fails, the connection is closed.
        drop(transaction.roll_back().await);
        match read {
            Err(error) => Err(self.or_missing(site, error).await),
            read => read,
        }
    }
}

/// Checks that the platform's own tables in a tenant's own database or schema have only rows of that tenant.
async fn own_rows(conn: &mut Connection, site: &Site, proof: &mut Proof) -> Result<()> {
    for table in tables::OF_TENANTS {
        let name = format!("{}.{}", site.quoted, quoted(table));
        let sql = format!(
            "SELECT EXISTS (SELECT FROM {name} WHERE tenant < $1) OR EXISTS (SELECT FROM {name} WHERE tenant > $1)"
        );
        let rows = conn.once(&sql, &[(&site.tenant, Type::INT8)]).await?;
        let others = rows.first().is_some_and(|row| row.get(0));
        proof.judge(Rule::Rows, others.then(|| format!("table {table} has rows of another tenant")));
    }
    Ok(())
}
