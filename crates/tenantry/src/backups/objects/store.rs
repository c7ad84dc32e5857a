//! The backup store: a directory, or an S3-compatible object store (feature `s3`).
//!
//! Only the other modules of backups call it. Nothing is ever overwritten: small objects and manifests are put
//! create-only, large ones under a name that no attempt uses twice. It never lists or deletes outside its own prefix.

use crate::backups::id::BackupId;
use crate::{
    Error, Result,
    config::{Config, ObjectTarget},
};
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload, local::LocalFileSystem, path::Path,
};
use std::{sync::Arc, time::Duration};
use tenantry_engine::name::TenantId;

/// Name of the object that completes a backup. It is written last.
pub(in crate::backups) const MANIFEST: &str = "manifest.json";

/// The open object store of backups.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    inner: Arc<dyn ObjectStore>,
    prefix: Vec<String>,
}

/// Result of putting an object.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::backups) enum Put {
    /// The object was stored.
    Done,
    /// An object with that name existed already and is unchanged.
    Exists,
}

/// Returns the error text for a path that is not a directory although it should be the backup directory, with the
/// remedy.
fn no_directory(path: &std::path::Path) -> String {
    format!(
        "{} is not a directory: move it away, or name another directory in backups.target",
        path.display()
    )
}

/// Creates the directory of the default target. A directory that the operator configures must exist.
pub(crate) fn make_default_directory(config: &Config) -> Result<()> {
    match &config.backups.target {
        ObjectTarget::Directory(path) if *path == config.platform.data_dir.join("backups") => {
            std::fs::create_dir_all(path).map_err(|error| match path.symlink_metadata() {
                Ok(meta) if !meta.is_dir() => Error::invalid("backups.target", no_directory(path)),
                _ => Error::io(path.display(), &error),
            })
        }
        _ => Ok(()),
    }
}

impl Store {
    /// Opens the target. A target directory must exist: if this created it, it might be on the disk under an unmounted
    /// mount point.
    pub(crate) fn open(target: &ObjectTarget) -> Result<Self> {
        match target {
            ObjectTarget::Directory(path) => {
                if path.exists() && !path.is_dir() {
                    return Err(Error::BackupTarget(no_directory(path)));
                }
                if !path.is_dir() {
                    return Err(Error::BackupTarget(format!(
                        "backup directory {} is not there: make the directory, or mount its disk",
                        path.display()
                    )));
                }
                let store = LocalFileSystem::new_with_prefix(path)
                    .map_err(|e| Error::BackupTarget(format!("backup directory {}: {e}", path.display())))?;
                Ok(Self { inner: Arc::new(store.with_fsync(true)), prefix: vec![] })
            }
            ObjectTarget::S3 { bucket, prefix, endpoint, region } => {
                let address = (endpoint.as_deref(), region.as_deref());
                let inner = crate::config::objects::buckets::s3(bucket, address, "backups.target")?;
                let parts = prefix.split('/').filter(|part| !part.is_empty());
                Ok(Self { inner, prefix: parts.map(Into::into).collect() })
            }
        }
    }

