//! Bytes on their way back from the backup store: hashed as they are read, never whole in memory. What is
//! made of them counts only if all of them were read and are those that were stored.
//!
//! Called by `fetch`; `take` hashes with it what it compresses. Never decides what a damaged backup means.

use super::{
    store::{Store, refused},
    stream::{Stored, WAITING},
};
use crate::{Error, Result};
use bytes::Bytes;
use futures_util::StreamExt;
use object_store::{GetResultPayload, ObjectStoreExt, path::Path};
use std::io::{self, Read};
use tokio::sync::mpsc;

/// Why bytes could not be read back.
pub(crate) enum Unread {
    /// They are not what was stored; says which rule they break.
    Damaged(String),
    /// Something else.
    Failed(Error),
}

impl From<Error> for Unread {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Gives the object's bytes to `consume` as they arrive. Whatever it made of them counts only if this
/// returns it: then all bytes were read and are those that were stored.
pub(super) async fn get<T: Send + 'static>(
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
        // A file of this machine is read where it is consumed: no bytes change threads.
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
    // The hash first: of bytes that are damaged, what the consumer thought of them says nothing.
    if found != *expected {
        return Err(Unread::Damaged(format!("{name} does not match its hash")));
    }
    made.map_err(|e| Unread::Damaged(format!("{name}: {e}")))
}

/// What came, to its end, and what `consume` made of it, on a blocking thread.
async fn consumed<T: Send + 'static>(
    mut from: Hashed<impl Read + Send + 'static>,
    consume: impl FnOnce(&mut dyn Read) -> io::Result<T> + Send + 'static,
) -> Result<(Stored, io::Result<T>), Unread> {
    let work = move || {
        let made = consume(&mut from);
        // What the consumer left counts for the hash.
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

/// Bytes hashed as they are read. Remembers why they could not be: that says nothing about the bytes.
pub(super) struct Hashed<R> {
    from: R,
    hasher: blake3::Hasher,
    bytes: u64,
    failed: Option<io::Error>,
}

impl<R: Read> Hashed<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, hasher: blake3::Hasher::new(), bytes: 0, failed: None }
    }

    /// What was read until now.
    pub(super) fn stored(&self) -> Stored {
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

/// Bytes that another thread sends.
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
