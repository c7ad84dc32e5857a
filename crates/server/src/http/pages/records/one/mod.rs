//! Files and history of one record.

pub(super) mod files;
mod history;

pub(in crate::http) use files::download as download_file;
pub(in crate::http) use history::show as history;
