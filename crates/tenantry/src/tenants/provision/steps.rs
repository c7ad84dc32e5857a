//! Steps of `Provision`: their actions and undo actions. Called only by the journal's driver.

use super::{Early, New, Placed, Provision};
use crate::{
    Result,
    control::{Subject, Write},
    operations::Context,
    plans,
    tenants::{self, State},
    topology::{Policy, record as placements},
    users::members,
};
use futures_util::future::BoxFuture;

pub(super) fn record<'a>(write: &'a mut Write, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let fresh = p.new.is_some();
        if let Some(new) = &p.new {
            check_owner(write, new).await?;
            let highest = placements::highest_tenant(write, &p.placements).await?;
            p.tenant = Some(tenants::insert(write, &new.tenant, highest).await?);
        }
        let tenant = p.id()?;
        for lost in &p.lost {
            placements::set_gone(write, lost).await?;
        }
        for wanted in &p.placements {
            let place = placements::insert(write, tenant, wanted).await?;
            p.placed.push(Placed {
                place,
                policy: wanted.policy,
                planned_before: false,
                schema_version: None,
                early: Early::default(),
            });
        }
        if !fresh {
            write.invalidate(&Subject::Tenant(tenant)).await?;
        }
        Ok(())
    })
}

/// Reports an error that would otherwise fail the last steps.
async fn check_owner(write: &mut Write, new: &New) -> Result<()> {
    if let Some(plan) = &new.plan {
        plans::by_code(write, plan).await?;
    }
    match &new.owner {
        Some((owner, _)) => owner.check(write).await,
        None => Ok(()),
    }
}

pub(super) fn unrecord<'a>(write: &'a mut Write, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = p.id()?;
        for placed in p.placed.iter().filter(|placed| !placed.planned_before) {
            placements::set_gone(write, &placed.place).await?;
        }
        for lost in &p.lost {
            placements::set_back(write, lost).await?;
        }
        if p.new.is_some() {
            tenants::remove_unborn(write, tenant).await?;
        }
        write.invalidate(&Subject::Tenant(tenant)).await
    })
}

/// Returns a predicate that selects the databases to create: managed ones always, on-demand ones only for an existing
/// tenant, external ones never.
fn to_make(p: &Provision) -> impl Fn(&Placed) -> bool + use<> {
    let asked = p.new.is_none();
    move |placed| match placed.policy {
        Policy::Managed => true,
        Policy::OnDemand => asked,
        Policy::External => false,
    }
}

/// Writes and syncs the files of the databases while the catalog commits. `make` renames them into place.
pub(super) fn prepare(context: &Context, p: &Provision) {
    let wanted = to_make(p);
    for placed in p.placed.iter().filter(|placed| wanted(placed)) {
        // `make` repeats the work and reports the error.
        placed.early.put(context.databases.prepare(&placed.place).unwrap_or(None));
    }
}

pub(super) fn make<'a>(context: &'a Context, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let wanted = to_make(p);
        for placed in p.placed.iter_mut().filter(|placed| wanted(placed)) {
            let early = placed.early.take();
            placed.schema_version = Some(context.databases.make_prepared(&placed.place, early).await?);
        }
        Ok(())
    })
}

pub(super) fn unmake<'a>(context: &'a Context, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let wanted = to_make(p);
        for placed in p.placed.iter_mut().filter(|placed| wanted(placed)).rev() {
            context.databases.remove(&placed.place).await?;
            placed.schema_version = None;
        }
        Ok(())
    })
}

pub(super) fn subscribe<'a>(write: &'a mut Write, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        match p.new.as_ref().and_then(|new| new.plan.as_deref()) {
            Some(plan) => plans::start(write, p.id()?, plan).await,
            None => Ok(()),
        }
    })
}

pub(super) fn own<'a>(write: &'a mut Write, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = p.id()?;
        let Some((owner, role)) = p.new.as_ref().and_then(|new| new.owner.as_ref()) else { return Ok(()) };
        let user = owner.user(write, tenant).await?;
        members::insert(write, user, tenant, role).await?;
        write.invalidate(&Subject::User(user)).await?;
        p.user = Some(user);
        Ok(())
    })
}

pub(super) fn activate<'a>(write: &'a mut Write, p: &'a mut Provision) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = p.id()?;
        for placed in &p.placed {
            // A placement without a database stays planned: it is created on demand, or attached by the tenant.
            if let Some(version) = placed.schema_version.as_deref() {
                placements::set_ready(write, &placed.place, Some(version)).await?;
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
