//! The operation that creates a tenant, or the databases that an existing tenant lacks.
//!
//! Steps: record (tenant, placements) | databases | subscribe, owner, activate. Two commits of the control store
//! surround the one outside step. If the owner's e-mail address is taken, the operation fails before it creates
//! anything.

mod steps;

use crate::operations::{Context, Operation, Operations, Step};
use crate::{
    Error, Result,
    audit::By,
    control::Write,
    mail,
    tenants::{self, NewTenant},
    topology::{NewPlacement, Placement, PlacementState, Policy, placement},
    users::{self, NewUser, Standing},
};
use std::sync::{Arc, Mutex, PoisonError};
use tenantry_engine::{
    Prepared, Tx,
    name::{RoleName, Slug, TenantId, UserId},
    place::Place,
};

/// Request to create a tenant.
#[derive(Debug, Clone)]
pub struct CreateTenant {
    /// Name, slug and e-mail address of the tenant.
    pub tenant: NewTenant,
    /// Placement of each store of the tenant, from configuration and policy.
    pub placements: Vec<NewPlacement>,
    /// Code of the plan on which the tenant starts; `None` for no subscription.
    pub plan: Option<String>,
    /// First member of the tenant, with their role; `None` if staff add members later.
    pub owner: Option<(Owner, RoleName)>,
}

/// First member of a tenant.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub enum Owner {
    /// A user to create together with the tenant: both or neither.
    New(NewUser),
    /// Id of an existing user.
    Existing(UserId),
}

impl Owner {
    /// Refuses an owner whom the last steps would refuse.
    pub(crate) async fn check(&self, tx: &mut Tx) -> Result<()> {
        let user = match self {
            Self::New(user) => user,
            Self::Existing(id) => return users::by_id(tx, *id).await.map(drop),
        };
        users::check_email(&user.email)?;
        users::check_text("name", &user.name)?;
        if user.standing == Standing::Unconfirmed {
            // The answer must not reveal whether the address has an account.
            return Ok(());
        }
        match users::by_email(tx, &user.email).await? {
            Some(_) => Err(Error::Conflict(
                "a user with this e-mail address exists: log in, or take another address".into(),
            )),
            None => Ok(()),
        }
    }

    /// Returns the user id of the owner. Creates a new user first, and sends a letter to their address if it is not
    /// confirmed.
    pub(crate) async fn user(&self, write: &mut Write, tenant: TenantId) -> Result<UserId> {
        let new = match self {
            Self::New(new) => new,
            Self::Existing(id) => return Ok(*id),
        };
        let user = users::insert(write, new).await?;
        if new.standing == Standing::Unconfirmed {
            let address = users::normal_email(&new.email);
            mail::ask_to_confirm(write, user, &address, Some(tenant)).await?;
        }
        Ok(user)
    }
}

/// Result of the operation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Created {
    /// Id of the tenant.
    pub tenant: TenantId,
    /// User id of the first member, if one was requested.
    pub owner: Option<UserId>,
    /// Names of the created databases, without planned and external ones.
    pub databases: Vec<String>,
}

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Provision {
    by: By,
    /// The tenant to create; `None` if it exists and only lacks databases.
    new: Option<New>,
    tenant: Option<TenantId>,
    placements: Vec<NewPlacement>,
    /// Placements recorded by this operation.
    placed: Vec<Placed>,
    /// Placements whose database is lost and that new placements replace.
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
    /// True if the placement was planned before this operation. It then stays when the operation is undone.
    planned_before: bool,
    schema_version: Option<String>,
    #[serde(skip)]
    early: Early,
}

/// A database that is prepared before its step. The first task that takes it uses it.
#[derive(Debug, Clone, Default)]
struct Early(Arc<Mutex<Option<Prepared>>>);

impl Early {
    fn put(&self, prepared: Option<Prepared>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = prepared;
    }

    fn take(&self) -> Option<Prepared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Placed {
    fn planned(planned: &Placement) -> Self {
        let (place, policy) = (planned.place.clone(), planned.policy);
        Self { place, policy, planned_before: true, schema_version: None, early: Early::default() }
    }
}

impl Operation for Provision {
    const KIND: &'static str = "provision";

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "record", run: steps::record, undo: Some(steps::unrecord) },
            Step::Outside { name: "databases", run: steps::make, undo: steps::unmake },
            Step::Control { name: "subscribe", run: steps::subscribe, undo: None },
            Step::Control { name: "owner", run: steps::own, undo: None },
            Step::Control { name: "activate", run: steps::activate, undo: None },
        ]
    }

    fn begin_early(&mut self, context: &Context) {
        steps::prepare(context, self);
    }

    fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        match &self.new {
            Some(new) => format!("create tenant {}", new.tenant.slug),
            None => format!("create databases of tenant {}", self.tenant.map_or(0, TenantId::get)),
        }
    }

    fn outcome(&self) -> serde_json::Value {
        let names = self.placed.iter().filter(|p| p.schema_version.is_some()).map(|p| &p.place.physical);
        let databases: Vec<_> = names.map(ToString::to_string).collect();
        serde_json::json!({ "tenant": self.tenant, "user": self.user, "databases": databases })
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

    /// Returns the state of an operation that creates the database of a planned placement.
    pub(super) fn planned(by: By, tenant: TenantId, planned: &Placement) -> Self {
        Self { placed: vec![Placed::planned(planned)], ..Self::existing(by, tenant) }
    }

    fn id(&self) -> Result<TenantId> {
        self.tenant.ok_or_else(|| Error::Internal("provision before the tenant is recorded".into()))
    }
}

impl Operations {
    /// Creates a tenant with its databases, its trial and its first member: all or nothing.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for invalid names; [`Error::Conflict`] for a slug or address that is taken; or the
    /// error of the step that failed.
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

    /// Creates the databases that an existing tenant lacks: for stores without a placement, for planned placements, and
    /// for placements whose database is lost, which get a new, empty database under a new name. Does nothing if no
    /// database is missing, and never creates an external database.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant, or the error of the step that failed.
    pub async fn create_databases(&self, by: &By, slug: &Slug, wanted: Vec<NewPlacement>) -> Result<Created> {
        let mut tx = self.context().control.snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?;
        let existing = placement::of_tenant(&mut tx, tenant.id).await?;
        drop(tx);
        let mut p = Provision::existing(by.clone(), tenant.id);
        for new in wanted {
            let Some(old) = existing.iter().find(|e| e.place.store == new.store) else {
                p.placements.push(new);
                continue;
            };
            if old.policy == Policy::External {
                continue;
            }
            if old.state == PlacementState::Planned {
                p.placed.push(Placed::planned(old));
            } else if !self.context().databases.exists(&old.place).await? {
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
