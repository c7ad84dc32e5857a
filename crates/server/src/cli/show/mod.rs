//! Output of commands: lines, tables and JSON, and the progress of an operation.

#[macro_use]
pub(in crate::cli) mod out;
pub(in crate::cli) mod progress;
pub(in crate::cli) mod table;
pub(in crate::cli) mod watch;
