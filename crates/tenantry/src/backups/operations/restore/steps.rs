//! Steps of `Restore`. Called only by the journal's driver.

use super::Restore;
use crate::{
    Error, Result,
    arrivals::operation::copy_path,
    backups::{
        self, Fetched, Keep, believed, corrupt, damaged,
        manifest::{Manifest, StoreCopy},
        restores::{self, Pair},
    },
    control::Write,
    operations::World,
    topology::{record, swap},
};
use futures_util::future::BoxFuture;
use serde_json::json;
use std::path::PathBuf;
use tenantry_engine::{
    AdoptOptions, Kind,
    name::{StoreName, TenantId},
    place::{Isolation, Place},
};

/// Allows one staged restore per tenant, so that it is clear which one a user is looking at.
pub(super) fn check<'a>(write: &'a mut Write, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        match restores::latest(write, r.tenant.id, restores::State::Beside).await? {
            None => Ok(()),
            Some(other) => Err(Error::Conflict(format!(
                "backup {} is restored beside {} already: swap it in or discard it first",
                other.backup, r.tenant.slug
            ))),
        }
    })
}

/// Records that the backup is damaged, so that the next restore takes an older one (`good-means-restorable`).
pub(super) fn record_damage<'a>(write: &'a mut Write, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move { r.damage.record(write, &r.by, &r.backup, r.tenant.id).await })
}

fn noted(world: &World, r: &mut Restore, done: Result<()>) -> Result<()> {
    if let Err(error) = &done {
        r.damage.note(world, error)?;
    }
    done
}

pub(super) fn fetch<'a>(world: &'a World, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let fetched = fetch_wanted(world, r).await;
        noted(world, r, fetched)
    })
}

async fn fetch_wanted(world: &World, r: &mut Restore) -> Result<()> {
    let manifest = manifest(world, Some(r.tenant.id), r).await?;
    let wanted = |store: &StoreName| {
        r.stores.as_ref().is_none_or(|s| s.contains(store))
            && r.sides.iter().any(|side| side.live.store == *store)
    };
    let fetched = fetch_all(world, &manifest, wanted).await?;
    if fetched.is_empty() {
        return Err(Error::Conflict(format!("backup {} has none of these stores", r.backup)));
    }
    let has = |store: &StoreName| fetched.iter().any(|f| f.copy.store == *store);
    r.sides.retain(|side| has(&side.live.store));
    let pooled = |f: &Fetched| {
        let side = r.sides.iter().find(|side| side.live.store == f.copy.store);
        side.is_some_and(|side| side.live.isolation == Isolation::Pooled)
    };
    let into_pools: Vec<_> = fetched.into_iter().filter(pooled).collect();
    current(&manifest, &into_pools)?;
    backups::files_are_whole(world, &manifest).await?;
    r.manifest = Some(Box::new(manifest));
    Ok(())
}

async fn manifest(world: &World, tenant: Option<TenantId>, r: &Restore) -> Result<Manifest> {
    let found = backups::manifest_of(world.backups.store()?, tenant, &r.backup).await;
    let manifest = believed(&r.backup, found)?;
    match manifest.is_of_another(&r.tenant) {
        false => Ok(manifest),
        true => Err(Error::Conflict(format!(
            "backup {} is of an earlier tenant, which had the id that {} has now: it is not restored here",
            r.backup, r.tenant.slug
        ))),
    }
}

/// Fetches the wanted stores of a backup to scratch, verified and migrated to the current schema, or to the last one
/// whose migrations accept its rows. A store that an earlier attempt fetched is used as it is.
pub(crate) async fn fetch_all(
    world: &World,
    manifest: &Manifest,
    wanted: impl Fn(&StoreName) -> bool,
) -> Result<Vec<Fetched>> {
    let mut all = Vec::new();
    let copies: Vec<_> = manifest.stores.iter().filter(|c| wanted(&c.store)).collect();
    for (done, copy) in copies.iter().enumerate() {
        world.cancel.check()?;
        world.progress.set(done as u64, copies.len() as u64, "stores");
        let path = copy_path(world.scratch()?, &copy.store);
        let store = world.backups.store()?;
        let fetched = backups::fetch(store, &world.databases, manifest, copy, &path, Keep::OnDisk).await;
        believed(&manifest.id, fetched)?;
        all.push(migrated(world, manifest, copy, path).await?);
    }
    Ok(all)
}

