//! Fetches a backup from the store and checks every byte. Restore and verification use it.
//!
//! A backup is trusted only if its manifest, the hash of every object, SQLite's integrity check and the identity inside
//! each database agree on what it is and to which tenant it belongs (`wrong-tenant-restore` and `torn-copy`). It never
//! touches live data.

use crate::backups::{
    BackupId, Store,
    archive::{put_back, unpack},
    manifest::{Manifest, StoreCopy},
    read_back::{Unread, get},
    store::MANIFEST,
};
use crate::{Error, Result, operations::Context, platform::databases::Databases};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use tenantry_engine::{Digest, Kind, name::TenantId};
use tokio::runtime::Handle;
use uuid::Uuid;

/// A store of a backup in scratch, verified, and migrated as far as its rows allow.
pub(crate) struct Fetched {
    pub(crate) copy: StoreCopy,
    pub(crate) path: PathBuf,
    /// Schema version of the fetched database.
    pub(crate) schema: String,
    /// Reason why a migration refuses the rows; `None` if the database is at the current schema.
    pub(crate) refused: Option<String>,
}

/// Returns the error for a damaged backup. Its text is public, because readers of a backup must learn about damage.
pub(crate) fn damaged(id: &BackupId, how: &str) -> Error {
    Error::BackupDamaged { backup: id.to_string(), how: how.to_owned() }
}

pub(crate) fn believed<T>(id: &BackupId, read: Result<T, Unread>) -> Result<T> {
    read.map_err(|unread| match unread {
        Unread::Damaged(how) => damaged(id, &how),
        Unread::Failed(error) => error,
    })
}

/// Returns the manifest of a backup. Refuses the manifest of another tenant's backup.
pub(crate) async fn manifest_of(
    store: &Store,
    tenant: Option<TenantId>,
    id: &BackupId,
) -> Result<Manifest, Unread> {
    let key = store.key(tenant, id, MANIFEST);
    let bytes = store.read(&key).await?.ok_or_else(|| Unread::Damaged("its manifest is missing".into()))?;
    let manifest = Manifest::open(&bytes).map_err(Unread::Damaged)?;
    if manifest.id != *id || manifest.tenant_id() != tenant {
        return Err(Unread::Damaged(format!(
            "its manifest says it is {} of tenant {}",
            manifest.id,
            manifest.tenant_id().map_or("none".into(), |t| t.to_string())
        )));
    }
    Ok(manifest)
}

/// Determines whether a fetched file is synced to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The file is only inspected, and not synced.
    ForNow,
    /// The file is synced, because a step that finds it, even after a crash, trusts it.
    OnDisk,
}

/// Result of comparing the rows of a backup with its manifest, after pages, hashes and identity were found correct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compared {
    /// The rows match the checksums in the manifest.
    Rows,
    /// The rows were not compared: the manifest has no checksums of rows.
    Undescribed,
    /// The rows were not compared: the apps of this installation lack the backup's migrations.
    Unknown,
}

/// Fetches one store to `to`. If the file exists, an earlier attempt has fetched and verified it.
pub(crate) async fn fetch(
    store: &Store,
    databases: &Databases,
    manifest: &Manifest,
    copy: &StoreCopy,
    to: &Path,
    keep: Keep,
) -> Result<Compared, Unread> {
    if to.exists() {
        return Ok(Compared::Rows);
    }
    let half = to.with_extension("half");
    let key = store.key(manifest.tenant_id(), &manifest.id, &copy.object);
    let (into, limit) = (half.clone(), copy.raw.bytes);
    let (raw, file) = get(store, &key, &copy.stored, move |from| decompress(from, &into, limit)).await?;
    if raw != copy.raw.blake3 {
        return Err(Unread::Damaged(format!("{} is not the database that was stored", copy.object)));
    }
    // Both run at the same time, so together they take as long as the slower one. The file stays open until both are
    // done: closing it would drop SQLite's locks on it.
    let (inside, synced) = tokio::join!(look_inside(databases, manifest, copy, &half), press(file, keep));
    let compared = inside?;
    drop(synced?);
    std::fs::rename(&half, to).map_err(|e| Error::io(to.display(), &e))?;
    Ok(compared)
}

async fn press(file: File, keep: Keep) -> Result<File> {
    if keep == Keep::ForNow {
        return Ok(file);
    }
    let synced = tokio::task::spawn_blocking(move || file.sync_all().map(|()| file)).await;
    let synced = synced.map_err(|e| Error::Internal(format!("sync: {e}")))?;
    synced.map_err(|e| Error::io("scratch", &e))
}

