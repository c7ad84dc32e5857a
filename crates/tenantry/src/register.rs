//! Self-service registration: company, database, owner and trial in one operation, then a session (M7).

use crate::{
    Error, Platform, Result,
    access::{login::SignedIn, passwords::Password, sessions::Origin},
    audit::By,
    operator::NewOwner,
    plans,
    tenants::{self, NewTenant},
};
use tenantry_engine::name::Slug;

/// What somebody fills in to register a company.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Name in URLs and hosts.
    pub slug: Slug,
    /// Name of the company.
    pub company: String,
    /// Name of the person.
    pub name: String,
    /// E-mail address: the company's contact and the owner's log-in.
    pub email: String,
    /// Password of the owner.
    pub password: Password,
    /// Plan; none: the configuration's default.
    pub plan: Option<String>,
    /// Where from.
    pub origin: Origin,
}

impl Platform {
    /// Registers a company and signs its owner in. A step that fails leaves nothing behind (M7).
    ///
    /// # Errors
    /// [`Error::Conflict`] where registration is closed; [`Error::RateLimited`] per address;
    /// [`Error::Invalid`] and [`Error::Conflict`] for what was filled in.
    pub async fn register(&self, wish: Registration) -> Result<SignedIn> {
        if !self.config().registration.open {
            return Err(Error::Conflict(
                "registration is closed here: ask the operator for an account".into(),
            ));
        }
        self.access().doors().register(wish.origin.address)?;
        if tenants::is_reserved(&wish.slug, &self.config().registration.reserved_slugs) {
            return Err(Error::invalid("slug", "this name is reserved: choose another"));
        }
        if let Some(plan) = &wish.plan {
            plans::require_self_service(&mut self.control().snapshot().await?, plan).await?;
        }
        let tenant = NewTenant { slug: wish.slug, name: wish.company, email: wish.email.clone() };
        let owner = NewOwner { email: wish.email, name: wish.name, password: wish.password };
        let by = By::actor("registration");
        let created = self.create_tenant(&by, tenant, wish.plan.as_deref(), Some(owner)).await?;
        let user = created.owner.ok_or_else(|| Error::Internal("registration made no owner".into()))?;
        self.access().sign_in_as(user, created.tenant, &wish.origin).await
    }
}
