//! Makes a backup: a consistent copy of each store, compressed and hashed on the way; the files; the manifest.
//!
//! The operation `backup` calls it in an outside step, which may be repeated. Every attempt uses new object names, and
//! only one manifest can be created, so one of two attempts wins completely. It never delays a writer, and never holds
//! more than a few chunks in memory.

use crate::backups::{
    BackupId, Store,
    archive::{Shelf, Vanished, pack},
    catalog_file,
    id::nonce,
    manifest::{AppVersion, FORMAT, FilesCopy, Manifest, Reason, StoreCopy, TableSum, Whose},
    read_back::Hashed,
    store::{MANIFEST, Put},
    stream::{NotStored, Sink, Stored, put},
};
use crate::{
    Error, Result,
    apps::{App, Apps},
    backups::operations::backup::Backup,
    control::Control,
    operations::{Context, Operation},
    platform::health::lost,
    topology::{PlacementState, placement},
};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use tenantry_engine::{
    CopyInfo, CopyOptions, Kind,
    name::{AppName, Slug, StoreName, TenantId},
    place::{EngineKind, Place},
};
use tokio::runtime::Handle;

/// Largest number of attempts if files are removed while the backup is made.
const ATTEMPTS: u32 = 3;
/// Number of bytes of a file read in one call.
const BLOCK: usize = 256 << 10;

/// Parameters of a backup.
pub(crate) struct Wanted<'a> {
    pub(crate) id: &'a BackupId,
    /// Tenant to back up; `None` for the platform's own stores.
    pub(crate) tenant: Option<&'a Whose>,
    /// Stores to back up; `None` for all stores.
    pub(crate) stores: Option<&'a [StoreName]>,
    pub(crate) by: &'a str,
    pub(crate) reason: Reason,
    pub(crate) schedule: Option<&'a str>,
}

impl Wanted<'_> {
    fn tenant_id(&self) -> Option<TenantId> {
        self.tenant.map(|t| t.id)
    }

    fn wants(&self, store: &StoreName) -> bool {
        self.stores.is_none_or(|stores| stores.contains(store))
    }
}

/// Makes the backup, or returns the manifest of an earlier attempt.
pub(crate) async fn take(context: &Context, wanted: &Wanted<'_>) -> Result<Manifest> {
    let store = context.backups.store()?;
    if let Some(made) = made_before(store, wanted).await? {
        return Ok(made);
    }
    for attempt in 1.. {
        let mut copies = Copies::default();
        let taken = attempt_once(context, store, wanted, &mut copies).await;
        copies.remove();
        match taken {
            // The record that names the file has changed, so the data has changed too and must be copied again.
            Err(Stopped::Vanished(why)) if attempt < ATTEMPTS => {
                tracing::info!(backup = %wanted.id, %why, "begins anew");
            }
            Err(Stopped::Vanished(why)) => return Err(NotStored::Produce(why).into()),
            Err(Stopped::Failed(error)) => return Err(error),
            Ok(manifest) => return Ok(manifest),
        }
    }
    Err(Error::Internal("attempts end".into()))
}