/// Writes the decompressed file, and returns its hash. A repeated attempt starts again.
fn decompress(from: &mut dyn Read, to: &Path, limit: u64) -> io::Result<(String, File)> {
    let mut file = File::create(to)?;
    let mut hasher = blake3::Hasher::new();
    // Read one byte more than expected: a decompression bomb is found at its first excess byte.
    let mut decoder = zstd::Decoder::new(from)?.take(limit + 1);
    let mut block = vec![0; 256 << 10];
    loop {
        let length = decoder.read(&mut block)?;
        if length == 0 {
            break;
        }
        hasher.update(&block[..length]);
        file.write_all(&block[..length])?;
    }
    Ok((hasher.finalize().to_hex().to_string(), file))
}

/// Runs SQLite's integrity check, and compares identity and content with the backup's description.
async fn look_inside(
    databases: &Databases,
    manifest: &Manifest,
    copy: &StoreCopy,
    path: &Path,
) -> Result<Compared, Unread> {
    let path = std::path::absolute(path).map_err(|e| Error::Internal(e.to_string()))?;
    let (engine, tenant) = (databases.engine(), manifest.tenant_id());
    let wrong = |error: tenantry_engine::Error| match error.kind() {
        Kind::Corrupt => Unread::Damaged(corrupt(copy)),
        Kind::WrongIdentity => {
            Unread::Damaged(format!("{}: the database inside is another tenant's", copy.object))
        }
        _ => Unread::Failed(error.into()),
    };
    let script = databases.script(&copy.store)?;
    let inspected = engine.inspect_copy(&path, &copy.store, tenant);
    let (inside, digest) = tokio::join!(inspected, engine.describe_copy(&path, &script, tenant));
    // Evaluate this result first: in a damaged database, the state of the rows says nothing.
    let inside = inside.map_err(wrong)?;
    if inside.generation != copy.generation || !same_platform(&inside.platform, &manifest.platform) {
        let how = format!("{}: the database inside is not the one the manifest describes", copy.object);
        return Err(Unread::Damaged(how));
    }
    if inside.schema_version != copy.schema {
        return Err(Unread::Damaged(format!("{}: its schema is not the manifest's", copy.object)));
    }
    match digest {
        Ok(digest) => compare(copy, &digest),
        // The hash of the whole file has already shown that it is unchanged.
        Err(error) if matches!(error.kind(), Kind::SchemaAhead | Kind::Statement(_)) => Ok(Compared::Unknown),
        Err(error) => Err(wrong(error)),
    }
}

fn compare(copy: &StoreCopy, found: &Digest) -> Result<Compared, Unread> {
    if copy.tables.is_empty() && !found.tables.is_empty() {
        return Ok(Compared::Undescribed);
    }
    let found = found.tables.iter().map(|t| (&t.model, t.rows, &t.blake3));
    match found.eq(copy.tables.iter().map(|t| (&t.model, t.rows, &t.blake3))) {
        true => Ok(Compared::Rows),
        false => Err(Unread::Damaged(format!("{}: rows differ from the manifest", copy.object))),
    }
}

/// Describes a store whose database SQLite reports as damaged.
pub(crate) fn corrupt(copy: &StoreCopy) -> String {
    format!("{}: the database inside is damaged", copy.object)
}

/// Compares platform ids. Databases made before platforms had ids carry none.
fn same_platform(inside: &str, manifest: &str) -> bool {
    inside.is_empty() || inside == manifest
}

/// Reads the archive of a backup's files to its end, to find damage.
pub(in crate::backups) async fn look_at_files(context: &Context, manifest: &Manifest) -> Result<(), Unread> {
    let Some(files) = &manifest.files else { return Ok(()) };
    let store = context.backups.store()?;
    let key = store.key(manifest.tenant_id(), &manifest.id, &files.object);
    let seen = get(store, &key, &files.stored, |from| unpack(from, |_, _| Ok(()))).await?;
    match (seen.files, seen.bytes) == (files.files, files.bytes) {
        true => Ok(()),
        false => Err(Unread::Damaged(format!("{}: files are missing", files.object))),
    }
}

/// Checks the archive of a backup's files by reading it to its end.
///
/// # Errors
/// Returns [`Error::BackupDamaged`] if the object differs from what was stored.
pub(crate) async fn files_are_whole(context: &Context, manifest: &Manifest) -> Result<()> {
    believed(&manifest.id, look_at_files(context, manifest).await)
}

/// Restores the wanted files of a backup to a tenant. Existing files stay. Returns the number of files written.
pub(crate) async fn put_files_back(
    context: &Context,
    manifest: &Manifest,
    to: Option<TenantId>,
    wanted: impl Fn(Uuid) -> bool + Send + 'static,
) -> Result<u64> {
    let Some(copy) = &manifest.files else { return Ok(0) };
    let store = context.backups.store()?;
    let key = store.key(manifest.tenant_id(), &manifest.id, &copy.object);
    let (files, runtime) = (context.files.clone(), Handle::current());
    let put = get(store, &key, &copy.stored, move |from| put_back(&files, to, from, &wanted, &runtime)).await;
    believed(&manifest.id, put).map(|(_, put)| put)
}
