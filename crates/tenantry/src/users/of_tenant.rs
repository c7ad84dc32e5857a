//! The verbs on the members of an entered tenant: `platform.members(&tenant)`. New members join by invitation.
//!
//! The tenant's own pages call them. Only a manager of the tenant may change members.

use super::members::{self, Member};
use crate::{Error, Platform, Result, access::Tenant};
use tenantry_engine::name::{RoleName, UserId};

/// The members of an entered tenant.
pub struct Members<'a> {
    platform: &'a Platform,
    tenant: &'a Tenant,
}

impl Platform {
    /// Returns the members of an entered tenant: list, change a role, remove.
    pub fn members<'a>(&'a self, tenant: &'a Tenant) -> Members<'a> {
        Members { platform: self, tenant }
    }

    /// Returns the first configured role. Its holders manage their tenant.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if no role is configured.
    pub fn owner_role(&self) -> Result<RoleName> {
        self.config().auth.roles.first().cloned().ok_or(Error::NotFound("role"))
    }

    /// Returns the configured role with this name.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] of the field `role` for any other name.
    pub fn role(&self, name: &str) -> Result<RoleName> {
        let roles = &self.config().auth.roles;
        roles.iter().find(|role| role.as_str() == name).cloned().ok_or_else(|| {
            let names: Vec<_> = roles.iter().map(RoleName::as_str).collect();
            Error::invalid("role", format!("must be one of: {}", names.join(", ")))
        })
    }
}

impl Members<'_> {
    /// Returns the members, ordered by user id.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn list(&self) -> Result<Vec<Member>> {
        members::of_tenant(&mut self.platform.control().snapshot().await?, self.tenant.id()).await
    }

    /// Changes a member's role. The last holder of the first configured role keeps it.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant; [`Error::NotFound`] when the user is not a
    /// member; [`Error::Conflict`] for the last holder of the first configured role.
    pub async fn set_role(&self, user: UserId, role: &RoleName) -> Result<()> {
        self.tenant.require_manager()?;
        let (by, first) = (self.tenant.actor().by(), self.platform.owner_role()?);
        let mut write = self.platform.control().begin().await?;
        members::set_role(&mut write, &by, user, self.tenant.id(), role, &first).await?;
        write.commit().await
    }

    /// Removes a member. The last holder of the first configured role stays.
    ///
    /// # Errors
    /// Returns the errors of [`Members::set_role`].
    pub async fn remove(&self, user: UserId) -> Result<()> {
        self.tenant.require_manager()?;
        let (by, first) = (self.tenant.actor().by(), self.platform.owner_role()?);
        let mut write = self.platform.control().begin().await?;
        members::remove(&mut write, &by, user, self.tenant.id(), &first).await?;
        write.commit().await
    }
}