/// Reason why an attempt failed.
enum Stopped {
    /// A listed file was removed during the attempt.
    Vanished(io::Error),
    /// Any other error, which another attempt would meet too.
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

async fn made_before(store: &Store, wanted: &Wanted<'_>) -> Result<Option<Manifest>> {
    let key = store.key(wanted.tenant_id(), wanted.id, MANIFEST);
    match store.read(&key).await? {
        Some(bytes) => Manifest::open(&bytes).map(Some).map_err(Error::Internal),
        None => Ok(None),
    }
}

/// Scratch files of an attempt. They are removed with it.
#[derive(Default)]
struct Copies(Vec<PathBuf>);

impl Copies {
    fn remove(&self) {
        for path in &self.0 {
            // If this fails, the end of the operation removes scratch anyway.
            drop(std::fs::remove_file(path));
        }
    }
}

/// A store that was copied to scratch.
struct Copied {
    place: Place,
    path: PathBuf,
}

async fn attempt_once(
    context: &Context,
    store: &Store,
    wanted: &Wanted<'_>,
    copies: &mut Copies,
) -> Result<Manifest, Stopped> {
    let before = files(context, wanted).await?;
    let at = Timestamp::from_microsecond(context.control.now_us())
        .map_err(|e| Error::Internal(format!("clock: {e}")))?;
    let mut copied = Vec::new();
    for place in places(context, wanted).await? {
        context.cancel.check()?;
        copied.push(copy(context, wanted, place, copies).await?);
    }
    // All files of the copied data existed before the copy or were added during it.
    let mut all: BTreeMap<String, u64> = before.into_iter().collect();
    all.extend(files(context, wanted).await?);
    context.pass(Backup::KIND, "listed").await?;
    let files = store_files(context, store, wanted, all.into_iter().collect()).await?;
    let mut stores = Vec::new();
    for (done, copied) in copied.into_iter().enumerate() {
        context.cancel.check()?;
        context.progress.set(done as u64, copies.0.len() as u64, "stores");
        stores.push(store_copy(context, store, wanted, copied).await?);
    }
    let manifest = Manifest {
        format: FORMAT,
        id: wanted.id.clone(),
        platform: context.backups.platform_id()?.to_owned(),
        tenant: wanted.tenant.cloned(),
        at,
        by: wanted.by.to_owned(),
        reason: wanted.reason,
        schedule: wanted.schedule.map(Into::into),
        compression: context.backups.config().compression,
        apps: versions(context.databases.apps()),
        stores,
        files,
    };
    Ok(finish(store, wanted, manifest).await?)
}

/// Creates the manifest. If another attempt was faster, its backup counts and this one is removed. Objects of other
/// attempts are removed only now, because until now one of them might have won.
async fn finish(store: &Store, wanted: &Wanted<'_>, manifest: Manifest) -> Result<Manifest> {
    let key = store.key(wanted.tenant_id(), wanted.id, MANIFEST);
    let manifest = match store.create(&key, manifest.seal()?.into()).await? {
        Put::Done => manifest,
        Put::Exists => made_before(store, wanted).await?.ok_or(Error::NotFound("backup"))?,
    };
    let mut keep: Vec<&str> = manifest.objects().collect();
    keep.push(MANIFEST);
    store.sweep(wanted.tenant_id(), wanted.id, &keep).await?;
    Ok(manifest)
}

async fn files(context: &Context, wanted: &Wanted<'_>) -> Result<Vec<(String, u64)>> {
    context.files.list(wanted.tenant_id()).await.map_err(|e| Error::store("object store", &e))
}

/// Returns the current places of the wanted stores.
async fn places(context: &Context, wanted: &Wanted<'_>) -> Result<Vec<Place>> {
    let all = match wanted.tenant_id() {
        None => context.backups.system().to_vec(),
        Some(tenant) => ready(&context.control, tenant).await?,
    };
    let places: Vec<_> = all.into_iter().filter(|p| wanted.wants(&p.store)).collect();
    if places.is_empty() {
        return Err(Error::Conflict("there is no database to back up".into()));
    }
    Ok(places)
}

async fn ready(control: &Control, tenant: TenantId) -> Result<Vec<Place>> {
    let all = placement::of_tenant(&mut control.snapshot().await?, tenant).await?;
    Ok(all.into_iter().filter(|p| p.state == PlacementState::Ready).map(|p| p.place).collect())
}

/// Copies the committed state of a place to scratch, without syncing it: the copy need not survive a crash. It is
/// checked before it is stored.
async fn copy(context: &Context, wanted: &Wanted<'_>, place: Place, copies: &mut Copies) -> Result<Copied> {
    let path = context.scratch()?.join(format!("{}.{}.db", place.store, nonce()));
    copies.0.push(path.clone());
    if place.tenant.is_none()
        && place.store.as_str() == "control"
        && context.databases.engine_of(&place).await? != EngineKind::Sqlite
    {
        let scratch = context.scratch()?.join(format!("catalog.{}", nonce()));
        let platform = context.backups.platform_id()?;
        catalog_file::write(&context.control, &place, platform, &scratch, &path).await?;
        return Ok(Copied { place, path });
    }
    let script = context.databases.script(&place.store)?;
    let options = CopyOptions { check: false, sync: false };
    let engine = context.databases.engine();
    if let Err(error) = engine.copy_out_with(&place, &script, &path, options).await {
        return Err(failed(context, wanted, &place, error).await);
    }
    Ok(Copied { place, path })
}

/// Explains why a store could not be copied, or its copy could not be described. Names the tenant if the database
/// belongs to one.
async fn failed(
    context: &Context,
    wanted: &Wanted<'_>,
    place: &Place,
    error: tenantry_engine::Error,
) -> Error {
    let (whose, store) = (wanted.tenant.map(|whose| &whose.slug), &place.store);
    match (error.kind(), whose) {
        (Kind::SchemaAhead, None) => Error::ServerOutdated {
            slug: "the platform".into(),
            store: store.to_string(),
            detail: error.to_string(),
        },
        (Kind::SchemaBehind, None) => Error::Conflict(format!(
            "the platform's own store {store} is behind the apps ({}): run tenantry migrate system, then back up again",
            error.detail()
        )),
        // Migration files that the database has applied were changed.
        (Kind::Statement(why), _) => Error::Conflict(format!(
            "the database of {} in store {store} cannot be described: {why}",
            whose.map_or("the platform", Slug::as_str)
        )),
        (_, Some(slug)) => lost::named(&context.databases, slug, place, error).await,
        (_, None) => error.into(),
    }
}

async fn store_copy(
    context: &Context,
    store: &Store,
    wanted: &Wanted<'_>,
    copied: Copied,
) -> Result<StoreCopy> {
    let Copied { place, path } = copied;
    let object = format!("{}.{}.db.zst", place.store, nonce());
    let key = store.key(wanted.tenant_id(), wanted.id, &object);
    let (level, from) = (context.backups.config().compression, path.clone());
    let compressed =
        async { put(store, &key, move |sink| compress(&from, level, sink)).await.map_err(Error::from) };
    // Both read the same file at the same time, so together they take as long as the slower one.
    let looked = async {
        match look(context, &place, &path).await? {
            Ok(seen) => Ok(seen),
            Err(error) => Err(failed(context, wanted, &place, error).await),
        }
    };
    let ((stored, raw), (inside, tables)) = tokio::try_join!(compressed, looked)?;
    Ok(StoreCopy {
        schema: inside.schema_version,
        rows: tables.iter().map(|t| t.rows).sum(),
        engine: context.databases.engine_of(&place).await?,
        store: place.store,
        isolation: place.isolation,
        generation: place.generation,
        tables,
        raw,
        object,
        stored,
    })
}

/// Checks every page of the copy and its identity, and computes the checksums of its contents at its schema. A copy
/// that cannot be described could not be compared when it is restored, so it is not a backup (`good-means-restorable`).
async fn look(
    context: &Context,
    place: &Place,
    path: &Path,
) -> Result<tenantry_engine::Result<(CopyInfo, Vec<TableSum>)>> {
    let (engine, script) = (context.databases.engine(), context.databases.script(&place.store)?);
    let looked = async {
        let inside = engine.inspect_copy(path, &place.store, place.tenant).await?;
        let digest = engine.describe_copy(path, &script, place.tenant).await?;
        Ok((inside, digest.tables.into_iter().map(TableSum::of).collect()))
    };
    Ok(looked.await)
}

/// Compresses and hashes the file. Returns its length and hash.
fn compress(from: &Path, level: i32, to: &mut Sink) -> io::Result<Stored> {
    let file = File::open(from)?;
    let mut encoder = zstd::Encoder::new(to, level)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(file.metadata()?.len()))?;
    let (mut file, mut block) = (Hashed::new(file), vec![0; BLOCK]);
    loop {
        match file.read(&mut block)? {
            0 => break,
            length => encoder.write_all(&block[..length])?,
        }
    }
    encoder.finish()?;
    Ok(file.stored())
}

