//! Carries rows from one place to another: copies, moves between isolations, catching up, comparing. Backup, restore,
//! move and clone use it (`wrong-tenant-restore`, `stale-wal` and `torn-copy`).
//!
//! All of it runs on blocking threads. [`Reader`] and [`Writer`] are the SQLite side of [`crate::carry`]. The engine
//! calls the rest, for one place at a time. Rows are carried unchanged: ids, versions, instants, stored texts. In a
//! shared database, it reads and writes only the tenant's own rows: `rows/table.rs` builds every statement, with the
//! tenant in it.

mod copy;
mod fencing;
mod pool;
mod reader;
mod rows;
mod target;
mod writer;

pub(crate) use copy::{
    adopt, begin_file, blank, check_copy, copy_out, fill_pages, finish_copy, finish_file, foreign,
    inspect_copy, migrate_copy, new_copy, rows,
};
pub(crate) use fencing::{
    fence, fence_recorded, lift_fence, open_filled, place_info, record, stop_recording, unfence,
};
pub(crate) use pool::{Queue, Wanted, withdraw};
pub(crate) use reader::Reader;
pub(crate) use writer::Writer;
