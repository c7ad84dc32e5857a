//! Heads of the audit chain, published outside the database that they guard (`audit-tampering`).
//!
//! `control::Write` writes the heads after each commit; the verification and `/metrics` read them. A small file of
//! fixed slots holds the newest heads. A chain that was edited and rehashed, or truncated, no longer agrees with the
//! file. The write follows the database's fsync and has no fsync of its own: after a power loss the file may be older
//! than the log, never newer.

use super::Head;
use crate::{Error, Result};
use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Number of slots. Concurrent processes write different ids to different slots, so no head hides another.
const SLOTS: i64 = 64;
/// Size of a slot: id, space, 64 hex digits, newline, padding.
const SLOT_BYTES: usize = 96;

/// Number of hex digits of a hash.
const HASH_DIGITS: usize = 64;

/// Returns the head in a slot, or `None` if the slot is incomplete.
fn parse(slot: &[u8]) -> Option<Head> {
    let (id, hash) = std::str::from_utf8(slot).ok()?.trim().split_once(' ')?;
    let is_whole = hash.len() == HASH_DIGITS && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_whole.then_some(Head { id: id.parse().ok()?, hash: hash.to_owned() })
}

/// The published heads.
pub struct Heads {
    file: Option<File>,
    newest: Mutex<Head>,
    /// Id of the newest head that this process has published for all hosts, and the number of heads that it has
    /// published.
    shared: Mutex<(i64, i64)>,
}

impl Heads {
    /// Opens or creates the file. Without a path, heads are only kept in memory.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the file cannot be used.
    pub fn open(path: Option<PathBuf>) -> Result<Self> {
        let options = File::options().create(true).truncate(false).read(true).write(true).clone();
        // On a read-only disk, the heads can still be read. Publishing a head then fails, and the failure is logged.
        let open = |p: &PathBuf| options.open(p).or_else(|refused| File::open(p).map_err(|_| refused));
        let file = path.as_ref().map(open).transpose();
        let file = file.map_err(|e| Error::Internal(format!("audit heads {path:?}: {e}")))?;
        let heads = Self { file, newest: Mutex::default(), shared: Mutex::default() };
        if let Some(newest) = heads.read()?.into_iter().max_by_key(|h| h.id) {
            *heads.lock() = newest;
        }
        Ok(heads)
    }

    /// Returns true if the file exists and contains a head. Does not create the file.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the file cannot be read.
    pub(crate) fn is_published(path: &Path) -> Result<bool> {
        match path.symlink_metadata() {
            Ok(_) => Ok(!Self::open(Some(path.to_owned()))?.read()?.is_empty()),
            Err(_) => Ok(false),
        }
    }

    /// Returns the newest head that this process has published or read.
    pub fn newest(&self) -> Head {
        self.lock().clone()
    }

    /// Returns true unless this process has published this head, or a newer one, for all hosts.
    pub(super) fn is_news(&self, head: &Head) -> bool {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).0 < head.id
    }

    /// Records that this process has published the head for all hosts. Returns the number of heads that it has
    /// published.
    pub(super) fn was_published(&self, head: &Head) -> i64 {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        *shared = (shared.0.max(head.id), shared.1 + 1);
        shared.1
    }

    /// Publishes a head after its commit. A failure is logged and costs one head, not the action.
    pub(crate) fn publish(&self, head: &Head) {
        if let Some(file) = &self.file {
            let slot = usize::try_from(head.id % SLOTS).unwrap_or(0) * SLOT_BYTES;
            let line = format!("{:<width$}\n", format!("{} {}", head.id, head.hash), width = SLOT_BYTES - 1);
            if let Err(e) = file.write_all_at(line.as_bytes(), slot as u64) {
                tracing::error!(error = %e, "audit head not published");
            }
        }
        let mut newest = self.lock();
        if newest.id < head.id {
            *newest = head.clone();
        }
    }

    /// Returns true if heads are published in a file.
    pub(super) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Reads every head in the file.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the file cannot be read.
    pub fn read(&self) -> Result<Vec<Head>> {
        Ok(self.slots()?.0)
    }

    /// Reads every head in the file, and counts the slots that were written but contain no head: their write was torn,
    /// so they prove nothing about the log.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the file cannot be read.
    pub(super) fn slots(&self) -> Result<(Vec<Head>, usize)> {
        let Some(file) = &self.file else { return Ok((vec![], 0)) };
        let mut bytes = vec![0; SLOT_BYTES * SLOTS as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) => return Err(Error::Internal(format!("audit heads: {e}"))),
            }
        }
        let written = || bytes[..filled].chunks(SLOT_BYTES).filter(|slot| slot.iter().any(|byte| *byte != 0));
        let heads: Vec<Head> = written().filter_map(parse).collect();
        let torn = written().count() - heads.len();
        Ok((heads, torn))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Head> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