async fn store_files(
    context: &Context,
    store: &Store,
    wanted: &Wanted<'_>,
    list: Vec<(String, u64)>,
) -> Result<Option<FilesCopy>, Stopped> {
    if list.is_empty() {
        return Ok(None);
    }
    let object = format!("files.{}.tar.zst", nonce());
    let key = store.key(wanted.tenant_id(), wanted.id, &object);
    let shelf = Shelf { files: context.files.clone(), tenant: wanted.tenant_id(), list };
    let (level, runtime) = (context.backups.config().compression, Handle::current());
    let packed = put(store, &key, move |sink| pack(&shelf, level, sink, &runtime)).await;
    let (stored, seen) = packed.map_err(|why| match why {
        NotStored::Produce(error) if Vanished::is_why(&error) => Stopped::Vanished(error),
        why => Stopped::Failed(why.into()),
    })?;
    Ok(Some(FilesCopy { files: seen.files, bytes: seen.bytes, object, stored }))
}

/// Returns the versions of the apps, for a manifest.
fn versions(apps: &Apps) -> Vec<AppVersion> {
    let last = |app: &AppName| apps.migrations().iter().rev().find(|m| m.app == *app).map(|m| m.name.clone());
    let version = |app: &App| AppVersion {
        app: app.name.clone(),
        version: app.version.clone(),
        migration: last(&app.name),
    };
    apps.list().iter().map(version).collect()
}
