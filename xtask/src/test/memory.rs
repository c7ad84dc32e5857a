//! A folder in memory for the temporary files of tests. Tests commit to many small databases; on a disk, most of their
//! time would be spent waiting for it. A test whose files must be on a disk names `/tmp`.

use std::{
    fs,
    path::{Path, PathBuf},
};

const MEMORY: &str = "/dev/shm";
/// Free bytes that a run needs in memory and in its file system: several times what the tests keep at one time.
const NEEDED_BYTES: u64 = 6 << 30;

/// The folder, if the machine has enough memory. Dropping it removes the folder, including what killed processes left.
pub(super) struct InMemory(Option<PathBuf>);

impl InMemory {
    /// Creates the folder, unless the user chose one with `TMPDIR` or memory is scarce.
    pub(super) fn new() -> Self {
        let is_chosen = std::env::var_os("TMPDIR").is_some();
        let has_room = free_bytes().is_some_and(|free| free >= NEEDED_BYTES);
        let folder = Path::new(MEMORY).join(format!("tenantry-{}", std::process::id()));
        Self((!is_chosen && has_room && fs::create_dir(&folder).is_ok()).then_some(folder))
    }

    /// Returns the environment variable that makes programs use the folder.
    pub(super) fn variable(&self) -> Option<(&'static str, &Path)> {
        self.0.as_deref().map(|folder| ("TMPDIR", folder))
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            drop(fs::remove_dir_all(folder));
        }
    }
}

/// Returns the bytes that may still be written to files in memory.
fn free_bytes() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let available = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024;
    let stat = rustix::fs::statvfs(MEMORY).ok()?;
    Some(available.min(stat.f_bavail.saturating_mul(stat.f_frsize)))
}
