//! Shared data in a tenant's own SQL: views of a shared store's models, in the database of the tenant.
//!
//! The views are in their own schema, which follows the tenant's schema in the search path of the statement. They
//! belong to the owner, and the roles of tenants may only read them. A shared store has its own database, so the views
//! show foreign tables of `postgres_fdw`, which only the owner may use. The owner's user mapping signs in there as a
//! role that can read only these models ([`source`]), and no role of a tenant sees its password.
//!
//! The views are created when a statement first names shared data. The name of their schema contains a hash of
//! everything that determines them ([`definition`]), so another version of the shared store gets other views next to
//! these, and no statement waits for the change. Views of former versions are removed after new views have been
//! created.

mod address;
mod definition;
pub(super) mod joined;
mod make;
mod source;

use super::{server::Server, site::Site};
use crate::{
    error::{Error, Kind, Result},
    joins::SharedStore,
};
use definition::Definition;
use joined::Joined;
use tokio_postgres::error::{DbError, SqlState};

impl Server {
    /// Makes the models of `shared`, which is on the server `source`, readable for the tenant's own SQL in the database
    /// of `site`. If `anew` is set, checks everything again, because a statement could not use the views.
    ///
    /// # Errors
    /// Returns the errors of [`Server::opened`] for the shared store, and `Statement` if this database cannot reach it.
    pub(crate) async fn join(
        &self,
        site: &Site,
        source: &Self,
        shared: &SharedStore,
        anew: bool,
    ) -> Result<Joined> {
        let opened = source.opened(&shared.place, &shared.schema).await?;
        source.why(&opened, shared.schema.known()).await?;
        let definition = Definition::new((self, site), (source, &opened.site), shared).await?;
        let key = (site.database.clone(), definition.joined());
        if !anew && self.joined.get(&key).is_some() {
            return Ok(key.1);
        }
        source.let_in(&opened.site, &definition, anew).await?;
        self.make_views(site, &definition).await?;
        self.joined.insert(key.clone(), ());
        Ok(key.1)
    }
}

/// Returns true if a statement on shared data may have failed because the views were removed or no longer reach the
/// shared tables.
pub(crate) fn may_heal(error: &Error) -> bool {
    let stale = [
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_COLUMN,
        SqlState::INSUFFICIENT_PRIVILEGE,
        SqlState::INVALID_SCHEMA_NAME,
    ];
    if *error.kind() == Kind::Unreachable {
        return true;
    }
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<DbError>() {
            return stale.contains(refused.code());
        }
        cause = inner.source();
    }
    false
}
