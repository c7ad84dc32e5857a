//! Lets the roles of a place try to read a neighbour. PostgreSQL must refuse them.

use crate::{
    error::{Error, Kind, Result},
    identity::proof::{Proof, Rule},
    postgres::{
        connections::Login,
        names::quoted,
        places::{How, roles},
        server::Server,
        site::Site,
    },
};

impl Server {
    /// Tries to read the place of `neighbour` with each role of `site`.
    ///
    /// # Errors
    /// Returns `Unreachable` if the server does not answer, and `Busy` if no connection is free in time.
    pub(super) async fn probe(&self, site: &Site, neighbour: &Site, proof: &mut Proof) -> Result<()> {
        if let Some(role) = site.role()
            && neighbour.shares_database()
            && neighbour.schema != site.schema
        {
            let mut transaction = self.as_owner(site, How::Snapshot).await?;
            let conn = transaction.connection()?;
            conn.batch(&format!("SET LOCAL ROLE {}", quoted(role))).await?;
            let read = conn.batch(&reading(neighbour)).await;
            drop(transaction.roll_back().await);
            judge(proof, role, neighbour, read)?;
        }
        if site.is_pooled() || self.connections.are_pooled() {
            return Ok(());
        }
        self.probe_reader(site, neighbour, proof).await
    }

    /// Signs in as the reader, first to the own place, where that must succeed.
    async fn probe_reader(&self, site: &Site, neighbour: &Site, proof: &mut Proof) -> Result<()> {
        let role = roles::reader(site);
        let mut own = self.lease_as_reader(site).await?;
        if neighbour.database == site.database {
            let read = own.connection()?.batch(&reading(neighbour)).await;
            return judge(proof, &role, neighbour, read);
        }
        own.close().await?;
        let login = Login { password: self.password(&role).await?, role };
        let connected = self.connections.lease_as(&neighbour.database, &login).await;
        let connected = match connected {
            Ok(lease) => lease.close().await,
            Err(error) => Err(error),
        };
        judge(proof, &login.role, neighbour, connected)
    }
}

/// Returns a statement that reads whose rows a place holds.
fn reading(neighbour: &Site) -> String {
    format!("SELECT 1 FROM {}._tenantry_place LIMIT 1", neighbour.quoted)
}

/// Judges the attempt of a role to read a neighbour.
fn judge(proof: &mut Proof, role: &str, neighbour: &Site, tried: Result<()>) -> Result<()> {
    let detail = match tried {
        Ok(()) => Some(format!("role {role} can read {}", neighbour.name)),
        Err(error) if is_refused(&error) => None,
        // The neighbour was moved or removed meanwhile.
        Err(error) if matches!(error.kind(), Kind::Missing | Kind::SchemaBehind) => return Ok(()),
        Err(error) => return Err(error),
    };
    proof.judge(Rule::Neighbour, detail);
    Ok(())
}

fn is_refused(error: &Error) -> bool {
    matches!(error.kind(), Kind::Denied(_) | Kind::NoAccess)
}
