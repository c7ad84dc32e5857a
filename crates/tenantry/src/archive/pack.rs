//! Writes the zip in one pass, and needs memory for one piece only, whatever the size of the zip. It runs on a blocking
//! thread and passes the pieces to the task that sends them.

use super::manifest::Entry;
use crate::{Error, Result};
use bytes::{Bytes, BytesMut};
use std::{fs::File, io, io::Read, io::Write, path::Path};
use tokio::sync::mpsc;
use zip::{DateTime, ZipWriter, write::SimpleFileOptions, write::StreamWriter};

/// Size of a piece in bytes.
const PIECE: usize = 64 << 10;
/// Entries of at least this many bytes are written with 64-bit sizes.
const LARGE: u64 = 3 << 30;

/// Receives the output. After the first failure, it accepts all bytes but passes nothing on, so an incomplete archive
/// is never finished.
pub(crate) struct Out {
    sender: mpsc::Sender<Result<Bytes>>,
    piece: BytesMut,
    dead: bool,
}

impl Out {
    pub(crate) fn new(sender: mpsc::Sender<Result<Bytes>>) -> Self {
        Self { sender, piece: BytesMut::with_capacity(PIECE), dead: false }
    }

    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, BytesMut::with_capacity(PIECE)).freeze();
        self.sender.blocking_send(Ok(piece)).map_err(|_| {
            self.dead = true;
            io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes the archive any more")
        })
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.dead {
            return Ok(bytes.len());
        }
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.dead { Ok(()) } else { self.send() }
    }
}

/// The archive while it is being written, entry after entry.
pub(crate) struct Packer {
    zip: ZipWriter<StreamWriter<Out>>,
    at: DateTime,
    /// Descriptions of the finished entries.
    pub(crate) entries: Vec<Entry>,
    open: Option<(String, u64, blake3::Hasher)>,
}

impl Packer {
    /// Starts an empty archive whose entries carry this time, in microseconds since 1970, UTC.
    pub(crate) fn new(out: Out, at_us: i64) -> Self {
        Self { zip: ZipWriter::new_stream(out), at: instant(at_us), entries: vec![], open: None }
    }

    /// Begins an entry of about this many bytes.
    pub(crate) fn begin(&mut self, path: &str, about: u64) -> Result<()> {
        let options = SimpleFileOptions::default().last_modified_time(self.at).large_file(about >= LARGE);
        self.zip.start_file(path, options).map_err(|e| Error::io("archive", &e.into()))?;
        self.open = Some((path.to_owned(), 0, blake3::Hasher::new()));
        Ok(())
    }

    /// Appends to the current entry.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some((_, length, hash)) = &mut self.open {
            *length += bytes.len() as u64;
            hash.update(bytes);
        }
        self.zip.write_all(bytes).map_err(failed)
    }

    /// Ends the current entry and returns its description. If `listed` is false, another list has a line for it.
    pub(crate) fn end(&mut self, listed: bool) -> Option<Entry> {
        let (path, bytes, hash) = self.open.take()?;
        let entry = Entry { path, bytes, blake3: hash.finalize().to_hex().to_string() };
        if listed {
            self.entries.push(entry.clone());
        }
        Some(entry)
    }

    /// Adds a complete entry from memory.
    pub(crate) fn add(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        self.begin(path, bytes.len() as u64)?;
        self.write(bytes)?;
        self.end(true);
        Ok(())
    }

    /// Adds a complete entry from a file.
    pub(crate) fn add_file(&mut self, path: &str, from: &Path) -> Result<()> {
        let mut file = File::open(from).map_err(failed)?;
        self.begin(path, file.metadata().map_err(failed)?.len())?;
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece).map_err(failed)? {
                0 => break,
                length => self.write(&piece[..length])?,
            }
        }
        self.end(true);
        Ok(())
    }

    /// Writes the zip's directory at the end, and the last piece.
    pub(crate) fn finish(self) -> Result<()> {
        let out = self.zip.finish().map_err(|e| Error::io("archive", &e.into()))?;
        out.into_inner().flush().map_err(failed)
    }

    /// Abandons the archive, and sends only the reason.
    pub(crate) fn abandon(self, sender: &mpsc::Sender<Result<Bytes>>, why: Error) {
        // Sending fails if the receiver is gone. A receiver reads no pieces after an error.
        drop(sender.blocking_send(Err(why)));
    }
}

fn failed(error: io::Error) -> Error {
    Error::io("archive", &error)
}

/// Converts a time to whole seconds, the precision of a zip.
fn instant(at_us: i64) -> DateTime {
    let at = jiff::Timestamp::from_microsecond(at_us).unwrap_or_default();
    let at = at.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let small = |n: i8| u8::try_from(n).unwrap_or(0);
    let year = u16::try_from(at.year()).unwrap_or(1980);
    DateTime::from_date_and_time(
        year,
        small(at.month()),
        small(at.day()),
        small(at.hour()),
        small(at.minute()),
        small(at.second()),
    )
    .unwrap_or_default()
}
