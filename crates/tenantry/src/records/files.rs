//! Bytes of file fields: an object store in which every key has its tenant's prefix.
//!
//! Called by `records`. A key consists of the tenant of the handle and a new id, and never of client input, so no name
//! or path of a request reaches the store.

use crate::{
    Error,
    config::{Config, ObjectTarget},
};
use futures_util::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    ObjectStore, ObjectStoreExt, WriteMultipart, local::LocalFileSystem, path::Path, prefix::PrefixStore,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{io, sync::Arc};
use tenantry_engine::{name::TenantId, value::Value};

/// Description of a file, as stored in its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// Key of the bytes under the tenant's prefix.
    pub id: String,
    /// Name that the client sent. It is returned to clients and never used as a path.
    pub name: String,
    /// Media type.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of the bytes, hex.
    pub sha256: String,
}

impl FileInfo {
    /// Parses the description in a field's value, or returns `None` if the field is empty.
    pub(crate) fn of(value: Value) -> Option<Self> {
        match value {
            Value::Json(json) => serde_json::from_value(json).ok(),
            _ => None,
        }
    }
}

/// A file to store.
pub struct Upload<S> {
    /// Name that the client sent.
    pub name: String,
    /// Media type; `application/octet-stream` if unknown.
    pub media_type: String,
    /// The bytes as they arrive.
    pub bytes: S,
}

/// The reason why a file could not be stored or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file exceeds the limit of its field or of the plan. Contains the limit in bytes.
    #[error("file is longer than {0} bytes")]
    TooLarge(u64),
    /// The client stopped sending.
    #[error("upload was cut off: {0}")]
    Interrupted(io::Error),
    /// The object store refused.
    #[error("object store: {0}")]
    Store(#[from] object_store::Error),
}

impl FileError {
    /// Returns true if there is no such file.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Store(object_store::Error::NotFound { .. }))
    }
}

/// The object store of a platform.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    store: Arc<dyn ObjectStore>,
}

impl Files {
    /// Opens the store of an installation. Creates the default directory. A directory that the operator has configured
    /// must exist: if it is missing, its disk may not be mounted.
    pub(crate) fn open(config: &Config) -> crate::Result<Self> {
        match &config.files.target {
            ObjectTarget::Directory(root) => {
                if *root == config.platform.data_dir.join("files") {
                    std::fs::create_dir_all(root).map_err(|e| Error::io(root.display(), &e))?;
                } else if !root.is_dir() {
                    let reason =
                        format!("{} is not there: make the directory, or mount its disk", root.display());
                    return Err(Error::invalid("files.target", reason));
                }
                Self::local(root).map_err(|e| Error::Unavailable(e.to_string()))
            }
            ObjectTarget::S3 { bucket, prefix, endpoint, region } => {
                let address = (endpoint.as_deref(), region.as_deref());
                let bucket = crate::config::objects::buckets::s3(bucket, address, "files.target")?;
                Ok(Self { store: Arc::new(PrefixStore::new(bucket, prefix.as_str())) })
            }
        }
    }

    /// Opens the store under a local directory, which must exist. Writes are fsynced.
    pub(crate) fn local(root: &std::path::Path) -> Result<Self, FileError> {
        let store = LocalFileSystem::new_with_prefix(root)?.with_fsync(true);
        Ok(Self { store: Arc::new(store) })
    }

    fn path(tenant: Option<TenantId>, id: &str) -> Path {
        Self::prefix(tenant).join(id)
    }

    /// Stores the bytes as they arrive, and hashes them meanwhile. Stores nothing on error.
    pub(crate) async fn put<S>(
        &self,
        tenant: Option<TenantId>,
        upload: Upload<S>,
        max_bytes: u64,
    ) -> Result<FileInfo, FileError>
    where
        S: Stream<Item = io::Result<bytes::Bytes>> + Unpin,
    {
        let id = uuid::Uuid::now_v7().to_string();
        let (size, sha256) = self.write(&Self::path(tenant, &id), upload.bytes, max_bytes).await?;
        let (name, media_type) = (clean_name(&upload.name), upload.media_type);
        Ok(FileInfo { id, name, media_type, size, sha256 })
    }

    /// Writes the bytes and returns their length and hash. Stores nothing on error.
    async fn write<S>(&self, path: &Path, bytes: S, max_bytes: u64) -> Result<(u64, String), FileError>
    where
        S: Stream<Item = io::Result<bytes::Bytes>> + Unpin,
    {
        let mut writer = WriteMultipart::new(self.store.put_multipart(path).await?);
        match copy(bytes, &mut writer, max_bytes).await {
            Ok(written) => {
                writer.finish().await?;
                Ok(written)
            }
            Err(error) => {
                // The first error is already reported; an error of the abort adds nothing.
                writer.abort().await.ok();
                Err(error)
            }
        }
    }

