//! Self-service registration: tenant, database, owner and trial in one operation, then a session.
//!
//! The result does not depend on whether the given address has an account. A new account is created, bound to the new
//! tenant, and a letter asks the reader of the address to confirm it. Confirming merges the new account into the
//! account that holds the address, if there is one.

use super::Accounts;
use crate::{
    Error, Result,
    access::{Actor, login::SignedIn, passwords::Password, sessions::Origin},
    audit::By,
    plans,
    tenants::{
        self, NewTenant,
        databases::fit::PlanServers,
        provision::{CreateTenant, Owner},
    },
    topology::NewPlacement,
    users::{NewUser, Standing},
};
use tenantry_engine::name::Slug;

/// Form data of a registration.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Short name of the tenant in URLs and hosts.
    pub slug: Slug,
    /// Display name of the tenant.
    pub company: String,
    /// The person who becomes the owner of the tenant.
    pub founder: Founder,
    /// Code of the plan; `None` for the configuration's default.
    pub plan: Option<String>,
    /// Origin of the request.
    pub origin: Origin,
}

/// The person who registers a tenant and becomes its owner.
#[derive(Debug, Clone)]
pub enum Founder {
    /// A signed-in person with a confirmed address.
    SignedIn(Actor),
    /// A person with a new account.
    New {
        /// Name of the owner.
        name: String,
        /// E-mail address, which is the tenant's contact address and the owner's sign-in name.
        email: String,
        /// Password of the owner.
        password: Password,
    },
}

impl Accounts<'_> {
    /// Registers a tenant and signs its owner in. If a step fails, nothing is left behind.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if registration is closed; [`Error::RateLimited`] if the client's address has used
    /// up its limit; [`Error::Invalid`] or [`Error::Conflict`] for form data that cannot be used, and for a signed-in
    /// person whose address is not confirmed.
    pub async fn register(&self, wish: Registration) -> Result<SignedIn> {
        if !self.platform.config().registration.open {
            return Err(Error::Conflict(
                "registration is closed here: ask the operator for an account".into(),
            ));
        }
        self.platform.access().doors().register(wish.origin.address)?;
        if tenants::is_reserved(&wish.slug, &self.platform.config().registration.reserved_slugs) {
            return Err(Error::invalid("slug", "this name is reserved: choose another"));
        }
        if let Some(plan) = &wish.plan {
            plans::require_self_service(&mut self.platform.control().snapshot().await?, plan).await?;
        }
        let (owner, email) = self.founder(wish.founder).await?;
        let by = match &owner {
            Owner::Existing(id) => By::actor(format!("user:{id}")),
            Owner::New(_) => By::actor("registration"),
        };
        let tenant = NewTenant { slug: wish.slug, name: wish.company, email };
        let plan = wish.plan.unwrap_or_else(|| self.platform.config().registration.default_plan.to_string());
        let wanted = CreateTenant {
            placements: self.places(&tenant.slug, &plan).await?,
            plan: Some(plan),
            owner: Some((owner, self.platform.owner_role()?)),
            tenant,
        };
        let created = self.platform.0.operations.create_tenant(&by, wanted).await?;
        self.platform.0.mailer.wake();
        let user = created.owner.ok_or_else(|| Error::Internal("registration made no owner".into()))?;
        self.platform.access().sign_in_as(user, Some(created.tenant), &wish.origin).await
    }

    /// Returns the placements of a new tenant on this plan. The public error names no server.
    async fn places(&self, slug: &Slug, plan: &str) -> Result<Vec<NewPlacement>> {
        let servers = PlanServers::of_plan(&mut self.platform.control().snapshot().await?, plan).await?;
        let places = self.platform.tenants().placements(slug, &servers).await;
        places.map_err(|error| match error {
            Error::Conflict(why) => {
                tracing::warn!(%why, "a registration was refused");
                Error::Conflict(
                    "there is no room for this plan now: choose another one, or ask the operator".into(),
                )
            }
            other => other,
        })
    }

    async fn founder(&self, founder: Founder) -> Result<(Owner, String)> {
        let (name, email, password) = match founder {
            Founder::New { name, email, password } => (name, email, password),
            Founder::SignedIn(actor) => {
                let user = self.own_account(&actor).await?;
                return match user.is_confirmed() {
                    true => Ok((Owner::Existing(user.id), user.email)),
                    false => Err(Error::Conflict(
                        "your address is not confirmed: follow the link in the letter first, or ask for \
                         another one with POST /api/auth/verify"
                            .into(),
                    )),
                };
            }
        };
        password.check(&email)?;
        let password_hash = Some(self.platform.access().passwords().hash(password).await?);
        let user = NewUser { email: email.clone(), name, password_hash, standing: Standing::Unconfirmed };
        Ok((Owner::New(user), email))
    }
}
