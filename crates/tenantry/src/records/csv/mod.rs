//! Records as CSV: what an export writes an import takes, value for value.
//!
//! Called by the record routes, the demo's loader and archives. Both ways are streamed: memory is that of one page
//! on the way out, of one batch on the way in. It never reads or writes a row itself; `Records` does.

mod export;
mod guard;
mod import;
mod lines;
mod source;

pub(crate) use export::csv_line;
pub(crate) use guard::unguarded;
pub use import::{ImportReport, RowError};
