//! The steps of an arrival. Called by the steps of cloning and importing only.

use super::{Arrival, Placed};
use crate::{
    Error, Result,
    control::{Subject, Write},
    operations::{Owner, World},
    plans,
    records::{FileInfo, file_names},
    tenants::{self, State},
    topology::{Policy, record as placements},
    users::{self, members},
};
use futures_util::future::BoxFuture;
use std::path::PathBuf;
use tenantry_engine::{name::StoreName, row::Row};
use uuid::Uuid;

/// Finds early what would make the last steps fail.
pub(in crate::operations) async fn check(write: &mut Write, a: &Arrival) -> Result<()> {
    tenants::check(&a.wanted.new)?;
    tenants::require_free(write, &a.wanted.new.slug).await?;
    plans::by_code(write, &a.wanted.plan).await?;
    match &a.wanted.owner {
        Some((owner, _)) => owner.check(write).await,
        None => Ok(()),
    }
}

/// What changed nothing needs no undoing.
pub(in crate::operations) fn nothing<'a, S: Send>(
    _: &'a mut Write,
    _: &'a mut S,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async { Ok(()) })
}

/// Nothing outside scratch was touched, and that goes with the operation.
pub(in crate::operations) fn leave<'a, S: Send>(_: &'a World, _: &'a mut S) -> BoxFuture<'a, Result<()>> {
    Box::pin(async { Ok(()) })
}

pub(in crate::operations) async fn record(write: &mut Write, a: &mut Arrival) -> Result<()> {
    let tenant = tenants::insert(write, &a.wanted.new).await?;
    a.tenant = Some(tenant);
    for wanted in &a.wanted.placements {
        let place = placements::insert(write, tenant, wanted).await?;
        a.placed.push(Placed { place, policy: wanted.policy, schema_version: None });
    }
    Ok(())
}

pub(in crate::operations) async fn unrecord(write: &mut Write, a: &mut Arrival) -> Result<()> {
    let tenant = a.id()?;
    for placed in &a.placed {
        placements::set_gone(write, &placed.place).await?;
    }
    tenants::remove_unborn(write, tenant).await?;
    write.invalidate(&Subject::Tenant(tenant)).await
}

/// Makes its databases: from the copies where there are some, else empty as for any new tenant. What was
/// taken over is compared with the copy it came from.
pub(in crate::operations) async fn adopt(world: &World, a: &mut Arrival) -> Result<()> {
    let (engine, scratch) = (world.databases.engine(), world.scratch()?);
    a.rows = 0;
    for placed in &mut a.placed {
        world.cancel.check()?;
        let store = &placed.place.store;
        match a.copies.iter().find(|copy| copy.store == *store) {
            Some(copy) => {
                let path = copy.path(scratch);
                let (script, schema) = (world.databases.script(store)?, world.databases.schema(store)?);
                engine.adopt(&placed.place, &script, &path, copy.of).await?;
                let taken = engine.digest(&placed.place, &schema).await?;
                if taken != engine.digest_copy(&path, &schema, Some(copy.of)).await? {
                    return Err(Error::Internal(format!("{:?} is not what was copied", placed.place)));
                }
                a.rows += taken.rows();
                placed.schema_version = Some(world.databases.fingerprint(store)?);
            }
            None if placed.policy == Policy::Managed => {
                placed.schema_version = Some(world.databases.make(&placed.place).await?);
            }
            None => {}
        }
    }
    Ok(())
}

pub(in crate::operations) async fn remove(world: &World, a: &mut Arrival) -> Result<()> {
    for placed in a.placed.iter_mut().rev() {
        world.databases.remove(&placed.place).await?;
        placed.schema_version = None;
    }
    Ok(())
}

/// The tenant is new: all files under its id came with it.
pub(in crate::operations) async fn unfile(world: &World, a: &mut Arrival) -> Result<()> {
    world.files.remove_all(a.id()?).await.map(drop).map_err(|e| Error::Unavailable(e.to_string()))
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

pub(in crate::operations) async fn subscribe(write: &mut Write, a: &mut Arrival) -> Result<()> {
    plans::start(write, a.id()?, &a.wanted.plan).await
}

pub(in crate::operations) async fn own(write: &mut Write, a: &mut Arrival) -> Result<()> {
    let tenant = a.id()?;
    let Some((owner, role)) = &a.wanted.owner else { return Ok(()) };
    let user = match owner {
        Owner::New(user) => users::insert(write, user).await?,
        Owner::Existing(id) => *id,
    };
    members::insert(write, user, tenant, role).await?;
    write.invalidate(&Subject::User(user)).await?;
    a.user = Some(user);
    Ok(())
}

pub(in crate::operations) async fn activate(
    write: &mut Write,
    a: &mut Arrival,
    action: &str,
    mut detail: serde_json::Value,
) -> Result<()> {
    let tenant = a.id()?;
    for placed in &a.placed {
        if let Some(version) = placed.schema_version.as_deref() {
            placements::set_ready(write, &placed.place, Some(version)).await?;
        }
    }
    detail["rows"] = a.rows.into();
    detail["files"] = a.files.into();
    let by = a.wanted.by.clone();
    write.audit(&by, Some(tenant), action, detail).await?;
    tenants::transition(write, &by, tenant, State::Active, None).await
}
