//! Lets the reader of a place sign in. Its password is derived from a secret in the home database that only the owner
//! can read. So all processes know the password, and none needs to store it.

use crate::{
    error::{Error, Kind, Result},
    postgres::{
        connections::{Lease, Login},
        names::quoted,
        places::roles,
        server::Server,
        site::Site,
    },
};
use postgres_protocol::password::scram_sha_256;

impl Server {
    /// Leases a connection as the reader of a place, for one transaction. Sets the reader's password if it has another
    /// one.
    pub(in crate::postgres) async fn lease_as_reader(&self, site: &Site) -> Result<Lease> {
        let role = roles::reader(site);
        let password = self.password(&role).await?;
        let login = Login { role, password };
        match self.connections.lease_as(&site.database, &login).await {
            Err(error) if *error.kind() == Kind::NoAccess => {
                self.set_password(&login).await?;
                let again = self.connections.lease_as(&site.database, &login).await;
                again.map_err(|error| self.through_pooler(error))
            }
            Err(error) => Err(self.through_pooler(error)),
            leased => leased,
        }
    }

    /// Adds to the error that the pooler refuses the reader, if there is a pooler.
    fn through_pooler(&self, error: Error) -> Error {
        if self.connections.access().prepares() || *error.kind() != Kind::NoAccess {
            return error;
        }
        let why = "SQL through a pooler that does not know the tenant's role";
        Error::with_source(Kind::Denied(why.into()), "sign in", error)
    }

    /// Sets the password of a role.
    ///
    /// # Errors
    /// Returns `Denied` if the role belongs to another program.
    pub(in crate::postgres) async fn set_password(&self, login: &Login) -> Result<()> {
        // Only one process at a time: PostgreSQL refuses concurrent changes of a role.
        let lock = "SELECT pg_advisory_xact_lock(hashtext('tenantry passwords'))";
        self.run_home(&format!("{lock}; {}", password_of(login))).await
    }

    /// Returns the password of a role that signs in.
    pub(in crate::postgres) async fn password(&self, role: &str) -> Result<String> {
        let secret = self.secret().await?;
        let key = blake3::derive_key("Tenantry: passwords of readers", secret.as_bytes());
        Ok(blake3::keyed_hash(&key, role.as_bytes()).to_hex().to_string())
    }

    /// Returns the secret of the server, which only its owner can read.
    ///
    /// # Errors
    /// Returns the reason why the secret cannot be read.
    pub(in crate::postgres) async fn secret(&self) -> Result<&str> {
        Ok(self.secret.get_or_try_init(|| self.read_secret()).await?)
    }

    /// Reads the secret. Creates it first if there is none.
    async fn read_secret(&self) -> Result<String> {
        self.prepare_home().await?;
        let table = format!("{}.secret", quoted(&self.prefix.own("platform")));
        let mut lease = self.home().await?;
        let rows = lease.connection()?.query(&format!("SELECT secret FROM {table}"), &[]).await?;
        let found = rows.first().map(|row| row.get(0));
        found.ok_or_else(|| Error::new(Kind::Corrupt, format!("{table} is empty")))
    }
}

/// Returns the statement that sets the password of a role. It contains only a digest, so that no log contains the
/// password.
pub(in crate::postgres) fn password_of(login: &Login) -> String {
    let digest = scram_sha_256(login.password.as_bytes());
    format!("ALTER ROLE {} PASSWORD '{digest}'", quoted(&login.role))
}
