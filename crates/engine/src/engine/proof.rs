//! Proves the isolation of places and pools against their live databases. Only reads.

use super::{Engine, Server};
use crate::{
    error::{Error, Kind, Result},
    identity::proof::{Proof, Rule},
    name::{ServerName, TenantId},
    place::Place,
    schema::Schema,
};

/// Id that no tenant has.
const NOBODY: i64 = i64::MAX;

impl Engine {
    /// Checks the rules of isolation of one place. On PostgreSQL, the roles of the place try to read `neighbour`, a
    /// place of another tenant on the same server.
    ///
    /// # Errors
    /// Returns `Missing`, `WrongIdentity` or `Fenced` if the database does not hold the place, and the errors of
    /// databases that do not answer.
    pub async fn prove(&self, place: &Place, neighbour: Option<&Place>) -> Result<Proof> {
        let mut proof = at!(self.server(place).await?, server => server.prove(place, neighbour))?;
        self.prove_refusal(place, &mut proof).await?;
        Ok(proof)
    }

    /// Checks the rules of isolation of the database that `pool` names, over the rows of all its tenants. `schema` has
    /// the models of its store.
    ///
    /// # Errors
    /// Returns the errors of databases that do not answer.
    pub async fn prove_pool(&self, pool: &Place, schema: &Schema) -> Result<Proof> {
        at!(self.server(pool).await?, server => server.prove_pool(pool, schema))
    }

    /// Checks the rules that hold for a server as a whole.
    ///
    /// # Errors
    /// Returns [`Kind::UnknownServer`] if there is no such server, and `Unreachable` if it does not answer.
    pub async fn prove_server(&self, server: &ServerName) -> Result<Proof> {
        match &*self.named(server).await? {
            Server::Postgres(server) => Box::pin(server.prove_home()).await,
            Server::Sqlite(_) => Ok(Proof::default()),
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => Ok(Proof::default()),
        }
    }

    /// Checks that the database refuses the place at another generation, and for another tenant.
    async fn prove_refusal(&self, place: &Place, proof: &mut Proof) -> Result<()> {
        let later = Place { generation: place.generation + 1, ..place.clone() };
        let other = Place { tenant: Some(TenantId::from_raw(NOBODY)), ..place.clone() };
        for (wrong, what) in [(later, "another generation"), (other, "another tenant")] {
            let accepted = match self.verify(&wrong).await {
                Ok(()) => Some(format!("the database was opened for {what}")),
                Err(error) if is_refusal(&error) => None,
                Err(error) => return Err(error),
            };
            proof.judge(Rule::Refusal, accepted);
        }
        Ok(())
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), Kind::WrongIdentity | Kind::Fenced | Kind::Missing)
}
