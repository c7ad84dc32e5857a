//! Steps of an arrival. Called only by the journal's driver.

use super::{Arrival, CopyOf, Placed, Source};
use crate::{
    Error, Result,
    control::{Subject, Write},
    operations::Context,
    plans,
    tenants::{self, State},
    topology::{Policy, record as placements},
    users::members as memberships,
};
use futures_util::future::BoxFuture;
use tenantry_engine::place::Place;

/// Reports an error that would otherwise fail the last steps.
pub(super) fn check<'a, S: Source>(write: &'a mut Write, a: &'a mut Arrival<S>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        a.source.check(write).await?;
        tenants::require_free(write, &a.wanted.new.slug).await?;
        plans::by_code(write, &a.wanted.plan).await?;
        match &a.wanted.owner {
            Some((owner, _)) => owner.check(write).await,
            None => Ok(()),
        }
    })
}

/// Undoes the first step, after all others are undone.
pub(super) fn undone<'a, S: Source>(
    write: &'a mut Write,
    a: &'a mut Arrival<S>,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move { a.source.undone(write, &a.wanted.by).await })
}

/// Returns the result of a step, after the source has noted its error.
fn noted<S: Source, T>(context: &Context, a: &mut Arrival<S>, done: Result<T>) -> Result<T> {
    if let Err(error) = &done {
        a.source.note(context, error)?;
    }
    done
}

pub(super) fn bring<'a, S: Source>(context: &'a Context, a: &'a mut Arrival<S>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let stores: Vec<_> = a.wanted.placements.iter().map(|wanted| wanted.store.clone()).collect();
        let brought = a.source.bring(context, &stores).await;
        a.copies = noted(context, a, brought)?;
        Ok(())
    })
}

pub(super) fn record<'a, S: Source>(
    write: &'a mut Write,
    a: &'a mut Arrival<S>,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let highest = placements::highest_tenant(write, &a.wanted.placements).await?;
        let tenant = tenants::insert(write, &a.wanted.new, highest).await?;
        a.tenant = Some(tenant);
        for wanted in &a.wanted.placements {
            let copied = a.copies.iter().any(|copy| copy.store == wanted.store);
            let wanted = if copied { &wanted.of_copy() } else { wanted };
            let place = placements::insert(write, tenant, wanted).await?;
            a.placed.push(Placed { place, policy: wanted.policy, schema_version: None });
        }
        Ok(())
    })
}

pub(super) fn unrecord<'a, S: Source>(
    write: &'a mut Write,
    a: &'a mut Arrival<S>,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = a.id()?;
        for placed in &a.placed {
            placements::set_gone(write, &placed.place).await?;
        }
        tenants::remove_unborn(write, tenant).await?;
        write.invalidate(&Subject::Tenant(tenant)).await
    })
}

/// Creates the databases: from the copies where there are any, otherwise empty, as for any new tenant.
pub(super) fn adopt<'a, S: Source>(context: &'a Context, a: &'a mut Arrival<S>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let adopted = adopt_all(context, a).await;
        noted(context, a, adopted)
    })
}

async fn adopt_all<S: Source>(context: &Context, a: &mut Arrival<S>) -> Result<()> {
    a.rows = 0;
    for placed in &mut a.placed {
        context.cancel.check()?;
        let place = &placed.place;
        placed.schema_version = match a.copies.iter().find(|copy| copy.store == place.store) {
            Some(copy) => {
                a.rows += take_over(context, &a.source, copy, place).await?;
                Some(context.databases.fingerprint(&place.store)?)
            }
            None if placed.policy == Policy::Managed => Some(context.databases.make(place).await?),
            None => None,
        };
    }
    Ok(())
}

/// Creates one database from its copy, and compares it with the copy. Returns its number of rows.
async fn take_over(context: &Context, source: &impl Source, copy: &CopyOf, place: &Place) -> Result<u64> {
    let (engine, path) = (context.databases.engine(), copy.path(context.scratch()?));
    let (script, schema) = (context.databases.script(&place.store)?, context.databases.schema(&place.store)?);
    engine.adopt(place, &script, &path, copy.of).await.map_err(|error| source.refused(place, error))?;
    let taken = engine.digest(place, &schema).await?;
    if taken != engine.digest_copy(&path, &schema, Some(copy.of)).await? {
        return Err(Error::Internal(format!("{place} is not what was copied")));
    }
    Ok(taken.rows())
}

pub(super) fn remove<'a, S: Source>(
    context: &'a Context,
    a: &'a mut Arrival<S>,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for placed in a.placed.iter_mut().rev() {
            context.databases.remove(&placed.place).await?;
            placed.schema_version = None;
        }
        Ok(())
    })
}

pub(super) fn files<'a, S: Source>(context: &'a Context, a: &'a mut Arrival<S>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let files = a.source.files(context, &a.copies, a.id()?).await;
        a.files = noted(context, a, files)?;
        Ok(())
    })
}

/// Removes all files under the tenant's id. The tenant is new, so this operation brought all of them.
pub(super) fn unfile<'a, S: Source>(
    context: &'a Context,
    a: &'a mut Arrival<S>,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        context.files.remove_all(a.id()?).await.map(drop).map_err(|e| Error::Unavailable(e.to_string()))
    })
}

pub(super) fn subscribe<'a, S: Source>(
    write: &'a mut Write,
    a: &'a mut Arrival<S>,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move { plans::start(write, a.id()?, &a.wanted.plan).await })
}

/// Adds the owner, and the members taken over from the source.
pub(super) fn own<'a, S: Source>(write: &'a mut Write, a: &'a mut Arrival<S>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = a.id()?;
        let mut members = a.wanted.members.clone();
        if let Some((owner, role)) = &a.wanted.owner {
            let user = owner.user(write, tenant).await?;
            members.push((user, role.clone()));
            a.user = Some(user);
        }
        for (user, role) in &members {
            memberships::add(write, &a.wanted.by, *user, tenant, role).await?;
        }
        Ok(())
    })
}

pub(super) fn activate<'a, S: Source>(
    write: &'a mut Write,
    a: &'a mut Arrival<S>,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (tenant, mut detail) = (a.id()?, a.source.detail());
        for placed in &a.placed {
            if let Some(version) = placed.schema_version.as_deref() {
                placements::set_ready(write, &placed.place, Some(version)).await?;
            }
        }
        detail["rows"] = a.rows.into();
        detail["files"] = a.files.into();
        detail["owner"] = serde_json::json!(a.user);
        detail["members"] = a.wanted.members.len().into();
        detail["reason"] = serde_json::json!(a.wanted.reason);
        write.audit(&a.wanted.by, Some(tenant), S::ACTION, detail).await?;
        tenants::transition(write, &a.wanted.by, tenant, State::Active, None).await
    })
}
