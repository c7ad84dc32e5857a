//! Records as CSV. The import accepts what the export writes, and every value comes back unchanged.
//!
//! Called by the record routes, the demo loader and archives. Both directions are streams: an export holds one page in
//! memory, an import one batch. Rows are read and written only by `Records`.

mod columns;
mod export;
mod formats;
mod guard;
mod import;
mod lines;
mod once;
mod options;
mod report;
mod source;

pub use export::CsvExport;
pub(crate) use export::csv_line;
pub use formats::{DateOrder, DecimalMark, Formats, Guess};
pub(crate) use guard::unguarded;
pub use once::ImportKey;
pub(crate) use once::forget;
pub use options::{CsvHead, FileEncoding, ImportOptions, Separator};
pub use report::{ImportReport, Reason, RowError};
