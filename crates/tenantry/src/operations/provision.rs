//! The operation that makes a tenant, or the databases an existing tenant lacks (M7, M9).
//!
//! record (tenant, placements) | databases | subscribe, owner, activate: two commits of the control
//! store around the one step that leaves it. An owner's e-mail address that is taken is found before
//! anything is made.

use super::{Databases, Operation, Operations, Step};
use crate::{
    Error, Result,
    audit::By,
    control::{Subject, Write},
    plans,
    tenants::{self, NewTenant, State},
    topology::{NewPlacement, Placement, PlacementState, Policy, placement},
    users::{self, NewUser, members},
};
use futures_util::future::BoxFuture;
use tenantry_engine::{
    name::{RoleName, Slug, TenantId, UserId},
    place::Place,
};

/// A tenant to be made.
#[derive(Debug, Clone)]
pub struct CreateTenant {
    /// Name, slug, e-mail.
    pub tenant: NewTenant,
    /// Where each of its stores goes, as configuration and policy decided.
    pub placements: Vec<NewPlacement>,
    /// Code of the plan it starts on; none: no subscription.
    pub plan: Option<String>,
    /// Its first member and their role; none: staff adds members later.
    pub owner: Option<(Owner, RoleName)>,
}

/// The first member of a tenant.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub enum Owner {
    /// A user made with the tenant: both or neither (M7).
    New(NewUser),
    /// A user who exists.
    Existing(UserId),
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Created {
    /// The tenant.
    pub tenant: TenantId,
    /// Its first member, if one was asked for.
    pub owner: Option<UserId>,
    /// The databases made; planned and external ones are not among them.
    pub databases: Vec<String>,
}

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Provision {
    by: By,
    /// None: the tenant exists and lacks databases.
    new: Option<New>,
    tenant: Option<TenantId>,
    placements: Vec<NewPlacement>,
    /// Placements recorded by this operation.
    placed: Vec<Placed>,
    /// Placements whose database was lost and that give way to new ones.
    lost: Vec<Place>,
    user: Option<UserId>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct New {
    tenant: NewTenant,
    plan: Option<String>,
    owner: Option<(Owner, RoleName)>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Placed {
    place: Place,
    policy: Policy,
    /// Recorded before this operation, as planned: stays when it is undone.
    planned_before: bool,
    schema_version: Option<String>,
}

impl Placed {
    fn planned(planned: &Placement) -> Self {
        let (place, policy) = (planned.place.clone(), planned.policy);
        Self { place, policy, planned_before: true, schema_version: None }
    }
}

impl Operation for Provision {
    const KIND: &'static str = "provision";

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "record", run: record, undo: Some(unrecord) },
            Step::Outside { name: "databases", run: make, undo: unmake },
            Step::Control { name: "subscribe", run: subscribe, undo: None },
            Step::Control { name: "owner", run: own, undo: None },
            Step::Control { name: "activate", run: activate, undo: None },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    fn by(&self) -> &By {
        &self.by
    }
}

impl Provision {
    fn existing(by: By, tenant: TenantId) -> Self {
        Self {
            by,
            new: None,
            tenant: Some(tenant),
            placements: vec![],
            placed: vec![],
            lost: vec![],
            user: None,
        }
    }

    /// Makes the database of a placement that is planned.
    pub(super) fn planned(by: By, tenant: TenantId, planned: &Placement) -> Self {
        Self { placed: vec![Placed::planned(planned)], ..Self::existing(by, tenant) }
    }

    fn id(&self) -> Result<TenantId> {
        self.tenant.ok_or_else(|| Error::Internal("provision before the tenant is recorded".into()))
    }
}

fn record<'a>(write: &'a mut Write, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let fresh = p.new.is_some();
        if let Some(new) = &p.new {
            check_owner(write, new).await?;
            p.tenant = Some(tenants::insert(write, &new.tenant).await?);
        }
        let tenant = p.id()?;
        for lost in &p.lost {
            placement::set_gone(write, lost).await?;
        }
        for wanted in &p.placements {
            let place = placement::insert(write, tenant, wanted).await?;
            p.placed.push(Placed {
                place,
                policy: wanted.policy,
                planned_before: false,
                schema_version: None,
            });
        }
        if !fresh {
            write.invalidate(&Subject::Tenant(tenant)).await?;
        }
        Ok(())
    })
}

/// Finds early what would make the last steps fail.
async fn check_owner(write: &mut Write, new: &New) -> Result<()> {
    if let Some(plan) = &new.plan {
        plans::by_code(write, plan).await?;
    }
    match &new.owner {
        Some((Owner::New(user), _)) => {
            users::check_email(&user.email)?;
            users::check_text("name", &user.name)?;
            match users::by_email(write, &user.email).await? {
                Some(_) => Err(Error::Conflict("a user with this e-mail address exists".into())),
                None => Ok(()),
            }
        }
        Some((Owner::Existing(id), _)) => users::by_id(write, *id).await.map(|_| ()),
        None => Ok(()),
    }
}

