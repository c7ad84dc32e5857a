//! Reads an archive. Every entry is checked against its hash while it is unpacked, and never takes more space than the
//! manifest states. Runs on blocking threads.

use super::{
    MANIFEST,
    manifest::{Entry, FORMAT, Manifest, PRODUCT},
};
use crate::{Error, Result};
use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::Path,
};
use zip::{ZipArchive, result::ZipError};

/// Largest size of a manifest in bytes. The manifest describes databases, models and fields, never rows or files, and
/// is held in memory.
const MANIFEST_MOST: u64 = 4 << 20;
const PIECE: usize = 64 << 10;

/// An open archive.
pub(crate) struct Unpacker {
    zip: ZipArchive<BufReader<File>>,
    /// Manifest of the archive.
    pub(crate) manifest: Manifest,
}

/// Returns an error about the archive itself, for the user who uploaded it.
pub(crate) fn bad(reason: impl Into<String>) -> Error {
    Error::invalid("archive", reason)
}

impl Unpacker {
    /// Opens a Tenantry archive with the supported version of the format.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path.display(), &e))?;
        let mut zip = ZipArchive::new(BufReader::new(file))
            .map_err(|_| bad("is not a whole zip file: it was cut off or is something else"))?;
        let manifest = match zip.by_name(MANIFEST) {
            Ok(entry) => manifest(entry)?,
            Err(ZipError::FileNotFound) => {
                return Err(bad("has no manifest.json: it is no export of a company"));
            }
            Err(_) => return Err(bad("is damaged: manifest.json cannot be read")),
        };
        Ok(Self { zip, manifest })
    }

    /// Unpacks an entry into a new file.
    pub(crate) fn take_out(&mut self, path: &str, to: &Path) -> Result<()> {
        let entry = self.listed(path)?;
        let file = File::create(to).map_err(|e| Error::io(to.display(), &e))?;
        let mut file = io::BufWriter::new(file);
        let hash = self.pour(path, entry.bytes, &mut |piece| {
            file.write_all(piece).map_err(|e| Error::io(to.display(), &e))
        })?;
        if hash != entry.blake3 {
            return Err(damaged(path));
        }
        file.flush().map_err(|e| Error::io(to.display(), &e))
    }

    /// Reads an entry and compares it with its hash.
    pub(crate) fn check(&mut self, path: &str) -> Result<()> {
        let entry = self.listed(path)?;
        let hash = self.pour(path, entry.bytes, &mut |_| Ok(()))?;
        if hash == entry.blake3 { Ok(()) } else { Err(damaged(path)) }
    }

    /// Passes on the pieces of an entry that must have exactly this length. Returns the entry's BLAKE3 hash.
    pub(crate) fn pour(
        &mut self,
        path: &str,
        bytes: u64,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<String> {
        let mut entry = self.zip.by_name(path).map_err(|_| bad(format!("lacks {path}, which it lists")))?;
        let (mut hash, mut piece, mut length) = (blake3::Hasher::new(), vec![0; PIECE], 0);
        loop {
            // At the end of the entry, the zip library compares the zip's own checksum.
            let got = entry.read(&mut piece).map_err(|_| damaged(path))?;
            length += got as u64;
            if length > bytes || (got == 0 && length != bytes) {
                return Err(damaged(path));
            }
            if got == 0 {
                return Ok(hash.finalize().to_hex().to_string());
            }
            hash.update(&piece[..got]);
            take(&piece[..got])?;
        }
    }

    fn listed(&self, path: &str) -> Result<Entry> {
        self.manifest.entry(path).cloned().ok_or_else(|| bad(format!("does not list {path}")))
    }
}

pub(crate) fn damaged(path: &str) -> Error {
    bad(format!("is damaged: {path} is not what was exported"))
}

fn manifest(entry: impl Read) -> Result<Manifest> {
    let mut text = Vec::new();
    let read = entry.take(MANIFEST_MOST + 1).read_to_end(&mut text);
    if text.len() as u64 > MANIFEST_MOST {
        return Err(bad(format!(
            "has a manifest.json of more than {MANIFEST_MOST} bytes: it is no export of a company"
        )));
    }
    if read.is_err() {
        return Err(bad("is damaged: manifest.json cannot be read"));
    }
    // First parse only the fields that every version has, to distinguish a newer version from a damaged file.
    #[derive(serde::Deserialize)]
    struct Kind {
        product: String,
        format: u32,
    }
    let unreadable = |_| bad("is damaged: manifest.json cannot be read");
    let kind: Kind = serde_json::from_slice(&text).map_err(unreadable)?;
    if kind.product != PRODUCT {
        return Err(bad("is no export of a company: manifest.json names another product"));
    }
    if kind.format != FORMAT {
        let reason =
            format!("has format {}, this program reads {FORMAT}: use a program of its version", kind.format);
        return Err(bad(reason));
    }
    serde_json::from_slice(&text).map_err(unreadable)
}
