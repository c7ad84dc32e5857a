//! Leaving a tenant: a member's own decision, without an owner's approval.

use crate::{
    Error, Platform, Result,
    access::Actor,
    control::{Subject, params},
    tenants,
    users::members,
};
use tenantry_engine::name::Slug;

impl Platform {
    /// Ends the actor's own membership of a tenant. The last owner cannot leave.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the actor is not a member, or there is no such tenant; [`Error::Conflict`] for the last
    /// owner; [`Error::Denied`] while impersonating.
    pub async fn leave_tenant(&self, actor: &Actor, slug: &Slug) -> Result<()> {
        let user = self.own_account(actor).await?;
        let mut write = self.control().begin().await?;
        let tenant = tenants::by_slug(&mut write, slug).await?.id;
        if members::role(&mut write, user.id, tenant).await?.is_none() {
            return Err(Error::NotFound("tenant"));
        }
        members::leave(&mut write, &actor.by(), user.id, tenant, &self.owner_role()?).await?;
        // Sessions that worked in this tenant continue without a tenant.
        let sql = "UPDATE sessions SET tenant = NULL WHERE user = ? AND tenant = ? RETURNING token_hash";
        for row in write.query(sql, params![user.id.get(), tenant.get()]).await? {
            write.invalidate(&Subject::Session(row.text(0)?.to_owned())).await?;
        }
        write.commit().await?;
        self.control().refresh().await
    }
}
