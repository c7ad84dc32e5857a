//! File fields of records: stores the bytes in the object store and their description in the row.

use super::{Document, FileInfo, Input, Records, Upload, files::FileError, write::writable};
use crate::{Error, Result, access::gates::Verb};
use futures_util::{Stream, stream::BoxStream};
use std::io;
use tenantry_engine::{
    model::{Field, FieldKind, Model},
    name::{FieldName, TenantId},
    query::{Change, RecordId},
    row::Collect,
    value::Value,
};

impl Records<'_> {
    /// Stores the bytes and sets the record's field to the new file, then removes the file that it replaces.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not update the record; [`Error::NotFound`] if the record does not
    /// exist; [`Error::Invalid`] for a field that is not a file field, or a file that is too long;
    /// [`Error::LimitExceeded`] if the plan's limit on files would be exceeded.
    pub async fn put_file<S>(&self, id: &str, field: &str, upload: Upload<S>) -> Result<Document>
    where
        S: Stream<Item = io::Result<bytes::Bytes>> + Unpin,
    {
        self.allow(Verb::Update)?;
        let id = self.parse_id(id)?;
        let (field, max_bytes) = self.file_field(field)?;
        let old = self.file_info(&id, field).await?;
        let new = self.inner.files.put(self.file_owner(), upload, max_bytes).await.map_err(refused_file)?;
        match self.point_at(&id, field, &new).await {
            Ok(document) => {
                self.forget_files(old.into_iter().map(|f| f.id).collect()).await;
                Ok(document)
            }
            // The record may name the new file or the old one.
            Err(error) if error.is_in_doubt() => Err(error),
            Err(error) => {
                self.forget_files(vec![new.id]).await;
                Err(error)
            }
        }
    }

    /// Returns the description and the bytes of a record's file.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not read the record, and [`Error::NotFound`] if it has no such file.
    pub async fn get_file(
        &self,
        id: &str,
        field: &str,
    ) -> Result<(FileInfo, BoxStream<'static, io::Result<bytes::Bytes>>)> {
        use futures_util::{StreamExt, TryStreamExt};
        self.allow(Verb::Read)?;
        let id = self.parse_id(id)?;
        let (field, _) = self.file_field(field)?;
        let info = self.file_info(&id, field).await?.ok_or(Error::NotFound("file"))?;
        let bytes = self.inner.files.get(self.file_owner(), &info.id).await.map_err(refused_file)?;
        Ok((info, bytes.map_err(io::Error::other).boxed()))
    }

    async fn point_at(&self, id: &RecordId, field: &Field, info: &FileInfo) -> Result<Document> {
        self.within_file_limit().await?;
        let json = serde_json::to_value(info).map_err(|e| Error::Internal(e.to_string()))?;
        let change = Change::Update {
            model: self.entry.model.name.clone(),
            id: id.clone(),
            expected_version: None,
            values: vec![(field.name.clone(), Value::Json(json))],
        };
        let written = self.apply(vec![change]).await?;
        written.first().map(|w| self.document(w)).ok_or(Error::NotFound("record"))
    }

    /// Checks the plan's limit. Called after the bytes are stored, so that concurrent uploads count each other, and no
    /// file that remains exceeds the limit.
    pub(super) async fn within_file_limit(&self) -> Result<()> {
        let (super::Scope::Tenant(tenant), Some(owner)) = (self.scope, self.file_owner()) else {
            return Ok(());
        };
        let Some(limit) = tenant.limits().file_bytes else { return Ok(()) };
        let used = self.inner.files.used_bytes(owner).await.map_err(refused_file)?;
        if used > limit { Err(Error::LimitExceeded { limit: "file_bytes" }) } else { Ok(()) }
    }

    /// Returns the owner of the files: the platform for shared rows, the tenant for its own rows.
    fn file_owner(&self) -> Option<TenantId> {
        if self.entry.system { None } else { self.tenant_id() }
    }

    fn file_field(&self, name: &str) -> Result<(&Field, u64)> {
        let field = writable(&self.entry.model, name)?;
        match field.kind {
            FieldKind::File { max_bytes } => Ok((field, max_bytes)),
            _ => Err(Error::invalid(name, "is not a file field")),
        }
    }

    async fn file_info(&self, id: &RecordId, field: &Field) -> Result<Option<FileInfo>> {
        let rows = self
            .file_values(id, std::slice::from_ref(&field.name))
            .await?
            .ok_or(Error::NotFound("record"))?;
        Ok(rows.into_iter().next().and_then(info))
    }

    async fn file_values(&self, id: &RecordId, fields: &[FieldName]) -> Result<Option<Vec<Value>>> {
        let session = self.session().await?;
        let found = session.get(self.name(), id, fields, Collect::default()).await?;
        Ok(found.and_then(|mut c| c.rows.pop()))
    }

    /// Returns true if the file is stored.
    pub(super) async fn has_file(&self, id: &str) -> Result<bool> {
        self.inner.files.has(self.file_owner(), id).await.map_err(refused_file)
    }

    /// Returns the ids of all files of a record.
    pub(super) async fn file_ids(&self, id: &RecordId) -> Result<Vec<String>> {
        self.files_in(id, file_names(&self.entry.model)).await
    }

    /// Returns the ids of the files that the record no longer names after this change.
    pub(super) async fn files_cleared(&self, id: &RecordId, input: &Input) -> Result<Vec<String>> {
        let cleared = |name: &str| input.get(name).is_some_and(serde_json::Value::is_null);
        let files = self.entry.model.fields.iter().filter(|f| matches!(f.kind, FieldKind::File { .. }));
        let fields = files.filter(|f| cleared(f.name.as_str())).map(|f| f.name.clone()).collect();
        self.files_in(id, fields).await
    }

    async fn files_in(&self, id: &RecordId, fields: Vec<FieldName>) -> Result<Vec<String>> {
        if fields.is_empty() {
            return Ok(vec![]);
        }
        let values = self.file_values(id, &fields).await?.unwrap_or_default();
        Ok(values.into_iter().filter_map(info).map(|f| f.id).collect())
    }

    /// Removes files that no record names any more. A failure leaves an orphan, but never a record without its file.
    pub(super) async fn forget_files(&self, ids: Vec<String>) {
        for id in ids {
            if let Err(error) = self.inner.files.delete(self.file_owner(), &id).await {
                tracing::warn!(file = %id, %error, "file without a record could not be removed");
            }
        }
    }
}

/// Returns the file fields of a model.
pub(crate) fn file_names(model: &Model) -> Vec<FieldName> {
    let files = model.fields.iter().filter(|f| matches!(f.kind, FieldKind::File { .. }));
    files.map(|f| f.name.clone()).collect()
}

fn info(value: Value) -> Option<FileInfo> {
    FileInfo::of(value)
}

/// Converts a failure to read or write a file to an error of its field `file`.
pub(crate) fn refused_file(error: FileError) -> Error {
    match error {
        FileError::TooLarge(limit) => Error::invalid("file", format!("is longer than {limit} bytes")),
        FileError::Interrupted(error) => {
            Error::invalid("file", format!("the upload was cut off: {}", error.kind()))
        }
        FileError::Store(error) => Error::store("object store", &error),
    }
}
