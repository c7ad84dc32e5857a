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
    operations::Context,
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

/// Allows only one staged restore per tenant, so that it is clear which one a user is looking at.
pub(super) fn check<'a>(write: &'a mut Write, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        match restores::latest(write, r.tenant.id, restores::State::Staged).await? {
            None => Ok(()),
            Some(other) => Err(Error::Conflict(format!(
                "backup {} is restored beside {} already: swap it in or discard it first",
                other.backup, r.tenant.slug
            ))),
        }
    })
}

/// Records that the backup is damaged, so that the next restore uses an older one (`good-means-restorable`).
pub(super) fn record_damage<'a>(write: &'a mut Write, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move { r.damage.record(write, &r.by, &r.backup, r.tenant.id).await })
}

fn noted(context: &Context, r: &mut Restore, done: Result<()>) -> Result<()> {
    if let Err(error) = &done {
        r.damage.note(context, error)?;
    }
    done
}

pub(super) fn fetch<'a>(context: &'a Context, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let fetched = fetch_wanted(context, r).await;
        noted(context, r, fetched)
    })
}

async fn fetch_wanted(context: &Context, r: &mut Restore) -> Result<()> {
    let manifest = manifest(context, Some(r.tenant.id), r).await?;
    let wanted = |store: &StoreName| {
        r.stores.as_ref().is_none_or(|s| s.contains(store))
            && r.sides.iter().any(|side| side.live.store == *store)
    };
    let fetched = fetch_all(context, &manifest, wanted).await?;
    if fetched.is_empty() {
        return Err(Error::Conflict(format!("backup {} has none of these stores", r.backup)));
    }
    let has = |store: &StoreName| fetched.iter().any(|f| f.copy.store == *store);
    r.sides.retain(|side| has(&side.live.store));
    let pooled = |f: &Fetched| {
        let side = r.sides.iter().find(|side| side.live.store == f.copy.store);
        side.is_some_and(|side| side.live.isolation.is_pooled())
    };
    let into_pools: Vec<_> = fetched.into_iter().filter(pooled).collect();
    current(&manifest, &into_pools)?;
    backups::files_are_whole(context, &manifest).await?;
    r.manifest = Some(Box::new(manifest));
    Ok(())
}

async fn manifest(context: &Context, tenant: Option<TenantId>, r: &Restore) -> Result<Manifest> {
    let found = backups::manifest_of(context.backups.store()?, tenant, &r.backup).await;
    let manifest = believed(&r.backup, found)?;
    match manifest.is_of_another(&r.tenant) {
        false => Ok(manifest),
        true => Err(Error::Conflict(format!(
            "backup {} is of an earlier tenant, which had the id that {} has now: it is not restored here",
            r.backup, r.tenant.slug
        ))),
    }
}

/// Fetches the wanted stores of a backup to scratch, verified and migrated to the current schema, or to the last schema
/// whose migrations accept their rows. A store that an earlier attempt fetched is used as it is.
pub(crate) async fn fetch_all(
    context: &Context,
    manifest: &Manifest,
    wanted: impl Fn(&StoreName) -> bool,
) -> Result<Vec<Fetched>> {
    let mut all = Vec::new();
    let copies: Vec<_> = manifest.stores.iter().filter(|c| wanted(&c.store)).collect();
    for (done, copy) in copies.iter().enumerate() {
        context.cancel.check()?;
        context.progress.set(done as u64, copies.len() as u64, "stores");
        let path = copy_path(context.scratch()?, &copy.store);
        let store = context.backups.store()?;
        let fetched = backups::fetch(store, &context.databases, manifest, copy, &path, Keep::OnDisk).await;
        believed(&manifest.id, fetched)?;
        all.push(migrated(context, manifest, copy, path).await?);
    }
    Ok(all)
}

