//! The hand-written backup: `VACUUM INTO` and zstd, file by file; and its restore: decompress, fsync, let SQLite check
//! the result.

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The databases to copy, and the directory for the copies.
pub(crate) struct Copies {
    files: Vec<PathBuf>,
    dir: PathBuf,
    rounds: u32,
}

impl Copies {
    /// Prepares to copy these files into `dir`.
    pub(crate) fn new(files: Vec<PathBuf>, dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        ensure!(!files.is_empty(), "nothing to copy");
        Ok(Self { files, dir: dir.into(), rounds: 0 })
    }

    /// Copies and compresses all files, one after the other, and returns the duration. Removes the copies of the
    /// previous round.
    pub(crate) fn back_up(&mut self, level: i32) -> Result<Duration> {
        let old = self.round_dir();
        self.rounds += 1;
        let dir = self.round_dir();
        std::fs::create_dir_all(&dir)?;
        let started = Instant::now();
        for (n, file) in self.files.iter().enumerate() {
            let copy = dir.join(format!("{n}.db"));
            let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            // The copy is read once more and removed, so it need not be synced.
            connection.pragma_update(None, "synchronous", "off")?;
            connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
            let compressed = File::create(dir.join(format!("{n}.db.zst")))?;
            let mut encoder = zstd::Encoder::new(compressed, level)?;
            carry(&mut File::open(&copy)?, &mut encoder)?;
            encoder.finish()?.sync_all()?;
            std::fs::remove_file(&copy)?;
        }
        let taken = started.elapsed();
        if old.exists() {
            std::fs::remove_dir_all(&old).context("old copies")?;
        }
        Ok(taken)
    }

    fn round_dir(&self) -> PathBuf {
        self.dir.join(self.rounds.to_string())
    }

    /// Restores the copies of the last round and returns the duration.
    pub(crate) fn restore(&self) -> Result<Duration> {
        let mut made = Vec::new();
        let started = Instant::now();
        for n in 0..self.files.len() {
            let to = self.round_dir().join(format!("{n}.restored.db"));
            let mut file = File::create(&to)?;
            let from = File::open(self.round_dir().join(format!("{n}.db.zst")))?;
            carry(&mut zstd::Decoder::new(from)?, &mut file)?;
            file.sync_all()?;
            let connection = Connection::open_with_flags(&to, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
            ensure!(verdict == "ok", "{verdict}");
            made.push(to);
        }
        let taken = started.elapsed();
        made.iter().try_for_each(std::fs::remove_file)?;
        Ok(taken)
    }
}

/// Copies like `std::io::copy`, in larger blocks.
fn carry(from: &mut impl Read, to: &mut impl Write) -> Result<()> {
    let mut block = vec![0; 256 << 10];
    loop {
        match from.read(&mut block)? {
            0 => return Ok(()),
            length => to.write_all(&block[..length])?,
        }
    }
}