fn unrecord<'a>(write: &'a mut Write, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = p.id()?;
        for placed in p.placed.iter().filter(|placed| !placed.planned_before) {
            placement::set_gone(write, &placed.place).await?;
        }
        for lost in &p.lost {
            placement::set_back(write, lost).await?;
        }
        if p.new.is_some() {
            tenants::remove_unborn(write, tenant).await?;
        }
        write.invalidate(&Subject::Tenant(tenant)).await
    })
}

/// Managed ones now; planned ones of an existing tenant because that was asked for; others never.
fn to_make(p: &Provision) -> impl Fn(&Placed) -> bool + use<> {
    let asked = p.new.is_none();
    move |placed| match placed.policy {
        Policy::Managed => true,
        Policy::OnDemand => asked,
        Policy::External => false,
    }
}

fn make<'a>(databases: &'a dyn Databases, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let wanted = to_make(p);
        for placed in p.placed.iter_mut().filter(|placed| wanted(placed)) {
            placed.schema_version = Some(databases.make(&placed.place).await?);
        }
        Ok(())
    })
}

fn unmake<'a>(databases: &'a dyn Databases, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let wanted = to_make(p);
        for placed in p.placed.iter_mut().filter(|placed| wanted(placed)).rev() {
            databases.remove(&placed.place).await?;
            placed.schema_version = None;
        }
        Ok(())
    })
}

fn subscribe<'a>(write: &'a mut Write, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        match p.new.as_ref().and_then(|new| new.plan.as_deref()) {
            Some(plan) => plans::start(write, p.id()?, plan).await,
            None => Ok(()),
        }
    })
}

fn own<'a>(write: &'a mut Write, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = p.id()?;
        let Some((owner, role)) = p.new.as_ref().and_then(|new| new.owner.as_ref()) else { return Ok(()) };
        let user = match owner {
            Owner::New(user) => users::insert(write, user).await?,
            Owner::Existing(id) => *id,
        };
        members::insert(write, user, tenant, role).await?;
        write.invalidate(&Subject::User(user)).await?;
        p.user = Some(user);
        Ok(())
    })
}

fn activate<'a>(write: &'a mut Write, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = p.id()?;
        for placed in &p.placed {
            // An external database is used as it is; its version is found by the next migration run.
            let version = placed.schema_version.as_deref();
            if version.is_some() || placed.policy == Policy::External {
                placement::set_ready(write, &placed.place, version).await?;
            }
        }
        if p.new.is_some() {
            return tenants::transition(write, &p.by, tenant, State::Active, None).await;
        }
        let names: Vec<_> = p.placed.iter().map(|placed| placed.place.physical.to_string()).collect();
        write
            .audit(&p.by, Some(tenant), "tenant.create_databases", serde_json::json!({ "databases": names }))
            .await?;
        write.invalidate(&Subject::Tenant(tenant)).await
    })
}

impl Operations {
    /// Makes a tenant with its databases, its trial and its first member: all or nothing (M7).
    pub async fn create_tenant(&self, by: &By, wanted: CreateTenant) -> Result<Created> {
        let CreateTenant { tenant, placements, plan, owner } = wanted;
        tenants::check(&tenant)?;
        let done = self.run(Provision {
            by: by.clone(),
            new: Some(New { tenant, plan, owner }),
            tenant: None,
            placements,
            placed: vec![],
            lost: vec![],
            user: None,
        });
        created(&done.await?)
    }

    /// Makes the databases that an existing tenant lacks (M9, M16): stores without a placement, planned
    /// ones, and those whose database is lost, which get a new, empty one under a new name. Does
    /// nothing where all are there.
    pub async fn create_databases(&self, by: &By, slug: &Slug, wanted: Vec<NewPlacement>) -> Result<Created> {
        let mut tx = self.inner.control.snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?;
        let existing = placement::of_tenant(&mut tx, tenant.id).await?;
        drop(tx);
        let mut p = Provision::existing(by.clone(), tenant.id);
        for new in wanted {
            let Some(old) = existing.iter().find(|e| e.place.store == new.store) else {
                p.placements.push(new);
                continue;
            };
            if old.state == PlacementState::Planned {
                p.placed.push(Placed::planned(old));
            } else if old.policy != Policy::External && !self.inner.databases.exists(&old.place).await? {
                p.lost.push(old.place.clone());
                p.placements.push(new);
            }
        }
        if p.placements.is_empty() && p.placed.is_empty() {
            return created(&p);
        }
        created(&self.run(p).await?)
    }
}

fn created(p: &Provision) -> Result<Created> {
    let made = p.placed.iter().filter(|placed| placed.schema_version.is_some());
    let databases = made.map(|placed| placed.place.physical.to_string()).collect();
    Ok(Created { tenant: p.id()?, owner: p.user, databases })
}
