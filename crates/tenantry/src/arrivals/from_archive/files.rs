//! Stores the files of an archive under the new tenant, and compares each file with the hash in its line of
//! `files.csv`.

use crate::{
    Error, Result,
    archive::{FILES, FileLine, Unpacker, bad, damaged, read_files},
    operations::Context,
};
use bytes::Bytes;
use futures_util::stream;
use sha2::{Digest, Sha256};
use std::{io, path::Path};
use tenantry_engine::name::TenantId;
use tokio::{runtime::Handle, sync::mpsc};
use uuid::Uuid;

/// Number of pieces buffered between the archive and the object store.
const PIECES: usize = 4;

/// Stores all files of the archive. Returns their number.
pub(super) async fn put_all(context: &Context, archive: &Path, tenant: TenantId) -> Result<u64> {
    let (context, archive) = (context.clone(), archive.to_owned());
    let put = move || {
        let mut archive = Unpacker::open(&archive)?;
        let (mut count, total) = (0, archive.manifest.files.count);
        for line in read_files(&context.scratch()?.join(FILES))? {
            let line = line?;
            if line.path.is_empty() {
                continue;
            }
            context.cancel.check()?;
            context.progress.set(count, total, "files");
            put(&context, &mut archive, &line, tenant)?;
            count += 1;
        }
        if count == total { Ok(count) } else { Err(bad("is damaged: files.csv does not list all files")) }
    };
    tokio::task::spawn_blocking(put).await.map_err(|e| Error::Internal(e.to_string()))?
}

fn put(context: &Context, archive: &mut Unpacker, line: &FileLine, tenant: TenantId) -> Result<()> {
    let id: Uuid = line.id.parse().map_err(|_| bad("is damaged: files.csv names no file"))?;
    if !line.path.starts_with("files/") {
        return Err(bad("is damaged: files.csv names something else than files"));
    }
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(PIECES);
    let (files, runtime) = (context.files.clone(), Handle::current());
    let pieces = Box::pin(stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    }));
    let stored = runtime.spawn(async move { files.put_back(Some(tenant), id, pieces).await });
    let mut sha = Sha256::new();
    let poured = archive.pour(&line.path, line.bytes, &mut |piece| {
        sha.update(piece);
        // If the step is repeated, the file already exists and the receiver is closed: the send error is expected.
        drop(sender.blocking_send(Ok(Bytes::copy_from_slice(piece))));
        Ok(())
    });
    let hash: String = sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let whole = poured.and_then(|_| if hash == line.sha256 { Ok(()) } else { Err(damaged(&line.path)) });
    if whole.is_err() {
        // Send an error to the object store so that it discards the file.
        drop(sender.blocking_send(Err(io::ErrorKind::InvalidData.into())));
    }
    drop(sender);
    let stored = runtime.block_on(stored).map_err(|e| Error::Internal(e.to_string()))?;
    whole?;
    stored.map(drop).map_err(|e| Error::store("object store", &e))
}