/// Migrates a fetched copy to the current schema. Rows that a migration refuses do not make the copy useless: it stays
/// at the schema before that migration, like a live database whose migration fails.
async fn migrated(
    context: &Context,
    manifest: &Manifest,
    copy: &StoreCopy,
    path: PathBuf,
) -> Result<Fetched> {
    let (engine, mut schema, mut why) = (context.databases.engine(), copy.schema.clone(), None);
    if let Some(tenant) = manifest.tenant_id() {
        let script = context.databases.script(&copy.store)?;
        match engine.migrate_copy(&path, tenant, &script).await {
            Ok(_) => schema = context.databases.fingerprint(&copy.store)?,
            Err(error) if matches!(error.kind(), Kind::Statement(_)) => {
                schema = engine.inspect_copy(&path, &copy.store, Some(tenant)).await?.schema_version;
                why = Some(error.detail().to_owned());
            }
            Err(error) => return Err(refused(manifest, copy, error)),
        }
    }
    Ok(Fetched { copy: copy.clone(), path, schema, refused: why })
}

/// Refuses copies that are not at the current schema, if their rows go into a pool or become a new tenant's rows.
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
        (Isolation::Schema | Isolation::Database, Some(copy)) => refused(manifest, copy, error),
        // The shared database may be the damaged one.
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
            side.staged = Some(swap::insert_staged(write, r.tenant.id, &side.new).await?);
        }
        Ok(())
    })
}

pub(super) fn unplace<'a>(write: &'a mut Write, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for side in &r.sides {
            if let Some(staged) = &side.staged {
                record::set_gone(write, staged).await?;
            }
        }
        Ok(())
    })
}

pub(super) fn adopt<'a>(context: &'a Context, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let adopted = adopt_all(context, r).await;
        noted(context, r, adopted)
    })
}

async fn adopt_all(context: &Context, r: &mut Restore) -> Result<()> {
    let manifest = r.manifest.as_deref().ok_or_else(|| Error::Internal("nothing was fetched".into()))?;
    let sides = &r.sides;
    let wanted = |store: &StoreName| sides.iter().any(|s| s.live.store == *store);
    let fetched = fetch_all(context, manifest, wanted).await?;
    for side in &mut r.sides {
        let staged = side.staged.as_ref().ok_or_else(|| Error::Internal("no place".into()))?;
        let from = fetched.iter().find(|f| f.copy.store == staged.store);
        let from = from.ok_or_else(|| Error::Internal(format!("{} was not fetched", staged.store)))?;
        let script = context.databases.script(&staged.store)?;
        // Fetching checked every page, but a migration has rewritten some pages since.
        let options = AdoptOptions { used_up: true, check: from.copy.schema != from.schema };
        let engine = context.databases.engine();
        let adopted = engine.adopt_with(staged, &script, &from.path, r.tenant.id, options).await;
        adopted.map_err(|error| not_adopted(manifest, staged, error))?;
        side.schema_version = Some(from.schema.clone());
        side.behind.clone_from(&from.refused);
    }
    Ok(())
}

pub(super) fn remove<'a>(context: &'a Context, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for staged in r.sides.iter().filter_map(|s| s.staged.as_ref()) {
            context.databases.remove(staged).await?;
        }
        Ok(())
    })
}

pub(super) fn ready<'a>(write: &'a mut Write, r: &'a mut Restore) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let mut pairs = Vec::new();
        for side in &r.sides {
            let (Some(staged), Some(version)) = (&side.staged, &side.schema_version) else { continue };
            swap::set_version(write, staged, version).await?;
            pairs.push(Pair { live: side.live.clone(), other: staged.clone() });
        }
        r.restore = Some(restores::insert(write, r.tenant.id, &r.backup, &pairs, r.hours).await?);
        let names: Vec<_> = pairs.iter().map(|p| p.other.physical.to_string()).collect();
        let detail = json!({ "backup": r.backup, "beside": names });
        write.audit(&r.by, Some(r.tenant.id), "tenant.restore", detail).await
    })
}
