//! Creates a tenant from a backup, without changing the tenant that was backed up.

use crate::arrivals::{Arrivals, NewFromCopy, from_backup::FromBackup, operation::Arrival, wanted::Origin};
use crate::{
    Error, Result,
    access::Actor,
    backups::{BackupId, Newest, catalog, operations::restore::Damage},
    operations::Listed,
    tenants,
};
use std::future::Future;
use tenantry_engine::name::Slug;

impl Arrivals<'_> {
    /// Starts creating a new tenant from a backup. Returns the operation's id. With `members`, the current members of
    /// the tenant that was backed up become members of the new tenant.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if there is no such backup; [`Error::Conflict`] for a backup of the platform's own
    /// stores; [`Error::Invalid`] or [`Error::InvalidFields`] for an invalid request; [`Error::Denied`] if the actor
    /// may not give the rows to the users that the request names.
    pub async fn from_backup(
        &self,
        actor: &Actor,
        backup: &BackupId,
        members: bool,
        wanted: NewFromCopy,
    ) -> Result<i64> {
        let mut tx = self.platform.control().snapshot().await?;
        let of = catalog::by_id(&mut tx, backup).await?.tenant.ok_or_else(|| {
            Error::Conflict(
                "this is a backup of the platform's own stores: see tenantry restore system".into(),
            )
        })?;
        // A restored catalog may lack the tenant; the request must then name everything that the copy needs.
        let (name, email) = match tenants::by_id(&mut tx, of).await {
            Ok(tenant) => (tenant.name, tenant.email),
            Err(Error::NotFound(_)) => Default::default(),
            Err(error) => return Err(error),
        };
        drop(tx);
        let origin = Origin { name: &name, email: &email, tenant: Some(of), members };
        let wanted = self.arriving(actor, wanted, origin).await?;
        let source = FromBackup { backup: backup.clone(), of, manifest: None, damage: Damage::default() };
        self.platform.operations().spawn(Arrival::new(wanted, source)?).await
    }

    /// Creates a new tenant from the newest good backup of a tenant, and skips damaged backups. `follow` waits for the
    /// end of an operation and returns it.
    ///
    /// # Errors
    /// Returns the errors of [`Restores::newest`](crate::backups::Restores::newest) and [`Arrivals::from_backup`].
    pub async fn from_newest_backup<E, F>(
        &self,
        actor: &Actor,
        slug: &Slug,
        members: bool,
        wanted: NewFromCopy,
        follow: impl Fn(i64) -> F,
    ) -> Result<Newest, E>
    where
        E: From<Error>,
        F: Future<Output = Result<Listed, E>>,
    {
        let start = async |backup: &BackupId| self.from_backup(actor, backup, members, wanted.clone()).await;
        self.platform.restores().newest_whole(slug, start, follow).await
    }
}
