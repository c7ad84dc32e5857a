//! The files of a tenant, as one tar archive inside one backup.
//!
//! Each backup has its own archive instead of sharing files with other backups. Every backup is thus complete by
//! itself, a damaged object costs at most one backup, and removing a backup needs no reference counts. The price is
//! that unchanged files are stored again. `take` and `fetch` call it.

use crate::records::files::Files;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use std::io::{self, Read, Write};
use tenantry_engine::name::TenantId;
use tokio::{runtime::Handle, sync::mpsc};
use uuid::Uuid;

/// Number of pieces of a file buffered between the archive and the object store.
const PIECES: usize = 4;

/// Totals of a packed or unpacked archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::backups) struct Seen {
    /// Number of files.
    pub(in crate::backups) files: u64,
    /// Total length of the files, in bytes.
    pub(in crate::backups) bytes: u64,
}

/// Files to pack.
pub(in crate::backups) struct Shelf {
    pub(in crate::backups) files: Files,
    pub(in crate::backups) tenant: Option<TenantId>,
    /// Id and length in bytes of each file.
    pub(in crate::backups) list: Vec<(String, u64)>,
}

/// Error of packing: a listed file no longer exists.
#[derive(Debug, thiserror::Error)]
#[error("file {0} was removed while the backup was made")]
pub(in crate::backups) struct Vanished(String);

impl Vanished {
    /// Returns true if packing failed because a file vanished.
    pub(in crate::backups) fn is_why(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// Writes the archive. Blocks the thread, and fetches the files one after the other.
pub(in crate::backups) fn pack(
    shelf: &Shelf,
    level: i32,
    to: &mut dyn Write,
    runtime: &Handle,
) -> io::Result<Seen> {
    let mut encoder = zstd::Encoder::new(to, level)?;
    encoder.include_checksum(true)?;
    let mut archive = tar::Builder::new(encoder);
    let mut seen = Seen::default();
    for (id, size) in &shelf.list {
        let bytes = match runtime.block_on(shelf.files.get(shelf.tenant, id)) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Err(io::Error::other(Vanished(id.clone()))),
            Err(error) => return Err(io::Error::other(error)),
        };
        let mut header = tar::Header::new_ustar();
        header.set_size(*size);
        header.set_mode(0o644);
        archive.append_data(&mut header, id, Blocking { bytes, chunk: bytes::Bytes::new(), runtime })?;
        seen = Seen { files: seen.files + 1, bytes: seen.bytes + size };
    }
    archive.into_inner()?.finish()?;
    Ok(seen)
}

/// Reads an archive to its end. `visit` gets the id and content of each file.
pub(in crate::backups) fn unpack(
    from: &mut dyn Read,
    mut visit: impl FnMut(Uuid, &mut dyn Read) -> io::Result<()>,
) -> io::Result<Seen> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(from)?);
    let mut seen = Seen::default();
    for entry in archive.entries()? {
        let mut entry = entry?;
        // A name that is not an id could be a path. No archive of this program contains one.
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let id = name.parse().map_err(|_| io::Error::other(format!("{name:?} is no file id")))?;
        seen = Seen { files: seen.files + 1, bytes: seen.bytes + entry.size() };
        visit(id, &mut entry)?;
        io::copy(&mut entry, &mut io::sink())?;
    }
    Ok(seen)
}

/// Restores the wanted files of an archive. Existing files stay as they are. Returns the number of files written.
pub(in crate::backups) fn put_back(
    files: &Files,
    tenant: Option<TenantId>,
    from: &mut dyn Read,
    wanted: &dyn Fn(Uuid) -> bool,
    runtime: &Handle,
) -> io::Result<(Seen, u64)> {
    let mut put = 0;
    let seen = unpack(from, |id, bytes| {
        if !wanted(id) {
            return Ok(());
        }
        put += u64::from(put_one(files, tenant, id, bytes, runtime)?);
        Ok(())
    })?;
    Ok((seen, put))
}

/// Restores one file. Reading its source blocks, so this thread reads while another task stores.
fn put_one(
    files: &Files,
    tenant: Option<TenantId>,
    id: Uuid,
    bytes: &mut dyn Read,
    runtime: &Handle,
) -> io::Result<bool> {
    let (sender, receiver) = mpsc::channel(PIECES);
    let pieces = stream::unfold(receiver, |mut pieces: mpsc::Receiver<_>| async move {
        match pieces.recv().await {
            Some(Ok(end)) if bytes::Bytes::is_empty(&end) => None,
            Some(piece) => Some((piece, pieces)),
            // The sender ended without an end marker, so the received data may be only part of the file.
            None => Some((Err(io::ErrorKind::UnexpectedEof.into()), pieces)),
        }
    });
    let files = files.clone();
    let storing = runtime.spawn(async move { files.put_back(tenant, id, pieces.boxed()).await });
    for piece in Chunks(bytes).chain([Ok(bytes::Bytes::new())]) {
        if sender.blocking_send(piece).is_err() {
            // The file exists already, or could not be stored; the result of `storing` shows which.
            break;
        }
    }
    runtime.block_on(storing).map_err(io::Error::other)?.map_err(io::Error::other)
}

/// Reader that blocks while it waits for a stream of bytes.
struct Blocking<'a> {
    bytes: BoxStream<'static, object_store::Result<bytes::Bytes>>,
    chunk: bytes::Bytes,
    runtime: &'a Handle,
}

impl Read for Blocking<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.runtime.block_on(self.bytes.next()) {
                Some(chunk) => self.chunk = chunk.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let length = self.chunk.len().min(into.len());
        into[..length].copy_from_slice(&self.chunk.split_to(length));
        Ok(length)
    }
}

/// Iterator over the pieces of a reader, for use as a stream.
struct Chunks<'a>(&'a mut dyn Read);

impl Iterator for Chunks<'_> {
    type Item = io::Result<bytes::Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut piece = vec![0; 256 << 10];
        match self.0.read(&mut piece) {
            Ok(0) => None,
            Ok(length) => {
                piece.truncate(length);
                Some(Ok(piece.into()))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::files::Upload;

    #[tokio::test(flavor = "multi_thread")]
    async fn files_come_back_under_their_ids_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::local(dir.path()).unwrap();
        let tenant = Some(TenantId::from_raw(3));
        let mut ids = vec![];
        for text in ["one", "two", &"x".repeat(700_000)] {
            let bytes = futures_util::stream::iter([Ok(bytes::Bytes::from(text.to_owned()))]);
            let upload = Upload { name: "f".into(), media_type: "t".into(), bytes };
            ids.push(files.put(tenant, upload, 1 << 20).await.unwrap().id);
        }
        let shelf = Shelf { list: files.list(tenant).await.unwrap(), files: files.clone(), tenant };
        let handle = Handle::current();
        let (packed, seen) = tokio::task::spawn_blocking(move || {
            let mut packed = vec![];
            let seen = pack(&shelf, 3, &mut packed, &handle).unwrap();
            (packed, seen)
        })
        .await
        .unwrap();
        assert_eq!(seen, Seen { files: 3, bytes: 700_006 });
        files.delete(tenant, &ids[1]).await.unwrap();
        let handle = Handle::current();
        let again = files.clone();
        let back = tokio::task::spawn_blocking(move || {
            put_back(&again, tenant, &mut &packed[..], &|_| true, &handle)
        });
        assert_eq!(back.await.unwrap().unwrap(), (seen, 1));
        assert_eq!(files.list(tenant).await.unwrap().len(), 3);
        assert_eq!(files.list(None).await.unwrap().len(), 0);
    }
}
