//! The steps of `RestoreAs`. Called by the journal's driver only.

use super::{Placed, RestoreAs};
use crate::{
    Error, Result,
    backups::{self, believed},
    control::{Subject, Write},
    operations::{
        World,
        restore::{adopt_fetched, fetch_all},
    },
    plans,
    tenants::{self, State},
    topology::{Policy, record as placements},
    users::members,
};
use futures_util::future::BoxFuture;
use serde_json::json;
use tenantry_engine::name::TenantId;

fn id(r: &RestoreAs) -> Result<TenantId> {
    r.tenant.ok_or_else(|| Error::Internal("restore before the tenant is recorded".into()))
}

/// Finds early what would make the last steps fail.
pub(super) fn check<'a>(write: &'a mut Write, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        plans::by_code(write, &r.plan).await?;
        match tenants::by_slug(write, &r.new.slug).await {
            Ok(_) => Err(Error::Conflict(format!("there is a tenant {} already", r.new.slug))),
            Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    })
}

/// Checking changed nothing.
pub(super) fn nothing<'a>(_: &'a mut Write, _: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async { Ok(()) })
}

pub(super) fn fetch<'a>(world: &'a World, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let manifest = backups::manifest_of(world.backups.store()?, Some(r.of), &r.backup).await;
        let manifest = believed(&r.backup, manifest)?;
        fetch_all(world, &manifest, |store| r.placements.iter().any(|p| p.store == *store)).await?;
        r.manifest = Some(Box::new(manifest));
        Ok(())
    })
}

/// Nothing outside scratch was touched.
pub(super) fn leave<'a>(_: &'a World, _: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async { Ok(()) })
}

pub(super) fn record<'a>(write: &'a mut Write, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = tenants::insert(write, &r.new).await?;
        r.tenant = Some(tenant);
        for wanted in &r.placements {
            let place = placements::insert(write, tenant, wanted).await?;
            r.placed.push(Placed { place, policy: wanted.policy, schema_version: None });
        }
        Ok(())
    })
}

pub(super) fn unrecord<'a>(write: &'a mut Write, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = id(r)?;
        for placed in &r.placed {
            placements::set_gone(write, &placed.place).await?;
        }
        tenants::remove_unborn(write, tenant).await?;
        write.invalidate(&Subject::Tenant(tenant)).await
    })
}

pub(super) fn adopt<'a>(world: &'a World, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let manifest = r.manifest.as_deref().ok_or_else(|| Error::Internal("nothing was fetched".into()))?;
        let placements = &r.placements;
        let fetched =
            fetch_all(world, manifest, |store| placements.iter().any(|p| p.store == *store)).await?;
        for placed in &mut r.placed {
            let store = &placed.place.store;
            match fetched.iter().find(|f| f.copy.store == *store) {
                Some(from) => {
                    adopt_fetched(world, manifest, from, &placed.place, r.of).await?;
                    placed.schema_version = Some(world.databases.fingerprint(store)?);
                }
                None if placed.policy == Policy::Managed => {
                    placed.schema_version = Some(world.databases.make(&placed.place).await?);
                }
                None => {}
            }
        }
        Ok(())
    })
}

pub(super) fn remove<'a>(world: &'a World, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for placed in r.placed.iter().rev() {
            world.databases.remove(&placed.place).await?;
        }
        Ok(())
    })
}

pub(super) fn files<'a>(world: &'a World, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let manifest = r.manifest.as_deref().ok_or_else(|| Error::Internal("nothing was fetched".into()))?;
        backups::put_files_back(world, manifest, Some(id(r)?)).await.map(drop)
    })
}

/// The tenant is new: all files under its id came from here.
pub(super) fn unfile<'a>(world: &'a World, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (tenant, away) =
            (id(r)?, |e: crate::records::files::FileError| Error::Unavailable(e.to_string()));
        for (file, _) in world.files.list(Some(tenant)).await.map_err(away)? {
            world.files.delete(Some(tenant), &file).await.map_err(away)?;
        }
        Ok(())
    })
}

pub(super) fn subscribe<'a>(write: &'a mut Write, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = id(r)?;
        plans::start(write, tenant, &r.plan).await?;
        for (user, role) in &r.members {
            members::insert(write, *user, tenant, role).await?;
            write.invalidate(&Subject::User(*user)).await?;
        }
        Ok(())
    })
}

pub(super) fn activate<'a>(write: &'a mut Write, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = id(r)?;
        for placed in &r.placed {
            let version = placed.schema_version.as_deref();
            if version.is_some() || placed.policy == Policy::External {
                placements::set_ready(write, &placed.place, version).await?;
            }
        }
        let detail = json!({ "backup": r.backup, "of": r.of });
        write.audit(&r.by, Some(tenant), "tenant.restore_as", detail).await?;
        tenants::transition(write, &r.by, tenant, State::Active, None).await
    })
}
