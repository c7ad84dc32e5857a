//! Transactions on the tables of a place, with the rights and the tenant that the place allows.
//!
//! For work outside of requests. All settings end with the transaction.

use crate::{
    error::{Error, Kind, Result},
    postgres::{
        connections::{Answers, Call, Connection, Lease},
        names::quoted,
        server::Server,
        site::Site,
    },
};

/// Access mode of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// May write. Each statement sees what was committed before it.
    Write,
    /// Reads one state of the database and writes nothing.
    Snapshot,
}

impl How {
    fn begin(self) -> &'static str {
        match self {
            Self::Write => "ISOLATION LEVEL READ COMMITTED READ WRITE",
            Self::Snapshot => "ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// A transaction with its leased connection. Dropping it rolls the transaction back and closes the connection.
#[derive(Debug)]
pub(crate) struct Transaction(Lease);

impl Transaction {
    /// Commits the transaction.
    ///
    /// # Errors
    /// Returns [`Kind::InDoubt`] if the answer was lost.
    pub(crate) async fn commit(mut self) -> Result<()> {
        self.0.connection()?.commit().await
    }

    /// Runs statements without parameters and commits, in one round trip.
    ///
    /// # Errors
    /// Returns the errors of [`Connection::commit_batch`].
    pub(crate) async fn commit_batch(mut self, statements: &[&str]) -> Result<()> {
        let done = self.0.connection()?.commit_batch(statements).await;
        if done.is_err() {
            // The rollback fails if the connection was lost.
            drop(self.0.connection()?.roll_back_if_open().await);
        }
        done
    }

    /// Commits and closes the connection, so that the database can be copied or renamed.
    ///
    /// # Errors
    /// Returns the errors of [`Transaction::commit`].
    pub(crate) async fn commit_and_close(mut self) -> Result<()> {
        self.0.connection()?.commit().await?;
        self.0.close().await
    }

    /// Rolls back. The connection stays open.
    ///
    /// # Errors
    /// Returns [`Kind::Unreachable`] if the connection was lost.
    pub(crate) async fn roll_back(mut self) -> Result<()> {
        self.0.connection()?.roll_back().await
    }

    /// Returns the connection of the open transaction.
    ///
    /// # Errors
    /// Never fails while the transaction lives.
    pub(crate) fn connection(&mut self) -> Result<&mut Connection> {
        self.0.connection()
    }

    /// Gives up the rights of the owner: from now on the transaction reaches only the rows of this place.
    ///
    /// # Errors
    /// Returns [`Kind::Unreachable`] if the connection was lost.
    pub(crate) async fn confine(&mut self, site: &Site) -> Result<()> {
        let settings = format!("SET LOCAL tenantry.\"all\" = 'off'; {}", confinement(site));
        self.0.connection()?.batch(&settings).await
    }

    async fn begin(mut lease: Lease, how: How, settings: &str) -> Result<Self> {
        lease.connection()?.begin(&format!("{}; {settings}", how.begin())).await?;
        Ok(Self(lease))
    }
}

impl Server {
    /// Begins a transaction that reaches only the rows of this place. In a shared database, it runs as the role of the
    /// place's schema; in a pool, it sees only the rows of the place's tenant.
    ///
    /// # Errors
    /// Returns [`Kind::Missing`] if the database or the schema does not exist, [`Kind::Busy`] if no connection is free
    /// in time, and [`Kind::Unreachable`] if the server does not answer.
    pub(crate) async fn in_place(&self, site: &Site, how: How) -> Result<Transaction> {
        let begun = Transaction::begin(self.lease(site).await?, how, &confinement(site)).await;
        match begun {
            // PostgreSQL reports a role that does not exist as a wrong value of a setting.
            Err(error) if matches!(error.kind(), Kind::Statement(_) | Kind::Denied(_)) => {
                Err(self.why_not(site, error).await)
            }
            begun => begun,
        }
    }

    /// Begins a transaction as the role that owns everything, with the place's schema as search path. In a pool, it
    /// reaches the rows of all tenants, so each statement on rows must name its tenant.
    ///
    /// # Errors
    /// Returns [`Kind::Missing`] if the database does not exist, [`Kind::Busy`] if no connection is free in time, and
    /// [`Kind::Unreachable`] if the server does not answer.
    pub(crate) async fn as_owner(&self, site: &Site, how: How) -> Result<Transaction> {
        Transaction::begin(self.lease(site).await?, how, &ownership(site)).await
    }

    /// Begins a transaction as [`Server::as_owner`] does, with its first statements, in one round trip. If a statement
    /// fails, the transaction is returned nevertheless, to be rolled back.
    ///
    /// # Errors
    /// Returns the errors of [`Server::as_owner`].
    pub(crate) async fn as_owner_with(
        &self,
        site: &Site,
        how: How,
        calls: &[Call<'_>],
    ) -> Result<(Transaction, Result<Answers>)> {
        let mut lease = self.lease(site).await?;
        let answers = lease.connection()?.begin_with(&begin_as_owner(site, how), calls).await;
        Ok((Transaction(lease), answers.map_err(Error::from)))
    }

    /// Determines why the role of a place does not exist.
    async fn why_not(&self, site: &Site, error: Error) -> Error {
        match self.has_schema(site).await {
            Ok(false) => Error::with_source(Kind::Missing, format!("{site}: no such schema"), error),
            Ok(true) => Error::with_source(Kind::WrongIdentity, format!("{site}: no role of its own"), error),
            Err(error) => error,
        }
    }
}

/// Returns the settings that confine a transaction to the rows of a place.
fn confinement(site: &Site) -> String {
    let role = site.role().map(|role| format!("SET LOCAL ROLE {}", quoted(role))).unwrap_or_default();
    match site.is_pooled() {
        true => format!("{role}; SET LOCAL tenantry.tenant = '{}'", site.tenant),
        false => role,
    }
}

/// Returns the statements that begin a transaction as [`Server::as_owner`] does.
pub(crate) fn begin_as_owner(site: &Site, how: How) -> String {
    format!("BEGIN {}; {}", how.begin(), ownership(site))
}

/// Returns the settings of a transaction as the owner.
fn ownership(site: &Site) -> String {
    let path = format!("SET LOCAL search_path = {}, pg_temp", site.quoted);
    match site.is_pooled() {
        true => format!("{path}; SET LOCAL tenantry.\"all\" = 'on'"),
        false => path,
    }
}
