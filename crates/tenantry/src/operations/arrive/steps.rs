//! The steps of an arrival. They are among those of the operations that hold one.

use super::{Arrives, CopyOf, Placed};
use crate::{
    Error, Result,
    control::{Subject, Write},
    operations::{Owner, World},
    plans,
    records::{FileInfo, file_names},
    tenants::{self, State},
    topology::{Policy, record as placements},
    users::{self, members as memberships},
};
use futures_util::future::BoxFuture;
use std::path::PathBuf;
use tenantry_engine::{name::StoreName, place::Place, row::Row};
use uuid::Uuid;

/// Finds early what would make the last steps fail.
pub(super) fn check<'a, S: Arrives>(write: &'a mut Write, s: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        s.check(write).await?;
        let wanted = &s.arrival().wanted;
        tenants::require_free(write, &wanted.new.slug).await?;
        plans::by_code(write, &wanted.plan).await?;
        match &wanted.owner {
            Some((owner, _)) => owner.check(write).await,
            None => Ok(()),
        }
    })
}

pub(super) fn record<'a, S: Arrives>(write: &'a mut Write, s: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let a = s.arrival_mut();
        let tenant = tenants::insert(write, &a.wanted.new).await?;
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

pub(super) fn unrecord<'a, S: Arrives>(write: &'a mut Write, s: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let a = s.arrival_mut();
        let tenant = a.id()?;
        for placed in &a.placed {
            placements::set_gone(write, &placed.place).await?;
        }
        tenants::remove_unborn(write, tenant).await?;
        write.invalidate(&Subject::Tenant(tenant)).await
    })
}

/// Makes its databases: from the copies where there are some, else empty as for any new tenant.
pub(super) fn adopt<'a, S: Arrives>(world: &'a World, s: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        s.arrival_mut().rows = 0;
        for at in 0..s.arrival().placed.len() {
            world.cancel.check()?;
            let Placed { place, policy, .. } = s.arrival().placed[at].clone();
            let copy = s.arrival().copies.iter().find(|copy| copy.store == place.store).cloned();
            let version = match copy {
                Some(copy) => {
                    let rows = take_over(world, s, &copy, &place).await?;
                    s.arrival_mut().rows += rows;
                    Some(world.databases.fingerprint(&place.store)?)
                }
                None if policy == Policy::Managed => Some(world.databases.make(&place).await?),
                None => None,
            };
            s.arrival_mut().placed[at].schema_version = version;
        }
        Ok(())
    })
}

/// Makes one database from its copy, and compares it with the copy; its rows.
async fn take_over(world: &World, s: &impl Arrives, copy: &CopyOf, place: &Place) -> Result<u64> {
    let (engine, path) = (world.databases.engine(), copy.path(world.scratch()?));
    let (script, schema) = (world.databases.script(&place.store)?, world.databases.schema(&place.store)?);
    engine.adopt(place, &script, &path, copy.of).await.map_err(|error| s.refused(place, error))?;
    let taken = engine.digest(place, &schema).await?;
    if taken != engine.digest_copy(&path, &schema, Some(copy.of)).await? {
        return Err(Error::Internal(format!("{place:?} is not what was copied")));
    }
    Ok(taken.rows())
}

/// A database that somebody brought may hold tables of its own, which must not live on in one of ours.
pub(in crate::operations) async fn refuse_foreign(
    world: &World,
    store: &StoreName,
    copy: Option<&CopyOf>,
) -> Result<()> {
    let Some(copy) = copy else { return Ok(()) };
    let path = copy.path(world.scratch()?);
    let found = world.databases.engine().foreign_in_copy(&path, &world.databases.script(store)?).await?;
    match found.first() {
        None => Ok(()),
        Some(first) => Err(Error::Conflict(format!(
            "the database of {store} was brought by its owner and has things of its own ({first}): it cannot be cloned"
        ))),
    }
}

pub(super) fn remove<'a, S: Arrives>(world: &'a World, s: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let a = s.arrival_mut();
        for placed in a.placed.iter_mut().rev() {
            world.databases.remove(&placed.place).await?;
            placed.schema_version = None;
        }
        Ok(())
    })
}

/// The tenant is new: all files under its id came with it.
pub(super) fn unfile<'a, S: Arrives>(world: &'a World, s: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let a = s.arrival_mut();
        world.files.remove_all(a.id()?).await.map(drop).map_err(|e| Error::Unavailable(e.to_string()))
    })
}

/// Ids of the files that the rows of a copy name.
pub(in crate::operations) async fn file_ids(
    world: &World,
    store: &StoreName,
    path: PathBuf,
) -> Result<Vec<Uuid>> {
    let (engine, schema) = (world.databases.engine().clone(), world.databases.schema(store)?);
    let read = move || {
        let mut ids = vec![];
        for plan in schema.plans() {
            let fields = file_names(plan.model());
            if !fields.is_empty() {
                engine.read_copy(
                    &path,
                    &schema,
                    plan.model().name.as_str(),
                    &fields,
                    &mut |row: &dyn Row| {
                        let files = (0..row.len()).filter_map(|index| FileInfo::of(row.get(index).into()));
                        ids.extend(files.filter_map(|file| file.id.parse::<Uuid>().ok()));
                        true
                    },
                )?;
            }
        }
        Ok(ids)
    };
    tokio::task::spawn_blocking(read).await.map_err(|e| Error::Internal(e.to_string()))?
}

pub(super) fn subscribe<'a, S: Arrives>(write: &'a mut Write, s: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let a = s.arrival_mut();
        plans::start(write, a.id()?, &a.wanted.plan).await
    })
}

/// Its owner, and who comes along.
pub(super) fn own<'a, S: Arrives>(write: &'a mut Write, s: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let a = s.arrival_mut();
        let tenant = a.id()?;
        let mut members = a.wanted.members.clone();
        if let Some((owner, role)) = &a.wanted.owner {
            let user = match owner {
                Owner::New(user) => users::insert(write, user).await?,
                Owner::Existing(id) => *id,
            };
            members.push((user, role.clone()));
            a.user = Some(user);
        }
        for (user, role) in &members {
            memberships::insert(write, *user, tenant, role).await?;
            write.invalidate(&Subject::User(*user)).await?;
        }
        Ok(())
    })
}

pub(super) fn activate<'a, S: Arrives>(write: &'a mut Write, s: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (a, mut detail) = (s.arrival(), s.detail());
        let tenant = a.id()?;
        for placed in &a.placed {
            if let Some(version) = placed.schema_version.as_deref() {
                placements::set_ready(write, &placed.place, Some(version)).await?;
            }
        }
        detail["rows"] = a.rows.into();
        detail["files"] = a.files.into();
        write.audit(&a.wanted.by, Some(tenant), S::ACTION, detail).await?;
        tenants::transition(write, &a.wanted.by, tenant, State::Active, None).await
    })
}
