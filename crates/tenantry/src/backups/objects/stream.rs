//! Writes bytes to the backup store, compressed and hashed on the way, without holding them all in memory.
//!
//! `take` calls it. Compression runs on a blocking thread, connected to the store by a channel of a few chunks, so a
//! megabyte and a terabyte need the same memory.

use crate::backups::store::{Put, Store, refused};
use crate::{Error, Result};
use bytes::{Bytes, BytesMut};
use object_store::{ObjectStoreExt, PutPayload, WriteMultipart, path::Path};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use tokio::sync::mpsc;

/// Size of one message from the compressing thread to the store, in bytes.
const CHUNK: usize = 1 << 20;
/// Largest number of buffered messages.
pub(in crate::backups) const WAITING: usize = 4;
/// Size in bytes up to which an object is put in one create-only request. Larger objects are put in parts of this size.
const PART: usize = 8 << 20;

/// Length and hash of stored bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Length in bytes.
    pub bytes: u64,
    /// BLAKE3 hash of the bytes, in hex.
    pub blake3: String,
}

/// Reason why nothing was stored.
#[derive(Debug)]
pub(in crate::backups) enum NotStored {
    /// The data to store could not be produced.
    Produce(io::Error),
    /// The store refused the data, or this process is at fault.
    Store(Error),
}

impl From<NotStored> for Error {
    fn from(why: NotStored) -> Self {
        match why {
            NotStored::Produce(error) => Self::Unavailable(format!("backup stream: {error}")),
            NotStored::Store(error) => error,
        }
    }
}

impl From<Error> for NotStored {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// Stores the bytes that `produce` writes, under a name that no attempt uses twice. Returns length and hash of the
/// bytes, and the result of `produce`.
pub(in crate::backups) async fn put<T: Send + 'static>(
    store: &Store,
    key: &Path,
    produce: impl FnOnce(&mut Sink) -> io::Result<T> + Send + 'static,
) -> Result<(Stored, T), NotStored> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let producing = tokio::task::spawn_blocking(move || {
        let mut sink = Sink { sender, buffer: BytesMut::new(), hasher: blake3::Hasher::new(), bytes: 0 };
        let made = produce(&mut sink)?;
        Ok::<_, io::Error>((sink.finish()?, made))
    });
    let upload = upload(store, key, receiver).await;
    let produced = producing.await.map_err(|e| Error::Internal(format!("backup stream: {e}")))?;
    // If the upload fails, the producer loses its receiver and fails too. The upload's error is the cause.
    let upload = upload?;
    match produced {
        Ok(produced) => Ok(upload.complete(store, key).await.map(|()| produced)?),
        Err(error) => {
            upload.forget().await;
            Err(NotStored::Produce(error))
        }
    }
}

/// An upload whose bytes have all arrived but that is not visible yet.
enum Upload {
    Small(PutPayload),
    Large(WriteMultipart),
}

async fn upload(store: &Store, key: &Path, mut chunks: mpsc::Receiver<Bytes>) -> Result<Upload> {
    let (mut first, mut size) = (Vec::new(), 0);
    while let Some(chunk) = chunks.recv().await {
        size += chunk.len();
        first.push(chunk);
        if size > PART {
            return large(store, key, first, chunks).await;
        }
    }
    Ok(Upload::Small(first.into_iter().collect()))
}

async fn large(
    store: &Store,
    key: &Path,
    first: Vec<Bytes>,
    mut chunks: mpsc::Receiver<Bytes>,
) -> Result<Upload> {
    let target = store.inner().put_multipart(key).await.map_err(refused)?;
    let mut writer = WriteMultipart::new_with_chunk_size(target, PART);
    first.into_iter().for_each(|chunk| writer.put(chunk));
    while let Some(chunk) = chunks.recv().await {
        if let Err(error) = writer.wait_for_capacity(2).await {
            Upload::Large(writer).forget().await;
            return Err(refused(error));
        }
        writer.put(chunk);
    }
    Ok(Upload::Large(writer))
}

impl Upload {
    /// Aborts the upload. The upload has failed already, so an error of the abort adds nothing.
    async fn forget(self) {
        if let Self::Large(writer) = self {
            writer.abort().await.ok();
        }
    }

    async fn complete(self, store: &Store, key: &Path) -> Result<()> {
        match self {
            Self::Small(payload) => match store.create(key, payload).await? {
                Put::Done => Ok(()),
                Put::Exists => Err(Error::Internal(format!("backup object {key} exists already"))),
            },
            Self::Large(writer) => writer.finish().await.map(drop).map_err(refused),
        }
    }
}

/// Output of a producer: hashes the bytes and forwards them in chunks.
pub(in crate::backups) struct Sink {
    sender: mpsc::Sender<Bytes>,
    buffer: BytesMut,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Sink {
    fn send(&mut self) -> io::Result<()> {
        let chunk = self.buffer.split().freeze();
        self.hasher.update(&chunk);
        self.bytes += chunk.len() as u64;
        self.sender.blocking_send(chunk).map_err(|_| io::Error::other("the store takes no more"))
    }

    fn finish(mut self) -> io::Result<Stored> {
        if !self.buffer.is_empty() {
            self.send()?;
        }
        Ok(Stored { bytes: self.bytes, blake3: self.hasher.finalize().to_hex().to_string() })
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
