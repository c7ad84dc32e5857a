//! Work of operators on tenants, plans and users: the verbs behind the commands and the staff API.
//!
//! Every verb that changes something takes the actor and checks that they are staff. The operator of the command line
//! is one too.

use crate::{
    Error, Platform, Result,
    access::{Actor, Operator, Tenant, passwords::Password},
    control::{ClockState, witness},
    migrations::{
        self,
        check::{Checker, Finding, What},
        fleet,
    },
    plans,
    tenants::{
        self, Filter, Listed, NewTenant,
        provision::{CreateTenant, Created, Owner},
    },
    topology::{PlacementState, versions},
    users::{self, NewUser, Standing},
};
use std::path::PathBuf;
use tenantry_engine::name::{RoleName, Slug, StoreName};

/// A person who becomes the first member of a tenant. The operator vouches for the account.
#[derive(Debug, Clone)]
pub struct NewOwner {
    /// E-mail address, also used to sign in.
    pub email: String,
    /// Display name.
    pub name: String,
    /// Password; checked against the policy.
    pub password: Password,
}

impl Platform {
    /// Returns a page of tenants with its size, users, plan and subscription.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn list_tenants(&self, filter: &Filter) -> Result<Vec<Listed>> {
        let control = self.control();
        tenants::list(&mut control.snapshot().await?, filter, control.now_us()).await
    }

    /// Returns one tenant with the same columns.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant.
    pub async fn show_tenant(&self, slug: &Slug) -> Result<Listed> {
        let control = self.control();
        tenants::show(&mut control.snapshot().await?, slug, control.now_us()).await
    }

    /// Returns the size of its databases on disk, in bytes. Missing databases count as 0.
    pub fn tenant_bytes(&self, tenant: &Listed) -> u64 {
        tenant.placements.iter().map(|p| self.0.engine.size_bytes(&p.place).unwrap_or(0)).sum()
    }

    /// Creates a tenant with its databases, its subscription and, if given, its first member: all or nothing.
    /// Without a plan it starts on the configuration's default.
    ///
    /// # Errors
    /// [`Error::Invalid`] for invalid input; [`Error::Conflict`] for a slug or address that is taken.
    pub async fn create_tenant(
        &self,
        actor: &Actor,
        tenant: NewTenant,
        plan: Option<&str>,
        owner: Option<NewOwner>,
    ) -> Result<Created> {
        actor.require_staff()?;
        let by = &actor.by();
        let placements = self.placements(&tenant.slug).await?;
        let plan = plan.unwrap_or(self.config().registration.default_plan.as_str()).to_owned();
        let owner = match owner {
            Some(owner) => Some((self.hashed(owner).await?, self.owner_role()?)),
            None => None,
        };
        let wanted = CreateTenant { tenant, placements, plan: Some(plan), owner };
        self.0.operations.create_tenant(by, wanted).await
    }

    /// Creates a user and makes them an owner of an existing tenant.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the address has an account: its holder can only join by invitation.
    pub async fn add_owner(&self, actor: &Actor, slug: &Slug, owner: NewOwner) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let Owner::New(user) = self.hashed(owner).await? else {
            return Err(Error::Internal("a new owner is a new user".into()));
        };
        let mut write = self.control().begin().await?;
        let tenant = tenants::by_slug(&mut write, slug).await?;
        let id = users::create(&mut write, by, &user).await?;
        users::members::add(&mut write, by, id, tenant.id, &self.owner_role()?).await?;
        write.commit().await
    }

    /// Creates the databases that an existing tenant lacks.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant.
    pub async fn create_databases(&self, actor: &Actor, slug: &Slug) -> Result<Created> {
        actor.require_staff()?;
        let by = &actor.by();
        let placements = self.placements(slug).await?;
        self.0.operations.create_databases(by, slug, placements).await
    }

    /// Puts a tenant on another plan, sets the state and end of its subscription as decided by external billing, or
    /// both in one commit.
    ///
    /// # Errors
    /// [`Error::NotFound`] for tenant or subscription; [`Error::Invalid`] when there is no such plan.
    pub async fn change_subscription(
        &self,
        actor: &Actor,
        slug: &Slug,
        plan: Option<&str>,
        state: Option<(plans::State, Option<i64>)>,
    ) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        if let Some(plan) = plan {
            plans::change_plan(&mut write, by, id, plan).await?;
        }
        if let Some((state, ends_at_us)) = state {
            plans::set_state(&mut write, by, id, state, ends_at_us).await?;
        }
        write.commit().await
    }

    /// Enters a tenant as the operator. Never reachable from the network.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant.
    pub async fn enter_as_operator(&self, operator: &Operator, slug: &Slug) -> Result<Tenant> {
        self.control().refresh().await?;
        let id = self.0.topology.by_slug(slug).await?.id;
        self.access().enter(operator, id).await
    }

    /// Migrates tenant databases to the version of the installed apps. Failing tenants do not stop the others, and
    /// tenants with an open operation are skipped.
    ///
    /// # Errors
    /// Those of the control store. Errors of single databases are in the reports.
    pub async fn migrate_tenants(
        &self,
        actor: &Actor,
        only: Option<&Slug>,
        mut options: fleet::Options,
        tell: impl FnMut(&StoreName, fleet::Event<'_>),
    ) -> Result<Vec<(StoreName, fleet::Report)>> {
        actor.require_staff()?;
        let by = &actor.by();
        if let Some(slug) = only {
            options.only = Some(self.tenant_id(slug).await?);
        }
        migrations::tenants::migrate(self.control(), by, &self.0.engine, &self.apps(), None, &options, tell)
            .await
    }

    /// Returns how many tenant databases are not at the version of the loaded apps, without external ones. Reads only
    /// the catalog.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn tenants_behind(&self) -> Result<u64> {
        Ok(self.schema_standing().await?.behind)
    }

    /// Returns how many tenant databases are behind the loaded apps, and how many were migrated by newer ones.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn schema_standing(&self) -> Result<versions::Standing> {
        versions::standing(self.control(), self.apps().stores()).await
    }

    /// Compares the schema of each placement of the tenant with the loaded apps, in the order of the placements.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn schema_versions(&self, tenant: &Listed) -> Result<Vec<versions::Version>> {
        let apps = self.apps();
        let mut found = Vec::with_capacity(tenant.placements.len());
        for placement in &tenant.placements {
            if placement.state != PlacementState::Ready {
                found.push(versions::Version::Current);
                continue;
            }
            let schema = apps.store(&placement.place.store).ok_or(Error::NotFound("store"))?;
            found.push(versions::of(self.control(), schema, placement.schema_version.as_deref()).await?);
        }
        Ok(found)
    }

    /// Checks models, migrations and every database, or only those of one tenant. Returns how many tenants were
    /// checked. Findings are reported as they are found. With `pages`, every page of every database is read as well.
    /// `at` receives the number of tenants checked so far and their total.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a tenant that does not exist. A database's error is a finding.
    pub async fn check(
        &self,
        only: Option<&Slug>,
        pages: bool,
        mut tell: impl FnMut(Finding),
        at: impl FnMut(u64, u64),
    ) -> Result<u64> {
        let loaded = self.loaded();
        let systems = loaded.models.values().filter_map(|entry| entry.place.clone());
        let mut checker =
            Checker::new(&self.0.engine, &loaded.apps, systems.collect())?.without_pages(!pages);
        let only = match only {
            Some(slug) => Some(self.tenant_id(slug).await?),
            None => None,
        };
        for refused in self.refused_stores().await.iter() {
            tell(Finding {
                place: Some(refused.place.clone()),
                tenant: None,
                what: What::Refused(refused.clone()),
            });
        }
        checker.platform(&mut tell).await?;
        checker.tenants(self.control(), only, tell, at).await
    }

    /// Returns the template files of new databases that are damaged.
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn damaged_templates(&self) -> Result<Vec<PathBuf>> {
        self.loaded().databases.damaged_templates().await
    }

    /// Returns the system clock, and up to when irreversible work trusts it.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn clock_state(&self) -> Result<ClockState> {
        witness::state(self.control()).await
    }

    /// Accepts the present time of the system clock, which the operator has compared with another clock.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn accept_clock(&self, actor: &Actor) -> Result<ClockState> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.control().begin().await?;
        witness::accept(&mut write, by, self.control().clock()).await?;
        write.commit().await?;
        self.clock_state().await
    }

    pub(crate) async fn hashed(&self, owner: NewOwner) -> Result<Owner> {
        owner.password.check(&owner.email)?;
        let hash = self.access().passwords().hash(owner.password).await?;
        Ok(Owner::New(NewUser {
            email: owner.email,
            name: owner.name,
            password_hash: Some(hash),
            standing: Standing::Confirmed,
        }))
    }

    /// Returns the first configured role. Its holders manage their tenant.
    ///
    /// # Errors
    /// [`Error::NotFound`] when none is configured.
    pub fn owner_role(&self) -> Result<RoleName> {
        self.config().auth.roles.first().cloned().ok_or(Error::NotFound("role"))
    }
}
