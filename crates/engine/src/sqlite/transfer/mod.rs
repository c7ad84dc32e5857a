//! Carries rows from one place to another: copies, moves between isolations, catching up, comparing. Backup, restore,
//! move and clone are built on it (`wrong-tenant-restore`, `stale-wal` and `torn-copy`).
//!
//! The engine calls it on blocking threads, for one place at a time. Rows are carried unchanged: ids, versions,
//! instants, stored texts. In a shared database it reads and writes only the tenant's own rows: every statement is made
//! in `rows/table.rs`, with the tenant in it.

mod catch_up;
mod compare;
mod copy;
mod fencing;
mod pool;
mod rows;

pub(crate) use catch_up::copy_changes;
pub(crate) use compare::{compare, compare_unwritten, describe_copy, digest, digest_copy};
pub(crate) use copy::{adopt, blank, copy_out, foreign, inspect_copy, migrate_copy, rows};
pub(crate) use fencing::{
    fence, fence_recorded, lift_fence, open_filled, place_info, record, stop_recording, unfence,
};
pub(crate) use pool::{absorb, withdraw};
