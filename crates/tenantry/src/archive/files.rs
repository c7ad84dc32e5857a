//! `files.csv`: one line for each uploaded file. A list of its own and not part of the manifest, so that
//! neither side holds a hundred thousand of them in memory.

use crate::{Error, Result, records::FileInfo};
use serde::{Deserialize, Serialize};
use std::{fs::File, path::Path};

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileLine {
    /// Name in the archive; empty: the file was not there when it was made.
    pub(crate) path: String,
    /// Model of the record that names it.
    pub(crate) model: String,
    /// The record.
    pub(crate) record: String,
    /// Its field.
    pub(crate) field: String,
    /// Key of the bytes, as the row has it.
    pub(crate) id: String,
    /// Name that was given.
    pub(crate) name: String,
    /// Media type.
    #[serde(rename = "type")]
    pub(crate) media_type: String,
    /// Length.
    pub(crate) bytes: u64,
    /// SHA-256, hex.
    pub(crate) sha256: String,
}

impl FileLine {
    /// The line of a file of a record.
    pub(crate) fn new(model: &str, record: &str, field: &str, info: FileInfo) -> Self {
        Self {
            path: super::file_path(model, record, field, &info.name),
            model: model.into(),
            record: record.into(),
            field: field.into(),
            id: info.id,
            name: info.name,
            media_type: info.media_type,
            bytes: info.size,
            sha256: info.sha256,
        }
    }
}

/// The list being written.
pub(crate) struct FileList(csv::Writer<File>);

impl FileList {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        csv::Writer::from_path(path).map(Self).map_err(failed)
    }

    pub(crate) fn add(&mut self, line: &FileLine) -> Result<()> {
        self.0.serialize(line).map_err(failed)
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        self.0.flush().map_err(|e| Error::io("files.csv", &e))
    }
}

/// The lines of a list that was taken out.
pub(crate) fn read_files(path: &Path) -> Result<impl Iterator<Item = Result<FileLine>>> {
    let lines = csv::Reader::from_path(path).map_err(failed)?.into_deserialize();
    Ok(lines.map(|line| line.map_err(|_| Error::invalid("archive", "is damaged: files.csv cannot be read"))))
}

fn failed(error: csv::Error) -> Error {
    Error::io("files.csv", &std::io::Error::from(error))
}
