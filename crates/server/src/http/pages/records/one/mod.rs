//! Files, history and workflow of one record.

pub(super) mod files;
mod history;
mod workflow;

pub(in crate::http) use files::download as download_file;
pub(in crate::http) use history::show as history;
pub(in crate::http) use workflow::make as transit;
pub(super) use workflow::shown as workflow;
