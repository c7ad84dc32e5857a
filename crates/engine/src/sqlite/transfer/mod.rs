//! Carries rows from one place to another: copies, moves between isolations, catching up, comparing. Backup, restore,
//! move and clone are built on it (X2, `wrong-tenant-restore`, `stale-wal` and `torn-copy`).
//!
//! The engine calls it on blocking threads, for one place at a time. Rows are carried unchanged: ids, versions,
//! instants, stored texts. In a shared database it reads and writes only the tenant's own rows: every statement is made
//! in `table.rs`, with the tenant in it.

mod absorb;
mod activity;
mod batches;
mod blank;
mod changes;
mod compare;
mod copies;
mod copy_file;
mod digest;
mod extract;
mod foreign;
mod marks;
mod numbers;
mod receive;
mod rows;
mod table;
mod unwritten;
mod withdraw;

pub(crate) use absorb::absorb;
pub(crate) use batches::Turn;
pub use blank::Blanked;
pub(crate) use blank::blank;
pub use changes::CaughtUp;
pub(crate) use changes::copy_changes;
pub use compare::ModelDiff;
pub(crate) use compare::compare;
pub use copies::{AdoptOptions, Copy, CopyOptions};
pub(crate) use copies::{adopt, copy_out, migrate_copy};
pub use copy_file::CopyInfo;
pub(crate) use copy_file::{inspect_copy, whole};
pub use digest::{Digest, TableDigest};
pub(crate) use digest::{describe_copy, digest, digest_copy};
pub(crate) use foreign::foreign;
pub use marks::Standing;
pub(crate) use marks::{fence_recorded, lift_fence, open_filled, record, standing, stop_recording};
pub(crate) use rows::rows;
pub(crate) use unwritten::compare_unwritten;
pub(crate) use withdraw::withdraw;
