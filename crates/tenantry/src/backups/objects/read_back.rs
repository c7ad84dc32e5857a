//! Reads bytes from the backup store and hashes them on the way, without holding them all in memory. A result derived
//! from the bytes counts only if all of them were read and match what was stored.
//!
//! `fetch` calls it; `take` uses it to hash what it compresses. It does not decide what a damaged backup means.

use crate::backups::{
    store::{Store, refused},
    stream::{Stored, WAITING},
};
use crate::{Error, Result};
use bytes::Bytes;
use futures_util::StreamExt;
use object_store::{GetResultPayload, ObjectStoreExt, path::Path};
use std::io::{self, Read};
use tokio::sync::mpsc;

/// Reason why bytes could not be read.
pub(crate) enum Unread {
    /// The bytes differ from what was stored. Contains the violated rule.
    Damaged(String),
    /// Reading failed with any other error.
    Failed(Error),
}

impl From<Error> for Unread {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Passes the object's bytes to `consume` as they arrive. Returns the result of `consume` only if all bytes were read
/// and match what was stored.
pub(in crate::backups) async fn get<T: Send + 'static>(
    store: &Store,
    key: &Path,
    expected: &Stored,
    consume: impl FnOnce(&mut dyn Read) -> io::Result<T> + Send + 'static,
) -> Result<T, Unread> {
    let name = key.filename().unwrap_or_default().to_owned();
    let found = match store.inner().get(key).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => {
            return Err(Unread::Damaged(format!("{name} is missing")));
        }
        Err(error) => return Err(refused(error).into()),
    };
    let (found, made) = match found.payload {
        // The consuming thread itself reads a local file, so no bytes cross threads.
        GetResultPayload::File(file, _) => consumed(Hashed::new(file), consume).await?,
        GetResultPayload::Stream(mut chunks) => {
            let (sender, receiver) = mpsc::channel(WAITING);
            let arriving = Hashed::new(Arriving { receiver, chunk: Bytes::new() });
            let send = async move {
                while let Some(chunk) = chunks.next().await {
                    if sender.send(chunk.map_err(refused)?).await.is_err() {
                        break;
                    }
                }
                Ok::<_, Unread>(())
            };
            let (sent, consumed) = tokio::join!(send, consumed(arriving, consume));
            sent?;
            consumed?
        }
    };
    // Check the hash first: if the bytes are damaged, the consumer's error means nothing.
    if found != *expected {
        return Err(Unread::Damaged(format!("{name} does not match its hash")));
    }
    made.map_err(|e| Unread::Damaged(format!("{name}: {e}")))
}

/// Runs `consume` on a blocking thread, and reads the remaining bytes. Returns length and hash of all bytes, and the
/// result of `consume`.
async fn consumed<T: Send + 'static>(
    mut from: Hashed<impl Read + Send + 'static>,
    consume: impl FnOnce(&mut dyn Read) -> io::Result<T> + Send + 'static,
) -> Result<(Stored, io::Result<T>), Unread> {
    let work = move || {
        let made = consume(&mut from);
        // The hash also covers bytes that the consumer did not read.
        if from.failed.is_none() {
            io::copy(&mut from, &mut io::sink()).ok();
        }
        (from, made)
    };
    let done = tokio::task::spawn_blocking(work).await;
    let (from, made) = done.map_err(|e| Error::Internal(format!("backup stream: {e}")))?;
    match from.failed {
        Some(error) => Err(Error::Unavailable(format!("backup store: {error}")).into()),
        None => Ok((from.stored(), made)),
    }
}

/// A reader that hashes what it reads. It remembers a read error, which says nothing about the bytes themselves.
pub(in crate::backups) struct Hashed<R> {
    from: R,
    hasher: blake3::Hasher,
    bytes: u64,
    failed: Option<io::Error>,
}

impl<R: Read> Hashed<R> {
    pub(in crate::backups) fn new(from: R) -> Self {
        Self { from, hasher: blake3::Hasher::new(), bytes: 0, failed: None }
    }

    /// Returns length and hash of the bytes read so far.
    pub(in crate::backups) fn stored(&self) -> Stored {
        Stored { bytes: self.bytes, blake3: self.hasher.finalize().to_hex().to_string() }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.from.read(into) {
            Ok(length) => {
                self.hasher.update(&into[..length]);
                self.bytes += length as u64;
                Ok(length)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let told = io::Error::new(error.kind(), error.to_string());
                self.failed = Some(error);
                Err(told)
            }
        }
    }
}

/// A reader of bytes that another task sends.
struct Arriving {
    receiver: mpsc::Receiver<Bytes>,
    chunk: Bytes,
}

impl Read for Arriving {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let length = self.chunk.len().min(into.len());
        into[..length].copy_from_slice(&self.chunk.split_to(length));
        Ok(length)
    }
}
