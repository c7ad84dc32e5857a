//! Copies the files that the rows of the copies name. Rows whose personal data was blanked no longer name their files,
//! so those files are not copied.

use crate::{
    Error, Result,
    arrivals::operation::CopyOf,
    operations::Context,
    records::{FileInfo, file_names, files::FileError},
};
use futures_util::{StreamExt, TryStreamExt};
use std::io;
use tenantry_engine::{name::TenantId, row::Row};
use uuid::Uuid;

/// Copies all files that the copies name. Returns their number.
pub(super) async fn copy(context: &Context, copies: &[CopyOf], from: TenantId, to: TenantId) -> Result<u64> {
    let mut count = 0;
    for copy in copies {
        let ids = named(context, copy).await?;
        for (done, id) in ids.iter().enumerate() {
            context.cancel.check()?;
            context.progress.set(done as u64, ids.len() as u64, "files");
            count += u64::from(copy_one(context, from, to, *id).await?);
        }
    }
    Ok(count)
}

/// Returns the ids of the files that the rows of a copy name.
async fn named(context: &Context, copy: &CopyOf) -> Result<Vec<Uuid>> {
    let (engine, schema) = (context.databases.engine().clone(), context.databases.schema(&copy.store)?);
    let path = copy.path(context.scratch()?);
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

/// Copies one file. Returns false if the source no longer has the file.
async fn copy_one(context: &Context, from: TenantId, to: TenantId, id: Uuid) -> Result<bool> {
    let away = |e: FileError| Error::store("object store", &e);
    match context.files.get(Some(from), &id.to_string()).await {
        Ok(bytes) => {
            let bytes = bytes.map_err(io::Error::other).boxed();
            context.files.put_back(Some(to), id, bytes).await.map_err(away)?;
            Ok(true)
        }
        Err(error) if error.is_missing() => Ok(false),
        Err(error) => Err(away(error)),
    }
}
