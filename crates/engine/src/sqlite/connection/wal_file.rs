//! Reads a `-wal` without SQLite, to determine whether it belongs to the database file next to it.
//!
//! `base` calls it before SQLite reads the two as one database. It reads the frames that SQLite would read: those up to
//! the last commit with correct salts and checksums. The format is described at
//! <https://www.sqlite.org/fileformat2.html#walformat>.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

/// First four bytes without the last bit, which sets the byte order of the checksums.
const MAGIC: u32 = 0x377f_0682;
const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// Position of the byte that SQLite locks. The page that contains it is never written.
const LOCK_BYTE: u64 = 1 << 30;
const PAGE_BYTES_MAX: u32 = 1 << 16;

/// The commits in a `-wal`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Commits {
    page_bytes: u32,
    /// Pages of the database after the last commit.
    database_pages: u32,
    /// Numbers of the pages that the `-wal` contains.
    pages: BTreeSet<u32>,
}

impl Commits {
    /// Returns the commits in the file at `path`; `None` if it has none, because SQLite ignores such a file.
    ///
    /// # Errors
    /// Returns the errors of the file system.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut file = BufReader::new(File::open(path)?);
        let mut header = [0; HEADER_BYTES];
        if !fill(&mut file, &mut header)? {
            return Ok(None);
        }
        let page_bytes = word(&header, 2);
        let is_page_size = page_bytes.is_power_of_two() && (512..=PAGE_BYTES_MAX).contains(&page_bytes);
        let mut sum = Sum { is_big_endian: word(&header, 0) & 1 == 1, state: (0, 0) };
        sum.add(&header[..24]);
        if word(&header, 0) & !1 != MAGIC
            || !is_page_size
            || sum.state != (word(&header, 6), word(&header, 7))
        {
            return Ok(None);
        }
        let (mut commits, mut open) = (None, BTreeSet::new());
        let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes as usize];
        while fill(&mut file, &mut frame)? {
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME_HEADER_BYTES..]);
            let is_valid = frame[8..16] == header[16..24] && sum.state == (word(&frame, 4), word(&frame, 5));
            if !is_valid {
                break;
            }
            open.insert(word(&frame, 0));
            let database_pages = word(&frame, 1);
            if database_pages > 0 {
                let of = commits.get_or_insert(Self { page_bytes, database_pages, pages: BTreeSet::new() });
                of.database_pages = database_pages;
                of.pages.append(&mut open);
            }
        }
        Ok(commits)
    }

    /// Returns a page of the database that is neither in the `-wal` nor in a database file of `file_bytes` bytes. Such
    /// a page proves that the `-wal` belongs to another file: SQLite removes frames only after it has written their
    /// pages to the file.
    pub(super) fn page_in_neither(&self, file_bytes: u64) -> Option<u32> {
        let page_bytes = u64::from(self.page_bytes);
        let in_file = u32::try_from(file_bytes / page_bytes).unwrap_or(u32::MAX);
        let never_written = u32::try_from(LOCK_BYTE / page_bytes + 1).unwrap_or(u32::MAX);
        let beyond = in_file.saturating_add(1)..=self.database_pages;
        beyond.into_iter().find(|page| *page != never_written && !self.pages.contains(page))
    }
}

/// Fills `buffer`. Returns false if the file ends earlier.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

/// Returns the big-endian word at `index`, counted in words.
fn word(bytes: &[u8], index: usize) -> u32 {
    let word = bytes[index * 4..][..4].try_into().unwrap_or_default();
    u32::from_be_bytes(word)
}

/// The running checksum of a `-wal`.
struct Sum {
    is_big_endian: bool,
    state: (u32, u32),
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let (one, two) = match self.is_big_endian {
                true => (word(pair, 0), word(pair, 1)),
                false => (word(pair, 0).swap_bytes(), word(pair, 1).swap_bytes()),
            };
            self.state.0 = self.state.0.wrapping_add(one).wrapping_add(self.state.1);
            self.state.1 = self.state.1.wrapping_add(two).wrapping_add(self.state.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts a `-wal`, which SQLite wrote, at every frame: the rest still fits its own file, and a file that lacks grown
    /// pages is recognised.
    #[test]
    fn what_sqlite_writes_is_read_and_fits_its_own_file_only() {
        let dir = tempfile::tempdir().unwrap();
        let (path, wal) = (dir.path().join("a.db"), dir.path().join("a.db-wal"));
        let conn = rusqlite::Connection::open(&path).unwrap();
        let setup = "PRAGMA journal_mode = WAL; CREATE TABLE t(a); PRAGMA wal_checkpoint(TRUNCATE)";
        conn.execute_batch(setup).unwrap();
        let small = std::fs::metadata(&path).unwrap().len();
        let fill = "WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 9) \
            INSERT INTO t SELECT randomblob(4000) FROM n";
        conn.execute_batch(fill).unwrap();
        conn.execute_batch("PRAGMA wal_checkpoint(PASSIVE)").unwrap();
        let large = std::fs::metadata(&path).unwrap().len();
        conn.execute_batch("DELETE FROM t WHERE rowid = 3").unwrap();
        let commits = Commits::read(&wal).unwrap().unwrap();
        assert_eq!(u64::from(commits.database_pages) * u64::from(commits.page_bytes), large);
        assert_eq!(commits.page_in_neither(large), None);
        assert!(commits.page_in_neither(small).is_some(), "{commits:?}");
        let whole = std::fs::read(&wal).unwrap();
        let mut changed = whole.clone();
        changed[HEADER_BYTES + FRAME_HEADER_BYTES + 9] ^= 1;
        for torn in [&b""[..], &whole[..40], &[7; 4096], &changed] {
            std::fs::write(&wal, torn).unwrap();
            assert_eq!(Commits::read(&wal).unwrap(), None);
        }
    }
}
