//! Checks a request for a tenant that is created from a copy: its fields, and the users who may get the rows.
//!
//! Clone, import and restore-as-new call it. It starts nothing.

use super::Arrivals;
use crate::{
    Error, NewOwner, Result,
    access::Actor,
    arrivals::operation::Arriving,
    error::Wrong,
    plans,
    tenants::{NewTenant, databases::fit::PlanServers, provision::Owner},
    users::{self, members},
};
use tenantry_engine::name::{RoleName, Slug, TenantId, UserId};

/// Request for a tenant created from a copy.
#[derive(Debug, Clone)]
pub struct NewFromCopy {
    /// Slug of the new tenant, as the caller wrote it.
    pub slug: String,
    /// Name of the new tenant; `None` for the name of the source.
    pub name: Option<String>,
    /// E-mail address of the new tenant; `None` for that of the source.
    pub email: Option<String>,
    /// Code of the new tenant's plan; `None` for the configuration's default.
    pub plan: Option<String>,
    /// User to create as the owner.
    pub owner: Option<NewOwner>,
    /// E-mail address of an existing user who becomes the owner. If `owner` is `None` too, the tenant has no members
    /// yet.
    pub member: Option<String>,
    /// Reason why these users get the rows, for the audit log. Superusers must give one.
    pub reason: Option<String>,
}

/// Source of the rows.
#[derive(Debug)]
pub(super) struct Origin<'a> {
    pub(super) name: &'a str,
    pub(super) email: &'a str,
    /// Tenant from which the rows were copied; `None` for rows from an archive, whose list of members proves nothing.
    pub(super) tenant: Option<TenantId>,
    /// True if the members of that tenant become members of the new tenant.
    pub(super) members: bool,
}

/// A request whose fields are valid.
struct Checked {
    slug: Slug,
    plan: String,
    member: Option<(Owner, RoleName)>,
}

impl NewFromCopy {
    /// Returns a request with this slug and defaults for everything else.
    pub fn named(slug: impl Into<String>) -> Self {
        Self {
            slug: slug.into(),
            name: None,
            email: None,
            plan: None,
            owner: None,
            member: None,
            reason: None,
        }
    }
}

impl Arrivals<'_> {
    /// Checks the fields of a request, for callers that have not received the rows yet.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] or [`Error::InvalidFields`] with every wrong field.
    pub async fn check(&self, wanted: &NewFromCopy) -> Result<()> {
        self.checked(wanted).await.map(drop)
    }

    async fn checked(&self, wanted: &NewFromCopy) -> Result<Checked> {
        let default = self.platform.config().registration.default_plan.as_str();
        let plan = wanted.plan.as_deref().unwrap_or(default).to_owned();
        let mut wrong = Wrong::default();
        let slug = wrong.take(Slug::parse(&wanted.slug).map_err(|e| Error::invalid("slug", e.reason)))?;
        wrong.take(wanted.name.as_deref().map_or(Ok(()), |name| users::check_text("name", name)))?;
        wrong.take(wanted.email.as_deref().map_or(Ok(()), users::check_email))?;
        wrong.take(wanted.owner.as_ref().map_or(Ok(()), |owner| owner.password.check(&owner.email)))?;
        wrong.take(plans::by_code(&mut self.platform.control().snapshot().await?, &plan).await)?;
        let member = match &wanted.member {
            Some(email) => wrong.take(self.member(email).await)?,
            None => None,
        };
        Ok(Checked { slug: wrong.finish_with(slug)?, plan, member })
    }

    /// Checks the request, and returns the tenant to create.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] or [`Error::InvalidFields`] with every wrong field; [`Error::Denied`] if the actor
    /// may not give the rows to the users that the request names.
    pub(super) async fn arriving(
        &self,
        actor: &Actor,
        wanted: NewFromCopy,
        origin: Origin<'_>,
    ) -> Result<Arriving> {
        let Checked { slug, plan, member } = self.checked(&wanted).await?;
        let NewFromCopy { name, email, owner, reason, .. } = wanted;
        let owner = match owner {
            Some(owner) => {
                Some((owner.hashed(self.platform.access().passwords()).await?, self.platform.owner_role()?))
            }
            None => member,
        };
        let first = owner.as_ref().map(|(owner, _)| owner);
        let reason = self.may_give(actor, first, &origin, reason.as_deref()).await?;
        let members = self.members_taken_over(&origin, first).await?;
        let servers = PlanServers::of_plan(&mut self.platform.control().snapshot().await?, &plan).await?;
        let placements = self.platform.tenants().placements(&slug, &servers).await?;
        let new = NewTenant {
            slug,
            name: name.unwrap_or_else(|| origin.name.to_owned()),
            email: email.unwrap_or_else(|| origin.email.to_owned()),
        };
        Ok(Arriving { by: actor.by(), new, plan, owner, reason, members, placements })
    }

    /// Checks that the actor may give the rows to this owner, and to the members of the source if they become members.
    /// Returns the reason to record. Every member of the new tenant can read its rows, so naming a member gives a user
    /// access to them. Only an owner of the source is known to have that access already. For all other users, a
    /// superuser must act and give a reason; that includes members of the source, because rows may have been withdrawn
    /// from them since.
    async fn may_give(
        &self,
        actor: &Actor,
        owner: Option<&Owner>,
        origin: &Origin<'_>,
        reason: Option<&str>,
    ) -> Result<Option<String>> {
        let reads_already = match owner {
            Some(owner) => self.owns(owner, origin.tenant).await?,
            None => true,
        };
        if actor.is_system() || (reads_already && !origin.members) {
            return Ok(reason.map(str::to_owned));
        }
        if !actor.is_superuser() {
            return Err(Error::Denied(format!("{actor:?} may not give copied rows to users")));
        }
        let reason = reason.unwrap_or_default().trim();
        match (5..=500).contains(&reason.chars().count()) {
            true => Ok(Some(reason.to_owned())),
            false => Err(Error::invalid("reason", "say in 5 to 500 characters why these users get the rows")),
        }
    }

    async fn owns(&self, owner: &Owner, source: Option<TenantId>) -> Result<bool> {
        let (Owner::Existing(user), Some(source)) = (owner, source) else { return Ok(false) };
        let role = members::role(&mut self.platform.control().snapshot().await?, *user, source).await?;
        Ok(role == Some(self.platform.owner_role()?))
    }

    /// Returns the members of the source with their roles, without the new owner.
    async fn members_taken_over(
        &self,
        origin: &Origin<'_>,
        owner: Option<&Owner>,
    ) -> Result<Vec<(UserId, RoleName)>> {
        let (Some(source), true) = (origin.tenant, origin.members) else { return Ok(vec![]) };
        let found = members::of_tenant(&mut self.platform.control().snapshot().await?, source).await?;
        let is_owner = |user| matches!(owner, Some(Owner::Existing(owner)) if *owner == user);
        Ok(found.into_iter().filter(|m| !is_owner(m.user)).map(|m| (m.user, m.role)).collect())
    }

    async fn member(&self, email: &str) -> Result<(Owner, RoleName)> {
        let found = users::by_email(&mut self.platform.control().snapshot().await?, email).await?;
        // An unconfirmed account may belong to a person other than the holder of the address.
        let user = found.filter(users::User::is_confirmed).ok_or_else(|| {
            Error::invalid(
                "owner",
                "no user has confirmed this address: have them sign in and confirm it first",
            )
        })?;
        if !user.is_active {
            return Err(Error::invalid(
                "owner",
                "this account is closed: name another one, or open it first",
            ));
        }
        Ok((Owner::Existing(user.id), self.platform.owner_role()?))
    }
}
