//! The wal-index of SQLite: its header shows whether any process has committed. Watches and idle snapshots use it.

mod idle_snapshot;
mod shm;
mod watch;

pub(crate) use idle_snapshot::IdleSnapshot;
pub(crate) use shm::allow as allow_files;
pub(crate) use watch::Watch;