    /// Puts, reads and removes a small object, to check that backups can be stored. The error is one line with the
    /// remedy.
    pub(in crate::backups) async fn probe(&self) -> Result<(), String> {
        let key = self.path(["probe", &crate::backups::id::nonce()]);
        let tried = async {
            self.inner.put(&key, "probe".into()).await?;
            let read = self.inner.get(&key).await?.bytes().await?;
            self.inner.delete(&key).await?;
            Ok::<_, object_store::Error>(read == "probe")
        };
        match tokio::time::timeout(PROBE, tried).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err("what is read is not what was put there: name another target".into()),
            Ok(Err(error)) => Err(advice(&error)),
            Err(_) => {
                Err(format!("no answer within {} s: see the endpoint and the network", PROBE.as_secs()))
            }
        }
    }

    pub(in crate::backups) fn inner(&self) -> &Arc<dyn ObjectStore> {
        &self.inner
    }

    pub(super) fn path<'a>(&'a self, parts: impl IntoIterator<Item = &'a str>) -> Path {
        Path::from_iter(self.prefix.iter().map(String::as_str).chain(parts))
    }

    /// Returns the prefix of all backups of a tenant, or of the platform's own stores.
    pub(in crate::backups) fn shelf(&self, tenant: Option<TenantId>) -> Path {
        match tenant {
            Some(tenant) => self.path(["tenants", &tenant.to_string()]),
            None => self.path(["system"]),
        }
    }

    /// Returns the key of an object of a backup.
    pub(in crate::backups) fn key(&self, tenant: Option<TenantId>, id: &BackupId, object: &str) -> Path {
        self.shelf(tenant).join(id.as_str()).join(object)
    }

    /// Puts a small object unless one with that key exists.
    pub(in crate::backups) async fn create(&self, key: &Path, bytes: PutPayload) -> Result<Put> {
        match self.inner.put_opts(key, bytes, PutMode::Create.into()).await {
            Ok(_) => Ok(Put::Done),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Put::Exists),
            Err(error) => Err(refused(error)),
        }
    }

    /// Reads a small object completely. Returns `None` if it does not exist.
    pub(in crate::backups) async fn read(&self, key: &Path) -> Result<Option<bytes::Bytes>> {
        match self.inner.get(key).await {
            Ok(found) => Ok(Some(found.bytes().await.map_err(refused)?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }

    /// Lists all objects below a prefix.
    pub(in crate::backups) fn list(&self, below: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(Some(below)).map_err(refused).boxed()
    }

    /// Lists all objects of the platform in this store.
    pub(in crate::backups) fn everything(&self) -> BoxStream<'static, Result<ObjectMeta>> {
        let root = self.path([]);
        let below = if self.prefix.is_empty() { None } else { Some(&root) };
        self.inner.list(below).map_err(refused).boxed()
    }

    /// Removes an object. A missing object is not an error.
    pub(in crate::backups) async fn delete(&self, key: &Path) -> Result<()> {
        match self.inner.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }

    /// Removes a backup, its manifest first, so that the remains of an interrupted removal are not taken for a backup.
    pub(crate) async fn remove(&self, tenant: Option<TenantId>, id: &BackupId) -> Result<()> {
        self.delete(&self.key(tenant, id, MANIFEST)).await?;
        self.sweep(tenant, id, &[]).await
    }

    /// Removes the objects of a backup that are not in `except`, which interrupted attempts left.
    pub(in crate::backups) async fn sweep(
        &self,
        tenant: Option<TenantId>,
        id: &BackupId,
        except: &[&str],
    ) -> Result<()> {
        let folder = self.shelf(tenant).join(id.as_str());
        let found: Vec<_> = self.list(&folder).try_collect().await?;
        for object in found.iter().filter(|o| !except.contains(&o.location.filename().unwrap_or_default())) {
            self.delete(&object.location).await?;
        }
        Ok(())
    }
}

/// Longest time that a probe takes.
const PROBE: Duration = Duration::from_secs(10);

/// Explains why an object could not be put, read or removed, with the remedy.
fn advice(error: &object_store::Error) -> String {
    let line = crate::error::one_line(error);
    let what = match error {
        object_store::Error::NotFound { .. } => {
            "the bucket or directory is not there: make it, or name another"
        }
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            "the key is refused: see AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what the key may do"
        }
        _ => "see backups.target, its permissions and its room",
    };
    format!("{what} ({line:.300})")
}

/// Converts an error of the store to an error whose text is for the log.
pub(in crate::backups) fn refused(error: object_store::Error) -> Error {
    Error::store("backup store", &error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_written_over_in_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&ObjectTarget::Directory(dir.path().to_owned())).unwrap();
        let key = store.key(Some(TenantId::from_raw(7)), &BackupId::new(0), MANIFEST);
        assert_eq!(store.create(&key, "first".into()).await.unwrap(), Put::Done);
        assert_eq!(store.create(&key, "second".into()).await.unwrap(), Put::Exists);
        assert_eq!(store.read(&key).await.unwrap().unwrap(), "first");
    }
}

#[cfg(test)]
#[cfg(feature = "s3")]
mod tests_s3 {
    use super::*;
    use tenantry_testkit::s3::{KEY, serve};

    /// Creates a store with its own prefix, as two installations have that share a bucket.
    fn store(endpoint: &str, prefix: &str) -> Store {
        let keys = object_store::aws::AmazonS3Builder::new();
        let keys = keys.with_access_key_id(KEY.0).with_secret_access_key(KEY.1);
        let inner =
            crate::config::objects::buckets::addressed(keys, "bucket", (Some(endpoint), Some("us-east-1")))
                .build()
                .unwrap();
        Store { inner: Arc::new(inner), prefix: vec![prefix.into()] }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn s3_is_put_to_once_and_looked_at_within_the_prefix() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("bucket")).unwrap();
        let endpoint = serve(dir.path()).await;
        let (ours, other) = (store(&endpoint, "ours"), store(&endpoint, "ours-too"));
        let (tenant, id) = (Some(TenantId::from_raw(7)), BackupId::new(0));
        let key = ours.key(tenant, &id, MANIFEST);
        assert_eq!(ours.create(&key, "first".into()).await.unwrap(), Put::Done);
        assert_eq!(ours.create(&key, "second".into()).await.unwrap(), Put::Exists);
        assert_eq!(ours.read(&key).await.unwrap().unwrap(), "first");
        let listed = async |store: &Store| store.everything().try_collect::<Vec<_>>().await.unwrap().len();
        assert_eq!((listed(&ours).await, listed(&other).await), (1, 0));
        ours.remove(tenant, &id).await.unwrap();
        ours.delete(&key).await.unwrap();
        assert_eq!((ours.read(&key).await.unwrap(), listed(&ours).await), (None, 0));
    }
}