/// Migrates a fetched copy to the current schema. Rows that a migration refuses do not make it useless: the copy then
/// stays at the schema before that migration, like a live database whose migration fails.
async fn migrated(world: &World, manifest: &Manifest, copy: &StoreCopy, path: PathBuf) -> Result<Fetched> {
    let (engine, mut schema, mut why) = (world.databases.engine(), copy.schema.clone(), None);
    if let Some(tenant) = manifest.tenant_id() {
        let script = world.databases.script(&copy.store)?;
        match engine.migrate_copy(&path, tenant, &script).await {
            Ok(_) => schema = world.databases.fingerprint(&copy.store)?,
            Err(error) if matches!(error.kind(), Kind::Statement(_)) => {
                schema = engine.inspect_copy(&path, &copy.store, Some(tenant)).await?.schema_version;
                why = Some(error.detail().to_owned());
            }
            Err(error) => return Err(refused(manifest, copy, error)),
        }
    }
    Ok(Fetched { copy: copy.clone(), path, schema, refused: why })
}

/// Refuses copies that are not at the current schema, where rows go into a pool or become a new tenant's.
pub(crate) fn current(manifest: &Manifest, fetched: &[Fetched]) -> Result<()> {
    match fetched.iter().find_map(|f| Some((&f.copy.store, f.refused.as_deref()?))) {
        None => Ok(()),
        Some((store, why)) => Err(Error::Conflict(format!(
            "backup {} cannot be brought to the current schema in {store}: {why}; correct these rows in the tenant that was \
             backed up and back it up again, or change the migration",
            manifest.id
        ))),
    }
}

/// Explains why a fetched store could not be adopted at a place.
pub(crate) fn not_adopted(manifest: &Manifest, place: &Place, error: tenantry_engine::Error) -> Error {
    let copy = manifest.stores.iter().find(|copy| copy.store == place.store);
    match (place.isolation, copy) {
        (Isolation::Database, Some(copy)) => refused(manifest, copy, error),
        // The shared database may be what is damaged.
        _ => error.into(),
    }
}

fn refused(manifest: &Manifest, copy: &StoreCopy, error: tenantry_engine::Error) -> Error {
    match error.kind() {
        Kind::Corrupt => damaged(&manifest.id, &corrupt(copy)),
        Kind::SchemaAhead => Error::Conflict(format!(
            "backup {} was made by a newer version of the apps: update the apps here first",
            manifest.id
        )),
        _ => error.into(),
    }
}

pub(super) fn place<'a>(write: &'a mut Write, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for side in &mut r.sides {
            side.beside = Some(swap::insert_beside(write, r.tenant.id, &side.new).await?);
        }
        Ok(())
    })
}

pub(super) fn unplace<'a>(write: &'a mut Write, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for side in &r.sides {
            if let Some(beside) = &side.beside {
                record::set_gone(write, beside).await?;
            }
        }
        Ok(())
    })
}

pub(super) fn adopt<'a>(world: &'a World, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let adopted = adopt_all(world, r).await;
        noted(world, r, adopted)
    })
}

async fn adopt_all(world: &World, r: &mut Restore) -> Result<()> {
    let manifest = r.manifest.as_deref().ok_or_else(|| Error::Internal("nothing was fetched".into()))?;
    let sides = &r.sides;
    let wanted = |store: &StoreName| sides.iter().any(|s| s.live.store == *store);
    let fetched = fetch_all(world, manifest, wanted).await?;
    for side in &mut r.sides {
        let beside = side.beside.as_ref().ok_or_else(|| Error::Internal("no place".into()))?;
        let from = fetched.iter().find(|f| f.copy.store == beside.store);
        let from = from.ok_or_else(|| Error::Internal(format!("{} was not fetched", beside.store)))?;
        let script = world.databases.script(&beside.store)?;
        // Fetching checked every page, but a migration has rewritten some.
        let options = AdoptOptions { used_up: true, check: from.copy.schema != from.schema, closed: false };
        let engine = world.databases.engine();
        let adopted = engine.adopt_with(beside, &script, &from.path, r.tenant.id, options).await;
        adopted.map_err(|error| not_adopted(manifest, beside, error))?;
        side.schema_version = Some(from.schema.clone());
        side.behind.clone_from(&from.refused);
    }
    Ok(())
}

pub(super) fn remove<'a>(world: &'a World, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for beside in r.sides.iter().filter_map(|s| s.beside.as_ref()) {
            world.databases.remove(beside).await?;
        }
        Ok(())
    })
}

pub(super) fn ready<'a>(write: &'a mut Write, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let mut pairs = Vec::new();
        for side in &r.sides {
            let (Some(beside), Some(version)) = (&side.beside, &side.schema_version) else { continue };
            swap::set_version(write, beside, version).await?;
            pairs.push(Pair { live: side.live.clone(), other: beside.clone() });
        }
        r.restore = Some(restores::insert(write, r.tenant.id, &r.backup, &pairs).await?);
        let names: Vec<_> = pairs.iter().map(|p| p.other.physical.to_string()).collect();
        let detail = json!({ "backup": r.backup, "beside": names });
        write.audit(&r.by, Some(r.tenant.id), "tenant.restore", detail).await
    })
}
