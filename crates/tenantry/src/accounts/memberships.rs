//! The end of a person's memberships and tenants: a member leaves, a manager cancels the tenant or revokes the
//! cancellation.
//!
//! These verbs take an actor and the name of a tenant instead of a handle, because a closed tenant cannot be entered.

use super::Accounts;
use crate::{
    Error, Result,
    access::Actor,
    control::{Subject, params},
    tenants::{self, Retirement, State},
    users::members,
};
use tenantry_engine::name::{Slug, TenantId};

impl Accounts<'_> {
    /// Ends the actor's own membership of a tenant. The last owner cannot leave.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not a member, or there is no such tenant; [`Error::Conflict`] for
    /// the last owner; [`Error::Denied`] while impersonating.
    pub async fn leave_tenant(&self, actor: &Actor, slug: &Slug) -> Result<()> {
        let user = self.own_account(actor).await?;
        let mut write = self.platform.control().begin().await?;
        let tenant = tenants::by_slug(&mut write, slug).await?.id;
        if members::role(&mut write, user.id, tenant).await?.is_none() {
            return Err(Error::NotFound("tenant"));
        }
        members::leave(&mut write, &actor.by(), user.id, tenant, &self.platform.owner_role()?).await?;
        // Sessions that worked in this tenant continue without a tenant.
        let sql = "UPDATE sessions SET tenant = NULL WHERE user_id = ? AND tenant = ? RETURNING token_hash";
        for row in write.query(sql, params![user.id.get(), tenant.get()]).await? {
            write.invalidate(&Subject::Session(row.text(0)?.to_owned())).await?;
        }
        write.commit().await?;
        self.platform.control().refresh().await
    }

    /// Cancels a tenant on behalf of its own manager, on the terms of the configuration. Returns the dates of its
    /// retention.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor does not belong to the tenant; [`Error::Denied`] unless the actor
    /// manages it; [`Error::Conflict`] when it cannot be cancelled.
    pub async fn cancel_tenant(
        &self,
        actor: &Actor,
        id: TenantId,
        reason: Option<&str>,
    ) -> Result<Retirement> {
        self.platform.access().managed(actor, id).await?;
        self.platform.tenants().cancel_by(&actor.by(), id, None, reason).await
    }

    /// Revokes a cancellation on behalf of the tenant's own manager. This is possible until the tenant is closed.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant; [`Error::Conflict`] if it is closed or was not
    /// cancelled.
    pub async fn revoke_cancellation(&self, actor: &Actor, id: TenantId) -> Result<()> {
        self.platform.access().managed(actor, id).await?;
        let by = &actor.by();
        let mut write = self.platform.control().begin().await?;
        let closed = match Retirement::of(&mut write, id).await? {
            Some(ends) => ends.closes_at_us <= write.at_us(),
            None => false,
        };
        if closed || tenants::by_id(&mut write, id).await?.state == State::Cancelled {
            return Err(Error::Conflict("the account is closed: staff can take that back".into()));
        }
        tenants::keep(&mut write, by, id).await?;
        write.commit().await
    }
}