    /// Streams the bytes of a file of this tenant, or of the platform.
    pub(crate) async fn get(
        &self,
        tenant: Option<TenantId>,
        id: &str,
    ) -> Result<BoxStream<'static, object_store::Result<bytes::Bytes>>, FileError> {
        Ok(self.store.get(&Self::path(tenant, id)).await?.into_stream().boxed())
    }

    /// Returns true if the file is stored.
    pub(crate) async fn has(&self, tenant: Option<TenantId>, id: &str) -> Result<bool, FileError> {
        match self.store.head(&Self::path(tenant, id)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file. A missing file is not an error.
    pub(crate) async fn delete(&self, tenant: Option<TenantId>, id: &str) -> Result<(), FileError> {
        match self.store.delete(&Self::path(tenant, id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the ids and lengths of all files of a tenant, or of the platform.
    pub(crate) async fn list(&self, tenant: Option<TenantId>) -> Result<Vec<(String, u64)>, FileError> {
        let prefix = Self::prefix(tenant);
        let named =
            |meta: object_store::ObjectMeta| meta.location.filename().map(|id| (id.to_owned(), meta.size));
        let all = self.store.list(Some(&prefix)).try_filter_map(|meta| async move { Ok(named(meta)) });
        Ok(all.try_collect().await?)
    }

    /// Returns the highest id of a tenant that has files; 0 if no tenant has.
    pub(crate) async fn highest_tenant(&self) -> Result<i64, FileError> {
        let below = self.store.list_with_delimiter(Some(&Path::from("tenants"))).await?.common_prefixes;
        let ids = below.iter().filter_map(|path| path.filename()?.parse().ok());
        Ok(ids.max().unwrap_or(0))
    }

    /// Removes all files of a tenant. Returns their number.
    pub(crate) async fn remove_all(&self, tenant: TenantId) -> Result<u64, FileError> {
        let files = self.list(Some(tenant)).await?;
        for (id, _) in &files {
            self.delete(Some(tenant), id).await?;
        }
        Ok(files.len() as u64)
    }

    /// Restores a file under its former id. Ids are never reused, so an existing file is left unchanged. Returns true
    /// if the file was written.
    pub(crate) async fn put_back<S>(
        &self,
        tenant: Option<TenantId>,
        id: uuid::Uuid,
        bytes: S,
    ) -> Result<bool, FileError>
    where
        S: Stream<Item = io::Result<bytes::Bytes>> + Unpin,
    {
        let path = Self::path(tenant, &id.to_string());
        match self.store.head(&path).await {
            Ok(_) => return Ok(false),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.write(&path, bytes, u64::MAX).await.map(|_| true)
    }

    fn prefix(tenant: Option<TenantId>) -> Path {
        match tenant {
            Some(tenant) => Path::from_iter(["tenants", &tenant.to_string()]),
            None => Path::from_iter(["system"]),
        }
    }

    /// Returns the total length of a tenant's files, in bytes.
    pub(crate) async fn used_bytes(&self, tenant: TenantId) -> Result<u64, FileError> {
        let sizes = self.store.list(Some(&Self::prefix(Some(tenant)))).map_ok(|meta| meta.size);
        Ok(sizes.try_fold(0, |sum, size| async move { Ok(sum + size) }).await?)
    }
}

async fn copy<S>(
    mut bytes: S,
    writer: &mut WriteMultipart,
    max_bytes: u64,
) -> Result<(u64, String), FileError>
where
    S: Stream<Item = io::Result<bytes::Bytes>> + Unpin,
{
    let (mut size, mut hash) = (0, Sha256::new());
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk.map_err(FileError::Interrupted)?;
        size += chunk.len() as u64;
        if size > max_bytes {
            return Err(FileError::TooLarge(max_bytes));
        }
        hash.update(&chunk);
        writer.wait_for_capacity(2).await?;
        writer.put(chunk);
    }
    Ok((size, hash.finalize().iter().map(|b| format!("{b:02x}")).collect()))
}

/// Returns the last segment of a path, without control characters, with at most 200 characters.
fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).take(200).collect();
    if clean.is_empty() { "file".into() } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    fn upload(parts: &[&'static str]) -> Upload<impl Stream<Item = io::Result<bytes::Bytes>> + Unpin> {
        let parts: Vec<_> = parts.iter().map(|p| Ok(bytes::Bytes::from_static(p.as_bytes()))).collect();
        Upload {
            name: "../../etc/pass\0wd".into(),
            media_type: "text/plain".into(),
            bytes: stream::iter(parts),
        }
    }

    #[tokio::test]
    async fn a_file_of_one_tenant_is_absent_for_another() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::local(dir.path()).unwrap();
        let (a, b) = (Some(TenantId::from_raw(1)), Some(TenantId::from_raw(2)));
        let info = files.put(a, upload(&["hel", "lo"]), 10).await.unwrap();
        assert_eq!((info.size, info.name.as_str()), (5, "passwd"));
        assert!(files.get(b, &info.id).await.is_err());
        assert!(files.get(b, &format!("../1/{}", info.id)).await.is_err());
        let bytes: Vec<_> = files.get(a, &info.id).await.unwrap().try_collect().await.unwrap();
        assert_eq!(bytes.concat(), b"hello");
        assert_eq!(files.used_bytes(TenantId::from_raw(1)).await.unwrap(), 5);
        files.delete(a, &info.id).await.unwrap();
        assert!(files.get(a, &info.id).await.is_err());
    }

    #[tokio::test]
    async fn what_is_put_back_has_its_id_and_goes_over_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::local(dir.path()).unwrap();
        let tenant = Some(TenantId::from_raw(1));
        let info = files.put(tenant, upload(&["hel", "lo"]), 10).await.unwrap();
        let id = info.id.parse().unwrap();
        assert!(!files.put_back(tenant, id, upload(&["other"]).bytes).await.unwrap());
        files.delete(tenant, &info.id).await.unwrap();
        assert!(files.put_back(tenant, id, upload(&["hello"]).bytes).await.unwrap());
        assert_eq!(files.list(tenant).await.unwrap(), vec![(info.id, 5)]);
    }

    #[tokio::test]
    async fn a_file_over_the_limit_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::local(dir.path()).unwrap();
        let tenant = Some(TenantId::from_raw(1));
        let refused = files.put(tenant, upload(&["hel", "lo"]), 4).await;
        assert!(matches!(refused, Err(FileError::TooLarge(4))), "{refused:?}");
        assert_eq!(files.used_bytes(TenantId::from_raw(1)).await.unwrap(), 0);
    }
}
